//! Networks so small that their numbers can be worked out by hand.

use candle_core::{Device, Tensor};

use crate::algorithm::Algorithm;
use crate::context::{Context, Problem, Protocol};
use crate::model::{Activation, ModelSpec};
use crate::rng::{Purpose, Stream};
use crate::state::State;

/// What a method is built from for one output of `inputs` numbers: a tanh network with `hidden` units, none for a straight line, and
/// tasks of `shots` points to learn from and as many to answer.
pub fn regression(inputs: usize, hidden: &[usize], shots: usize) -> Context {
    Context {
        model: ModelSpec::Mlp { hidden: hidden.to_vec(), activation: Activation::Tanh },
        input: vec![inputs],
        problem: Problem::Regression { outputs: 1 },
        protocol: Protocol { ways: 1, shots, queries: shots },
        device: Device::Cpu,
        plain: false,
    }
}

/// What a method is built from for points of `numbers` numbers in `train_classes` training classes: a network with as many features,
/// relu(x·W + b), and no norm layers, and tasks of two ways, two shots and one query a class.
pub fn classification(numbers: usize, train_classes: usize) -> Context {
    Context {
        model: ModelSpec::Mlp { hidden: vec![numbers], activation: Activation::Relu },
        input: vec![numbers],
        problem: Problem::Classification { train_classes },
        protocol: Protocol { ways: 2, shots: 2, queries: 1 },
        device: Device::Cpu,
        plain: false,
    }
}

/// A new state of a method that was built from [`classification`], with this W, a row an input, and b = 0.
pub fn start_at<const N: usize>(method: &dyn Algorithm, weight: [[f32; N]; N]) -> State {
    let mut state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0)).expect("a state can be made");
    state.params.insert("dense1.weight", matrix(weight));
    state.params.insert("dense1.bias", Tensor::new(&[0f32; N], &Device::Cpu).expect("the CPU holds it"));
    state
}

/// `[R, C]`.
pub fn matrix<const R: usize, const C: usize>(rows: [[f32; C]; R]) -> Tensor {
    Tensor::new(&rows, &Device::Cpu).expect("the CPU holds it")
}
