//! `select = "val"`: the state that is reported is the one that was best on validation classes, as MAML, ProtoNet and
//! others have it, instead of the last one.

use harness_core::{Mode, Split};

use super::curve::spread;
use super::job::Job;
use super::snapshots::CHOICES;

/// Validation episodes of a state, where they are cheap enough.
const EPISODES: usize = 600;
/// Largest share of the training's image passes that choosing may take.
const SHARE: f64 = 0.1;
/// Numbers of states to choose among: all of them divide [`CHOICES`], so that each state has its snapshot.
const COUNTS: [usize; 6] = [60, 30, 20, 15, 12, 10];

/// Which states are compared, and on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// Ascending; the last step of the run among them.
    pub steps: Vec<u64>,
    /// Validation episodes of each.
    pub episodes: usize,
    pub mode: Mode,
}

impl Selection {
    /// A function of the job alone. None where the last state is reported.
    pub(super) fn new(job: &Job) -> Option<Selection> {
        if job.method.select != Some(Split::Val) || job.meta_iters == 0 {
            return None;
        }
        let cost = job.algorithm.cost(&job.benchmark.protocol);
        let training = cost.task * job.algorithm.sampling().meta_batch as f64 * job.meta_iters as f64;
        let (states, episodes) = afford(training, cost.episode.max(1.0));
        let mut steps = spread(states + 1, job.meta_iters);
        steps.retain(|step| *step > 0);
        Some(Selection { steps, episodes, mode: mode(job) })
    }
}

/// The mode whose validation numbers choose the state; None where the last one is reported.
pub(super) fn chosen_by(job: &Job) -> Option<Mode> {
    Selection::new(job).map(|selection| selection.mode)
}

/// The mode of the published value that is compared, else the first that is measured.
pub(super) fn mode(job: &Job) -> Mode {
    let modes = job.modes();
    let published = |mode: &&Mode| {
        job.benchmark
            .published
            .iter()
            .any(|row| row.comparable && (&row.label, row.mode) == (&job.method.label, **mode))
    };
    *modes.iter().find(published).unwrap_or(&modes[0])
}

/// States and episodes of each that cost no more than their share of `training`, in image passes: fewer of both alike.
fn afford(training: f64, episode: f64) -> (usize, usize) {
    let affordable = SHARE * training / episode;
    let part = (affordable / (CHOICES * EPISODES) as f64).min(1.0);
    let states =
        COUNTS.into_iter().find(|count| *count as f64 <= CHOICES as f64 * part.sqrt() + 1e-9).unwrap_or(COUNTS[5]);
    (states, ((affordable / states as f64) as usize).clamp(1, EPISODES))
}

/// The step with the best number; of equals the earliest. None for no number.
pub(super) fn best(points: &[(u64, f64)]) -> Option<u64> {
    let finite = points.iter().filter(|(_, value)| value.is_finite());
    let better = |best: Option<(u64, f64)>, point: &(u64, f64)| match best {
        Some(best) if best.1 >= point.1 => Some(best),
        _ => Some(*point),
    };
    finite.fold(None, better).map(|(step, _)| step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_states_on_six_hundred_episodes_where_a_tenth_pays_for_them() {
        // MAML on mini-ImageNet, 1 shot: 100 image passes a task, 4 tasks, 60,000 iterations; 50 an episode.
        assert_eq!(afford(24e6, 50.0), (60, 600));
        // 5 shots: 250 an episode, of which 9,600 are a tenth.
        assert_eq!(afford(24e6, 250.0), (30, 320));
        for (training, episode) in [(24e6, 250.0), (1e6, 50.0), (1e5, 50.0)] {
            let (states, episodes) = afford(training, episode);
            assert!((states * episodes) as f64 * episode <= 0.1 * training, "{states} of {episodes}");
        }
        assert_eq!(afford(1.0, 50.0), (10, 1), "a run of seconds still chooses");
    }

    #[test]
    fn the_earliest_of_the_best() {
        assert_eq!(best(&[(1, 40.0), (2, 45.0), (3, 45.0), (4, 44.0)]), Some(2));
        assert_eq!(best(&[(1, f64::NAN), (2, 45.0), (3, f64::NAN)]), Some(2));
        assert_eq!(best(&[]), None);
    }
}
