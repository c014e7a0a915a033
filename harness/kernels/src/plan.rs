//! The layers of a network as the passes that are run: neighbours fused where that saves reading memory again.

use crate::geometry::Geometry;
use crate::layer::{Layer, ParamSpec};
use crate::pool::PoolShape;
use crate::winograd::first;
use std::ops::Range;

/// All passes in order.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub stages: Vec<Stage>,
    /// Elements of each stage's output, for one example.
    pub lens: Vec<usize>,
    /// The layer that each stage's parameters belong to (its first layer if it has none).
    pub layers: Vec<usize>,
    /// Elements of one example of the first stage's input.
    pub input_len: usize,
    pub stats_len: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Stage {
    Linear(Linear),
    Norm(Norm),
    /// The first layer with its norm and pool, where its output is not stored.
    First(Box<First>),
    Relu,
    Tanh,
    MaxPool(PoolShape),
    SpatialMean {
        pixels: usize,
        channels: usize,
    },
}

/// A convolution or a dense layer.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub geometry: Geometry,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
    /// Whether a norm comes next, whose batch statistics cancel the bias.
    pub before_norm: bool,
}

/// A convolution from few channels and the norm with a pool that follows it: see [`first`].
#[derive(Clone, Debug)]
pub(crate) struct First {
    pub linear: Linear,
    pub norm: Norm,
    /// The layer that the norm is.
    pub norm_layer: usize,
}

/// A normalisation with the ReLU and the pool that follow it.
#[derive(Clone, Debug)]
pub(crate) struct Norm {
    pub pixels: usize,
    pub eps: f64,
    pub gamma: Option<Range<usize>>,
    pub beta: Range<usize>,
    pub relu: bool,
    pub pool: Option<PoolShape>,
    /// Its means and its variances among the statistics.
    pub mean: Range<usize>,
    pub var: Range<usize>,
}

impl Norm {
    pub fn channels(&self) -> usize {
        self.beta.len()
    }

    /// Elements of the windows' winners of one image; 0 without pool.
    pub fn winners_len(&self) -> usize {
        self.pool.as_ref().map_or(0, PoolShape::output_len)
    }
}

impl Stage {
    pub fn linear(&self) -> Option<&Linear> {
        match self {
            Stage::Linear(linear) => Some(linear),
            Stage::First(first) => Some(&first.linear),
            _ => None,
        }
    }

    pub fn norm(&self) -> Option<&Norm> {
        match self {
            Stage::Norm(norm) => Some(norm),
            Stage::First(first) => Some(&first.norm),
            _ => None,
        }
    }
}

impl Plan {
    /// `shapes[i]` is the input of layer i; they fit together. Norms take what follows them along; the first layer's output is `stored`,
    /// or comes again wherever that is worth it.
    pub fn new(layers: &[(String, Layer)], shapes: &[Vec<usize>], specs: &[ParamSpec], stored: bool) -> Self {
        let input_len = shapes[0].iter().product();
        let mut plan = Self { stages: vec![], lens: vec![], layers: vec![], input_len, stats_len: 0 };
        let mut i = 0;
        while i < layers.len() {
            let own = specs.iter().filter(|s| s.layer == i);
            let own: Vec<Range<usize>> = own.map(|s| s.offset..s.offset + s.len).collect();
            let shape = &shapes[i];
            let len = shape.iter().product::<usize>();
            let mut used = 1;
            let stage = match &layers[i].1 {
                Layer::Conv { filters, stride } => {
                    let geometry = Geometry::same(shape[0], shape[1], shape[2], *filters, *stride);
                    Some(linear(geometry, &own, layers.get(i + 1)))
                }
                Layer::Dense { outputs } => Some(linear(Geometry::dense(len, *outputs), &own, layers.get(i + 1))),
                Layer::Norm { eps, .. } => {
                    let channels = *shape.last().expect("a shape is not empty");
                    let (relu, pool, more) = after(&layers[i + 1..], shape);
                    used += more;
                    let mean = plan.stats_len..plan.stats_len + channels;
                    plan.stats_len += 2 * channels;
                    Some(Stage::Norm(Norm {
                        pixels: len / channels,
                        eps: *eps,
                        gamma: (own.len() == 2).then(|| own[0].clone()),
                        beta: own[own.len() - 1].clone(),
                        relu,
                        pool,
                        var: mean.end..plan.stats_len,
                        mean,
                    }))
                }
                Layer::Relu => Some(Stage::Relu),
                Layer::Tanh => Some(Stage::Tanh),
                Layer::MaxPool { padding } => {
                    let shape = PoolShape::new(shape[0], shape[1], shape[2], *padding);
                    Some(Stage::MaxPool(shape))
                }
                Layer::SpatialMean => {
                    let (pixels, channels) = (shape[0] * shape[1], shape[2]);
                    Some(Stage::SpatialMean { pixels, channels })
                }
                Layer::Flatten => None,
            };
            if let Some(stage) = stage {
                let len = shapes[i + used].iter().product();
                match (plan.stages.as_slice(), stage) {
                    ([Stage::Linear(linear)], Stage::Norm(norm))
                        if !stored && norm.pool.is_some() && first::fits(&linear.geometry) =>
                    {
                        let linear = linear.clone();
                        plan.stages[0] = Stage::First(Box::new(First { linear, norm, norm_layer: i }));
                        plan.lens[0] = len;
                    }
                    (_, stage) => {
                        plan.stages.push(stage);
                        plan.lens.push(len);
                        plan.layers.push(i);
                    }
                }
            }
            i += used;
        }
        plan
    }

    /// Whether the gradient of stage i's input takes the place of the output before it, which nothing reads by then: a
    /// norm's input, a linear layer's where a norm made it.
    pub fn gradient_in_place(&self, i: usize) -> bool {
        let before = i.checked_sub(1).map(|before| &self.stages[before]);
        match self.stages[i] {
            Stage::Norm(_) => matches!(before, Some(Stage::Linear(_))),
            Stage::Linear(_) => matches!(before, Some(Stage::Norm(_) | Stage::First(_))),
            _ => false,
        }
    }
}

fn linear(geometry: Geometry, own: &[Range<usize>], next: Option<&(String, Layer)>) -> Stage {
    let before_norm = matches!(next, Some((_, Layer::Norm { .. })));
    let (weight, bias) = (own[0].clone(), own[1].clone());
    Stage::Linear(Linear { geometry, weight, bias, before_norm })
}

/// The ReLU and the pool right after a norm, in either order, and how many layers they are.
fn after(rest: &[(String, Layer)], shape: &[usize]) -> (bool, Option<PoolShape>, usize) {
    let (mut relu, mut pool, mut used) = (false, None, 0);
    for (_, layer) in rest.iter().take(2) {
        match layer {
            Layer::Relu if !relu => relu = true,
            Layer::MaxPool { padding } if pool.is_none() => {
                pool = Some(PoolShape::new(shape[0], shape[1], shape[2], *padding));
            }
            _ => break,
        }
        used += 1;
    }
    (relu, pool, used)
}
