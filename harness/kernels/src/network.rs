//! A fixed feed-forward network: its layers, checked, with the layout of its parameters.

use crate::error::{Error, Result};
use crate::layer::{Layer, ParamSpec};
use crate::plan::Plan;

/// A network over flat parameter vectors; it holds no parameters itself.
///
/// ```
/// use harness_kernels::{Layer, Network};
/// let layers = [("hidden", Layer::Dense { outputs: 40 }), ("act", Layer::Relu), ("out", Layer::Dense { outputs: 1 })];
/// let net = Network::new(&[1], layers.map(|(name, layer)| (name.to_string(), layer)).into())?;
/// assert_eq!(net.param_len(), 40 + 40 + 40 + 1);
/// assert_eq!(net.layout()[2].name, "out.weight");
/// # Ok::<(), harness_kernels::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    input: Vec<usize>,
    layers: Vec<(String, Layer)>,
    specs: Vec<ParamSpec>,
    output: Vec<usize>,
    /// The passes of training and evaluation.
    pub(crate) plan: Plan,
    /// The same, the first layer's output stored: those of second derivatives.
    pub(crate) stored: Plan,
}

impl Network {
    /// Checks that the layers fit together; `input` is `[h, w, c]` or `[features]`.
    ///
    /// # Errors
    /// [`Error`], which names the layer that does not fit.
    pub fn new(input: &[usize], layers: Vec<(String, Layer)>) -> Result<Self> {
        if !matches!(input.len(), 1 | 3) || input.contains(&0) {
            return Err(Error::Input(input.to_vec()));
        }
        if layers.is_empty() {
            return Err(Error::Empty);
        }
        let mut specs = Vec::new();
        let mut shapes = vec![input.to_vec()];
        for (index, (name, layer)) in layers.iter().enumerate() {
            if layers[..index].iter().any(|(other, _)| other == name) {
                return Err(Error::SameName(name.clone()));
            }
            let shape = &shapes[index];
            for (param, shape) in params(layer, shape) {
                let offset = specs.last().map_or(0, |s: &ParamSpec| s.offset + s.len);
                let len = shape.iter().product();
                let name = format!("{name}.{param}");
                specs.push(ParamSpec { name, shape, offset, len, layer: index });
            }
            shapes.push(output_shape(name, layer, shape)?);
        }
        let [plan, stored] = [false, true].map(|stored| Plan::new(&layers, &shapes, &specs, stored));
        let output = shapes.pop().unwrap_or_default();
        Ok(Self { input: input.to_vec(), layers, specs, output, plan, stored })
    }

    /// `[h, w, c]` or `[features]`.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// Names and layers, in order.
    pub fn layers(&self) -> &[(String, Layer)] {
        &self.layers
    }

    /// The parameters, in layer order, as they follow each other in the flat vector.
    pub fn layout(&self) -> &[ParamSpec] {
        &self.specs
    }

    /// Length of the flat parameter vector.
    pub fn param_len(&self) -> usize {
        self.specs.last().map_or(0, |s| s.offset + s.len)
    }

    /// Elements of one input.
    pub fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    /// Elements of one output.
    pub fn outputs(&self) -> usize {
        self.output.iter().product()
    }

    /// Length of the flat statistics: for each norm layer in order the means of its channels, then their variances.
    pub fn stats_len(&self) -> usize {
        self.plan.stats_len
    }

    /// Floating-point operations of one training step, two for a multiply-add, taps in the padding counted: forward, gradient
    /// of all weights, and of all inputs but that of the network. Only convolutions and dense layers count.
    pub fn flops_per_step(&self, batch: usize) -> f64 {
        let linear = self.plan.stages.iter().enumerate();
        let linear =
            linear.filter_map(|(i, stage)| Some(stage.linear()?.geometry.flops() * if i == 0 { 2.0 } else { 3.0 }));
        linear.sum::<f64>() * batch as f64
    }
}

fn params(layer: &Layer, input: &[usize]) -> Vec<(&'static str, Vec<usize>)> {
    let channels = input.last().copied().unwrap_or(0);
    match *layer {
        Layer::Conv { filters, .. } => {
            vec![("weight", vec![3, 3, channels, filters]), ("bias", vec![filters])]
        }
        Layer::Norm { scale: true, .. } => {
            vec![("gamma", vec![channels]), ("beta", vec![channels])]
        }
        Layer::Norm { scale: false, .. } => vec![("beta", vec![channels])],
        Layer::Dense { outputs } => {
            vec![("weight", vec![channels, outputs]), ("bias", vec![outputs])]
        }
        _ => vec![],
    }
}

fn output_shape(name: &str, layer: &Layer, input: &[usize]) -> Result<Vec<usize>> {
    let layer_name = || name.to_string();
    let image = |kind| match *input {
        [h, w, c] => Ok((h, w, c)),
        _ => Err(Error::NeedsImage { layer: layer_name(), kind, got: input.to_vec() }),
    };
    let positive = |n: usize, what| match n {
        0 => Err(Error::Zero { layer: layer_name(), what }),
        n => Ok(n),
    };
    Ok(match *layer {
        Layer::Conv { filters, stride } => {
            let (h, w, _) = image("conv")?;
            let stride = positive(stride, "stride")?;
            vec![h.div_ceil(stride), w.div_ceil(stride), positive(filters, "filters")?]
        }
        Layer::Norm { .. } | Layer::Relu | Layer::Tanh => input.to_vec(),
        Layer::MaxPool { padding } => {
            let (h, w, c) = image("max pool")?;
            let shape = crate::pool::PoolShape::new(h, w, c, padding);
            if shape.output_len() == 0 {
                return Err(Error::PooledAway { layer: layer_name(), got: input.to_vec() });
            }
            vec![shape.oh, shape.ow, c]
        }
        Layer::SpatialMean => vec![image("spatial mean")?.2],
        Layer::Flatten => {
            let (h, w, c) = image("flatten")?;
            vec![h * w * c]
        }
        Layer::Dense { outputs } => match *input {
            [_] => vec![positive(outputs, "outputs")?],
            _ => {
                let got = input.to_vec();
                return Err(Error::NeedsFeatures { layer: layer_name(), kind: "dense", got });
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Padding;

    fn message(input: &[usize], layers: &[Layer]) -> String {
        let named = layers.iter().enumerate().map(|(i, l)| (format!("l{i}"), l.clone()));
        Network::new(input, named.collect()).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let conv = Layer::Conv { filters: 2, stride: 1 };
        let dense = Layer::Dense { outputs: 2 };
        let valid = Layer::MaxPool { padding: Padding::Valid };
        assert!(message(&[4], std::slice::from_ref(&conv)).contains("`l0` (conv) needs an image"));
        assert!(message(&[4, 4, 1], &[conv, dense.clone()]).contains("flatten"));
        assert!(message(&[1, 4, 1], &[valid]).contains("leaves nothing"));
        assert!(message(&[4], &[Layer::Dense { outputs: 0 }]).contains("outputs must be at least 1"));
        assert!(message(&[4, 4], std::slice::from_ref(&dense)).contains("[4, 4]"));
        assert!(message(&[4], &[]).contains("at least one layer"));
        let twice = vec![("a".to_string(), dense.clone()), ("a".to_string(), dense)];
        assert_eq!(Network::new(&[4], twice).unwrap_err(), Error::SameName("a".into()));
    }

    #[test]
    fn pooled_sizes_of_mini_imagenet() {
        let mut layers = Vec::new();
        for i in 0..4 {
            layers.push((format!("c{i}"), Layer::Conv { filters: 32, stride: 1 }));
            layers.push((format!("p{i}"), Layer::MaxPool { padding: Padding::Same }));
        }
        let pooled = |n: usize| Network::new(&[84, 84, 3], layers[..2 * n].to_vec()).unwrap().output;
        let sides: Vec<usize> = (1..=4).map(|n| pooled(n)[0]).collect();
        assert_eq!(sides, [42, 21, 11, 6]);
    }
}
