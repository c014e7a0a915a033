//! How a method looks: one colour, one dash and one marker, the same in every picture of a results tree.
//!
//! The colours are Okabe and Ito's (2008), which people with any common colour blindness can tell apart; dash and marker
//! say the same again for print and for overlapping lines. Yellow is left out: it cannot be seen on white.

use plotters::style::RGBColor;
use std::collections::BTreeMap;

/// Shape of a data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Cross,
}

/// Look of one method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    pub colour: RGBColor,
    /// Pixels on and off, alternating; empty for a solid line.
    pub dash: &'static [f64],
    pub marker: Marker,
}

const SOLID: &[f64] = &[];
const DASHED: &[f64] = &[8.0, 3.5];
const DOTTED: &[f64] = &[2.0, 3.0];
const DASH_DOT: &[f64] = &[9.0, 3.5, 2.0, 3.5];
const DASH_DOT_DOT: &[f64] = &[7.0, 3.0, 2.0, 3.0, 2.0, 3.0];

const fn look(rgb: (u8, u8, u8), dash: &'static [f64], marker: Marker) -> Look {
    Look { colour: RGBColor(rgb.0, rgb.1, rgb.2), dash, marker }
}

const PINNED: [(&str, Look); 6] = [
    ("reptile", look((0, 114, 178), SOLID, Marker::Circle)),
    ("fomaml", look((213, 94, 0), DASHED, Marker::Square)),
    ("maml", look((0, 158, 115), DASH_DOT, Marker::Triangle)),
    ("transfer", look((230, 159, 0), DASH_DOT_DOT, Marker::Diamond)),
    ("transfer-linear", look((204, 121, 167), DASHED, Marker::Down)),
    ("untrained", look((110, 110, 110), DOTTED, Marker::Cross)),
];

/// For methods that nobody pinned: Okabe and Ito's sky blue and black, then three of Paul Tol's muted scheme that differ
/// from all above; only the last ones repeat a colour, with another dash and marker.
const FREE: [Look; 8] = [
    look((86, 180, 233), DASH_DOT, Marker::Square),
    look((20, 20, 20), DASHED, Marker::Triangle),
    look((136, 34, 85), DOTTED, Marker::Diamond),
    look((153, 153, 51), DASH_DOT_DOT, Marker::Circle),
    look((51, 34, 136), DASHED, Marker::Down),
    look((86, 180, 233), SOLID, Marker::Down),
    look((20, 20, 20), DASH_DOT_DOT, Marker::Cross),
    look((136, 34, 85), SOLID, Marker::Square),
];
/// Colours of a figure's lines: Okabe and Ito's, the pinned methods' first, then one of Paul Tol's.
const HUES: [(u8, u8, u8); 8] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (20, 20, 20),
    (136, 34, 85),
];
const DASHES: [&[f64]; 5] = [SOLID, DASHED, DOTTED, DASH_DOT, DASH_DOT_DOT];
const MARKERS: [Marker; 6] =
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Down, Marker::Cross];

/// Looks of a figure's lines in their order. Lines of one group share a colour and differ in dash and marker, the first of
/// every group in the same way, and so on; a line without a group has a colour of its own.
pub fn of_lines(groups: &[Option<&str>]) -> Vec<Look> {
    let mut seen: Vec<(Option<&str>, usize)> = Vec::new();
    let mut looks = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        let known = seen.iter().position(|(other, _)| group.is_some() && other == group);
        let (hue, nth) = match known {
            Some(hue) => {
                seen[hue].1 += 1;
                (hue, seen[hue].1)
            }
            None => {
                seen.push((*group, 0));
                (seen.len() - 1, if group.is_some() { 0 } else { index })
            }
        };
        looks.push(look(HUES[hue % HUES.len()], DASHES[nth % DASHES.len()], MARKERS[nth % MARKERS.len()]));
    }
    looks
}

/// Every colour that a look may have, each once.
pub fn colours() -> Vec<RGBColor> {
    let looks = PINNED.iter().map(|(_, look)| look.colour).chain(FREE.iter().map(|look| look.colour));
    let mut all: Vec<RGBColor> = Vec::new();
    for colour in looks.chain(HUES.map(|(r, g, b)| RGBColor(r, g, b))) {
        if !all.contains(&colour) {
            all.push(colour);
        }
    }
    all
}

/// How many of [`FREE`] have a colour of their own: a name hashes to one of these, the rest is for collisions.
const OWN: usize = 5;

/// The looks of all labels of a results tree.
#[derive(Debug, Clone)]
pub struct Styles(BTreeMap<String, Look>);

impl Styles {
    /// Gives every label its look: the pinned one, or the free one that its name hashes to, or the next that is free.
    pub fn of(labels: &[String]) -> Self {
        let mut taken = [false; FREE.len()];
        let mut looks = BTreeMap::new();
        for label in labels {
            let look = match PINNED.iter().find(|(name, _)| name == label) {
                Some((_, look)) => *look,
                None => {
                    let wanted = hash(label) as usize % OWN;
                    let own = (0..OWN).map(|i| (wanted + i) % OWN);
                    let free = own.chain(OWN..FREE.len()).find(|i| !taken[*i]);
                    let index = free.unwrap_or(wanted);
                    taken[index] = true;
                    FREE[index]
                }
            };
            looks.insert(label.clone(), look);
        }
        Styles(looks)
    }

    /// The look of `label`.
    pub fn look(&self, label: &str) -> Look {
        self.0.get(label).copied().unwrap_or(FREE[hash(label) as usize % OWN])
    }
}

/// FNV-1a: the same everywhere and for ever, unlike the standard library's hasher.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_methods_keep_their_look_and_no_two_share_one() {
        let names =
            ["anil", "fomaml", "imaml", "maml", "protonet", "reptile", "reptile-sequential", "transfer", "untrained"];
        let labels: Vec<String> = names.map(String::from).to_vec();
        let styles = Styles::of(&labels);
        assert_eq!(styles.look("reptile"), Styles::of(&["reptile".to_string()]).look("reptile"));
        for (i, a) in names.iter().enumerate() {
            for b in &names[..i] {
                assert_ne!(styles.look(a), styles.look(b), "{a} and {b}");
            }
        }
    }

    #[test]
    fn lines_of_a_group_share_a_colour_and_no_two_lines_look_alike() {
        let groups = ["1", "2", "2", "2", "3", "3", "3", "4", "4", "4"].map(Some);
        let looks = of_lines(&groups);
        for (i, a) in looks.iter().enumerate() {
            for (j, b) in looks[..i].iter().enumerate() {
                assert_eq!(a.colour == b.colour, groups[i] == groups[j], "{i} and {j}");
                assert!(a != b, "{i} and {j}");
            }
        }
        assert_eq!((looks[1].dash, looks[3].marker), (looks[4].dash, looks[9].marker));
        let own = of_lines(&[None; 8]);
        assert!((0..8).all(|i| own[..i].iter().all(|other| other.colour != own[i].colour)));
        assert_eq!(of_lines(&[None; 20]).len(), 20);
    }

    #[test]
    fn more_methods_than_looks_is_no_panic() {
        let labels: Vec<String> = (0..20).map(|i| format!("method-{i}")).collect();
        assert_eq!(Styles::of(&labels).0.len(), 20);
    }
}
