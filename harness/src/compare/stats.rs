//! The difference between two evaluations with its 95 % interval over episodes, 1.96 · s / √n as in every table.

use harness_core::stats::mean_ci95;

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
        let mean = over_seeds(&[&[1.0, 2.0, 6.0], &[3.0, 0.0, 6.0]]);
        assert_eq!(mean, [2.0, 1.0, 6.0]);
        // Deltas -1 ±1 and -3 ±2: -2 ±1.5.
        let seeds = [Delta { delta: -1.0, ci95: Some(1.0) }, Delta { delta: -3.0, ci95: Some(2.0) }];
        assert_eq!(widest(&seeds), Delta { delta: -2.0, ci95: Some(1.5) });
        assert_eq!(widest(&[seeds[0], Delta { delta: 0.0, ci95: None }]).ci95, None);
    }
}
