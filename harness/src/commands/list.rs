//! `harness list`: what this binary knows, before any compute is spent.

mod benchmark;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use harness_core::{Entry, Error, Result};
use harness_data::{Dataset, Open, SETS, SearchPath, Set};
use serde_json::{Value, json};

use crate::benchmark::{Benchmark, Budget, MethodBlock};
use crate::cli::{Format, table_or_json};
use crate::console;
use crate::exit::Exit;
use crate::words::thousands;

const EXAMPLES: &str = "\
Examples:
  # Everything, as tables
  harness list

  # One benchmark, written out: which file says what
  harness list benchmarks omniglot-5w1s";

/// Shows the benchmarks, algorithms and data sets that this binary knows.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// Only these
    #[arg(value_enum)]
    pub what: Option<Listed>,

    /// After `benchmarks`: this one, or the TOML file of that path, with every setting and the file that says it
    #[arg(value_name = "BENCHMARK|FILE.toml")]
    pub name: Option<String>,

    /// How to print them
    #[arg(long, value_name = "FORMAT", value_parser = table_or_json(), default_value = "table")]
    pub format: Format,

    /// Folder with data sets; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// What `list` can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// Tables that can be reproduced
    Benchmarks,
    /// Methods that benchmarks can name
    Algorithms,
    /// Data sets, and where to get them
    Datasets,
}

/// Prints to stdout.
pub fn run(args: &List, algorithms: &[Entry]) -> Result<Exit> {
    console::print(&render(args, algorithms, console::width(WIDTH))?).map(|()| Exit::Done)
}

/// One kind of thing, in rows that both formats are made from.
struct Section {
    title: &'static str,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    json: Vec<Value>,
}

fn render(args: &List, algorithms: &[Entry], width: u16) -> Result<String> {
    match (args.what, &args.name) {
        (_, None) => {}
        (Some(Listed::Benchmarks), Some(name)) => return benchmark::render(name, args.format, algorithms),
        (_, Some(name)) => {
            return Err(Error::usage(format!(
                "\"{name}\": only a benchmark is shown by its name: harness list benchmarks NAME"
            )));
        }
    }
    let all = [Listed::Benchmarks, Listed::Algorithms, Listed::Datasets];
    let asked: Vec<Listed> = args.what.map_or(all.to_vec(), |what| vec![what]);
    let sections = asked.into_iter().map(|what| match what {
        Listed::Benchmarks => benchmarks(),
        Listed::Algorithms => Ok(self::algorithms(algorithms)),
        Listed::Datasets => Ok(datasets(&SearchPath::of_process(args.data_dir.as_deref()))),
    });
    let sections = sections.collect::<Result<Vec<_>>>()?;
    Ok(match args.format {
        Format::Table | Format::Markdown | Format::Latex => {
            sections.iter().map(|section| table(section, width)).collect::<Vec<_>>().join("\n")
        }
        Format::Json => {
            let mut object: serde_json::Map<_, _> =
                sections.into_iter().map(|section| (section.title.to_string(), Value::Array(section.json))).collect();
            // One kind alone is the array itself, all kinds an object of arrays.
            let value = match args.what {
                Some(_) => object.values_mut().next().map(Value::take).unwrap_or_default(),
                None => Value::Object(object),
            };
            format!("{value:#}\n")
        }
    })
}

/// Columns where stdout is no terminal.
const WIDTH: u16 = 120;

/// A row is a paragraph: what a narrow terminal gets where a table would break words.
fn paragraphs(section: &Section, width: u16) -> String {
    format!("{}\n\n{}", section.title, crate::table::paragraphs(&section.header, &section.rows, width))
}

fn table(section: &Section, width: u16) -> String {
    let longest = |column: usize| {
        let cells = section.rows.iter().map(|row| row[column].as_str()).chain([section.header[column]]);
        cells.flat_map(str::split_whitespace).map(|word| word.chars().count()).max().unwrap_or(0) as u16
    };
    let least: Vec<u16> = (0..section.header.len()).map(|column| longest(column) + 2).collect();
    // A quarter of air, or cells would be one word wide.
    if least.iter().sum::<u16>() / 4 * 5 > width {
        return paragraphs(section, width);
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(section.header.clone()).add_rows(section.rows.clone()).set_width(width);
    table.set_constraints(least.into_iter().map(|least| ColumnConstraint::LowerBoundary(Width::Fixed(least))));
    format!("{}\n{}\n", section.title, table.trim_fmt())
}

fn benchmarks() -> Result<Section> {
    let mut benchmarks = Benchmark::all(&[])?;
    // Sine is a table too, and stands where tables do.
    let drawn = Benchmark::figures(&[])?;
    benchmarks.extend(drawn.iter().filter(|benchmark| benchmark.figure.is_some()).cloned());
    let figure = |benchmark: &Benchmark| match &benchmark.figure {
        Some(figure) => Some(figure.number.clone()),
        None => drawn.iter().any(|other| other.name == benchmark.name).then(|| "1".to_owned()),
    };
    let row = |benchmark: &Benchmark| {
        let methods = lines(benchmark).into_iter().map(|(name, points, method)| {
            let times = if points > 1 { format!(" {points} ×") } else { String::new() };
            format!("{name}{times} {}", thousands(method.meta_iters.paper))
        });
        let (ways, shots) = (benchmark.protocol.ways, benchmark.protocol.shots);
        let task =
            if benchmark.data.is_regression() { format!("{shots} points") } else { format!("{ways}-way {shots}-shot") };
        let methods = methods.collect::<Vec<_>>().join(", ");
        let figure = figure(benchmark).unwrap_or_default();
        vec![benchmark.name.clone(), figure, benchmark.title.clone(), benchmark.data.dataset.clone(), task, methods]
    };
    let json = |benchmark: &Benchmark| {
        let methods = benchmark.methods.iter().map(|method| {
            let of = |budget: Budget| (budget.as_str(), *method.meta_iters.at(budget));
            let meta_iters = BTreeMap::from(Budget::ALL.map(of));
            json!({ "label": method.label, "algorithm": method.algorithm, "meta_iters": meta_iters })
        });
        json!({
            "name": benchmark.name,
            "title": benchmark.title,
            "figure": figure(benchmark),
            "dataset": benchmark.data.dataset,
            "protocol": benchmark.protocol,
            "methods": methods.collect::<Vec<_>>(),
        })
    };
    Ok(Section {
        title: "benchmarks",
        header: vec!["name", "figure", "title", "data set", "task", "methods, with the paper's meta-iterations"],
        rows: benchmarks.iter().map(row).collect(),
        json: benchmarks.iter().map(json).collect(),
    })
}

/// The rows of a benchmark, those of one series together: name, number of rows, and the first of them.
fn lines(benchmark: &Benchmark) -> Vec<(&str, usize, &MethodBlock)> {
    let mut lines: Vec<(&str, usize, &MethodBlock)> = Vec::new();
    for method in &benchmark.methods {
        let name = method.series.as_deref().unwrap_or(&method.label);
        match lines.iter_mut().find(|(line, ..)| *line == name) {
            Some((_, points, _)) => *points += 1,
            None => lines.push((name, 1, method)),
        }
    }
    lines
}

fn algorithms(entries: &[Entry]) -> Section {
    let row = |entry: &Entry| [entry.name, entry.summary, entry.paper].map(String::from).to_vec();
    let json = |entry: &Entry| {
        let keys =
            entry.settings.iter().flat_map(|keys| keys()).map(
                |key| json!({ "key": key.name, "default": key.default, "must_be": key.range, "meaning": key.words }),
            );
        json!({
            "name": entry.name,
            "summary": entry.summary,
            "paper": entry.paper,
            "deviations": entry.deviations(),
            "settings": keys.collect::<Vec<_>>(),
        })
    };
    Section {
        title: "algorithms",
        header: vec!["name", "what it does", "paper"],
        rows: entries.iter().map(row).collect(),
        json: entries.iter().map(json).collect(),
    }
}

fn datasets(search: &SearchPath) -> Section {
    let here = |set: &Set| match &set.open {
        Open::Functions(_) | Open::Drawn(_) => "yes".to_owned(),
        Open::Folder => "where your benchmark says".to_owned(),
        Open::Files(_) => {
            let located = Dataset::named(set.name).and_then(|dataset| dataset.locate(search));
            located.map_or("missing".to_owned(), |located| located.to_string())
        }
    };
    let row = |set: &Set| {
        let texts = [set.name, set.contents, &set.size(), set.licence, set.get].map(String::from);
        texts.into_iter().chain([here(set)]).collect()
    };
    let json = |set: &Set| {
        json!({
            "name": set.name,
            "contents": set.contents,
            "size": set.size(),
            "licence": set.licence,
            "get": set.get,
            "here": here(set),
        })
    };
    Section {
        title: "datasets",
        header: vec!["name", "contents", "download", "licence", "how to get it", "here"],
        rows: SETS.iter().map(row).collect(),
        json: SETS.iter().map(json).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::ALGORITHMS;

    const ENTRY: Entry = Entry {
        name: "dummy",
        summary: "answers at random",
        paper: "none",
        build: |_, _| Err(Error::usage("only listed")),
        toy: "",
        settings: &[],
        readme: "# dummy\n\n**Known deviations.** It does not read its paper.\n",
        code: "of a test",
    };

    fn text(what: Option<Listed>, format: Format) -> String {
        render(&List { what, name: None, format, data_dir: Some("no/such/folder".into()) }, &[ENTRY], WIDTH).unwrap()
    }

    #[test]
    fn tables_name_everything() {
        let text = text(None, Format::Table);
        for word in ["omniglot-20w5s", "20-way", "200,000", "dummy", "mini-imagenet", "MIT", "4a", "separate", "4,000"]
        {
            assert!(text.contains(word), "{word} is missing:\n{text}");
        }
        assert!(text.lines().all(|line| line.trim_end() == line));
    }

    #[test]
    fn json_is_an_array_or_an_object_of_arrays() {
        let one: Value = serde_json::from_str(&text(Some(Listed::Benchmarks), Format::Json)).unwrap();
        assert_eq!((&one[0]["name"], &one[0]["methods"][0]["meta_iters"]["paper"]), (&json!("sine"), &json!(30000)));
        let figures = one.as_array().unwrap().iter().filter_map(|row| row["figure"].as_str()).collect::<Vec<_>>();
        assert_eq!(figures, ["1", "3", "4a", "4b", "4c"]);
        let all: Value = serde_json::from_str(&text(None, Format::Json)).unwrap();
        assert_eq!(
            (&all["algorithms"][0]["name"], &all["datasets"][1]["name"]),
            (&json!("dummy"), &json!("quadratic"))
        );
        assert_eq!(all["algorithms"][0]["deviations"], json!("It does not read its paper."));
    }

    #[test]
    fn a_benchmark_that_is_written_out_reads_back_as_itself() {
        let names = Benchmark::all(&[]).unwrap().into_iter().chain(Benchmark::figures(&[]).unwrap());
        for benchmark in names {
            let text = benchmark::render(&benchmark.name, Format::Table, ALGORITHMS).unwrap();
            let again = Benchmark::parse(&text, &benchmark.name).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(again, benchmark);
            assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
        }
        let text = benchmark::render("omniglot-20w1s", Format::Table, ALGORITHMS).unwrap();
        for line in [
            "inner_lr = 2.0                           # omniglot-20w1s.toml, = ways * 0.1",
            "meta_batch = 16                          # omniglot-20w1s.toml, as fomaml",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let json: Value = serde_json::from_str(&benchmark::render("sine", Format::Json, ALGORITHMS).unwrap()).unwrap();
        assert_eq!(
            json["values"][1],
            json!({
                "path": "title", "value": "Sine waves, 10 points", "files": ["sine.toml"], "like": null, "expression": null,
            })
        );
    }

    #[test]
    fn a_paragraph_has_no_line_for_what_is_empty() {
        let rows = vec![vec!["a".into(), String::new(), "2".into()]];
        let section = Section { title: "t", header: vec!["name", "one", "two"], rows, json: Vec::new() };
        assert_eq!(paragraphs(&section, 80), "t\n\na\n  two: 2\n");
    }

    #[test]
    fn a_name_is_a_benchmarks() {
        let list = |what, name: &str| {
            let list = List { what, name: Some(name.into()), format: Format::Table, data_dir: None };
            render(&list, &[ENTRY], WIDTH).unwrap_err().to_string()
        };
        assert!(list(Some(Listed::Datasets), "omniglot").contains("harness list benchmarks NAME"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.toml");
        std::fs::write(&file, "title = \"T\"\nbase = \"sine\"\n[method]\nreptile.lr = 0.0\n").unwrap();
        let wrong = list(Some(Listed::Benchmarks), file.to_str().unwrap());
        assert!(wrong.contains("[method.reptile]") && wrong.contains("dummy"), "a row is checked: {wrong}");
        let file = file.to_str().unwrap();
        let error = benchmark::render(file, Format::Table, ALGORITHMS).unwrap_err().to_string();
        assert!(error.contains("[method.reptile]: lr = 0: it must be above 0"), "{error}");
        assert!(list(Some(Listed::Benchmarks), "omniglt-5w1s").contains("did you mean \"omniglot-5w1s\"?"));
    }
}
