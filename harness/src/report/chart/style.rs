//! How a method looks: one colour, one dash and one marker, the same in every picture of every results tree.
//!
//! The colours are Okabe and Ito's (2008) and Paul Tol's, darkened where white would swallow them. Nineteen colours cannot
//! all be told apart in grey or by every eye: marker and dash say the same again, and no two methods share a marker.

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
    Left,
    Right,
    Pentagon,
    Star,
    Hourglass,
    Bow,
    Plus,
    Cross,
    Bar,
    Pillar,
    Chevron,
    Vee,
    Tee,
    Ell,
}

/// Look of one method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    pub colour: RGBColor,
    /// Pixels on and off, alternating; empty for a solid line.
    pub dash: &'static [f64],
    pub marker: Marker,
    /// Drawn as an outline: a method from elsewhere.
    pub open: bool,
}

const SOLID: &[f64] = &[];
const DASHED: &[f64] = &[8.0, 3.5];
const DOTTED: &[f64] = &[2.0, 3.0];
const DASH_DOT: &[f64] = &[9.0, 3.5, 2.0, 3.5];
const DASH_DOT_DOT: &[f64] = &[7.0, 3.0, 2.0, 3.0, 2.0, 3.0];

const fn look(rgb: (u8, u8, u8), dash: &'static [f64], marker: Marker) -> Look {
    Look { colour: RGBColor(rgb.0, rgb.1, rgb.2), dash, marker, open: false }
}

/// Labels of the built-in benchmarks, each with a look for good. One that is not here takes a free one.
const PINNED: [(&str, Look); 20] = [
    ("reptile", look((0, 114, 178), SOLID, Marker::Circle)),
    ("fomaml", look((213, 94, 0), DASHED, Marker::Square)),
    ("maml", look((0, 146, 106), DASH_DOT, Marker::Triangle)),
    ("transfer", look((179, 116, 0), DASH_DOT_DOT, Marker::Diamond)),
    ("transfer-linear", look((191, 82, 146), DASHED, Marker::Down)),
    ("untrained", look((110, 110, 110), DOTTED, Marker::Cross)),
    ("protonet", look((20, 20, 20), SOLID, Marker::Star)),
    ("baseline-plus-plus", look((136, 34, 85), DASH_DOT, Marker::Plus)),
    ("minibatch-prox", look((51, 34, 136), DASHED, Marker::Pentagon)),
    ("anil", look((44, 137, 186), DOTTED, Marker::Left)),
    ("imaml", look((150, 72, 44), SOLID, Marker::Hourglass)),
    ("evolution", look((122, 92, 214), DASH_DOT_DOT, Marker::Right)),
    ("descent", look((17, 119, 51), DASHED, Marker::Bow)),
    ("boil", look((196, 40, 48), DASHED, Marker::Vee)),
    ("nil", look((94, 124, 0), DOTTED, Marker::Ell)),
    ("matching", look((0, 124, 132), DASH_DOT, Marker::Bar)),
    ("r2d2", look((104, 0, 116), SOLID, Marker::Chevron)),
    ("meta-sgd", look((148, 104, 190), DASH_DOT_DOT, Marker::Pillar)),
    ("simpleshot", look((88, 72, 40), DASHED, Marker::Tee)),
    ("reptile-sequential", look((0, 62, 116), DOTTED, Marker::Circle)),
];

/// Of methods that nobody pinned: open markers, which no built-in one has.
const FREE: [Look; 8] = [
    free((51, 34, 136), DASH_DOT, Marker::Square),
    free((20, 20, 20), DASHED, Marker::Triangle),
    free((136, 34, 85), DOTTED, Marker::Diamond),
    free((125, 125, 20), DASH_DOT_DOT, Marker::Circle),
    free((0, 114, 178), DASHED, Marker::Down),
    free((17, 119, 51), SOLID, Marker::Pentagon),
    free((20, 20, 20), DASH_DOT_DOT, Marker::Left),
    free((136, 34, 85), SOLID, Marker::Right),
];

const fn free(rgb: (u8, u8, u8), dash: &'static [f64], marker: Marker) -> Look {
    let filled = look(rgb, dash, marker);
    Look { open: true, ..filled }
}

/// Colours of a figure's lines: Okabe and Ito's, the pinned methods' first, then one of Paul Tol's.
const HUES: [(u8, u8, u8); 8] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 146, 106),
    (191, 82, 146),
    (179, 116, 0),
    (44, 137, 186),
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

/// The looks of a results tree: of its labels from elsewhere, the others have theirs for good.
#[derive(Debug, Clone)]
pub struct Styles(BTreeMap<String, Look>);

impl Styles {
    /// Gives every label its look: the pinned one, or the free one that its name hashes to, or the next that is free.
    pub fn of_labels(labels: &[String]) -> Self {
        let mut taken = [false; FREE.len()];
        let mut looks = BTreeMap::new();
        for label in labels.iter().filter(|label| pinned(label).is_none()) {
            let wanted = hash(label) as usize % FREE.len();
            let mut from_there = (0..FREE.len()).map(|i| (wanted + i) % FREE.len());
            let index = from_there.find(|i| !taken[*i]).unwrap_or(wanted);
            taken[index] = true;
            looks.insert(label.clone(), FREE[index]);
        }
        Styles(looks)
    }

    /// The look of `label`.
    pub fn look(&self, label: &str) -> Look {
        let free = || self.0.get(label).copied().unwrap_or(FREE[hash(label) as usize % FREE.len()]);
        pinned(label).unwrap_or_else(free)
    }
}

fn pinned(label: &str) -> Option<Look> {
    PINNED.iter().find(|(name, _)| *name == label).map(|(_, look)| *look)
}

/// FNV-1a: the same everywhere and for ever, unlike the standard library's hasher.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pinned_row_has_its_own_marker_and_colour() {
        // The last one is a second row of Reptile, and has its marker.
        for (i, (a, one)) in PINNED[..19].iter().enumerate() {
            for (b, other) in &PINNED[..i] {
                assert!(one.marker != other.marker && one.colour != other.colour, "{a} and {b}");
            }
        }
    }

    /// Lightness of CIE Lab and the two colour axes, after linearisation; `see` is how an eye mixes red, green and blue.
    fn seen(colour: RGBColor, see: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = [colour.0, colour.1, colour.2].map(|c| (f64::from(c) / 255.0).powf(2.2));
        let rgb = see.map(|row| (0..3).map(|i| row[i] * linear[i]).sum::<f64>().max(0.0));
        let [x, y, z] = [
            0.4124 * rgb[0] + 0.3576 * rgb[1] + 0.1805 * rgb[2],
            0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2],
            0.0193 * rgb[0] + 0.1192 * rgb[1] + 0.9505 * rgb[2],
        ];
        let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        [116.0 * f(y) - 16.0, 500.0 * (f(x / 0.9505) - f(y)), 200.0 * (f(y) - f(z / 1.089))]
    }

    /// Where two methods come close in colour for a usual, a red-blind or a green-blind eye (Machado et al. 2009, severity
    /// 1) or in grey, marker and dash must tell them apart.
    #[test]
    fn methods_are_told_apart_by_every_eye_and_in_grey() {
        let grey = [0.2126, 0.7152, 0.0722];
        let eyes = [
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
            [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
            [grey, grey, grey],
        ];
        let mut close = 0;
        for (i, (a, one)) in PINNED.iter().enumerate() {
            for (b, other) in &PINNED[..i] {
                for see in eyes {
                    let (x, y) = (seen(one.colour, see), seen(other.colour, see));
                    let apart = (0..3).map(|k| (x[k] - y[k]).powi(2)).sum::<f64>().sqrt();
                    if apart < 12.0 {
                        close += 1;
                        assert!(one.marker != other.marker, "{a} and {b}: {apart:.0}");
                    }
                }
            }
        }
        assert!(close > 0, "in grey some are close");
        // Lines of a table's first rows differ in their dashes too.
        for (a, b) in [("reptile", "fomaml"), ("fomaml", "maml"), ("reptile", "maml"), ("protonet", "untrained")] {
            assert_ne!(pinned(a).unwrap().dash, pinned(b).unwrap().dash, "{a} and {b}");
        }
    }

    #[test]
    fn a_method_from_elsewhere_looks_like_no_built_in_one() {
        let styles = Styles::of_labels(&["mine".to_string(), "reptile".to_string()]);
        assert!(styles.look("mine").open && !styles.look("reptile").open);
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
        let styles = Styles::of_labels(&labels);
        assert!(labels.iter().all(|label| styles.look(label).open));
    }
}
