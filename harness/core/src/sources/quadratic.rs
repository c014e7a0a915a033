//! Quadratic tasks L(θ) = ½(θ − c)ᵀA(θ − c) with known A and c, on which every gradient method has a closed form.
//!
//! A task is linear regression. Its inputs are ±l₁ and ±l₂, the columns of a factor L and their opposites, with targets
//! x·w* + b*; then the mean squared error of y = x·w + b is ½(w − w*)ᵀLLᵀ(w − w*) + (b − b*)². So with θ = (w₁, w₂, b) the
//! matrix A is LLᵀ beside a 2, and c = (w*, b*). The model is `mlp` without hidden layers.

use candle_core::{Device, Tensor};
use sha2::{Digest, Sha256};

use crate::episode::{Draw, Labeled, Targets, Task};
use crate::error::{Error, Result};
use crate::rng::Stream;
use crate::source::{Split, TaskSource, View};

/// Points of a task.
const POINTS: usize = 4;
/// Eigenvalues of LLᵀ.
const CURVATURE: (f64, f64) = (0.5, 2.0);
/// Coordinates of c.
const CENTRE: (f64, f64) = (-2.0, 2.0);
/// One task in so many is [`Bowl::PLAIN`].
const PLAIN_EVERY: usize = 4;

/// The source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quadratic;

/// One function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bowl {
    /// The columns l₁ and l₂ of L.
    pub factor: [[f64; 2]; 2],
    /// c: two weights and a bias.
    pub centre: [f64; 3],
}

impl Bowl {
    /// L = I, c = 0: on the weights, a 2×1 parameter, the loss is the plain mean of squares.
    pub const PLAIN: Bowl = Bowl { factor: [[1.0, 0.0], [0.0, 1.0]], centre: [0.0; 3] };

    /// L is a random rotation of a diagonal matrix whose squares are in [0.5, 2); c is uniform in a cube around 0. One task
    /// in four is [`Bowl::PLAIN`].
    pub fn draw(rng: &mut Stream) -> Self {
        if rng.below(PLAIN_EVERY) == 0 {
            return Bowl::PLAIN;
        }
        let (sin, cos) = rng.uniform(0.0, std::f64::consts::PI).sin_cos();
        let [long, short] = [(); 2].map(|()| rng.uniform(CURVATURE.0, CURVATURE.1).sqrt());
        let centre = [(); 3].map(|()| rng.uniform(CENTRE.0, CENTRE.1));
        Bowl { factor: [[long * cos, long * sin], [-short * sin, short * cos]], centre }
    }

    /// A.
    pub fn curvature(&self) -> [[f64; 3]; 3] {
        let [a, b] = self.factor;
        let at = |i: usize, j: usize| a[i] * a[j] + b[i] * b[j];
        [[at(0, 0), at(0, 1), 0.0], [at(1, 0), at(1, 1), 0.0], [0.0, 0.0, 2.0]]
    }

    /// The four points as inputs `[n, 2]` and targets `[n, 1]`, in the order of `indices`, which count them round and round.
    pub fn points(&self, indices: &[usize]) -> Result<Labeled> {
        let points: Vec<([f64; 2], f64)> = indices.iter().map(|index| self.point(*index)).collect();
        labeled(&points)
    }

    fn point(&self, index: usize) -> ([f64; 2], f64) {
        let sign = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
        let x = self.factor[index / 2 % 2].map(|value| sign * value);
        (x, x[0] * self.centre[0] + x[1] * self.centre[1] + self.centre[2])
    }
}

fn labeled(points: &[([f64; 2], f64)]) -> Result<Labeled> {
    let x: Vec<f32> = points.iter().flat_map(|(x, _)| x.map(|value| value as f32)).collect();
    let y: Vec<f32> = points.iter().map(|(_, y)| *y as f32).collect();
    let tensor = |flat: Vec<f32>, width: usize| Tensor::from_vec(flat, (points.len(), width), &Device::Cpu);
    Labeled::new(tensor(x, 2)?, Targets::Values(tensor(y, 1)?))
}

/// What was drawn, before it is made into tensors: each example's function and point.
struct Plan {
    support: Vec<(Bowl, usize)>,
    query: Vec<(Bowl, usize)>,
}

impl Plan {
    fn draw(draw: &Draw, rng: &mut Stream) -> Plan {
        match *draw {
            Draw::Episode { shots, queries, .. } => {
                let bowl = Bowl::draw(rng);
                let mut points = |n: usize| {
                    let mut indices: Vec<usize> = (0..n).collect();
                    rng.shuffle(&mut indices);
                    indices.into_iter().map(|index| (bowl, index)).collect()
                };
                Plan { support: points(shots), query: points(queries) }
            }
            Draw::Batch { size } => {
                let support = (0..size).map(|_| (Bowl::draw(rng), rng.below(POINTS))).collect();
                Plan { support, query: Vec::new() }
            }
        }
    }
}

impl TaskSource for Quadratic {
    fn input(&self) -> Vec<usize> {
        vec![2]
    }

    fn train_classes(&self, _: &View) -> Option<usize> {
        None
    }

    fn has(&self, split: Split) -> bool {
        split != Split::Val
    }

    fn digest(&self) -> String {
        let text = format!("quadratic {POINTS} {CURVATURE:?} {CENTRE:?} {PLAIN_EVERY}");
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn check(&self, _: Split, draw: &Draw, ways: usize, _: &View) -> Result<()> {
        let (ways, counts) = match *draw {
            Draw::Episode { ways: own, shots, queries } => (own.unwrap_or(ways), [shots, queries]),
            Draw::Batch { .. } => (ways, [0; 2]),
        };
        if ways != 1 {
            return Err(Error::usage(format!(
                "quadratic tasks have one output, not {ways} ways: set protocol.ways = 1"
            )));
        }
        if let Some(odd) = counts.iter().find(|count| !count.is_multiple_of(POINTS)) {
            return Err(Error::usage(format!(
                "{odd} points asked of a quadratic task: it has {POINTS}, so ask for a multiple of {POINTS}"
            )));
        }
        Ok(())
    }

    fn task(&self, _: Split, draw: &Draw, _: usize, _: &View, rng: &mut Stream) -> Result<Task> {
        let plan = Plan::draw(draw, rng);
        let made = |part: &[(Bowl, usize)]| {
            let points: Vec<_> = part.iter().map(|(bowl, index)| bowl.point(*index)).collect();
            labeled(&points)
        };
        Ok(Task { support: made(&plan.support)?, query: made(&plan.query)? })
    }

    fn identity(&self, _: Split, draw: &Draw, _: usize, rng: &mut Stream) -> Result<Vec<u8>> {
        let plan = Plan::draw(draw, rng);
        let numbers = |(bowl, index): &(Bowl, usize)| {
            let values = bowl.factor.into_iter().flatten().chain(bowl.centre).map(f64::to_bits);
            values.chain([*index as u64]).collect::<Vec<_>>()
        };
        Ok(plan.support.iter().chain(&plan.query).flat_map(numbers).flat_map(u64::to_le_bytes).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Model, ModelSpec};
    use crate::params::Params;
    use crate::rng::Purpose;
    use crate::{Reduction, loss};

    fn model() -> Model {
        Model::new(&ModelSpec::Mlp { hidden: vec![], activation: Activation::Tanh }, &[2], 1, &Device::Cpu).unwrap()
    }

    fn theta(values: [f32; 3]) -> Params {
        let weight = Tensor::new(&[[values[0]], [values[1]]], &Device::Cpu).unwrap();
        let bias = Tensor::new(&[values[2]], &Device::Cpu).unwrap();
        [("head.weight".to_string(), weight), ("head.bias".to_string(), bias)].into_iter().collect()
    }

    fn loss_at(values: [f32; 3], points: &Labeled) -> f64 {
        let at = model().loss_grad(&theta(values), points, Reduction::Mean).unwrap();
        let answers = model().logits(&theta(values), &points.x, &crate::Norm::Batch).unwrap();
        let on_the_graph = loss::loss(&answers, &points.y, Reduction::Mean).unwrap().to_scalar::<f32>().unwrap();
        assert!((at.loss - f64::from(on_the_graph)).abs() < 1e-5);
        at.loss
    }

    #[test]
    fn the_plain_one_is_the_mean_of_squares_of_the_weight() {
        assert_eq!(loss_at([3.0, -1.0, 0.0], &Bowl::PLAIN.points(&[0, 1, 2, 3]).unwrap()), (9.0 + 1.0) / 2.0);
    }

    #[test]
    fn the_mean_squared_error_is_the_quadratic_form() {
        let mut rng = Stream::new(0, Purpose::TrainTask, 0, 0);
        for _ in 0..20 {
            let bowl = Bowl::draw(&mut rng);
            let (at, a) = ([0.5f32, -1.5, 1.0], bowl.curvature());
            let d: Vec<f64> = at.iter().zip(bowl.centre).map(|(x, c)| f64::from(*x) - c).collect();
            let form: f64 = (0..3).flat_map(|i| (0..3).map(move |j| (i, j))).map(|(i, j)| d[i] * a[i][j] * d[j]).sum();
            let loss = loss_at(at, &bowl.points(&[0, 1, 2, 3, 4, 5, 6, 7]).unwrap());
            assert!((loss - form / 2.0).abs() < 1e-5 * form.max(1.0), "{bowl:?}: {loss}, not {}", form / 2.0);
        }
    }

    #[test]
    fn one_task_in_four_is_plain_and_points_come_in_fours() {
        let plain = (0..4000).filter(|i| Bowl::draw(&mut Stream::new(0, Purpose::TrainTask, 0, *i)) == Bowl::PLAIN);
        // 1,000 expected, with a standard deviation of 27.
        assert!((900..1100).contains(&plain.count()));
        let check = |shots, queries| {
            Quadratic.check(Split::Test, &Draw::Episode { ways: None, shots, queries }, 1, &View::default())
        };
        assert!(check(4, 8).is_ok() && check(4, 0).is_ok());
        assert!(check(4, 6).unwrap_err().to_string().contains("multiple of 4"));
    }
}
