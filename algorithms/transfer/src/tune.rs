//! What happens to the trained network when a support set arrives.

use harness_core::{
    Adapted, Group, InnerLoop, Labeled, Learner, MiniBatches, Moments, Norm, Optimizer, Params, Pool, Reduction,
    Result, State, Statistics, Stream,
};

use super::{HeadInit, Transfer, TuneOptimizer};

pub(super) fn adapt(
    method: &Transfer,
    state: &State,
    support: &Labeled,
    steps: &[usize],
    rng: &mut Stream,
) -> Result<Vec<Adapted>> {
    let start = starting_point(method, state, rng)?;
    let config = &method.config;
    let while_tuning = config.tune_norm.unwrap_or(config.norm);
    if config.tune == Group::Head && while_tuning == Statistics::Running {
        return tune_head(method, state, &start, support, steps, rng);
    }
    let inner = InnerLoop {
        norm: match while_tuning {
            Statistics::Batch => Norm::Batch,
            Statistics::Running => Norm::told_by(&state.buffers),
        },
        ..InnerLoop::new(optimizer(method), Reduction::Mean).only(config.tune)
    };
    let pool = Pool::new(support)?;
    let mut batches = MiniBatches::new(pool.len(), config.tune_batch, false, rng);
    let mut learner = Learner::new(&method.episode, &start, &inner, &Moments::default())?;
    if while_tuning == Statistics::Batch && config.norm == Statistics::Running {
        learner = learner.updating(&state.buffers, config.tune_norm_momentum);
    }
    learner.snapshots(&pool, &mut batches, steps, &state.buffers)
}

/// With running statistics frozen features do not depend on the mini-batch: they are computed once, and the head alone
/// is a small linear model on them.
fn tune_head(
    method: &Transfer,
    state: &State,
    start: &Params,
    support: &Labeled,
    steps: &[usize],
    rng: &mut Stream,
) -> Result<Vec<Adapted>> {
    let features = method.episode.embed(start, &support.x, &Norm::told_by(&state.buffers))?;
    let pool = Pool::new(&Labeled::new(features, support.y.clone())?)?;
    let mut batches = MiniBatches::new(pool.len(), method.config.tune_batch, false, rng);
    let model = method.episode.head()?;
    let inner = InnerLoop::new(optimizer(method), Reduction::Mean);
    let head = Group::Head.part(start);
    let mut learner = Learner::new(&model, &head, &inner, &Moments::default())?;
    let adapted = learner.snapshots(&pool, &mut batches, steps, &state.buffers)?;
    Ok(adapted.into_iter().map(|head| Adapted { params: start.merged(&head.params), ..head }).collect())
}

/// The trained body under a new head for the episode's ways; on regression everything as trained.
fn starting_point(method: &Transfer, state: &State, rng: &mut Stream) -> Result<Params> {
    if method.regression {
        return Ok(state.params.clone());
    }
    let body = Group::Body.part(&state.params);
    let head = method.episode.head()?;
    let head = match method.config.head_init {
        HeadInit::Zeros => head.init(rng)?.zeros_like()?,
        HeadInit::FanIn => head.init_fan_in(rng)?,
        HeadInit::Glorot => head.init(rng)?,
    };
    Ok(body.merged(&head))
}

fn optimizer(method: &Transfer) -> Optimizer {
    let config = &method.config;
    match config.tune_optimizer {
        TuneOptimizer::Adam => Optimizer::adam(config.tune_lr, 0.9),
        TuneOptimizer::Sgd => Optimizer::Sgd {
            lr: config.tune_lr,
            momentum: config.tune_momentum,
            dampening: config.tune_dampening,
            weight_decay: config.tune_weight_decay,
            lr_decay: config.tune_lr_decay,
        },
    }
}
