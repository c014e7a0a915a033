//! Runs: one method of one benchmark with one seed each. Tasks of a meta-batch and episodes of an evaluation are mapped
//! in parallel and folded in order, so that the number of threads or ranks never shows in a result.

mod adaptation;
mod crossing;
mod curve;
mod describe;
mod diverged;
mod drive;
mod estimate;
mod evaluate;
mod event;
mod follow;
mod group;
mod hash;
mod in_order;
mod iterate;
mod job;
mod queries;
mod replay;
mod resume;
#[cfg(test)]
mod scaling;
mod selection;
mod shapes;
mod snapshots;
mod stop;
mod train;
mod training;

pub use crate::results::episodes::Outcomes;
pub use crossing::taking_part;
pub use diverged::check_numbers;
pub use drive::run_all;
pub use estimate::{Whole, estimate, together};
pub use evaluate::{Aggregate, EpisodeSet, aggregate, evaluate, extend, final_key};
pub use event::{Event, Observer};
pub use follow::follow;
pub use group::Finished;
pub use hash::{CLASSES, difference, difference_between, sha256_json};
pub use in_order::Workers;
pub use iterate::iterate;
pub use job::{Cell, Job, OtherBuild, Shared, build};
pub use queries::{Asked, queries};
pub use replay::{Replay, replay};
pub use resume::{Standing, done_elsewhere, maker, standing};
pub use shapes::{Misfit, check_fit, misfit};
pub use stop::Stop;
pub use train::Ended;
pub use training::{Kinship, code, name_trainer};
