//! Gradient methods on quadratic tasks, where what they do is known exactly.
//!
//! On L(θ) = ½(θ − c)ᵀA(θ − c) one inner step of rate α is θ − c ← (I − αA)(θ − c), so all that a method does is linear: a
//! task's contribution to a meta-iteration is P(c − φ) with a matrix P of its own, and the fixed point is
//! φ* = (Σ Pᵢ)⁻¹ Σ Pᵢcᵢ. A method that declares its P is held to both.

use candle_core::{Device, Tensor};

use super::by_hand::regression;
use super::matrix::Matrix;
use crate::algorithm::{Algorithm, Entry, Progress};
use crate::episode::{Draw, Task};
use crate::error::Result;
use crate::params::Params;
use crate::rng::{Purpose, Stream};
use crate::sources::Bowl;
use crate::state::State;

/// What a method promises on quadratic tasks. Full batches are the four points of a task.
#[derive(Clone, Copy, Debug)]
pub struct ClosedForm {
    /// Settings (TOML) with the given rate of plain gradient descent on the mean loss inside, and tasks of four points.
    pub config: fn(rate: f64) -> String,
    /// P, for that rate.
    pub pull: fn(&Bowl, rate: f64) -> Matrix,
    /// What so many inner steps at test leave of θ − c.
    pub left: fn(&Bowl, rate: f64, steps: usize) -> Matrix,
    /// What the outer loop makes of it.
    pub outer: Outer,
}

/// What the outer loop makes of the mean of all P(c − φ).
#[derive(Clone, Copy, Debug)]
pub enum Outer {
    /// It is added, times this.
    Step(f64),
    /// Its opposite is the gradient of Adam (β₁ = 0.9, β₂ = 0.999, ε = 1e-8 beside the uncorrected √v) with this rate.
    Adam(f64),
}

/// What plain gradient descent leaves of θ − c: (I − αA)ᵏ.
pub fn left_by_descent(bowl: &Bowl, rate: f64, steps: usize) -> Matrix {
    (Matrix::unit() - rate * Matrix(bowl.curvature())).power(steps)
}

/// What gradient descent leaves of θ − c under a pull of λ/2·‖θ − φ‖² towards its start φ. The inner objective is a quadratic
/// with curvature A + λI around (A + λI)⁻¹(Ac + λφ), so k steps go P(c − φ) with
/// P = (I − (I − α(A + λI))ᵏ)(A + λI)⁻¹A, and I − P is left; many steps end at the proximal point, P = (A + λI)⁻¹A.
pub fn left_by_proximal_descent(bowl: &Bowl, rate: f64, lambda: f64, steps: usize) -> Matrix {
    let curvature = Matrix(bowl.curvature());
    let held = curvature + Matrix::diagonal(lambda);
    Matrix::unit() - (Matrix::unit() - (Matrix::unit() - rate * held).power(steps)) * held.inverse() * curvature
}

/// Inner steps in the settings of [`EXACT_MAML`].
const STEPS: usize = 3;

/// Exact MAML, for a method whose inner steps move all that there is. The query gradient after k inner steps of rate α,
/// A(I − αA)ᵏ(φ − c), comes back through them with another factor (I − αA)ᵏ: it is −P(c − φ) with
/// P = (I − αA)ᵏA(I − αA)ᵏ. The fixed point (Σ Pᵢ)⁻¹ Σ Pᵢcᵢ minimises the mean loss after k steps.
pub const EXACT_MAML: ClosedForm = ClosedForm {
    config: |rate| {
        format!(
            "inner_lr = {rate}\ninner_steps = {STEPS}\ntrain_shots = 4\ntrain_queries = 4\nmeta_batch = 3\n\
             meta_lr = 0.01"
        )
    },
    pull: |bowl, rate| {
        let left = left_by_descent(bowl, rate, STEPS);
        left * Matrix(bowl.curvature()) * left
    },
    left: left_by_descent,
    outer: Outer::Adam(0.01),
};

/// Largest difference allowed, in each coordinate.
const TOLERANCE: f64 = 1e-5;
const START: [f64; 3] = [0.7, -1.3, 0.4];
/// Meta-iterations after which the fixed point must have been reached.
const LONG: u64 = 4000;

/// Checks one meta-iteration, the fixed point of many, and adaptation (1,000 steps of rate 0.01 on the plain mean of
/// squares among it) to 1e-5. Panics with a sentence that says what differs.
pub fn check_closed_form(entry: &Entry, form: &ClosedForm) {
    adaptation(entry, form).expect("adaptation runs");
    let (rate, name) = (0.1, entry.name);
    let method = build(entry, form, rate);
    let bowls = bowls(method.sampling().meta_batch);
    let pulls: Vec<Matrix> = bowls.iter().map(|bowl| (form.pull)(bowl, rate)).collect();
    let n = bowls.len() as f64;
    let sum = pulls.iter().copied().fold(Matrix::diagonal(0.0), |sum, pull| sum + pull);
    let pulled = pulls.iter().zip(&bowls).map(|(pull, bowl)| pull.apply(bowl.centre));
    let pulled = pulled.fold([0.0; 3], |sum, own| plus(sum, 1.0, own));

    let mut state = start(method.as_ref()).expect("a state can be made");
    iterate(method.as_ref(), &mut state, &bowls).expect("a meta-iteration runs");
    let mean = plus(pulled, -1.0, sum.apply(START)).map(|x| x / n);
    let want = match form.outer {
        Outer::Step(step) => plus(START, step, mean),
        // After the first step m = 0.1·g and v = 0.001·g², and the bias correction is in the rate.
        Outer::Adam(lr) => plus(START, lr, mean.map(|g| g / (g.abs() + 1e-8 / 0.001f64.sqrt()))),
    };
    close(read(&state.params), want, || format!("{name}: one meta-iteration from {START:?}"));

    for _ in 1..LONG {
        iterate(method.as_ref(), &mut state, &bowls).expect("a meta-iteration runs");
    }
    close(read(&state.params), sum.inverse().apply(pulled), || format!("{name}: the fixed point"));
}

fn adaptation(entry: &Entry, form: &ClosedForm) -> Result<()> {
    let rate = 0.01;
    let method = build(entry, form, rate);
    let state = start(method.as_ref())?;
    let steps = [0, 1, 7, 1000];
    for bowl in bowls(3) {
        let mut rng = Stream::new(0, Purpose::EvalMethod, 0, 0);
        let adapted = method.adapt(&state, &bowl.points(&[2, 0, 3, 1])?, &steps, &mut rng)?;
        for (steps, adapted) in steps.into_iter().zip(adapted) {
            let away = (form.left)(&bowl, rate, steps).apply(plus(START, -1.0, bowl.centre));
            let want = plus(bowl.centre, 1.0, away);
            close(read(&adapted.params), want, || format!("{}: {steps} inner steps on {bowl:?}", entry.name));
        }
    }
    Ok(())
}

/// The plain one and others.
fn bowls(n: usize) -> Vec<Bowl> {
    let draw = |index| Bowl::draw(&mut Stream::new(1, Purpose::TrainTask, 0, index));
    [Bowl::PLAIN].into_iter().chain((0..).map(draw).filter(|bowl| *bowl != Bowl::PLAIN)).take(n).collect()
}

fn build(entry: &Entry, form: &ClosedForm, rate: f64) -> Box<dyn Algorithm> {
    let table = (form.config)(rate).parse().expect("the settings are TOML");
    (entry.build)(&table, &regression(2, &[], 4)).unwrap_or_else(|error| panic!("{}: {error}", entry.name))
}

fn start(method: &dyn Algorithm) -> Result<State> {
    let mut state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
    let [a, b, bias] = START.map(|x| x as f32);
    state.params.insert("head.weight", Tensor::new(&[[a], [b]], &Device::Cpu)?);
    state.params.insert("head.bias", Tensor::new(&[bias], &Device::Cpu)?);
    Ok(state)
}

/// One meta-iteration on these tasks, whatever the schedule: always its first.
fn iterate(method: &dyn Algorithm, state: &mut State, bowls: &[Bowl]) -> Result<()> {
    let sampling = method.sampling();
    let Draw::Episode { shots, queries, .. } = sampling.draw else { panic!("closed forms are for episodes") };
    let count = |n: usize| (0..n).collect::<Vec<_>>();
    let mut tasks = Vec::new();
    for (index, bowl) in (0..).zip(bowls) {
        let task = Task { support: bowl.points(&count(shots))?, query: bowl.points(&count(queries))? };
        tasks.push((task, Stream::new(0, Purpose::TrainMethod, state.step, index)));
    }
    let mut updates = Vec::new();
    for chain in tasks.chunks_mut(sampling.chain) {
        updates.extend(method.chain_update(state, chain)?);
    }
    method.outer_update(state, updates, Progress { iteration: 0, total: 1 })?;
    state.step += 1;
    Ok(())
}

fn read(params: &Params) -> [f64; 3] {
    let flat = |name| params.get(name).and_then(|tensor| Ok(tensor.flatten_all()?.to_vec1::<f32>()?));
    let (weight, bias) = (flat("head.weight").expect("a weight"), flat("head.bias").expect("a bias"));
    [weight[0], weight[1], bias[0]].map(f64::from)
}

fn plus(a: [f64; 3], scale: f64, b: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|i| a[i] + scale * b[i])
}

fn close(got: [f64; 3], want: [f64; 3], what: impl Fn() -> String) {
    let near = got.iter().zip(want).all(|(a, b)| (a - b).abs() <= TOLERANCE);
    assert!(near, "{}: {got:?}, not {want:?}", what());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descent_on_the_plain_task_is_a_power_by_hand() {
        // The weights shrink by 1 - 0.01, the bias, whose curvature is 2, by 1 - 0.02.
        let left = left_by_descent(&Bowl::PLAIN, 0.01, 1000).0;
        assert!((left[0][0] - 4.3171247e-5).abs() < 1e-12, "{left:?}");
        assert!((left[2][2] - 1.682967e-9).abs() < 1e-14, "{left:?}");
        assert_eq!((left[0][1], left[1][1]), (0.0, left[0][0]));
    }
}
