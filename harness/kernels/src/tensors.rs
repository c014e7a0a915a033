//! The same networks on candle tensors, differentiable by candle to any order that is needed.

use crate::layer::Layer;
use crate::network::Network;
use crate::{ops, stock};
use candle_core::{D, Result, Tensor, bail};

/// Which operations a forward pass on tensors is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The operations of [`ops`](crate::ops): CPU only.
    Fast,
    /// candle's own, those that are right: any device, and the comparison for speed and values.
    Stock,
}

/// Outputs `[B, outputs]` of `net` for `x` `[B, h, w, c]` or `[B, features]`; `params` in the order of
/// [`Network::layout`] and of its shapes.
///
/// Norm layers use the statistics of the batch, or `running` ones: for each norm layer in order its means `[C]` and its
/// variances `[C]`.
///
/// Under batch statistics a bias right before a norm gets the gradient 0, see [`Layer::Conv`].
///
/// # Errors
/// If shapes or types do not fit.
pub fn forward_tensors(
    net: &Network,
    params: &[Tensor],
    x: &Tensor,
    running: Option<&[Tensor]>,
    backend: Backend,
) -> Result<Tensor> {
    through(net, net.layers().len(), params, x, running, backend, None)
}

/// As [`forward_tensors`], with the statistics that the norms used beside the outputs: in the order of `running`, without
/// history.
///
/// # Errors
/// If shapes or types do not fit.
pub fn forward_tensors_and_stats(
    net: &Network,
    params: &[Tensor],
    x: &Tensor,
    running: Option<&[Tensor]>,
    backend: Backend,
) -> Result<(Tensor, Vec<Tensor>)> {
    let mut stats = Vec::new();
    Ok((through(net, net.layers().len(), params, x, running, backend, Some(&mut stats))?, stats))
}

/// As [`forward_tensors_and_stats`], but only up to the last dense layer: its input, flattened to `[B, features]`.
/// Parameters of that layer may be left out.
///
/// # Errors
/// If shapes or types do not fit, or the network has no dense layer.
pub fn features_tensors(
    net: &Network,
    params: &[Tensor],
    x: &Tensor,
    running: Option<&[Tensor]>,
    backend: Backend,
) -> Result<(Tensor, Vec<Tensor>)> {
    let dense = |(_, layer): &(String, Layer)| matches!(layer, Layer::Dense { .. });
    let Some(head) = net.layers().iter().rposition(dense) else {
        bail!("a network without dense layer has no features before it");
    };
    let mut stats = Vec::new();
    let features = through(net, head, params, x, running, backend, Some(&mut stats))?.flatten_from(1)?;
    Ok((features, stats))
}

fn through(
    net: &Network,
    layers: usize,
    params: &[Tensor],
    x: &Tensor,
    running: Option<&[Tensor]>,
    backend: Backend,
    mut stats: Option<&mut Vec<Tensor>>,
) -> Result<Tensor> {
    if x.dims().get(1..) != Some(net.input_shape()) {
        bail!("the network takes [batch, {:?}], not {:?}", net.input_shape(), x.dims());
    }
    let mut specs = net.layout().iter().zip(params);
    let mut next = || match specs.next() {
        None => bail!("{} parameters for a network of {}", params.len(), net.layout().len()),
        Some((spec, p)) if p.dims() != spec.shape => {
            bail!("parameter `{}` is {:?}, not {:?}", spec.name, p.dims(), spec.shape)
        }
        Some((_, p)) => Ok(p),
    };
    let mut x = x.clone();
    // A bias that batch statistics cancel: it joins the shift of the norm with factor 0, to have its gradient.
    let mut cancelled: Option<&Tensor> = None;
    let mut norms = 0;
    for (i, (_, layer)) in net.layers()[..layers].iter().enumerate() {
        x = match layer {
            Layer::Conv { .. } | Layer::Dense { .. } => {
                let (weight, bias) = (next()?, next()?);
                let y = match (layer, backend) {
                    (Layer::Conv { stride, .. }, Backend::Fast) => ops::conv2d_same(&x, weight, *stride)?,
                    (Layer::Conv { stride, .. }, _) => stock::conv2d_same(&x, weight, *stride)?,
                    _ => x.matmul(weight)?,
                };
                let before_norm = matches!(net.layers().get(i + 1), Some((_, Layer::Norm { .. })));
                if before_norm && running.is_none() {
                    cancelled = Some(bias);
                    y
                } else {
                    shift(&y, bias, backend)?
                }
            }
            Layer::Norm { scale, eps } => {
                let gamma = if *scale { Some(next()?) } else { None };
                if let Some(stats) = &mut stats {
                    let own = match running {
                        None => batch_stats(&x, cancelled)?,
                        Some(given) => given.get(norms..norms + 2).unwrap_or_default().to_vec(),
                    };
                    stats.extend(own);
                }
                let beta = match cancelled.take() {
                    None => next()?.clone(),
                    Some(bias) => (next()? + bias.mul(&bias.zeros_like()?)?)?,
                };
                let y = match running {
                    None if backend == Backend::Fast => ops::batch_norm(&x, gamma, &beta, *eps)?,
                    None => stock::batch_norm(&x, gamma, &beta, *eps)?,
                    Some(stats) => {
                        let [mean, var] = stats.get(norms..norms + 2).unwrap_or_default() else {
                            bail!("{} running statistics are too few", stats.len());
                        };
                        let inv_std = (var + *eps)?.sqrt()?.recip()?;
                        let factor = match gamma {
                            None => inv_std,
                            Some(gamma) => (gamma * inv_std)?,
                        };
                        let offset = (beta - (mean * &factor)?)?;
                        shift(&scale_by(&x, &factor, backend)?, &offset, backend)?
                    }
                };
                norms += 2;
                y
            }
            Layer::Relu if backend == Backend::Fast => ops::relu(&x)?,
            Layer::Relu => x.relu()?,
            Layer::Tanh => x.tanh()?,
            Layer::MaxPool { padding } if backend == Backend::Fast => ops::max_pool(&x, *padding)?,
            Layer::MaxPool { padding } => stock::max_pool(&x, *padding)?,
            Layer::SpatialMean => x.mean((1, 2))?,
            Layer::Flatten => x.flatten_from(1)?,
        };
    }
    Ok(x)
}

/// Mean and biased variance of each channel of `x` `[…, C]`, to whose values `bias` was not added.
fn batch_stats(x: &Tensor, bias: Option<&Tensor>) -> Result<Vec<Tensor>> {
    let rows = x.detach().flatten_to(D::Minus2)?;
    let mean = rows.mean_keepdim(0)?;
    let var = rows.broadcast_sub(&mean)?.sqr()?.mean(0)?;
    let mean = mean.squeeze(0)?;
    let mean = match bias {
        None => mean,
        Some(bias) => (mean + bias.detach())?,
    };
    Ok(vec![mean, var])
}

fn shift(x: &Tensor, b: &Tensor, backend: Backend) -> Result<Tensor> {
    match backend {
        Backend::Fast => ops::shift_channels(x, b),
        Backend::Stock => x.broadcast_add(b),
    }
}

fn scale_by(x: &Tensor, s: &Tensor, backend: Backend) -> Result<Tensor> {
    match backend {
        Backend::Fast => ops::scale_channels(x, s),
        Backend::Stock => x.broadcast_mul(s),
    }
}
