//! Losses that are a function of features: the features forward, and from their gradient back to the parameters'.

use std::sync::Mutex;

use candle_core::{DType, Device, Tensor, Var};
use harness_kernels::{FeaturePass, Workspace, features_tensors};

use super::flat::values;
use super::{Group, Model, Norm, with_workspace};
use crate::error::Result;
use crate::loss;
use crate::params::Params;

/// Memory of passes that are gone, for the next ones: of all threads together, since an episode of hundreds of images takes
/// hundreds of megabytes and the next one may be another thread's.
static SPACES: Mutex<Vec<Workspace>> = Mutex::new(Vec::new());

/// What the head reads, for one batch, and the way back to the parameters below it.
///
/// A method makes a loss of [`Features::values`] by any operations of candle's, with parameters of a head of its own if it has some,
/// and [`Features::gradient`] goes back through both.
///
/// The network relu(x + ½), relu(−x) at x = 2, and a head that learns: the loss 10·w·2.5 has the gradient 25 by w, and by the first
/// unit 10·w·x for its weight and 10·w for its bias.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use harness_core::{Activation, Features, Model, ModelSpec, Norm, Params};
///
/// let spec = ModelSpec::Mlp { hidden: vec![2], activation: Activation::Relu };
/// let model = Model::new(&spec, &[1], 5, &Device::Cpu)?;
/// let body = Params::from_iter([
///     ("dense1.weight".to_string(), Tensor::new(&[[1f32, -1.0]], &Device::Cpu)?),
///     ("dense1.bias".to_string(), Tensor::new(&[0.5f32, 0.0], &Device::Cpu)?),
/// ]);
/// let features = model.features(&body, &Tensor::new(&[[2f32]], &Device::Cpu)?, &Norm::Batch)?;
/// assert_eq!(features.values.to_vec2::<f32>()?, [[2.5, 0.0]]);
///
/// let head = Params::from_iter([("w".to_string(), Tensor::new(&[[3f32], [0.0]], &Device::Cpu)?)]).to_vars()?;
/// let loss = (features.values.matmul(head.get("w")?)? * 10.0)?.sum_all()?;
/// let (loss, gradient) = Features::gradient(&loss, &head, [features])?;
/// assert_eq!(loss, 75.0);
/// assert_eq!(gradient.get("w")?.to_vec2::<f32>()?, [[25.0], [0.0]]);
/// assert_eq!(gradient.get("dense1.weight")?.to_vec2::<f32>()?, [[60.0, 0.0]]);
/// assert_eq!(gradient.get("dense1.bias")?.to_vec1::<f32>()?, [30.0, 0.0]);
/// # Ok::<(), harness_core::Error>(())
/// ```
pub struct Features<'m> {
    /// `[n, features]`, a variable.
    pub values: Tensor,
    /// The statistics that the norm layers used, named as [`Norm::Running`] names them; empty without norm layers.
    pub stats: Params,
    back: Back<'m>,
}

#[allow(clippy::large_enum_variant)] // One of a task at a time.
enum Back<'m> {
    /// Where the fused kernels apply.
    Fused { model: &'m Model, pass: Option<FeaturePass<'m>> },
    /// The features as a graph over the parameters below them.
    Graph { features: Tensor, vars: Params },
}

impl Model {
    /// The features of a batch `x` `[n, …]`, to make a loss of. Of `params` only those below the head are read. Errors as
    /// [`Model::logits`].
    pub fn features(&self, params: &Params, x: &Tensor, norm: &Norm) -> Result<Features<'_>> {
        let body = Group::Body.part(params);
        if self.fused(&body) {
            let space = SPACES.lock().ok().and_then(|mut spaces| spaces.pop()).unwrap_or_default();
            let pass = self.feature_pass(&body, x, norm, space)?;
            let shape = (x.dim(0)?, self.network.feature_len());
            let values = Tensor::from_slice(pass.features(), shape, &Device::Cpu)?;
            let stats = self.named_stats(pass.stats())?;
            let back = Back::Fused { model: self, pass: Some(pass) };
            return Ok(Features { values: variable(&values)?, stats, back });
        }
        let vars = body.to_vars()?;
        let (features, stats) = self.feature_graph(&vars, x, norm)?;
        Ok(Features { values: variable(&features)?, stats, back: Back::Graph { features, vars } })
    }

    /// The features alone, `[n, features]`, without a way back: for what learns on features that stay as they are. Errors as
    /// [`Model::features`].
    pub fn embed(&self, params: &Params, x: &Tensor, norm: &Norm) -> Result<Tensor> {
        let body = Group::Body.part(params);
        if !self.fused(&body) {
            return Ok(self.feature_graph(&body, x, norm)?.0.detach());
        }
        with_workspace(|ws| {
            let pass = self.feature_pass(&body, x, norm, std::mem::take(ws))?;
            let shape = (x.dim(0)?, self.network.feature_len());
            let values = Tensor::from_slice(pass.features(), shape, &Device::Cpu);
            *ws = pass.into_workspace();
            Ok(values?)
        })
    }

    fn feature_pass(&self, body: &Params, x: &Tensor, norm: &Norm, space: Workspace) -> Result<FeaturePass<'_>> {
        let theta = self.flatten(&self.with_any_head(body)?)?;
        let mut running = Vec::new();
        self.norm_mode(norm, &mut running)?;
        let running = matches!(norm, Norm::Running(_)).then_some(running);
        Ok(self.network.features(theta, values(x)?, running, space))
    }

    fn feature_graph(&self, body: &Params, x: &Tensor, norm: &Norm) -> Result<(Tensor, Params)> {
        let (ordered, running) = (self.ordered(&self.with_any_head(body)?)?, self.running_tensors(norm)?);
        let (features, stats) = features_tensors(&self.network, &ordered, x, running.as_deref(), self.graph_backend())?;
        Ok((features, self.name_stats(stats)))
    }

    /// `params` with zeros for the head, which nothing here reads.
    fn with_any_head(&self, params: &Params) -> Result<Params> {
        let mut all = params.clone();
        let dtype = params.iter().next().map_or(DType::F32, |(_, tensor)| tensor.dtype());
        for spec in self.network.layout().iter().filter(|spec| Group::Head.holds(&spec.name)) {
            all.insert(spec.name.clone(), Tensor::zeros(spec.shape.as_slice(), dtype, &self.device)?);
        }
        Ok(all)
    }
}

impl Features<'_> {
    /// The value of a loss (rank 0) of the values of `batches` and of the variables `head`, and its gradient by the parameters
    /// below the features, summed over the batches, and by `head`. Under batch statistics a bias right before a norm layer, which
    /// they cancel, has the gradient 0.
    pub fn gradient<'m>(
        loss: &Tensor,
        head: &Params,
        batches: impl IntoIterator<Item = Features<'m>>,
    ) -> Result<(f64, Params)> {
        let batches: Vec<Features<'m>> = batches.into_iter().collect();
        // No parameter has such a name.
        let name = |index: usize| format!("features of batch {index}");
        let mut vars = head.clone();
        for (index, batch) in batches.iter().enumerate() {
            vars.insert(name(index), batch.values.clone());
        }
        let (value, grads) = loss::gradient(loss, &vars)?;
        let mut body: Option<Params> = None;
        for (index, batch) in batches.into_iter().enumerate() {
            let own = batch.backward(grads.get(&name(index))?)?;
            body = Some(match body {
                None => own,
                Some(sum) => sum.axpy(1.0, &own)?,
            });
        }
        let of_head = head.zip(&grads, |_, grad| Ok(grad.clone()))?;
        Ok((value, body.unwrap_or_default().merged(&of_head)))
    }

    /// From the gradient `[n, features]` of the values to that of the parameters below them.
    fn backward(mut self, by_values: &Tensor) -> Result<Params> {
        match &mut self.back {
            Back::Fused { model, pass } => {
                let mut grad = vec![0.0; model.param_count()];
                let pass = pass.take().expect("there until the way back");
                give_back(pass.back(&values(by_values)?, &mut grad));
                Ok(Group::Body.part(&model.unflatten(&grad)?))
            }
            Back::Graph { features, vars } => Ok(loss::gradient(&(&*features * by_values)?.sum_all()?, vars)?.1),
        }
    }
}

impl Drop for Back<'_> {
    fn drop(&mut self) {
        if let Back::Fused { pass, .. } = self
            && let Some(pass) = pass.take()
        {
            give_back(pass.into_workspace());
        }
    }
}

fn give_back(space: Workspace) {
    if let Ok(mut spaces) = SPACES.lock() {
        spaces.push(space);
    }
}

fn variable(tensor: &Tensor) -> Result<Tensor> {
    Ok(Var::from_tensor(&tensor.detach())?.as_tensor().clone())
}
