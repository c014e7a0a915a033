use candle_core::{DType, Device, Tensor};
use harness_core::conformance::{
    ClosedForm, Differences, Matrix, Outer, check_closed_form, left_by_descent, left_by_proximal_descent, regression,
};
use harness_core::sources::Bowl;
use harness_core::{Labeled, Purpose, Targets, loss};

use super::*;

#[test]
fn conforms() {
    harness_core::conformance::check(&ENTRY);
}

const LAMBDA: f64 = 0.7;
const STEPS: usize = 5;

/// The meta-gradient's factor (I + A/λ)⁻¹A of a task, to be followed by what its steps leave of φ − c.
fn solved(bowl: &Bowl) -> Matrix {
    let curvature = Matrix(bowl.curvature());
    (Matrix::unit() + (1.0 / LAMBDA) * curvature).inverse() * curvature
}

/// The closed form of one way to pull, where P = (I + A/λ)⁻¹AN with N what the steps of training leave.
fn check_pull(config: fn(f64) -> String, pull: fn(&Bowl, f64) -> Matrix, left: fn(&Bowl, f64, usize) -> Matrix) {
    check_closed_form(&ENTRY, &ClosedForm { config, pull, left, outer: Outer::Adam(0.01) });
}

fn exact(rate: f64, pull: &str) -> String {
    format!(
        "pull = \"{pull}\"\nlambda = {LAMBDA}\ncg_steps = 4\ncg_damping = 0.0\nlambda_damping = 0.0\nmeta_eps = 1e-8\n\
         inner_lr = {rate}\ninner_steps = {STEPS}\ntrain_shots = 4\ntrain_queries = 4\nmeta_batch = 3\nmeta_lr = 0.01"
    )
}

/// On ½(θ − c)ᵀA(θ − c) the k proximal steps leave N(φ − c), where the gradient is AN(φ − c); conjugate gradients solve
/// for three unknowns in three steps.
#[test]
fn the_closed_form_of_a_pull_in_each_step_holds() {
    check_pull(
        |rate| exact(rate, "each-step"),
        |bowl, rate| solved(bowl) * left_by_proximal_descent(bowl, rate, LAMBDA, STEPS),
        |bowl, rate, steps| left_by_proximal_descent(bowl, rate, LAMBDA, steps),
    );
}

/// The k plain steps leave M(φ − c) with M = (I − αA)ᵏ; the step along the pull takes back αλ of the way, so that
/// N = M + αλ(I − M). At test nothing pulls.
#[test]
fn the_closed_form_of_a_pull_afterwards_holds() {
    check_pull(
        |rate| exact(rate, "after"),
        |bowl, rate| {
            let plain = left_by_descent(bowl, rate, STEPS);
            solved(bowl) * (plain + (rate * LAMBDA) * (Matrix::unit() - plain))
        },
        left_by_descent,
    );
}

fn rng() -> Stream {
    Stream::new(0, Purpose::TrainMethod, 0, 0)
}

/// Points of a bent curve, in f64 so that differences are exact enough.
fn curve(x: [f64; 4]) -> Labeled {
    let column = |values: [f64; 4]| Tensor::from_vec(values.to_vec(), (4, 1), &Device::Cpu).unwrap();
    Labeled::new(column(x), Targets::Values(column(x.map(|x| 1.5 * x.sin() + 0.5 * x * x)))).unwrap()
}

/// A small network whose inner problem is solved to convergence: the query loss there, as a function of the
/// initialisation alone, has the implicit gradient for its exact one. The query's own gradient is something else.
#[test]
fn the_meta_gradient_is_exact_at_convergence() {
    let own = Own { pull: Pull::EachStep, cg_steps: 30, cg_damping: 0.0, lambda_damping: 0.0, ..Own::default() };
    let settings = Settings { inner_steps: 600, inner_lr: 0.05, ..Settings::default() };
    let method = method(settings, own, &regression(1, &[3], 4)).unwrap();
    let start = method.model.init(&mut Stream::new(3, Purpose::Init, 0, 0)).unwrap();
    let start = start.to(DType::F64, &Device::Cpu).unwrap();
    let task = Task { support: curve([-1.5, -0.5, 0.4, 1.2]), query: curve([-1.0, 0.1, 0.9, 1.7]) };

    let point = |start: &Params| method.descend(start, &task.support, &[600], &mut rng()).unwrap().remove(0).params;
    let query_loss = |start: &Params| {
        let answers = method.model.logits(&point(start), &task.query.x, &harness_core::Norm::Batch).unwrap();
        loss::loss(&answers, &task.query.y, Reduction::Mean).unwrap().to_scalar::<f64>().unwrap()
    };
    let (value, ours) = implicit_gradient(&method, own, &start, &task, &mut rng()).unwrap();
    assert!((value - query_loss(&start)).abs() < 1e-12);
    let first_order = method.model.loss_grad(&point(&start), &task.query, Reduction::Mean).unwrap().grads;

    let wanted = Differences::new(&start, usize::MAX, query_loss);
    let (gap, first_gap, largest) = (wanted.gap(&ours), wanted.gap(&first_order), wanted.largest());
    assert!(gap < 1e-6 * largest, "{gap} of {largest}");
    assert!(first_gap > 1e-2 * largest, "the check has no power: {first_gap} of {largest}");
}

#[test]
fn wrong_settings_are_named() {
    let error = |text: &str| build(&text.parse().unwrap(), &regression(1, &[3], 4)).err().unwrap().to_string();
    assert!(error("lamda = 1.0").contains("did you mean \"lambda\"?"));
    assert!(error("lambda = 0.0").starts_with("lambda = 0: it must be above 0"));
    assert!(error("cg_damping = -1.0").starts_with("cg_damping = -1: it must be 0 or more"));
    assert!(error("cg_steps = 0").contains("cg_steps"));
}
