//! What a run says while it goes: the runner knows no output format, observers do.

use super::job::Job;

/// One thing that happened in a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// Training starts or goes on.
    Started { step: u64 },
    /// Goes on from a checkpoint at `step`.
    Resumed { step: u64 },
    /// Goes on from `step` of a training that the run `of` has done.
    Joined { step: u64, of: String },
    /// Trains for itself: of the training of the run `of` the states to choose among are gone.
    Alone { of: String },
    /// The process `holder` has a run of the same training in hand.
    Waiting { holder: String },
    /// A checkpoint or snapshot could not be read; another one is looked for.
    Damaged { what: String },
    /// Measured a training that is at step `of` already, up to `step`.
    CaughtUp { step: u64, of: u64 },
    /// So many points of the learning curve cannot be measured: nobody kept the state.
    Gaps { points: usize },
    /// `step` meta-iterations of the run's total are done.
    Step { step: u64 },
    /// A learning-curve point, in the benchmark's metric.
    Curve { step: u64, value: f64 },
    /// The learning curve has no number at this step in one mode or more.
    NoPoint { why: String },
    /// `done` of `total` final evaluation episodes are done.
    Evaluated { done: usize, total: usize },
    /// A checkpoint of this step is written.
    Saved { step: u64 },
    /// Stopped on request; a checkpoint is written.
    Interrupted { step: u64 },
    /// The run could not go on.
    Failed { why: String },
    /// Its training failed in the hands of another run, which was told.
    Unserved { why: String },
    /// All done, after so many seconds.
    Completed { seconds: f64 },
    /// It was complete already. `other_target`: the benchmark's file had other published values then.
    Kept { other_target: bool },
    /// Another build completed it, and it is shown as it is.
    KeptOther { build: String, other_target: bool },
    /// It was complete, but for an evaluation that other code did: that is done again.
    Reevaluated,
}

/// Something that listens. Called from several threads.
pub trait Observer: Sync {
    fn event(&self, job: &Job, event: &Event);
}

impl Observer for () {
    fn event(&self, _: &Job, _: &Event) {}
}
