//! When the learning curve is measured, and on how many episodes: cheap enough to cost at most a tenth of the run.

use super::job::Job;

/// Largest share of the training's image passes that a curve may take.
const SHARE: f64 = 0.1;
/// Below so many episodes a point says little: rather fewer points.
const FEWEST_EPISODES: usize = 5;
const FEWEST_POINTS: usize = 2;

/// Points of a learning curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Curve {
    /// Steps at which it is measured, ascending, the first and the last step of the run among them.
    pub steps: Vec<u64>,
    /// Episodes of each split at each point.
    pub episodes: usize,
}

impl Curve {
    /// A function of the job alone, so that a resumed run measures at the same steps.
    pub(super) fn plan(job: &Job) -> Curve {
        let cost = job.algorithm.cost();
        let training = cost.task * job.algorithm.sampling().meta_batch as f64 * job.meta_iters as f64;
        let eval = &job.spec.eval;
        plan(training, cost.episode.max(1.0), eval.curve_points, eval.curve_episodes, job.meta_iters)
    }
}

fn plan(training: f64, episode: f64, points: usize, episodes: usize, total: u64) -> Curve {
    if total == 0 {
        return Curve { steps: vec![], episodes: 0 };
    }
    // Two splits at each point.
    let affordable = (SHARE * training / (2.0 * episode)) as usize;
    let points = points.min(affordable / FEWEST_EPISODES).max(FEWEST_POINTS);
    let episodes = episodes.min(affordable / points).max(1);
    let mut steps: Vec<u64> = (0..points as u64).map(|point| point * total / (points as u64 - 1)).collect();
    steps.dedup();
    Curve { steps, episodes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_measures_fully_and_a_short_one_within_its_tenth() {
        // Reptile 5-way 1-shot at paper budget: 25 million images trained, 250 an episode.
        let paper = plan(25e6, 250.0, 21, 100, 100_000);
        assert_eq!((paper.steps.len(), paper.episodes), (21, 100));
        assert_eq!((paper.steps[0], paper.steps[1], paper.steps[20]), (0, 5000, 100_000));
        let short = plan(250e3, 250.0, 21, 100, 1000);
        let cost = (short.steps.len() * short.episodes * 2) as f64 * 250.0;
        assert!(cost <= 25e3 && short.episodes >= 5, "{short:?}");
        let tiny = plan(2500.0, 250.0, 21, 100, 10);
        assert_eq!((tiny.steps.len(), tiny.episodes), (2, 1));
    }
}
