//! What every method must keep to, checked in one line: `harness_core::conformance::check(&ENTRY)`.
//!
//! The harness relies on each of these: parallel maps on pure task updates, checkpoints on the round trip of the state,
//! honest tables on scores that see neither labels nor, in inductive mode, other queries. A gradient method that knows its
//! closed form on quadratic tasks is held to it by [`check_closed_form`].
//!
//! A whole method, small enough to read, is what `harness new-algorithm` writes (a test of the harness compiles it and runs
//! the suite on it):
#![doc = "```ignore"]
#![doc = include_str!("../../../templates/algorithm/src/lib.rs")]
#![doc = "```"]

mod by_hand;
mod closed_form;
mod differences;
mod halves;
mod matrix;
mod paths;
mod toy;

use candle_core::Tensor;

pub use by_hand::{classification, matrix, regression, start_at};
pub use closed_form::{ClosedForm, EXACT_MAML, Outer, check_closed_form, left_by_descent, left_by_proximal_descent};
pub use differences::Differences;
pub use matrix::Matrix;
pub use toy::Toy;

use crate::adapted::{Adapted, Mode};
use crate::algorithm::{Algorithm, Entry, Progress};
use crate::answers::answers;
use crate::context::Context;
use crate::episode::{Sampling, Task};
use crate::error::Result;
use crate::rng::{Purpose, Stream};
use crate::source::{Split, TaskSource, View};
use crate::state::State;

/// Meta-iterations within which a method learns the toy task.
pub const TOY_ITERATIONS: u64 = 300;

/// Runs the whole suite with the entry's toy config, a few seconds. Panics with a sentence that says which promise was
/// broken. The toy task must be learned within [`TOY_ITERATIONS`]: above 60 % of right answers, 8 points more than untrained.
pub fn check(entry: &Entry) {
    check_with(entry, "");
}

/// As [`check`], with one more line in the entry's toy config: a setting that a method has two ways for.
pub fn check_with(entry: &Entry, line: &str) {
    let toy = Toy::new();
    let table: toml::Table = format!("{}\n{line}", entry.toy).parse().expect("the toy config is TOML");
    let method = (entry.build)(&table, &toy.context()).expect("the toy config builds");
    let method = method.as_ref();
    let name = entry.name;
    let state = train(&toy, method, 3).expect("three meta-iterations run");
    updates_are_pure(name, &toy, method, &state).expect("task updates run");
    state_round_trips(name, &toy, method, &state).expect("a restored state runs");
    adaptation_leaves_the_state_alone(name, &toy, method, &state).expect("adaptation runs");
    evaluation_reads_no_more_than_it_says(name, &toy, method, &state).expect("adaptation runs");
    inductive_answers_stand_alone(name, &toy, method, &state).expect("inductive scoring runs");
    permuting_queries_permutes_answers(name, &toy, method, &state).expect("transductive scoring runs");
    groups_do_not_see_each_other(name, &toy, method, &state).expect("transductive scoring runs");
    who_answers_alone_does_so_in_both_modes(name, &toy, method, &state).expect("scoring runs");
    parameters_stay_finite(name, &state);
    wrong_keys_are_named(entry, &table, &toy);
    halves::hold(entry, &table, &toy).expect("training runs");
    let plain = (entry.build)(&table, &Context { plain: true, ..toy.context() }).expect("the toy config builds");
    paths::agree(name, &toy, [method, plain.as_ref()], &state).expect("candle's own operations run");
    it_learns(name, &toy, method).expect("training runs");
}

/// The next meta-iteration exactly as the runner takes it.
pub fn iterate(toy: &Toy, method: &dyn Algorithm, state: &mut State, total: u64) -> Result<()> {
    let sampling = method.sampling();
    let mut tasks = tasks(toy, &sampling, state.step, sampling.meta_batch as u64)?;
    let mut updates = Vec::new();
    for chain in tasks.chunks_mut(sampling.chain) {
        updates.extend(method.chain_update(state, chain)?);
    }
    method.outer_update(state, updates, Progress { iteration: state.step, total })?;
    state.step += 1;
    Ok(())
}

/// The first `n` training tasks of meta-iteration `step`, each with its stream.
fn tasks(toy: &Toy, sampling: &Sampling, step: u64, n: u64) -> Result<Vec<(Task, Stream)>> {
    let draw = |index| {
        let mut rng = Stream::new(0, Purpose::TrainTask, step, index);
        let task = toy.source.task(Split::Train, &sampling.draw, toy.protocol.ways, &View::default(), &mut rng)?;
        Ok((task, Stream::new(0, Purpose::TrainMethod, step, index)))
    };
    (0..n).map(draw).collect()
}

fn train(toy: &Toy, method: &dyn Algorithm, iterations: u64) -> Result<State> {
    let mut state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
    for _ in 0..iterations {
        iterate(toy, method, &mut state, iterations)?;
    }
    Ok(state)
}

fn adapted(method: &dyn Algorithm, state: &State, toy: &Toy, index: u64) -> Result<(Task, Adapted)> {
    let task = toy.episode(index)?;
    let mut rng = Stream::new(0, Purpose::EvalMethod, 0, index);
    let adapted = method.adapt(state, &task.support, &[method.test_steps()], &mut rng)?;
    Ok((task, adapted.into_iter().next().expect("one step count, one answer")))
}

fn updates_are_pure(name: &str, toy: &Toy, method: &dyn Algorithm, state: &State) -> Result<()> {
    let before = state.clone();
    let sampling = method.sampling();
    let mut tasks = Vec::new();
    for index in 0..sampling.chain as u64 {
        let mut rng = Stream::new(7, Purpose::TrainTask, 0, index);
        tasks.push(toy.source.task(Split::Train, &sampling.draw, toy.protocol.ways, &View::default(), &mut rng)?);
    }
    let run = || -> Result<Vec<crate::Update>> {
        let stream = |index| Stream::new(7, Purpose::TrainMethod, 0, index);
        let mut tasks: Vec<_> = (0..).zip(tasks.clone()).map(|(index, task)| (task, stream(index))).collect();
        method.chain_update(state, &mut tasks)
    };
    let here = run()?;
    let there = std::thread::scope(|scope| scope.spawn(run).join().expect("no panic in a thread"))?;
    assert_eq!(here.len(), sampling.chain, "{name}: one update a task");
    for (a, b) in here.iter().zip(&there) {
        let roles = |update: &crate::Update| update.tensors.keys().cloned().collect::<Vec<_>>();
        assert_eq!(roles(a), roles(b), "{name}: the same task gave other roles on another thread");
        for (role, tensors) in &a.tensors {
            assert!(
                tensors.same_bits(&b.tensors[role])?,
                "{name}: task_update is not pure: {role} differs on a re-run"
            );
        }
        let bits = |update: &crate::Update| update.scalars.values().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(a), bits(b), "{name}: task_update is not pure: scalars differ on a re-run");
        assert_eq!(a.keys, b.keys, "{name}: task_update is not pure: keys differ on a re-run");
    }
    assert!(state.same_bits(&before)?, "{name}: task_update changed the state");
    Ok(())
}

fn state_round_trips(name: &str, toy: &Toy, method: &dyn Algorithm, state: &State) -> Result<()> {
    let copied = |tensor: &Tensor| -> Result<Tensor> {
        let flat = tensor.flatten_all()?.to_vec1::<f32>()?;
        Ok(Tensor::from_vec(flat, tensor.shape(), tensor.device())?)
    };
    let stored = state.to_tensors().into_iter().map(|(name, tensor)| Ok((name, copied(&tensor)?)));
    let mut restored = State::from_tensors(stored.collect::<Result<Vec<_>>>()?, state.step)?;
    let mut kept = state.clone();
    iterate(toy, method, &mut kept, 10)?;
    iterate(toy, method, &mut restored, 10)?;
    assert!(kept.same_bits(&restored)?, "{name}: a run resumed from a checkpoint goes another way");
    Ok(())
}

fn adaptation_leaves_the_state_alone(name: &str, toy: &Toy, method: &dyn Algorithm, state: &State) -> Result<()> {
    let before = state.clone();
    let (task, once) = adapted(method, state, toy, 0)?;
    assert!(state.same_bits(&before)?, "{name}: adapt changed the state");
    // More step counts are snapshots of the same path.
    let steps = method.test_steps();
    let mut rng = Stream::new(0, Purpose::EvalMethod, 0, 0);
    let all = method.adapt(state, &task.support, &[0, steps / 2, steps], &mut rng)?;
    assert_eq!(all.len(), 3, "{name}: adapt returns one answer for each step count");
    assert!(all[2].params.same_bits(&once.params)?, "{name}: asking for snapshots changed where adaptation ends");
    Ok(())
}

fn evaluation_reads_no_more_than_it_says(name: &str, toy: &Toy, method: &dyn Algorithm, state: &State) -> Result<()> {
    let kept = method.for_evaluation(state);
    assert_eq!(kept.step, state.step, "{name}: for_evaluation changed the step");
    let (_, whole) = adapted(method, state, toy, 3)?;
    let (_, part) = adapted(method, &kept, toy, 3)?;
    assert!(whole.params.same_bits(&part.params)?, "{name}: adapting reads something that for_evaluation left out");
    Ok(())
}

fn inductive_answers_stand_alone(name: &str, toy: &Toy, method: &dyn Algorithm, state: &State) -> Result<()> {
    let (task, adapted) = adapted(method, state, toy, 1)?;
    let all = rows(&method.score(&adapted, &task.support, &task.query.x, Mode::Inductive)?)?;
    assert_eq!(all.len(), task.query.len(), "{name}: one row of logits a query");
    assert!(all.iter().all(|row| row.len() == toy.protocol.ways), "{name}: one logit a way");
    for (index, expected) in all.iter().enumerate() {
        let alone = task.query.x.narrow(0, index, 1)?.contiguous()?;
        let alone = rows(&method.score(&adapted, &task.support, &alone, Mode::Inductive)?)?;
        close(expected, &alone[0], || format!("{name}: other queries changed the inductive answer to query {index}"));
    }
    Ok(())
}

fn permuting_queries_permutes_answers(name: &str, toy: &Toy, method: &dyn Algorithm, state: &State) -> Result<()> {
    let (task, adapted) = adapted(method, state, toy, 2)?;
    let reversed: Vec<usize> = (0..task.query.len()).rev().collect();
    let turned = task.query.select(&reversed)?;
    for mode in [Mode::Transductive, Mode::Inductive] {
        let straight = rows(&method.score(&adapted, &task.support, &task.query.x, mode)?)?;
        let turned = rows(&method.score(&adapted, &task.support, &turned.x, mode)?)?;
        for (a, b) in straight.iter().zip(turned.iter().rev()) {
            close(a, b, || format!("{name}: the order of queries changed a {} answer", mode.as_str()));
        }
    }
    Ok(())
}

/// Queries that are not normalised together are as good as absent: other images in their place change no answer.
fn groups_do_not_see_each_other(name: &str, toy: &Toy, method: &dyn Algorithm, state: &State) -> Result<()> {
    let (task, adapted) = adapted(method, state, toy, 4)?;
    let other = toy.episode(5)?.query;
    let stream = || Stream::new(0, Purpose::EvalDeal, 0, 4);
    let all = rows(&answers(method, &adapted, &task, Mode::Transductive, &mut stream())?)?;
    let groups = method.together().deal(task.query.classes()?, &mut stream());
    for group in &groups {
        // This group's own images, and another episode's everywhere else.
        let both = task.query.concat(&other)?;
        let n = task.query.len();
        let picked: Vec<usize> = (0..n).map(|row| if group.contains(&row) { row } else { n + row }).collect();
        let mut mixed = task.clone();
        mixed.query.x = both.select(&picked)?.x;
        let now = rows(&answers(method, &adapted, &mixed, Mode::Transductive, &mut stream())?)?;
        for row in group {
            close(&all[*row], &now[*row], || {
                format!("{name}: queries of another group changed the transductive answer to query {row}")
            });
        }
    }
    Ok(())
}

/// A method that says so is asked once for both modes.
fn who_answers_alone_does_so_in_both_modes(name: &str, toy: &Toy, method: &dyn Algorithm, state: &State) -> Result<()> {
    let (task, adapted) = adapted(method, state, toy, 6)?;
    if !method.answers_alone(&adapted) {
        return Ok(());
    }
    let all = rows(&method.score(&adapted, &task.support, &task.query.x, Mode::Inductive)?)?;
    for (index, expected) in all.iter().enumerate() {
        let alone = task.query.x.narrow(0, index, 1)?.contiguous()?;
        let alone = rows(&method.score(&adapted, &task.support, &alone, Mode::Transductive)?)?;
        close(expected, &alone[0], || format!("{name}: query {index} is not answered alone in transductive mode"));
    }
    Ok(())
}

fn parameters_stay_finite(name: &str, state: &State) {
    let bad = state.params.not_finite().expect("parameters can be read").map(str::to_owned);
    assert_eq!(bad, None, "{name}: a parameter is not finite after three meta-iterations");
}

fn wrong_keys_are_named(entry: &Entry, table: &toml::Table, toy: &Toy) {
    let mut table = table.clone();
    table.insert("no_such_key".into(), toml::Value::Integer(1));
    match (entry.build)(&table, &toy.context()) {
        Ok(_) => panic!("{}: an unknown key was accepted; put deny_unknown_fields on the config", entry.name),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("no_such_key") && !message.contains('\n'), "{}: unclear: {message}", entry.name);
        }
    }
}

fn it_learns(name: &str, toy: &Toy, method: &dyn Algorithm) -> Result<()> {
    let untrained = method.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
    let trained = train(toy, method, TOY_ITERATIONS)?;
    let (before, after) = (toy.accuracy(method, &untrained)?, toy.accuracy(method, &trained)?);
    assert!(after > 60.0 && after > before + 8.0, "{name}: the toy task went from {before:.1} % to {after:.1} % only");
    Ok(())
}

fn rows(logits: &Tensor) -> Result<Vec<Vec<f32>>> {
    Ok(logits.to_vec2::<f32>()?)
}

fn close(a: &[f32], b: &[f32], message: impl Fn() -> String) {
    let scale = a.iter().fold(1f32, |most, x| most.max(x.abs()));
    assert!(a.iter().zip(b).all(|(x, y)| (x - y).abs() <= 1e-4 * scale), "{}: {a:?} and {b:?}", message());
}
