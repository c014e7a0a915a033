//! The fused kernels and candle's own operations are one contract: a method gives the same on both, within rounding.
//!
//! Candle's own is what a GPU gets, so that a method which passes here runs there.

use candle_core::{DType, Tensor};

use super::{Toy, tasks};
use crate::adapted::Mode;
use crate::algorithm::{Algorithm, Progress, Update};
use crate::error::Result;
use crate::params::Params;
use crate::rng::{Purpose, Stream};
use crate::state::State;

/// Largest difference allowed, relative to what is compared.
const TOLERANCE: f64 = 1e-3;
/// Inner steps after which adaptation is compared: over many an optimiser such as Adam makes anything of rounding.
const STEPS: usize = 2;

/// Contributions of tasks, the folded state, adaptation and answers in both modes, from one `state` on.
pub(super) fn agree(name: &str, toy: &Toy, methods: [&dyn Algorithm; 2], state: &State) -> Result<()> {
    let mut streams = [0, 1].map(|_| Stream::new(0, Purpose::Init, 0, 0));
    let [a, b] = [methods[0].init(&mut streams[0])?, methods[1].init(&mut streams[1])?];
    assert!(a.same_bits(&b)?, "{name}: the initial state depends on how models compute");

    let updates = |method: &dyn Algorithm| {
        let sampling = method.sampling();
        let mut tasks = tasks(toy, &sampling, 9, sampling.meta_batch as u64)?;
        let chains = tasks.chunks_mut(sampling.chain).map(|chain| method.chain_update(state, chain));
        Ok::<Vec<Update>, crate::Error>(chains.collect::<Result<Vec<_>>>()?.concat())
    };
    let (fused, plain) = (updates(methods[0])?, updates(methods[1])?);
    for (a, b) in fused.iter().zip(&plain) {
        assert!(a.tensors.keys().eq(b.tensors.keys()), "{name}: other roles on candle's own operations");
        assert_eq!(a.keys, b.keys, "{name}: other keys on candle's own operations");
        for (role, tensors) in &a.tensors {
            close(name, role, tensors, &b.tensors[role], 1e-3)?;
        }
        for (scalar, value) in &a.scalars {
            let gap = (value - b.scalars[scalar]).abs();
            assert!(
                gap <= TOLERANCE * value.abs().max(0.1),
                "{name}: {scalar} is {value} or, on candle's own operations, {}",
                b.scalars[scalar]
            );
        }
    }

    // From the same updates, so that the fold is compared and not once more what they differ by.
    let fold = |method: &dyn Algorithm| {
        let mut folded = state.clone();
        method.outer_update(&mut folded, fused.clone(), Progress { iteration: state.step, total: 10 })?;
        Ok::<State, crate::Error>(folded)
    };
    let (a, b) = (fold(methods[0])?, fold(methods[1])?);
    close(name, "parameters after a fold", &a.params, &b.params, 1e-3)?;
    close(name, "buffers after a fold", &a.buffers, &b.buffers, 1e-3)?;

    for index in 0..3 {
        let task = toy.episode(index)?;
        let adapt = |method: &dyn Algorithm| {
            let mut rng = Stream::new(0, Purpose::EvalMethod, 0, index);
            Ok::<_, crate::Error>(
                method.adapt(state, &task.support, &[STEPS.min(method.test_steps())], &mut rng)?.remove(0),
            )
        };
        let (a, b) = (adapt(methods[0])?, adapt(methods[1])?);
        // An Adam makes steps of gradients that are 0 but for rounding: all are measured together.
        close(name, "adapted parameters", &a.params, &b.params, 1.0)?;
        close(name, "adapted buffers", &a.buffers, &b.buffers, 1e-3)?;
        for mode in [Mode::Transductive, Mode::Inductive] {
            let answers = |method: &dyn Algorithm| method.score(&a, &task.support, &task.query.x, mode);
            let [a, b] = [answers(methods[0])?, answers(methods[1])?]
                .map(|answers| Params::from_iter([(mode.as_str().to_owned(), answers)]));
            close(name, "answers", &a, &b, 1e-3)?;
        }
    }
    Ok(())
}

/// Every tensor apart by a small part of its length at most; one that is 0 but for rounding is measured by `floor` of the length
/// of all.
fn close(name: &str, what: &str, a: &Params, b: &Params, floor: f64) -> Result<()> {
    assert!(a.names().eq(b.names()), "{name}: {what} have other names on candle's own operations");
    let length = |tensor: &Tensor| -> Result<f64> {
        Ok(tensor.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
    };
    let lengths = a.iter().map(|(_, tensor)| length(tensor)).collect::<Result<Vec<f64>>>()?;
    let whole = lengths.iter().map(|length| length * length).sum::<f64>().sqrt();
    for ((tensor, one), own) in a.iter().zip(lengths) {
        let (gap, scale) = (length(&(one - b.get(tensor)?)?)?, own.max(floor * whole));
        assert!(
            gap <= TOLERANCE * scale,
            "{name}: {what}, {tensor}: {gap} apart on candle's own operations, of {scale}"
        );
    }
    Ok(())
}
