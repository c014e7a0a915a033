//! When the learning curve is measured, and on how many episodes: cheap enough to cost at most a tenth of the run,
//! unless the curve is what the run is for.

use harness_core::Split;

use super::job::Job;

/// Largest share of the training's image passes that a curve may take.
const SHARE: f64 = 0.1;
/// Below so many episodes a point says nothing: rather fewer points, but for the start and the end.
const FEWEST_EPISODES: usize = 20;
const FEWEST_POINTS: usize = 2;

/// Points of a learning curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Curve {
    /// Steps at which it is measured, ascending, the first and the last step of the run among them.
    pub steps: Vec<u64>,
    /// Episodes of each split at each point.
    pub episodes: usize,
    /// Splits that are measured, of those that the data has.
    pub splits: Vec<Split>,
}

impl Curve {
    /// A function of the job alone, so that a resumed run measures at the same steps.
    pub(super) fn new(job: &Job) -> Curve {
        let eval = &job.benchmark.eval;
        let (mut points, mut episodes) = (*eval.curve_points.at(job.budget), *eval.curve_episodes.at(job.budget));
        if !eval.curve_in_full {
            let cost = job.algorithm.cost(&job.benchmark.protocol);
            let training = cost.task * job.algorithm.sampling().meta_batch as f64 * job.meta_iters as f64;
            (points, episodes) = afford(training, cost.episode.max(1.0), points, episodes);
        }
        let wanted = |split: &Split| eval.curve_splits.as_ref().is_none_or(|splits| splits.contains(split));
        let splits = [Split::Train, Split::Val, Split::Test].into_iter();
        let splits = splits.filter(|split| wanted(split) && job.source.has(*split)).collect();
        match job.meta_iters {
            0 => Curve { steps: vec![], episodes: 0, splits },
            total => Curve { steps: spread(points, total), episodes, splits },
        }
    }
}

/// As many of `points` and `episodes` as cost no more than their share of `training`, in image passes; where that pays
/// for none, the start and the end on the fewest episodes all the same.
fn afford(training: f64, episode: f64, points: usize, episodes: usize) -> (usize, usize) {
    // Two splits at each point.
    let affordable = (SHARE * training / (2.0 * episode)) as usize;
    let points = points.min(affordable / FEWEST_EPISODES).max(FEWEST_POINTS);
    (points, episodes.min(affordable / points).max(FEWEST_EPISODES))
}

/// Steps evenly from the first to the last; fewer than `points` where the run is shorter.
pub(super) fn spread(points: usize, total: u64) -> Vec<u64> {
    let mut steps: Vec<u64> = (0..points as u64).map(|point| point * total / (points as u64 - 1)).collect();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_measures_fully_and_a_short_one_within_its_tenth() {
        // Reptile 5-way 1-shot at paper budget: 25 million images trained, 250 an episode.
        assert_eq!(afford(25e6, 250.0, 21, 100), (21, 100));
        // A hundredth of that: 50 episodes of each split, two points.
        assert_eq!(afford(250e3, 250.0, 21, 100), (2, 25));
        let (points, episodes) = afford(1e6, 250.0, 21, 100);
        assert!((points * episodes * 2) as f64 * 250.0 <= 1e5 && episodes >= 20, "{points} {episodes}");
        assert_eq!(points, 10);
        assert_eq!(afford(2500.0, 250.0, 21, 100), (2, 20));
    }

    #[test]
    fn points_lie_evenly_from_start_to_end() {
        assert_eq!(spread(21, 100_000)[..3], [0, 5000, 10_000]);
        assert_eq!((spread(21, 100_000)[20], spread(21, 100_000).len()), (100_000, 21));
        assert_eq!(spread(201, 40_000)[1], 200);
        assert_eq!(spread(9, 3), [0, 1, 2, 3]);
    }
}
