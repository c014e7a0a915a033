//! Did we reproduce it? One word a cell, and the rule behind it in one place.

use super::metric::Metric;
use super::run_json::Published;
use serde::Serialize;

/// The word in `summary.csv` and the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// |ours − published| is within the tolerance of the benchmark file.
    Reproduced,
    /// Better than published by more than the tolerance: for errors, that is a smaller number.
    Above,
    /// Worse than published by more than the tolerance.
    Below,
    /// Nothing comparable was published.
    NoTarget,
    /// There is a target, but this was not the whole of the paper's schedule and settings.
    PartialBudget,
    /// A run of the cell failed.
    Failed,
    /// Another build made the number, and it was kept: shown, never judged.
    OtherBuild,
}

impl Verdict {
    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Reproduced => "reproduced",
            Verdict::Above => "above",
            Verdict::Below => "below",
            Verdict::NoTarget => "no target",
            Verdict::PartialBudget => "partial budget",
            Verdict::Failed => "failed",
            Verdict::OtherBuild => "other build",
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// Rounding of the last decimal must not turn `0.50 of 0.5` into a miss.
const SLACK: f64 = 1e-9;

/// Judges `ours` against `target`. `whole` is true for an unaltered run at the `paper` budget.
pub fn judge(ours: f64, target: Option<&Published>, metric: Metric, whole: bool) -> Verdict {
    let Some((published, tolerance)) = target.filter(|t| t.comparable).and_then(|t| Some((t.value, t.tolerance?)))
    else {
        return Verdict::NoTarget;
    };
    let delta = ours - published;
    if !whole {
        Verdict::PartialBudget
    } else if delta.abs() <= tolerance + SLACK {
        Verdict::Reproduced
    } else if metric.gain(delta) > 0.0 {
        Verdict::Above
    } else {
        Verdict::Below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::metric::{ACCURACY, MSE};

    fn target(value: f64, tolerance: Option<f64>, comparable: bool) -> Published {
        let label = "reptile".to_string();
        Published {
            label,
            mode: harness_core::Mode::Pointwise,
            value,
            ci: None,
            source: None,
            ci_meaning: None,
            tolerance,
            comparable,
        }
    }

    #[test]
    fn the_edge_of_the_tolerance_still_counts() {
        let t = target(97.68, Some(0.5), true);
        for (ours, verdict) in [
            (97.18, Verdict::Reproduced),
            (98.18, Verdict::Reproduced),
            (97.179, Verdict::Below),
            (98.181, Verdict::Above),
        ] {
            assert_eq!(judge(ours, Some(&t), ACCURACY, true), verdict, "{ours}");
        }
    }

    #[test]
    fn for_errors_smaller_is_above() {
        let t = target(0.12, Some(0.02), true);
        assert_eq!(judge(0.05, Some(&t), MSE, true), Verdict::Above);
        assert_eq!(judge(0.30, Some(&t), MSE, true), Verdict::Below);
    }

    #[test]
    fn without_the_whole_budget_or_a_target_there_is_no_judgement() {
        let t = target(97.68, Some(0.5), true);
        assert_eq!(judge(97.68, Some(&t), ACCURACY, false), Verdict::PartialBudget);
        assert_eq!(judge(97.68, None, ACCURACY, true), Verdict::NoTarget);
        assert_eq!(judge(97.68, None, ACCURACY, false), Verdict::NoTarget);
        assert_eq!(judge(10.0, Some(&target(97.68, Some(0.5), false)), ACCURACY, true), Verdict::NoTarget);
        assert_eq!(judge(97.68, Some(&target(97.68, None, true)), ACCURACY, true), Verdict::NoTarget);
    }
}
