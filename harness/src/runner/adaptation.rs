//! What adaptation.csv of a regression run shows: one test task, its true curve, the sampled points and the fit after
//! some inner steps. The report draws it as the Reptile paper's Figure 1.

use harness_core::{Mode, Purpose, Result, Split, State, Stream, Targets, View};

use super::job::Job;
use crate::results::adaptation::Row;

/// Inner steps after which the fit is shown, as far as the method takes so many.
const STEPS: [usize; 4] = [0, 1, 8, 32];

/// Its rows, of a test task that is in no table. None where inputs are not one number: there is no curve to draw.
pub(super) fn rows(job: &Job, state: &State) -> Result<Option<Vec<Row>>> {
    if job.source.input() != [1] {
        return Ok(None);
    }
    let seed = job.benchmark.eval.seed;
    let mut rng = Stream::new(seed, Purpose::EvalTask, 0, 0);
    let task = job
        .source
        .task(Split::Test, &job.episode(), job.benchmark.protocol.ways, &View::default(), &mut rng)?
        .to(&job.device)?;
    let Targets::Values(truth) = &task.query.y else { return Ok(None) };
    let Targets::Values(sampled) = &task.support.y else { return Ok(None) };
    let flat = |tensor: &candle_core::Tensor| -> Result<Vec<f32>> { Ok(tensor.flatten_all()?.to_vec1()?) };
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |series, step: usize, x: &[f32], y: &[f32]| {
        let mut points: Vec<(f32, f32)> = x.iter().copied().zip(y.iter().copied()).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.extend(points.into_iter().map(|(x, y)| Row { series, step: step as u32, x, y }));
    };
    let x = flat(&task.query.x)?;
    add("true", 0, &x, &flat(truth)?);
    add("support", 0, &flat(&task.support.x)?, &flat(sampled)?);
    let most = job.algorithm.test_steps();
    let steps: Vec<usize> = STEPS.into_iter().filter(|step| *step <= most).collect();
    let mut rng = Stream::new(seed, Purpose::EvalMethod, 0, 0);
    for (step, adapted) in steps.iter().zip(job.algorithm.adapt(state, &task.support, &steps, &mut rng)?) {
        let fit = job.algorithm.score(&adapted, &task.support, &task.query.x, Mode::Pointwise)?;
        add("fit", *step, &x, &flat(&fit)?);
    }
    Ok(Some(rows))
}
