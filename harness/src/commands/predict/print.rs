//! The answers as a table, as rows and as JSON.

use harness_core::Mode;
use serde_json::{Map, Value, json};

use crate::cli::Sheet;
use crate::console;
use crate::report::csv;
use crate::results::metric::ACCURACY;
use crate::table::{Column, Notes, Table};
use crate::words;

/// A table for people has a column for each class up to so many.
const COLUMNS: usize = 6;
/// Of more classes it shows the most probable ones.
const SHOWN: usize = 3;

/// What is said of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Its path below the folder of queries.
    pub file: String,
    /// The class of its folder.
    pub class: Option<usize>,
    /// The class that it is said to show.
    pub label: usize,
    /// Of every class; they sum to 1.
    pub probabilities: Vec<f64>,
    /// Whether its pixels are those of a support image: it was learned from, and its answer shows nothing.
    pub in_support: bool,
}

/// All that is said.
pub struct Said<'a> {
    /// The run that the state is of: `omniglot-5w1s reptile seed 0`.
    pub trained: &'a str,
    pub step: u64,
    pub mode: Mode,
    pub classes: &'a [String],
    pub shots: usize,
    pub predictions: &'a [Prediction],
}

impl Said<'_> {
    /// In this format, each with a line break at its end.
    pub fn print(&self, format: Sheet) -> String {
        match format {
            Sheet::Csv => self.csv(),
            Sheet::Json => format!("{:#}\n", self.json()),
            Sheet::Markdown => self.table().markdown(),
            Sheet::Latex => self.table().latex(),
            Sheet::Table => self.table().text(console::table_width(), Notes::Sentences),
        }
    }

    /// `accuracy 90.00 % (9 of 10 images)`, of the images that are none of the support set; None where their classes are not
    /// known.
    pub fn accuracy(&self) -> Option<String> {
        let (right, all) = self.right()?;
        Some(match all {
            0 => "no accuracy: no other images are there".to_owned(),
            _ => {
                let percent = ACCURACY.value(100.0 * right as f64 / all as f64);
                format!("accuracy {percent} % ({right} of {})", words::plural(all as u64, "image"))
            }
        })
    }

    /// `10 images are also in the support set, and count in no accuracy`; None where none is.
    pub fn learned(&self) -> Option<String> {
        let learned = self.predictions.iter().filter(|one| one.in_support).count() as u64;
        let (are, count) = if learned == 1 { ("is", "counts") } else { ("are", "count") };
        let images = words::plural(learned, "image");
        (learned > 0).then(|| format!("{images} {are} also in the support set, and {count} in no accuracy"))
    }

    /// Right answers, and images that count.
    fn right(&self) -> Option<(usize, usize)> {
        let counted = || self.predictions.iter().filter(|one| !one.in_support);
        let right = |one: &Prediction| one.class.map(|class| usize::from(class == one.label));
        self.has_classes().then(|| (counted().filter_map(right).sum(), counted().count()))
    }

    fn has_classes(&self) -> bool {
        self.predictions.iter().any(|one| one.class.is_some())
    }

    fn csv(&self) -> String {
        let (known, learned) = (self.has_classes(), self.learned().is_some());
        let shown = |name: &&str| (known || *name != "class") && (learned || *name != "in_support");
        let names = ["file", "class", "label", "in_support"].into_iter().filter(shown).map(str::to_owned);
        let header: Vec<String> = names.chain(self.classes.iter().map(|class| format!("p({class})"))).collect();
        let line = |one: &Prediction| {
            let class = one.class.map(|class| self.classes[class].clone());
            let in_support = learned.then(|| one.in_support.to_string());
            let words = [Some(one.file.clone()), class, Some(self.classes[one.label].clone()), in_support];
            let words = words.into_iter().flatten();
            words.chain(one.probabilities.iter().map(f64::to_string)).collect::<Vec<String>>()
        };
        csv::text(&header, self.predictions.iter().map(line))
    }

    fn json(&self) -> Value {
        let one = |one: &Prediction| {
            let probabilities = self.classes.iter().zip(&one.probabilities);
            let probabilities: Map<String, Value> = probabilities.map(|(class, p)| (class.clone(), json!(p))).collect();
            let class = one.class.map(|class| &self.classes[class]);
            json!({
                "file": one.file, "class": class, "label": self.classes[one.label], "probabilities": probabilities,
                "in_support": one.in_support,
            })
        };
        let counts = self.right().filter(|(_, all)| *all > 0);
        let accuracy = counts.map(|(right, all)| 100.0 * right as f64 / all as f64);
        json!({
            "trained": self.trained, "step": self.step, "mode": self.mode, "ways": self.classes.len(), "shots": self.shots,
            "classes": self.classes, "accuracy": accuracy,
            "predictions": self.predictions.iter().map(one).collect::<Vec<_>>(),
        })
    }

    fn table(&self) -> Table {
        let (known, wide) = (self.has_classes(), self.classes.len() > COLUMNS);
        let mut columns = vec![Column::left("file"), Column::left("class").only_if(known), Column::left("label")];
        match wide {
            true => columns.push(Column::left("most probable")),
            false => columns.extend(self.classes.iter().map(|class| Column::right(class.clone()))),
        }
        let said = [
            format!(
                "{} of {}",
                words::plural(self.classes.len() as u64, "way"),
                words::plural(self.shots as u64, "shot")
            ),
            self.mode.as_str().to_owned(),
            format!("{} at meta-iteration {}", self.trained, words::thousands(self.step)),
        ];
        let mut notes = vec![match self.mode {
            Mode::Transductive => {
                "all images were normalised together: an answer depends on which others are there".to_owned()
            }
            _ => "each image was answered alone with the support images".to_owned(),
        }];
        notes.extend(self.accuracy());
        notes.extend(self.learned());
        let line = |one: &Prediction| {
            let class = one.class.map_or(String::new(), |class| self.classes[class].clone());
            let mut line = vec![one.file.clone(), class, self.classes[one.label].clone()];
            match wide {
                true => line.push(self.most_probable(one)),
                false => line.extend(one.probabilities.iter().map(|p| format!("{p:.3}"))),
            }
            line
        };
        Table { notes, ..Table::new(said.join(" · "), columns, self.predictions.iter().map(line)) }
    }

    /// `b 0.900, c 0.050, a 0.030`.
    fn most_probable(&self, one: &Prediction) -> String {
        let mut order: Vec<usize> = (0..self.classes.len()).collect();
        order.sort_by(|a, b| one.probabilities[*b].total_cmp(&one.probabilities[*a]));
        let words =
            order.into_iter().take(SHOWN).map(|at| format!("{} {:.3}", self.classes[at], one.probabilities[at]));
        words.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(file: &str, class: Option<usize>, label: usize, probabilities: &[f64]) -> Prediction {
        Prediction { file: file.into(), class, label, probabilities: probabilities.to_vec(), in_support: false }
    }

    fn said<'a>(classes: &'a [String], predictions: &'a [Prediction]) -> Said<'a> {
        Said { trained: "b reptile seed 0", step: 1000, mode: Mode::Inductive, classes, shots: 2, predictions }
    }

    #[test]
    fn accuracy_is_counted_where_classes_are_known() {
        let classes = ["cat".to_owned(), "big, dog".to_owned()];
        let known = [
            one("cat/1.png", Some(0), 0, &[0.75, 0.25]),
            one("cat/2.png", Some(0), 1, &[0.5, 0.5]),
            one("big, dog/1.png", Some(1), 1, &[0.0, 1.0]),
        ];
        let all = said(&classes, &known);
        assert_eq!(all.accuracy().unwrap(), "accuracy 66.67 % (2 of 3 images)");
        assert_eq!(
            all.csv(),
            "file,class,label,p(cat),\"p(big, dog)\"\ncat/1.png,cat,cat,0.75,0.25\ncat/2.png,cat,\"big, dog\",0.5,0.5\n\
             \"big, dog/1.png\",\"big, dog\",\"big, dog\",0,1\n"
        );
        let json = all.json();
        assert_eq!((&json["predictions"][0]["probabilities"]["cat"], &json["ways"]), (&json!(0.75), &json!(2)));
        assert!((json["accuracy"].as_f64().unwrap() - 200.0 / 3.0).abs() < 1e-12);
        let flat = [one("1.png", None, 0, &[0.75, 0.25])];
        let all = said(&classes, &flat);
        assert_eq!((all.accuracy(), all.csv().lines().next().unwrap()), (None, "file,label,p(cat),\"p(big, dog)\""));
        assert!(all.json()["accuracy"].is_null());
    }

    #[test]
    fn images_that_were_learned_from_do_not_count() {
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let known = |file: &str, class| Prediction { in_support: true, ..one(file, Some(class), class, &[0.5, 0.5]) };
        let asked = one("cat/2.png", Some(0), 1, &[0.5, 0.5]);
        let some = [known("cat/1.png", 0), asked];
        let all = said(&classes, &some);
        assert_eq!(all.accuracy().unwrap(), "accuracy 0.00 % (0 of 1 image)");
        assert_eq!(all.learned().unwrap(), "1 image is also in the support set, and counts in no accuracy");
        let rows = "cat/1.png,cat,cat,true,0.5,0.5\ncat/2.png,cat,dog,false,0.5,0.5\n";
        assert_eq!(all.csv(), format!("file,class,label,in_support,p(cat),p(dog)\n{rows}"));
        assert_eq!(said(&classes, &some).json()["accuracy"], json!(0.0));
        let all = [known("cat/1.png", 0), known("dog/1.png", 1)];
        assert_eq!(said(&classes, &all).accuracy().unwrap(), "no accuracy: no other images are there");
        let told = "2 images are also in the support set, and count in no accuracy";
        assert_eq!(said(&classes, &all).learned().unwrap(), told);
        assert!(said(&classes, &all).json()["accuracy"].is_null());
    }

    #[test]
    fn of_many_classes_people_see_the_most_probable_ones() {
        let classes: Vec<String> = (0..7).map(|class| format!("c{class}")).collect();
        let rows = [one("1.png", None, 3, &[0.0, 0.05, 0.1, 0.6, 0.05, 0.2, 0.0])];
        let table = said(&classes, &rows).table();
        assert_eq!(table.lines, [["1.png", "c3", "c3 0.600, c5 0.200, c2 0.100"]]);
        let table = said(&classes[..2], &[one("1.png", None, 0, &[0.9996, 0.0004])]).table();
        assert_eq!(table.lines, [["1.png", "c0", "1.000", "0.000"]]);
        assert_eq!(table.title, "2 ways of 2 shots · inductive · b reptile seed 0 at meta-iteration 1,000");
    }
}
