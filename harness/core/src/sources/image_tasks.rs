//! Tasks drawn from a set of images: N classes in random order, their images without repeats.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::episode::{Draw, Labeled, Targets, Task};
use crate::error::{Error, Result};
use crate::images::ImageSet;
use crate::rng::Stream;
use crate::source::{Rotations, Split, TaskSource, View};
use crate::splits::{ClassSplit, SplitIndices};

/// A split image set as a [`TaskSource`].
pub struct ImageTasks {
    set: Arc<ImageSet>,
    /// Class indices by split, in the split's order.
    train: Vec<usize>,
    val: Vec<usize>,
    test: Vec<usize>,
}

/// One image as it is to be shown.
#[derive(Clone, Copy)]
struct Shown {
    image: usize,
    /// Quarter turns, counter-clockwise as `np.rot90` turns.
    turns: usize,
    label: u32,
}

struct Plan {
    support: Vec<Shown>,
    query: Vec<Shown>,
}

impl ImageTasks {
    /// Errors: [`Error::Data`] if the split names a class that the set does not have.
    pub fn new(set: Arc<ImageSet>, split: &ClassSplit) -> Result<Self> {
        let SplitIndices { train, val, test } = split.indices(&set)?;
        Ok(ImageTasks { set, train, val, test })
    }

    fn classes(&self, split: Split) -> &[usize] {
        match split {
            Split::Train => &self.train,
            Split::Val => &self.val,
            Split::Test => &self.test,
        }
    }

    /// Classes as a draw sees them: rotated ones count for themselves.
    fn class_count(&self, split: Split, rotations: Rotations) -> usize {
        let turns = if split == Split::Train && rotations == Rotations::AsClasses { 4 } else { 1 };
        self.classes(split).len() * turns
    }

    fn plan(&self, split: Split, draw: &Draw, ways: usize, rotations: Rotations, rng: &mut Stream) -> Plan {
        let classes = self.classes(split);
        let total = self.class_count(split, rotations);
        let turned = total / classes.len().max(1);
        let (mut support, mut query) = (Vec::new(), Vec::new());
        match *draw {
            Draw::Episode { ways: own, shots, queries } => {
                for (label, class) in rng.choose(total, own.unwrap_or(ways)).into_iter().enumerate() {
                    let images = self.set.classes[classes[class / turned]].images.clone();
                    let turns = match (split, rotations) {
                        (Split::Train, Rotations::PerDraw) => rng.below(4),
                        _ => class % turned,
                    };
                    let picked = rng.choose(images.len(), shots + queries).into_iter();
                    let shown = picked.map(|image| Shown { image: images.start + image, turns, label: label as u32 });
                    for (position, shown) in shown.enumerate() {
                        if position < shots { support.push(shown) } else { query.push(shown) }
                    }
                }
                rng.shuffle(&mut query);
            }
            Draw::Batch { size } => {
                for _ in 0..size {
                    let class = rng.below(total);
                    let images = self.set.classes[classes[class / turned]].images.clone();
                    let image = images.start + rng.below(images.len());
                    let turns = if rotations == Rotations::PerDraw { rng.below(4) } else { class % turned };
                    support.push(Shown { image, turns, label: class as u32 });
                }
            }
        }
        Plan { support, query }
    }

    fn render(&self, shown: &[Shown], invert: bool) -> Result<Labeled> {
        let (h, w, c) = (self.set.height, self.set.width, self.set.channels);
        let mut pixels = Vec::with_capacity(shown.len() * h * w * c);
        let mut table = [0f32; 256];
        for (byte, value) in table.iter_mut().enumerate() {
            let unit = byte as f32 / 255.0;
            *value = if invert { 1.0 - unit } else { unit };
        }
        for shown in shown {
            let image = self.set.image(shown.image);
            for y in 0..h {
                for x in 0..w {
                    let (sy, sx) = match shown.turns {
                        0 => (y, x),
                        1 => (x, w - 1 - y),
                        2 => (h - 1 - y, w - 1 - x),
                        _ => (h - 1 - x, y),
                    };
                    let start = (sy * w + sx) * c;
                    pixels.extend(image[start..start + c].iter().map(|byte| table[*byte as usize]));
                }
            }
        }
        let x = Tensor::from_vec(pixels, (shown.len(), h, w, c), &Device::Cpu)?;
        Labeled::new(x, Targets::Classes(shown.iter().map(|shown| shown.label).collect()))
    }
}

impl TaskSource for ImageTasks {
    fn input(&self) -> Vec<usize> {
        vec![self.set.height, self.set.width, self.set.channels]
    }

    fn train_classes(&self, view: &View) -> Option<usize> {
        Some(self.class_count(Split::Train, view.rotations))
    }

    fn has(&self, split: Split) -> bool {
        !self.classes(split).is_empty()
    }

    fn digest(&self) -> String {
        self.set.digest.clone()
    }

    fn check(&self, split: Split, draw: &Draw, ways: usize, view: &View) -> Result<()> {
        let total = self.class_count(split, view.rotations);
        let name = &self.set.name;
        if view.rotations != Rotations::None && self.set.height != self.set.width {
            return Err(Error::usage(format!("{name}: images that are not square cannot be rotated")));
        }
        let Draw::Episode { ways: own, shots, queries } = *draw else {
            return match total {
                0 => Err(Error::usage(format!("{name} has no {} classes", split.as_str()))),
                _ => Ok(()),
            };
        };
        if total == 0 {
            return Err(Error::usage(format!(
                "{name} has no {0} classes: name some in its split, with lines of \"{0} CLASS\" or a folder {0}",
                split.as_str()
            )));
        }
        let (ways, key) = own.map_or((ways, "protocol.ways"), |own| (own, "train_ways"));
        if ways == 0 || ways > total {
            return Err(Error::usage(format!(
                "{ways} ways asked of {name}, which has {total} {} classes: lower {key}",
                split.as_str()
            )));
        }
        let need = shots + queries;
        let short = self.classes(split).iter().map(|class| &self.set.classes[*class]);
        let Some(class) = short.filter(|class| class.images.len() < need).min_by_key(|class| class.images.len()) else {
            return Ok(());
        };
        let has = class.images.len();
        let remedy = match (shots < has, queries > 0) {
            (true, _) => format!("lower the queries to {} or fewer, or the shots", has - shots),
            (false, true) => "lower the shots and the queries".to_owned(),
            (false, false) => "lower the shots".to_owned(),
        };
        Err(Error::usage(format!(
            "{need} images a class asked of {name} ({shots} support and {queries} query), but {} has {has}: {remedy}",
            class.name
        )))
    }

    fn task(&self, split: Split, draw: &Draw, ways: usize, view: &View, rng: &mut Stream) -> Result<Task> {
        let plan = self.plan(split, draw, ways, view.rotations, rng);
        Ok(Task { support: self.render(&plan.support, view.invert)?, query: self.render(&plan.query, view.invert)? })
    }

    /// Image and label of each example, eight bytes each, the support set first.
    fn identity(&self, split: Split, draw: &Draw, ways: usize, rng: &mut Stream) -> Result<Vec<u8>> {
        let plan = self.plan(split, draw, ways, Rotations::None, rng);
        let all = plan.support.iter().chain(&plan.query);
        Ok(all
            .flat_map(|shown| [(shown.image as u64).to_le_bytes(), u64::from(shown.label).to_le_bytes()])
            .flatten()
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::ImageClass;
    use crate::rng::Purpose;

    /// 6 classes of 5 images, 2×2: image i of class c is [c, i, 100, 200].
    fn tasks() -> ImageTasks {
        let classes = (0..6).map(|c| ImageClass { name: format!("c{c}"), images: c * 5..c * 5 + 5 }).collect();
        let pixels: Vec<u8> = (0..30u8).flat_map(|i| [i / 5, i % 5, 100, 200]).collect();
        let set = ImageSet::new("toy", [2, 2, 1], classes, Box::new(pixels)).unwrap();
        let split = ClassSplit::parse("train c0\ntrain c1\ntrain c2\ntest c3\ntest c4\ntest c5\n").unwrap();
        ImageTasks::new(Arc::new(set), &split).unwrap()
    }

    fn rows(labeled: &Labeled) -> Vec<Vec<u32>> {
        let rows = labeled.x.reshape((labeled.len(), 4)).unwrap().to_vec2::<f32>().unwrap();
        rows.iter().map(|row| row.iter().map(|x| (x * 255.0).round() as u32).collect()).collect()
    }

    const EPISODE: Draw = Draw::Episode { ways: None, shots: 2, queries: 1 };

    #[test]
    fn an_episode_has_distinct_images_and_consistent_labels() {
        let tasks = tasks();
        for index in 0..50 {
            let mut rng = Stream::new(0, Purpose::EvalTask, 0, index);
            let task = tasks.task(Split::Test, &EPISODE, 3, &View::default(), &mut rng).unwrap();
            let (support, query) = (rows(&task.support), rows(&task.query));
            let label_of = |class: u32| {
                let at = support.iter().position(|row| row[0] == class).unwrap();
                task.support.classes().unwrap()[at]
            };
            for (row, label) in query.iter().zip(task.query.classes().unwrap()) {
                assert!(row[0] >= 3, "test classes only");
                assert_eq!(*label, label_of(row[0]));
                assert!(!support.contains(row), "a query image is never in the support set");
            }
            assert_eq!(support.len(), 6);
        }
    }

    #[test]
    fn queries_are_shuffled() {
        let tasks = tasks();
        let orders: std::collections::HashSet<Vec<u32>> = (0..30)
            .map(|index| {
                let mut rng = Stream::new(0, Purpose::EvalTask, 0, index);
                let task = tasks.task(Split::Test, &EPISODE, 3, &View::default(), &mut rng).unwrap();
                task.query.classes().unwrap().to_vec()
            })
            .collect();
        assert!(orders.len() > 3, "{orders:?}");
    }

    #[test]
    fn rotations_are_np_rot90_and_make_new_training_classes() {
        let tasks = tasks();
        let turned = |turns| {
            let shown = Shown { image: 7, turns, label: 0 };
            rows(&tasks.render(&[shown], false).unwrap())[0].clone()
        };
        // np.rot90([[1, 2], [100, 200]]) = [[2, 200], [1, 100]]
        assert_eq!(turned(0), [1, 2, 100, 200]);
        assert_eq!(turned(1), [2, 200, 1, 100]);
        assert_eq!(turned(2), [200, 100, 2, 1]);
        assert_eq!(turned(3), [100, 1, 200, 2]);
        let view = View { invert: false, rotations: Rotations::AsClasses };
        assert_eq!(tasks.train_classes(&view), Some(12));
        assert_eq!(tasks.train_classes(&View::default()), Some(3));
        assert!(tasks.check(Split::Train, &EPISODE, 12, &view).is_ok());
        assert!(tasks.check(Split::Test, &EPISODE, 12, &view).is_err(), "test classes are not rotated");
    }

    #[test]
    fn a_view_never_changes_which_episode_it_is() {
        let tasks = tasks();
        let stream = || Stream::new(4, Purpose::EvalTask, 2, 9);
        let view = View { invert: true, rotations: Rotations::AsClasses };
        let plain = tasks.task(Split::Test, &EPISODE, 3, &View::default(), &mut stream()).unwrap();
        let inverted = tasks.task(Split::Test, &EPISODE, 3, &view, &mut stream()).unwrap();
        for (a, b) in rows(&plain.query).iter().flatten().zip(rows(&inverted.query).iter().flatten()) {
            assert_eq!(a + b, 255);
        }
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        let error = |ways, shots| {
            let draw = Draw::Episode { ways: None, shots, queries: 1 };
            tasks().check(Split::Test, &draw, ways, &View::default()).unwrap_err().to_string()
        };
        assert_eq!(error(9, 1), "9 ways asked of toy, which has 3 test classes: lower protocol.ways");
        assert!(error(3, 5).starts_with("6 images a class asked of toy (5 support and 1 query), but c3 has 5"));
        assert!(error(3, 5).ends_with(": lower the shots and the queries"));
        let queries = Draw::Episode { ways: None, shots: 1, queries: 5 };
        let error = tasks().check(Split::Test, &queries, 3, &View::default()).unwrap_err().to_string();
        assert!(error.ends_with(": lower the queries to 4 or fewer, or the shots"), "{error}");
        let error = tasks().check(Split::Val, &EPISODE, 3, &View::default()).unwrap_err().to_string();
        assert!(error.starts_with("toy has no val classes: name some in its split"), "{error}");
    }
}
