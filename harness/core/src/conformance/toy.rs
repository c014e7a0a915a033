//! The toy task: tell three 8×8 patterns apart after two looks at each. What makes a class is a point in a space of a few
//! patterns; every image is disguised by a random point in another such space. Which is which is common to all classes,
//! so there is something to learn before a task that helps with it.

use std::sync::Arc;

use candle_core::{D, Device};

use crate::adapted::Mode;
use crate::algorithm::Algorithm;
use crate::context::{Context, Problem, Protocol};
use crate::episode::{Draw, Task};
use crate::error::Result;
use crate::images::{ImageClass, ImageSet};
use crate::model::ModelSpec;
use crate::rng::{Purpose, Stream};
use crate::source::{Split, TaskSource, View};
use crate::sources::ImageTasks;
use crate::splits::ClassSplit;
use crate::state::State;

const SIDE: usize = 8;
const CLASSES: usize = 120;
const TRAIN: usize = 90;
const IMAGES: usize = 10;
const EPISODES: u64 = 60;
/// Patterns that span identities, and as many that span disguises.
const BASIS: usize = 6;
/// Strength of the disguise beside the identity's 1.
const DISGUISE: f64 = 1.0;

/// A tiny few-shot problem that a small convolution net learns within seconds.
pub struct Toy {
    /// 90 training and 30 test classes of ten 8×8 grey images each.
    pub source: ImageTasks,
    /// 3 ways, 2 shots, 3 queries a class.
    pub protocol: Protocol,
}

impl Default for Toy {
    fn default() -> Self {
        Self::new()
    }
}

impl Toy {
    /// The same images every time.
    pub fn new() -> Self {
        let mut rng = Stream::new(0, Purpose::Data, 0, 0);
        let mut basis =
            || -> Vec<Vec<f64>> { (0..BASIS).map(|_| (0..SIDE * SIDE).map(|_| rng.normal()).collect()).collect() };
        let (signal, nuisance) = (basis(), basis());
        let mut pixels = Vec::new();
        for _ in 0..CLASSES {
            let identity: Vec<f64> = (0..BASIS).map(|_| rng.normal()).collect();
            for _ in 0..IMAGES {
                let disguise: Vec<f64> = (0..BASIS).map(|_| DISGUISE * rng.normal()).collect();
                for pixel in 0..SIDE * SIDE {
                    let mix = |weights: &[f64], basis: &[Vec<f64>]| -> f64 {
                        weights.iter().zip(basis).map(|(weight, image)| weight * image[pixel]).sum()
                    };
                    let value = mix(&identity, &signal) + mix(&disguise, &nuisance);
                    pixels.push((128.0 + 20.0 * value).clamp(0.0, 255.0) as u8);
                }
            }
        }
        let class = |c| ImageClass { name: format!("c{c}"), images: c * IMAGES..(c + 1) * IMAGES };
        let classes = (0..CLASSES).map(class).collect();
        let set =
            ImageSet::new("toy", [SIDE, SIDE, 1], classes, Box::new(pixels)).expect("the classes tile the pixels");
        let name = |c| format!("c{c}");
        let split = ClassSplit {
            train: (0..TRAIN).map(name).collect(),
            val: vec![],
            test: (TRAIN..CLASSES).map(name).collect(),
        };
        let source = ImageTasks::new(Arc::new(set), &split).expect("the split names the classes");
        Toy { source, protocol: Protocol { ways: 3, shots: 2, queries: 3 } }
    }

    /// What methods are built from.
    pub fn context(&self) -> Context {
        Context {
            model: ModelSpec::ReptileOmniglot { filters: 8 },
            input: self.source.input(),
            problem: Problem::Classification { train_classes: TRAIN },
            protocol: self.protocol,
            device: Device::Cpu,
            plain: false,
        }
    }

    /// Test episode `index`.
    pub fn episode(&self, index: u64) -> Result<Task> {
        let Protocol { ways, shots, queries } = self.protocol;
        let draw = Draw::Episode { ways: None, shots, queries };
        let mut rng = Stream::new(0, Purpose::EvalTask, 0, index);
        self.source.task(Split::Test, &draw, ways, &View::default(), &mut rng)
    }

    /// Percent of right answers, inductive, over the test episodes.
    pub fn accuracy(&self, method: &dyn Algorithm, state: &State) -> Result<f64> {
        let (mut right, mut all) = (0usize, 0usize);
        for index in 0..EPISODES {
            let task = self.episode(index)?;
            let mut rng = Stream::new(0, Purpose::EvalMethod, 0, index);
            let adapted = method.adapt(state, &task.support, &[method.test_steps()], &mut rng)?;
            let logits = method.score(&adapted[0], &task.support, &task.query.x, Mode::Inductive)?;
            let answers = logits.argmax(D::Minus1)?.to_vec1::<u32>()?;
            right += answers.iter().zip(task.query.classes()?).filter(|(a, b)| a == b).count();
            all += answers.len();
        }
        Ok(100.0 * right as f64 / all as f64)
    }
}
