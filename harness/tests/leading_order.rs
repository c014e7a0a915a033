//! The leading-order expansion of the methods' expected updates (Nichol, Achiam, Schulman 2018, arXiv 1803.02999, section 5.1).
//!
//! A task has mini-batches 1 … k with losses L_i, gradients ḡ_i and Hessians H̄_i at the initialisation φ. A method takes k
//! inner steps of rate α on them in random order. Averaged over all orders, its update is
//!
//! c₁·AvgGrad + c₂·α·AvgGradInner + O(α²), with AvgGrad = E[ḡ_i] and AvgGradInner = E[H̄_i ḡ_j], i ≠ j:
//!
//! | method | c₁ | c₂ |
//! |---|---|---|
//! | MAML: the last loss, differentiated through the k − 1 steps before | 1 | −2(k − 1) |
//! | FOMAML: the last gradient | 1 | −(k − 1) |
//! | Reptile: the sum of all gradients | k | −k(k − 1)/2 |
//!
//! AvgGrad leads to the minimum of the mean loss, −AvgGradInner to where the mini-batches' gradients agree: that is what
//! makes a few steps generalise. Here it is checked on a tanh network in f64: the residual falls as α². The updates are
//! those of the methods' own crates; the mini-batches are single points, so that every order of them can be asked for.

use candle_core::{DType, Device, Tensor};
use harness_core::conformance::regression;
use harness_core::families::maml::Unrolled;
use harness_core::{
    Algorithm, Context, Entry, Group, Labeled, MiniBatches, Model, Params, Purpose, Reduction, State, Stream, Targets,
    Task,
};

const POINTS: [(f64, f64); 4] = [(-1.2, 0.7), (0.4, -0.5), (1.1, 1.3), (-0.3, 0.2)];

/// Which update is expanded.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Maml,
    Fomaml,
    Reptile,
}

const METHODS: [Method; 3] = [Method::Maml, Method::Fomaml, Method::Reptile];

impl Method {
    /// c₁ and c₂ as the paper has them.
    fn coefficients(self, k: usize) -> (f64, f64) {
        let k = k as f64;
        match self {
            Method::Maml => (1.0, -2.0 * (k - 1.0)),
            Method::Fomaml => (1.0, -(k - 1.0)),
            Method::Reptile => (k, -k * (k - 1.0) / 2.0),
        }
    }
}

/// A task of `k` points and the network at its initialisation.
struct SmallTask {
    context: Context,
    model: Model,
    start: Params,
    k: usize,
}

impl SmallTask {
    fn new(k: usize) -> Self {
        let context = regression(1, &[4], k);
        let model = Model::new(&context.model, &context.input, 1, &Device::Cpu).unwrap();
        let start = model.init(&mut Stream::new(5, Purpose::Init, 0, 0)).unwrap();
        SmallTask { start: start.to(DType::F64, &Device::Cpu).unwrap(), context, model, k }
    }

    fn points(&self, which: &[usize]) -> Labeled {
        let column = |value: fn(&(f64, f64)) -> f64| {
            let values: Vec<f64> = which.iter().map(|i| value(&POINTS[*i])).collect();
            Tensor::from_vec(values, (which.len(), 1), &Device::Cpu).unwrap()
        };
        Labeled::new(column(|p| p.0), Targets::Values(column(|p| p.1))).unwrap()
    }

    fn gradient(&self, params: &Params, batch: usize) -> Params {
        self.model.loss_grad(params, &self.points(&[batch]), Reduction::Mean).unwrap().grads
    }

    /// AvgGrad and AvgGradInner at the start. H̄_i ḡ_j is the central difference of gradient i along gradient j.
    fn averages(&self) -> (Params, Params) {
        let h = 1e-5;
        let grads: Vec<Params> = (0..self.k).map(|i| self.gradient(&self.start, i)).collect();
        let curved = |i: usize, j: usize| {
            let at = |by: f64| self.gradient(&self.start.axpy(by, &grads[j]).unwrap(), i);
            at(h).sub(&at(-h)).unwrap().scale(0.5 / h).unwrap()
        };
        let pairs = (0..self.k).flat_map(|i| (0..self.k).filter(move |j| *j != i).map(move |j| (i, j)));
        let inner: Vec<Params> = pairs.map(|(i, j)| curved(i, j)).collect();
        (Params::mean(&grads).unwrap(), Params::mean(&inner).unwrap())
    }

    fn build(&self, entry: &Entry, settings: &str) -> Box<dyn Algorithm> {
        (entry.build)(&settings.parse().unwrap(), &self.context).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What the method's own crate answers to the task in the order of `rng`.
    fn role(&self, method: &dyn Algorithm, task: &Task, role: &str, rng: &Stream) -> Params {
        let update = method.task_update(&State::new(self.start.clone()), task, &mut rng.clone()).unwrap();
        update.role(role).unwrap().clone()
    }

    /// The update as a gradient: the direction that is subtracted.
    fn update(&self, method: Method, alpha: f64, order: &[usize], rng: &Stream) -> Params {
        let all: Vec<usize> = (0..self.k).collect();
        let task = Task { support: self.points(&all), query: self.points(&[]) };
        let settings = format!(
            "inner_iters = {}\ninner_batch = 1\ntrain_shots = {}\noptimizer = \"sgd\"\nlr = {alpha}\nmeta_batch = 1\n",
            self.k, self.k
        );
        match method {
            Method::Reptile => {
                let reptile = self.build(&reptile::ENTRY, &settings);
                let end = self.role(reptile.as_ref(), &task, "params", rng);
                self.start.sub(&end).unwrap().scale(1.0 / alpha).unwrap()
            }
            Method::Fomaml => {
                let fomaml = self.build(&fomaml::ENTRY, &format!("variant = \"last-step\"\n{settings}"));
                self.role(fomaml.as_ref(), &task, "delta", rng).scale(-1.0 / alpha).unwrap()
            }
            Method::Maml => {
                let (last, before) = order.split_last().unwrap();
                let mut unrolled = Unrolled::new(&self.model, &self.start, alpha, Group::All);
                for batch in before {
                    unrolled.step(&self.points(&[*batch])).unwrap();
                }
                unrolled.pull_back(&self.gradient(unrolled.params(), *last)).unwrap()
            }
        }
    }

    /// The mean over all orders.
    fn expected(&self, method: Method, alpha: f64, orders: &[(Vec<usize>, Stream)]) -> Params {
        let each: Vec<Params> = orders.iter().map(|(order, rng)| self.update(method, alpha, order, rng)).collect();
        Params::mean(&each).unwrap()
    }
}

/// Every order of `k` mini-batches with a stream from which the methods draw it.
fn orders(k: usize) -> Vec<(Vec<usize>, Stream)> {
    let mut found: Vec<(Vec<usize>, Stream)> = Vec::new();
    let mut index = 0;
    while found.len() < (1..=k).product() {
        let rng = Stream::new(0, Purpose::TrainMethod, 0, index);
        let (mut drawn, mut batch, mut order) = (rng.clone(), Vec::new(), Vec::new());
        let mut batches = MiniBatches::new(k, 1, false, &mut drawn);
        for _ in 0..k {
            batches.fill(&mut batch);
            order.push(batch[0]);
        }
        if found.iter().all(|(known, _)| *known != order) {
            found.push((order, rng));
        }
        index += 1;
    }
    found
}

fn dot(a: &Params, b: &Params) -> f64 {
    a.dot(b).unwrap().to_scalar::<f64>().unwrap()
}

/// ‖update − c₁·AvgGrad − c₂·α·AvgGradInner‖.
fn residual(update: &Params, (grad, inner): &(Params, Params), (c1, c2): (f64, f64), alpha: f64) -> f64 {
    let rest = update.axpy(-c1, grad).unwrap().axpy(-c2 * alpha, inner).unwrap();
    dot(&rest, &rest).sqrt()
}

/// The coefficients that fit best, by the normal equations of two unknowns.
fn fitted(update: &Params, (grad, inner): &(Params, Params), alpha: f64) -> (f64, f64) {
    let (gg, gi, ii) = (dot(grad, grad), dot(grad, inner), dot(inner, inner));
    let (gu, iu) = (dot(grad, update), dot(inner, update));
    let determinant = gg * ii - gi * gi;
    ((gu * ii - iu * gi) / determinant, (iu * gg - gu * gi) / determinant / alpha)
}

#[test]
fn coefficients_of_avggrad_and_avggradinner_are_the_papers() {
    const ALPHA: f64 = 0.01;
    for k in [2, 3, 4] {
        let problem = SmallTask::new(k);
        let (averages, orders) = (problem.averages(), orders(k));
        for method in METHODS {
            let [coarse, fine] = [ALPHA, ALPHA / 2.0].map(|alpha| problem.expected(method, alpha, &orders));
            let want = method.coefficients(k);
            let at = |c| residual(&coarse, &averages, c, ALPHA) / residual(&fine, &averages, c, ALPHA / 2.0);
            let ratio = at(want);
            assert!((3.7..4.3).contains(&ratio), "{method:?}, k = {k}: halving α divides the residual by {ratio}");
            let got = fitted(&fine, &averages, ALPHA / 2.0);
            assert!((got.0 - want.0).abs() < 0.02 * want.0, "{method:?}, k = {k}: {got:?}, not {want:?}");
            assert!((got.1 - want.1).abs() < 0.1 * want.1.abs(), "{method:?}, k = {k}: {got:?}, not {want:?}");
            // With another method's coefficient the residual is of first order: the check can tell them apart.
            for other in METHODS.map(|other| (want.0, other.coefficients(k).1)).into_iter().filter(|c| c.1 != want.1) {
                let ratio = at(other);
                assert!(ratio < 2.6, "{method:?}, k = {k}, with c₂ = {}: {ratio}", other.1);
            }
        }
    }
}

/// Of two steps MAML's update is the maml crate's: one step on the first mini-batch, queries from the second.
#[test]
fn mamls_update_of_two_steps_is_its_crates() {
    let problem = SmallTask::new(2);
    let alpha = 0.05;
    let maml = problem.build(&maml::ENTRY, &format!("inner_steps = 1\ninner_lr = {alpha}\nmeta_batch = 1"));
    for (order, rng) in orders(2) {
        let task = Task { support: problem.points(&order[..1]), query: problem.points(&order[1..]) };
        let own = problem.role(maml.as_ref(), &task, "gradient", &rng);
        let gap = own.sub(&problem.update(Method::Maml, alpha, &order, &rng)).unwrap();
        assert!(dot(&gap, &gap).sqrt() < 1e-12 * dot(&own, &own).sqrt());
    }
}
