//! Means, intervals and differences. Two kinds of each, never mixed: over episodes (within a seed) and over seeds. Rows
//! of one table met the same test episodes, so a difference is taken episode by episode; between rows from three seeds
//! on seed by seed, and then the interval over seeds decides.

use harness_core::stats::mean_ci95;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Half-width of the 95 % interval of the mean over seeds: t(0.975, n−1) · s / √n. None for fewer than two.
pub fn seed_interval(values: &[f64]) -> Option<f64> {
    standard_error(values).map(|(error, t)| t.inverse_cdf(0.975) * error)
}

/// p of Student's two-sided test of the mean of `values` against zero; 1 for fewer than two.
fn against_zero(values: &[f64]) -> f64 {
    let Some((error, t)) = standard_error(values) else { return 1.0 };
    let mean = mean(values);
    match (error > 0.0, mean == 0.0) {
        (true, _) => 2.0 * t.sf((mean / error).abs()),
        (false, equal) => f64::from(u8::from(equal)),
    }
}

/// The standard error of the mean, s / √n, and Student's t of n − 1 degrees. None for fewer than two.
fn standard_error(values: &[f64]) -> Option<(f64, StudentsT)> {
    if values.len() < 2 {
        return None;
    }
    let (n, mean) = (values.len() as f64, mean(values));
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("at least one degree of freedom");
    Some(((variance / n).sqrt(), t))
}

/// Rounded to nine significant digits: far below any interval, and 97.68 stays `97.68` in the files.
pub fn tidy(value: f64) -> f64 {
    format!("{value:.8e}").parse().expect("a printed float")
}

/// Seeds that both rows hold from which on the spread over seeds decides.
pub const SEEDS: usize = 3;
/// Below this, an adjusted p is significant.
pub const LEVEL: f64 = 0.05;

/// A seed, and its numbers in one mode, episode by episode.
pub type SeedValues = (u64, Vec<f64>);

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
/// Over three seeds and more: Student's t of the seeds' mean differences. Over fewer: of the differences of episodes,
/// each averaged over the seeds first. Panics if two runs differ in length.
pub fn difference(a: &[SeedValues], b: &[SeedValues]) -> Option<Difference> {
    let couples = a.iter().filter_map(|(seed, a)| Some((*seed, a, &b.iter().find(|(other, _)| other == seed)?.1)));
    let couples: Vec<(u64, &Vec<f64>, &Vec<f64>)> = couples.collect();
    if couples.is_empty() {
        return None;
    }
    let minus = |a: &[f64], b: &[f64]| -> Vec<f64> {
        assert_eq!(a.len(), b.len(), "the same episodes");
        a.iter().zip(b).map(|(a, b)| b - a).collect()
    };
    let each: Vec<Vec<f64>> = couples.iter().map(|(_, a, b)| minus(a, b)).collect();
    let seeds_decide = couples.len() >= SEEDS;
    let values: Vec<f64> = match seeds_decide {
        true => each.iter().map(|seed| mean(seed)).collect(),
        false => over_seeds(&each.iter().map(Vec::as_slice).collect::<Vec<_>>()),
    };
    Some(Difference {
        delta: tidy(mean(&values)),
        half: seed_interval(&values).map(tidy),
        p: against_zero(&values),
        seeds: couples.iter().map(|(seed, ..)| *seed).collect(),
        over_seeds: seeds_decide,
        identical: each.iter().flatten().all(|d| *d == 0.0),
    })
}

/// Holm's step-down adjustment (1979): the chance of any false finding among all of `p` stays below the level that they
/// are compared with.
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

/// B − A.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delta {
    pub delta: f64,
    /// Half-width; None for fewer than two episodes.
    pub ci95: Option<f64>,
}

/// Episode by episode: the mean of the differences and its interval. What makes an episode hard for both cancels.
/// Panics if the two differ in length.
pub fn paired(a: &[f64], b: &[f64]) -> Delta {
    assert_eq!(a.len(), b.len(), "pairs");
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    let (delta, ci95) = mean_ci95(&differences);
    Delta { delta, ci95: finite(ci95) }
}

/// Of two independent sets of episodes: 1.96 · √(s²_A / n_A + s²_B / n_B).
pub fn unpaired(a: &[f64], b: &[f64]) -> Delta {
    let ((mean_a, half_a), (mean_b, half_b)) = (mean_ci95(a), mean_ci95(b));
    Delta { delta: mean_b - mean_a, ci95: finite(half_a.hypot(half_b)) }
}

/// Each episode's mean over seeds that met the same ones. Its spread over episodes is that of the mean over these
/// seeds: a hard episode is hard for all of them, so adding up their intervals as if they were independent would be too
/// narrow. Panics if the seeds differ in length.
pub fn over_seeds(seeds: &[&[f64]]) -> Vec<f64> {
    let episodes = seeds.first().map_or(0, |seed| seed.len());
    assert!(seeds.iter().all(|seed| seed.len() == episodes), "the same episodes");
    (0..episodes).map(|i| seeds.iter().map(|seed| seed[i]).sum::<f64>() / seeds.len() as f64).collect()
}

/// Of several seeds that did not meet the same episodes: the mean delta with the mean half-width, which no dependence
/// between them can make too narrow.
pub fn widest(seeds: &[Delta]) -> Delta {
    let n = seeds.len() as f64;
    let halves: Option<Vec<f64>> = seeds.iter().map(|seed| seed.ci95).collect();
    Delta {
        delta: seeds.iter().map(|seed| seed.delta).sum::<f64>() / n,
        ci95: halves.and_then(|halves| finite(halves.iter().sum::<f64>() / n)),
    }
}

fn finite(half: f64) -> Option<f64> {
    Some(half).filter(|half| half.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::{Purpose, Stream};

    #[test]
    fn the_interval_over_seeds_is_students() {
        // 97, 98, 99: s = 1, t(0.975, 2) = 4.302653, /sqrt(3)
        assert!((seed_interval(&[97.0, 98.0, 99.0]).unwrap() - 2.484_138).abs() < 1e-5);
        // two seeds one apart: s = 0.707107, t(0.975, 1) = 12.706205, /sqrt(2) -> 6.353102
        assert!((seed_interval(&[1.0, 2.0]).unwrap() - 6.353_102).abs() < 1e-5);
        // five equal values vary by nothing
        assert_eq!(seed_interval(&[3.0; 5]), Some(0.0));
        assert_eq!(seed_interval(&[3.0]), None);
        assert_eq!(seed_interval(&[]), None);
    }

    #[test]
    fn tidy_numbers_are_short() {
        assert_eq!(tidy(0.1 + 0.2), 0.3);
        assert_eq!(tidy(97.18 - 97.68), -0.5);
        assert_eq!(tidy(0.0), 0.0);
    }

    #[test]
    fn episodes_by_hand() {
        // Differences 0, -10, 0, -10: mean -5, s² = 100/3; t = -5 / √(100/12) = -1.7320508 with 3 degrees:
        // p = 0.181690; t(0.975, 3) = 3.182446.
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

    /// Power: 1 point over 10,000 episodes of five queries, correlated as episodes are, is found almost always, also
    /// among nine rows; no difference is found about as often as the level says.
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

    fn close(got: Delta, delta: f64, ci95: f64) {
        assert!((got.delta - delta).abs() < 1e-9 && (got.ci95.unwrap() - ci95).abs() < 1e-9, "{got:?}");
    }

    const A: [f64; 4] = [20.0, 40.0, 60.0, 80.0];
    const B: [f64; 4] = [20.0, 30.0, 60.0, 70.0];

    #[test]
    fn pairs_by_hand() {
        // Differences 0, -10, 0, -10: mean -5, s² = 100/3, interval 1.96·√(100/3/4).
        close(paired(&A, &B), -5.0, 5.658_032_638);
        // The same differences everywhere leave no doubt.
        close(paired(&A, &A.map(|a| a - 5.0)), -5.0, 0.0);
    }

    #[test]
    fn without_pairs_by_hand() {
        // A: s² = 2000/3; B: mean 45, s² = (625 + 225 + 225 + 625)/3 = 1700/3; 1.96·√((2000 + 1700)/12).
        close(unpaired(&A, &B), -5.0, 34.416_468_926);
        // Two and four episodes: s² = 50 and 2000/3; 1.96·√(25 + 500/3).
        close(unpaired(&[50.0, 60.0], &A), -5.0, 27.134_971_286);
    }

    #[test]
    fn itself_is_no_different() {
        assert_eq!(paired(&A, &A), Delta { delta: 0.0, ci95: Some(0.0) });
        assert_eq!(unpaired(&A, &A).delta, 0.0);
    }

    #[test]
    fn one_episode_has_no_interval() {
        assert_eq!(paired(&[1.0], &[2.0]), Delta { delta: 1.0, ci95: None });
        assert_eq!(unpaired(&[1.0], &A).ci95, None);
    }

    #[test]
    fn seeds_are_averaged_episode_by_episode() {
        let means = over_seeds(&[&[1.0, 2.0, 6.0], &[3.0, 0.0, 6.0]]);
        assert_eq!(means, [2.0, 1.0, 6.0]);
        // Deltas -1 ±1 and -3 ±2: -2 ±1.5.
        let seeds = [Delta { delta: -1.0, ci95: Some(1.0) }, Delta { delta: -3.0, ci95: Some(2.0) }];
        assert_eq!(widest(&seeds), Delta { delta: -2.0, ci95: Some(1.5) });
        assert_eq!(widest(&[seeds[0], Delta { delta: 0.0, ci95: None }]).ci95, None);
    }
}
