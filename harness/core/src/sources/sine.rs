//! Sine waves a·sin(x + b), the toy problem of the MAML and Reptile papers, as the Reptile author's gist samples them:
//! a ~ U(0.1, 5), b ~ U(0, 2π), x from 50 fixed points of [-5, 5].

use candle_core::{Device, Tensor};
use sha2::{Digest, Sha256};

use crate::episode::{Draw, Labeled, Targets, Task};
use crate::error::{Error, Result};
use crate::rng::Stream;
use crate::source::{Split, TaskSource, View};

const POINTS: usize = 50;
const RANGE: (f64, f64) = (-5.0, 5.0);
const AMPLITUDE: (f64, f64) = (0.1, 5.0);

/// The source. A task's support and query points are drawn from the same 50 points, each set without repeats; a query
/// set of 50 is therefore the whole grid (in random order), as the gist's loss is taken over it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sine;

/// One function.
#[derive(Clone, Copy, Debug)]
pub struct Wave {
    /// a, in 0.1..5.
    pub amplitude: f64,
    /// b, in 0..2π radians.
    pub phase: f64,
}

impl Wave {
    fn draw(rng: &mut Stream) -> Self {
        let amplitude = rng.uniform(AMPLITUDE.0, AMPLITUDE.1);
        Wave { amplitude, phase: rng.uniform(0.0, std::f64::consts::TAU) }
    }

    /// a·sin(x + b).
    pub fn at(&self, x: f64) -> f64 {
        self.amplitude * (x + self.phase).sin()
    }
}

fn grid(index: usize) -> f64 {
    RANGE.0 + (RANGE.1 - RANGE.0) * index as f64 / (POINTS - 1) as f64
}

fn labeled(points: &[(f64, f64)]) -> Result<Labeled> {
    let column = |pick: fn(&(f64, f64)) -> f64| -> Result<Tensor> {
        let values: Vec<f32> = points.iter().map(|point| pick(point) as f32).collect();
        Ok(Tensor::from_vec(values, (points.len(), 1), &Device::Cpu)?)
    };
    Labeled::new(column(|point| point.0)?, Targets::Values(column(|point| point.1)?))
}

/// What was drawn, before it is made into tensors.
struct Plan {
    waves: Vec<Wave>,
    support: Vec<usize>,
    query: Vec<usize>,
}

impl Plan {
    fn draw(draw: &Draw, rng: &mut Stream) -> Plan {
        match *draw {
            Draw::Episode { shots, queries, .. } => {
                let waves = vec![Wave::draw(rng)];
                Plan { waves, support: rng.choose(POINTS, shots), query: rng.choose(POINTS, queries) }
            }
            Draw::Batch { size } => {
                let drawn = (0..size).map(|_| (Wave::draw(rng), rng.below(POINTS)));
                let (waves, support) = drawn.unzip();
                Plan { waves, support, query: Vec::new() }
            }
        }
    }
}

impl TaskSource for Sine {
    fn input(&self) -> Vec<usize> {
        vec![1]
    }

    fn train_classes(&self, _: &View) -> Option<usize> {
        None
    }

    fn has(&self, split: Split) -> bool {
        split != Split::Val
    }

    fn digest(&self) -> String {
        let text = format!("sine {POINTS} {RANGE:?} {AMPLITUDE:?}");
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn check(&self, _: Split, draw: &Draw, ways: usize, _: &View) -> Result<()> {
        let (ways, most) = match *draw {
            Draw::Episode { ways: own, shots, queries } => (own.unwrap_or(ways), shots.max(queries)),
            Draw::Batch { .. } => (ways, 0),
        };
        if ways != 1 {
            return Err(Error::usage(format!("sine tasks have one output, not {ways} ways: set protocol.ways = 1")));
        }
        if most > POINTS {
            return Err(Error::usage(format!(
                "{most} points asked of a sine task, which has {POINTS}: lower protocol.shots or protocol.queries"
            )));
        }
        Ok(())
    }

    fn task(&self, _: Split, draw: &Draw, _: usize, _: &View, rng: &mut Stream) -> Result<Task> {
        let plan = Plan::draw(draw, rng);
        let point = |wave: &Wave, index: &usize| (grid(*index), wave.at(grid(*index)));
        let own = |indices: &[usize]| -> Vec<_> {
            let waves = plan.waves.iter().cycle();
            waves.zip(indices).map(|(wave, index)| point(wave, index)).collect()
        };
        Ok(Task { support: labeled(&own(&plan.support))?, query: labeled(&own(&plan.query))? })
    }

    fn identity(&self, _: Split, draw: &Draw, _: usize, rng: &mut Stream) -> Result<Vec<u8>> {
        let plan = Plan::draw(draw, rng);
        let waves = plan.waves.iter().flat_map(|wave| [wave.amplitude.to_bits(), wave.phase.to_bits()]);
        let points = plan.support.iter().chain(&plan.query).map(|index| *index as u64);
        Ok(waves.chain(points).flat_map(u64::to_le_bytes).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn an_episode_is_one_wave_on_the_grid() {
        let mut rng = Stream::new(0, Purpose::EvalTask, 0, 0);
        let draw = Draw::Episode { ways: None, shots: 10, queries: 50 };
        let task = Sine.task(Split::Test, &draw, 1, &View::default(), &mut rng).unwrap();
        assert_eq!((task.support.len(), task.query.len()), (10, 50));
        let mut x: Vec<f32> = task.query.x.flatten_all().unwrap().to_vec1().unwrap();
        assert!(x.windows(2).any(|pair| pair[0] > pair[1]), "queries come in random order");
        x.sort_by(f32::total_cmp);
        assert!((x[0], x[49]) == (-5.0, 5.0) && x.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_batch_mixes_waves() {
        let mut rng = Stream::new(0, Purpose::TrainTask, 0, 0);
        let plan = Plan::draw(&Draw::Batch { size: 64 }, &mut rng);
        assert_eq!((plan.waves.len(), plan.support.len()), (64, 64));
        assert!(plan.waves.iter().all(|wave| (0.1..5.0).contains(&wave.amplitude)));
        assert!(
            Sine.check(Split::Test, &Draw::Episode { ways: None, shots: 51, queries: 0 }, 1, &View::default()).is_err()
        );
    }
}
