//! Runs: one method of one benchmark with one seed each. Tasks of a meta-batch and episodes of an evaluation are mapped
//! in parallel and folded in order, so that the number of threads or ranks never shows in a result.

mod adaptation;
mod crossing;
mod curve;
mod diverged;
mod drive;
mod estimate;
mod evaluate;
mod event;
mod fits;
mod follow;
mod group;
mod hash;
mod in_order;
mod iterate;
mod job;
mod record;
mod replay;
mod resume;
#[cfg(test)]
mod scaling;
mod selection;
mod snapshots;
mod stop;
mod train;
mod training;

pub use crossing::{averaging, taking_part};
pub use diverged::in_evaluation as check_numbers;
pub use drive::{Finished, Outcome, run_all};
pub use estimate::{Estimate, Whole, estimate, together};
pub use evaluate::{Aggregate, Outcomes, Series, aggregate, evaluate, extend};
pub use event::{Event, Observer};
pub use fits::check_evaluation as check_fit;
pub use follow::follow;
pub use hash::{difference, difference_between, sha256_json};
pub use in_order::Workers;
pub use iterate::iterate;
pub use job::{Job, OtherBuild, Shared, build, code};
pub use replay::{Replay, replay};
pub use resume::{Standing, done_elsewhere, maker, standing};
pub use stop::Stop;
pub use train::Ended;
pub use training::Kinship;
