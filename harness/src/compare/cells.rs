//! From pairs of runs to cells: a benchmark, a method and a mode, over the seeds that both sides hold.

use harness_core::{Error, Mode, Result};
use serde::Serialize;

use super::folder::{FoundRun, Pair};
use super::{Answer, Unmatched};
use crate::results::layout::natural;
use crate::results::metric::Metric;
use crate::results::run::{NoNumber, values};
use crate::results::run_json::RunRecord;
use crate::results::statistics::{self, Delta, mean, seed_interval, tidy};
use crate::results::summary;
use crate::results::tag;
use crate::runner::difference_between;

/// One seed of a cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seed {
    pub seed: u64,
    pub a: f64,
    pub b: f64,
    /// B − A.
    pub delta: f64,
    /// Half-width of the 95 % interval over episodes.
    pub ci95_episodes: Option<f64>,
    pub episodes_a: usize,
    pub episodes_b: usize,
    /// Whether both sides met the same episodes.
    pub paired: bool,
}

/// A benchmark, a method and a mode.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    pub budget_a: String,
    pub budget_b: String,
    pub benchmark: String,
    pub method: String,
    pub mode: Mode,
    pub metric: Metric,
    /// Means over seeds.
    pub a: f64,
    pub b: f64,
    pub delta: f64,
    /// Over episodes averaged over seeds: it decides.
    pub ci95_episodes: Option<f64>,
    /// Over seeds (Student's t of their deltas); None for one seed.
    pub ci95_seeds: Option<f64>,
    /// Whether every seed is.
    pub paired: bool,
    pub change: Answer,
    /// The first setting that differs between the two sides.
    pub settings: Option<String>,
    /// What the user calls the runs of either side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_a: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_b: Option<String>,
    pub seeds: Vec<Seed>,
}

/// One seed on both sides.
pub struct Couple<'a> {
    a: (&'a FoundRun, &'a RunRecord),
    b: (&'a FoundRun, &'a RunRecord),
}

/// The seeds of one method on one benchmark.
pub struct Row<'a> {
    budgets: (&'a str, &'a str),
    couples: Vec<Couple<'a>>,
}

/// Couples of complete runs, in the order of the tables; what has no counterpart goes to `alone`.
pub fn rows<'a>(pair: &'a Pair, alone: &mut Vec<Unmatched>) -> Vec<Row<'a>> {
    let mut couples = Vec::new();
    for a in &pair.a.runs {
        let b = pair.b.runs.iter().find(|b| (&b.benchmark, &b.label, b.seed) == (&a.benchmark, &a.label, a.seed));
        match b.map(|b| (b, a.complete(), b.complete())) {
            None => alone.push(without(&pair.a.name, a, None, "only in A".into())),
            Some((b, Some(in_a), Some(in_b))) => couples.push(Couple { a: (a, in_a), b: (b, in_b) }),
            Some((b, in_a, _)) => {
                let why = match in_a {
                    None => format!("{} in A", a.status()),
                    Some(_) => format!("{} in B", b.status()),
                };
                alone.push(without(&pair.a.name, a, None, why));
            }
        }
    }
    let in_a = |b: &&FoundRun| {
        pair.a.runs.iter().any(|a| (&b.benchmark, &b.label, b.seed) == (&a.benchmark, &a.label, a.seed))
    };
    let only_b = pair.b.runs.iter().filter(|b| !in_a(b));
    alone.extend(only_b.map(|b| without(&pair.b.name, b, None, "only in B".into())));
    couples.sort_by(|x, y| {
        let ((x, rx), (y, ry)) = (x.a, y.a);
        natural(&x.benchmark, &y.benchmark)
            .then(rx.order.cmp(&ry.order))
            .then_with(|| natural(&x.label, &y.label))
            .then(x.seed.cmp(&y.seed))
    });
    let mut rows: Vec<Row> = Vec::new();
    for couple in couples {
        match rows.iter_mut().find(|row| same_cell(&row.couples[0], &couple)) {
            Some(row) => row.couples.push(couple),
            None => rows.push(Row { budgets: (&pair.a.name, &pair.b.name), couples: vec![couple] }),
        }
    }
    rows
}

/// Whether two couples are seeds of one row: on each side what its report would average.
fn same_cell(x: &Couple, y: &Couple) -> bool {
    (&x.a.0.benchmark, &x.a.0.label) == (&y.a.0.benchmark, &y.a.0.label)
        && summary::same_cell(x.a.1, y.a.1)
        && summary::same_cell(x.b.1, y.b.1)
}

fn without(budget: &str, held: &FoundRun, mode: Option<Mode>, why: String) -> Unmatched {
    Unmatched {
        budget: budget.to_owned(),
        benchmark: held.benchmark.clone(),
        method: held.label.clone(),
        seed: held.seed,
        mode,
        why,
    }
}

impl Couple<'_> {
    /// What keeps their episodes from being the same, if anything does.
    fn apart(&self) -> Option<String> {
        let (a, b) = (self.a.1, self.b.1);
        if a.eval_episodes != b.eval_episodes {
            Some(format!("{} in A, {} in B", a.eval_episodes, b.eval_episodes))
        } else if a.episode_hash.is_empty() || b.episode_hash.is_empty() {
            Some("a record without their hash".to_owned())
        } else if a.data_digest != b.data_digest {
            // Before their hash, which other images in a class change too.
            Some("from other data".to_owned())
        } else if a.episode_hash != b.episode_hash {
            Some("another hash".to_owned())
        } else {
            None
        }
    }

    /// The first setting that differs.
    fn settings(&self) -> Option<String> {
        difference_between(&self.a.1.config, &self.b.1.config, ["in A", "in B"])
    }
}

/// Refuses rows whose two sides met different test episodes, naming the first.
pub fn same_episodes(rows: &[Row]) -> Result<()> {
    let couples = rows.iter().flat_map(|row| &row.couples);
    let mut apart = couples.filter_map(|couple| Some((couple, couple.apart()?)));
    let Some((couple, why)) = apart.next() else { return Ok(()) };
    let more = match apart.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let held = couple.a.0;
    Err(Error::usage(format!(
        "{} {} seed {}{more}: A and B met different test episodes ({why}), so no pairs can be made: evaluate both on the \
         same ones, or compare them unpaired with --force",
        held.benchmark, held.label, held.seed
    )))
}

/// The numbers of one mode of one run.
type Values = Vec<f64>;

/// One seed's numbers on both sides.
type Met<'a, 'b> = (&'a Couple<'b>, Values, Values);

/// The cells of a row, one a mode.
pub fn compare(row: &Row, alone: &mut Vec<Unmatched>) -> Result<Vec<Cell>> {
    let mut modes: Vec<(Mode, Vec<Met>)> = Vec::new();
    for couple in &row.couples {
        let ((held_a, record_a), (held_b, record_b)) = (couple.a, couple.b);
        if record_a.metric != record_b.metric {
            return Err(Error::usage(format!(
                "{} {}: {} in A and {} in B: two benchmarks of one name cannot be compared",
                held_a.benchmark, held_a.label, record_a.metric.name, record_b.metric.name
            )));
        }
        let (in_a, mut in_b) = (values(&held_a.path, record_a)?, values(&held_b.path, record_b)?);
        for (mode, a) in in_a {
            let Some(at) = in_b.iter().position(|(other, _)| *other == mode) else {
                alone.push(without(row.budgets.0, held_a, Some(mode), "only in A".into()));
                continue;
            };
            let (_, b) = in_b.swap_remove(at);
            let (a, b) = match (a, b) {
                (Ok(a), Ok(b)) => (a, b),
                (Err(NoNumber(episode)), _) => {
                    let why = format!("diverged in episode {episode} in A");
                    alone.push(without(row.budgets.0, held_a, Some(mode), why));
                    continue;
                }
                (_, Err(NoNumber(episode))) => {
                    let why = format!("diverged in episode {episode} in B");
                    alone.push(without(row.budgets.1, held_b, Some(mode), why));
                    continue;
                }
            };
            match modes.iter_mut().find(|(known, _)| *known == mode) {
                Some((_, seeds)) => seeds.push((couple, a, b)),
                None => modes.push((mode, vec![(couple, a, b)])),
            }
        }
        alone.extend(in_b.iter().map(|(mode, _)| without(row.budgets.1, held_b, Some(*mode), "only in B".into())));
    }
    Ok(modes.iter().map(|(mode, seeds)| cell(row, *mode, seeds)).collect())
}

fn cell(row: &Row, mode: Mode, couples: &[Met]) -> Cell {
    let seeds: Vec<Seed> = couples.iter().map(|(couple, a, b)| seed(couple, a, b)).collect();
    let of = |get: fn(&Seed) -> f64| seeds.iter().map(get).collect::<Vec<_>>();
    let paired = seeds.iter().all(|seed| seed.paired);
    let Delta { delta, ci95 } = together(couples, &seeds, paired);
    let (held, record) = couples[0].0.a;
    let same = paired && couples.iter().all(|(_, a, b)| a == b);
    Cell {
        budget_a: row.budgets.0.to_owned(),
        budget_b: row.budgets.1.to_owned(),
        benchmark: held.benchmark.clone(),
        method: held.label.clone(),
        mode,
        metric: record.metric,
        a: tidy(mean(&of(|seed| seed.a))),
        b: tidy(mean(&of(|seed| seed.b))),
        delta: tidy(delta),
        ci95_episodes: ci95.map(tidy),
        ci95_seeds: seed_interval(&of(|seed| seed.delta)).map(tidy),
        paired,
        change: if same { Answer::Same } else { answer(delta, ci95, record.metric) },
        settings: couples.iter().find_map(|(couple, ..)| couple.settings()),
        tag_a: tag::of(couples.iter().map(|(couple, ..)| couple.a.1)),
        tag_b: tag::of(couples.iter().map(|(couple, ..)| couple.b.1)),
        seeds,
    }
}

fn seed(couple: &Couple, a: &[f64], b: &[f64]) -> Seed {
    let paired = couple.apart().is_none();
    let Delta { delta, ci95 } = if paired { statistics::paired(a, b) } else { statistics::unpaired(a, b) };
    Seed {
        seed: couple.a.0.seed,
        a: tidy(mean(a)),
        b: tidy(mean(b)),
        delta: tidy(delta),
        ci95_episodes: ci95.map(tidy),
        episodes_a: a.len(),
        episodes_b: b.len(),
        paired,
    }
}

/// Over the seeds of a cell. Seeds of one side meet the same episodes, so these are averaged over the seeds first.
fn together(couples: &[Met], seeds: &[Seed], paired: bool) -> Delta {
    let one_set = |records: Vec<&RunRecord>| {
        let key = |record: &RunRecord| (record.episode_hash.clone(), record.data_digest.clone(), record.eval_episodes);
        !records[0].episode_hash.is_empty() && records.iter().all(|record| key(record) == key(records[0]))
    };
    let one_set_each = one_set(couples.iter().map(|(couple, ..)| couple.a.1).collect())
        && one_set(couples.iter().map(|(couple, ..)| couple.b.1).collect());
    if couples.len() > 1 && !one_set_each {
        let deltas: Vec<Delta> =
            seeds.iter().map(|seed| Delta { delta: seed.delta, ci95: seed.ci95_episodes }).collect();
        return statistics::widest(&deltas);
    }
    let (a, b): (Vec<&[f64]>, Vec<&[f64]>) = couples.iter().map(|(_, a, b)| (a.as_slice(), b.as_slice())).unzip();
    let (a, b) = (statistics::over_seeds(&a), statistics::over_seeds(&b));
    if paired { statistics::paired(&a, &b) } else { statistics::unpaired(&a, &b) }
}

/// Without an interval nothing is significant.
fn answer(delta: f64, ci95: Option<f64>, metric: Metric) -> Answer {
    let gain = metric.gain(delta);
    match ci95 {
        Some(half) if gain + half < 0.0 => Answer::Worse,
        Some(half) if gain - half > 0.0 => Answer::Better,
        _ => Answer::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::metric::{ACCURACY, MSE};

    #[test]
    fn the_bad_side_depends_on_the_metric() {
        assert_eq!(answer(-5.0, Some(4.9), ACCURACY), Answer::Worse);
        assert_eq!(answer(-5.0, Some(5.0), ACCURACY), Answer::Unclear);
        assert_eq!(answer(5.0, Some(4.9), ACCURACY), Answer::Better);
        assert_eq!(answer(0.2, Some(0.1), MSE), Answer::Worse);
        assert_eq!(answer(-0.2, Some(0.1), MSE), Answer::Better);
        assert_eq!(answer(-5.0, Some(0.0), ACCURACY), Answer::Worse);
        assert_eq!(answer(-5.0, None, ACCURACY), Answer::Unclear);
        assert_eq!(answer(0.0, Some(0.0), ACCURACY), Answer::Unclear);
    }
}
