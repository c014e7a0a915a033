//! Where tasks come from. Task `i` is a function of a stream: there is no generator state and no order of calls.

use crate::episode::{Draw, Task};
use crate::error::Result;
use crate::rng::Stream;

/// Which classes (or functions) a task is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Tasks to learn from.
    Train,
    /// Tasks to choose settings by; not every data set has them.
    Val,
    /// Tasks that tables are made of.
    Test,
}

impl Split {
    /// The value of the `split` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }
}

/// How images are shown to a method: what belongs to the method's own paper, not to the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct View {
    /// Ink = 1 and paper = 0 (Finn); otherwise as the files have it (paper = 1, Reptile).
    pub invert: bool,
    /// Rotations of training classes.
    pub rotations: Rotations,
}

/// What becomes of the four rotations of a training class. Test classes are never rotated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotations {
    /// Classes as they are.
    #[default]
    None,
    /// Each of 0°, 90°, 180° and 270° is a class of its own (Reptile).
    AsClasses,
    /// Each class that is drawn is turned by a random multiple of 90° (Finn).
    PerDraw,
}

/// A supply of tasks.
pub trait TaskSource: Send + Sync {
    /// Shape of one input: `[height, width, channels]`, or `[1]` for points.
    fn input(&self) -> Vec<usize>;

    /// Number of classes that supervised training on `view` can tell apart; `None` on regression.
    fn train_classes(&self, view: &View) -> Option<usize>;

    /// Whether there is anything in this split.
    fn has(&self, split: Split) -> bool;

    /// sha256 (hex) of the data, or of the settings of a generator.
    fn digest(&self) -> String;

    /// Whether `draw` with the protocol's `ways` can be served from `split`. Errors: [`Error::Usage`](crate::Error::Usage)
    /// naming what is too few: classes, or images of a class.
    fn check(&self, split: Split, draw: &Draw, ways: usize, view: &View) -> Result<()>;

    /// The task that `rng` determines, on the CPU: images `[n, height, width, channels]` f32 in 0..1, or points `[n, 1]`.
    /// Query examples come in random order. May panic on what [`TaskSource::check`] refuses.
    fn task(&self, split: Split, draw: &Draw, ways: usize, view: &View, rng: &mut Stream) -> Result<Task>;

    /// Bytes that say which examples [`TaskSource::task`] would show, for the hash that proves two runs saw the same
    /// episodes. Independent of the view.
    fn identity(&self, split: Split, draw: &Draw, ways: usize, rng: &mut Stream) -> Result<Vec<u8>>;
}
