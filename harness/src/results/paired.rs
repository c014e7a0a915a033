//! Is one row of a table better than another? Both met the same test episodes, so the difference is taken episode by
//! episode; from three seeds on, seed by seed, and then the interval over seeds decides.

use super::episodes::{self, Outcome};
use super::run_json::RunRecord;
use super::statistics::{mean, tidy};
use harness_core::{Error, Mode, Result};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::path::Path;

/// Seeds that both rows hold from which on the spread over seeds decides.
pub const SEEDS: usize = 3;
/// Below this, an adjusted p is significant.
pub const LEVEL: f64 = 0.05;

/// One seed's numbers in one mode, episode by episode.
pub type Run = (u64, Vec<f64>);

/// One row minus another.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub delta: f64,
    /// Half-width of the 95 % interval, uncorrected; None for a single episode.
    pub half: Option<f64>,
    /// Two-sided, uncorrected; 1 where nothing can be said.
    pub p: f64,
    /// The seeds that both hold.
    pub seeds: Vec<u64>,
    /// Whether it is over seeds, or over the episodes of these trained states.
    pub over_seeds: bool,
    /// Every episode ended alike.
    pub identical: bool,
}

/// `b` − `a` over the seeds that both hold; None where they share none.
///
/// Over three seeds and more: Student's t of the seeds' mean differences. Over fewer: of the differences of episodes, each
/// averaged over the seeds first. Panics if two runs of one seed differ in length.
pub fn difference(a: &[Run], b: &[Run]) -> Option<Difference> {
    let couples = a.iter().filter_map(|(seed, a)| Some((*seed, a, &b.iter().find(|(other, _)| other == seed)?.1)));
    let couples: Vec<(u64, &Vec<f64>, &Vec<f64>)> = couples.collect();
    let first = couples.first()?;
    let minus = |a: &[f64], b: &[f64]| -> Vec<f64> {
        assert_eq!(a.len(), b.len(), "the same episodes");
        a.iter().zip(b).map(|(a, b)| b - a).collect()
    };
    let each: Vec<Vec<f64>> = couples.iter().map(|(_, a, b)| minus(a, b)).collect();
    let over_seeds = couples.len() >= SEEDS;
    let values: Vec<f64> = match over_seeds {
        true => each.iter().map(|seed| mean(seed)).collect(),
        false => (0..first.1.len()).map(|i| mean(&each.iter().map(|seed| seed[i]).collect::<Vec<_>>())).collect(),
    };
    let (delta, half, p) = test(&values);
    let identical = each.iter().flatten().all(|d| *d == 0.0);
    let seeds = couples.iter().map(|(seed, ..)| *seed).collect();
    Some(Difference { delta: tidy(delta), half: half.map(tidy), p, seeds, over_seeds, identical })
}

/// Student's t of the mean of `values` against zero: the mean, half of its 95 % interval, and p.
fn test(values: &[f64]) -> (f64, Option<f64>, f64) {
    let (n, delta) = (values.len() as f64, mean(values));
    if values.len() < 2 {
        return (delta, None, 1.0);
    }
    let error = (values.iter().map(|v| (v - delta).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    let student = StudentsT::new(0.0, 1.0, n - 1.0).expect("at least one degree of freedom");
    let p = match (error > 0.0, delta == 0.0) {
        (true, _) => 2.0 * student.sf((delta / error).abs()),
        (false, equal) => f64::from(u8::from(equal)),
    };
    (delta, Some(student.inverse_cdf(0.975) * error), p)
}

/// Holm's step-down adjustment (1979): the chance of any false finding among all of `p` stays below the level that they are
/// compared with.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let (mut adjusted, mut most) = (vec![1.0; p.len()], 0f64);
    for (rank, index) in order.into_iter().enumerate() {
        most = most.max((p[index] * (p.len() - rank) as f64).min(1.0));
        adjusted[index] = most;
    }
    adjusted
}

/// An episode whose answers were no numbers. Builds up to 0.1 called such a run complete, and its accuracy chance.
#[derive(Clone, Copy, Debug)]
pub struct NoNumber(pub usize);

/// A run's numbers in each mode, episode by episode.
pub type ByMode = Vec<(Mode, Result<Vec<f64>, NoNumber>)>;

/// The episodes of the run in `folder`, mode by mode: percent of right answers, or the loss where that is what counts.
///
/// # Errors
/// Data: no episodes.parquet, a damaged one, or one that does not hold what `record` says.
pub fn values(folder: &Path, record: &RunRecord) -> Result<ByMode> {
    let path = folder.join("episodes.parquet");
    let number = |outcome: &Outcome| match record.metric.is_percent() {
        true => 100.0 * f64::from(outcome.correct) / f64::from(outcome.n),
        false => outcome.loss,
    };
    let mut modes = Vec::new();
    for (mode, outcomes) in episodes::read(&path)? {
        let values: Vec<f64> = outcomes.iter().map(number).collect();
        if values.len() as u64 != record.eval_episodes {
            return Err(Error::data(format!(
                "{}: not {} whole episodes of mode {}, as run.json says; delete its folder and run that seed again",
                path.display(),
                record.eval_episodes,
                mode.as_str()
            )));
        }
        let lost = outcomes.iter().position(|outcome| !outcome.is_number());
        modes.push((mode, lost.map_or(Ok(values), |episode| Err(NoNumber(episode)))));
    }
    Ok(modes)
}

/// Whether the two records met the same test episodes, as far as they say.
pub fn same_episodes(a: &RunRecord, b: &RunRecord) -> bool {
    let key = |record: &RunRecord| (record.episode_hash.clone(), record.eval_episodes, record.data_digest.clone());
    !a.episode_hash.is_empty() && key(a) == key(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::{Purpose, Stream};

    #[test]
    fn episodes_by_hand() {
        // Differences 0, -10, 0, -10: mean -5, s² = 100/3; t = -5 / √(100/12) = -1.7320508 with 3 degrees: p = 0.181690;
        // t(0.975, 3) = 3.182446.
        let (a, b) = (vec![20.0, 40.0, 60.0, 80.0], vec![20.0, 30.0, 60.0, 70.0]);
        let found = difference(&[(0, a.clone())], &[(0, b)]).unwrap();
        assert_eq!((found.delta, found.over_seeds, found.identical), (-5.0, false, false));
        assert!((found.half.unwrap() - 9.186_930).abs() < 1e-4, "{found:?}");
        assert!((found.p - 0.181_690).abs() < 1e-5, "{found:?}");
        let same = difference(&[(0, a.clone())], &[(0, a.clone())]).unwrap();
        assert_eq!((same.p, same.identical, same.half), (1.0, true, Some(0.0)));
        assert_eq!(difference(&[(0, a.clone())], &[(1, a)]), None, "no seed in common");
    }

    #[test]
    fn from_three_seeds_on_seeds_decide() {
        // Seeds' means 1, 2, 3: mean 2, s = 1, t = 2√3 = 3.4641 with 2 degrees: p = 0.0742; half 4.302653/√3.
        let zero = |seed| (seed, vec![0.0, 0.0]);
        let b = [(0, vec![0.0, 2.0]), (1, vec![1.0, 3.0]), (2, vec![2.0, 4.0])];
        let found = difference(&[zero(0), zero(1), zero(2)], &b).unwrap();
        assert!(found.over_seeds && (found.delta - 2.0).abs() < 1e-12);
        assert!((found.half.unwrap() - 2.484_138).abs() < 1e-5 && (found.p - 0.074_18).abs() < 1e-4, "{found:?}");
        // Two seeds: over episodes, averaged.
        let found = difference(&[zero(0), zero(1)], &b).unwrap();
        assert!(!found.over_seeds && (found.delta - 1.5).abs() < 1e-12 && found.seeds == [0, 1]);
    }

    #[test]
    fn holm_by_hand() {
        // 0.01·4, 0.02·3, then 0.03·2 is not below it, 0.9·1.
        let adjusted = holm(&[0.03, 0.01, 0.9, 0.02]);
        for (got, want) in adjusted.iter().zip([0.06, 0.04, 0.9, 0.06]) {
            assert!((got - want).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[0.7, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    /// Power: 1 point over 10,000 episodes of five queries, correlated as episodes are, is found almost always, also among
    /// nine rows; no difference is found about as often as the level says.
    #[test]
    fn a_planted_point_over_ten_thousand_episodes_is_found() {
        let trial = |number: u64, lift: f64| {
            let mut rng = Stream::new(number, Purpose::EvalTask, 0, 0);
            let mut right = |p: f64| (0..5).filter(|_| rng.unit() < p).count() as f64 * 20.0;
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for episode in 0..10_000u32 {
                // Some episodes are harder for both.
                let p = 0.90 + 0.06 * f64::from(episode % 3) / 2.0 - 0.03;
                a.push(right(p));
                b.push(right(p + lift));
            }
            difference(&[(0, a)], &[(0, b)]).unwrap()
        };
        let found: Vec<Difference> = (0..20).map(|number| trial(number, 0.01)).collect();
        let significant = found.iter().filter(|d| 9.0 * d.p < LEVEL && d.delta > 0.0).count();
        assert!(significant >= 19, "{significant} of 20 planted differences");
        let covered = found.iter().filter(|d| (d.delta - 1.0).abs() <= d.half.unwrap()).count();
        assert!(covered >= 16, "{covered} of 20 intervals hold the planted point");
        let false_ones = (100..140).filter(|number| trial(*number, 0.0).p < LEVEL).count();
        assert!(false_ones <= 6, "{false_ones} of 40 findings where there is nothing");
    }
}
