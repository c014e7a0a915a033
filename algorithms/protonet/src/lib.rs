//! Prototypical networks (Snell, Swersky, Zemel 2017, "Prototypical Networks for Few-shot Learning", arXiv 1703.05175): a
//! class is the mean of its support images' features, and a query belongs to the class whose mean is nearest. Only the
//! features are learned, on episodes with many more classes than those of the test.

use candle_core::{D, Tensor};
use harness_core::settings::{self, COUNT, RATE, Range, Rate};
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Entry, Error, Group, Halves, Labeled, Mode, Model, Norm, Optimizer,
    Params, Problem, Progress, Reduction, Result, Sampling, Scalars, State, Stream, Task, Update, loss, mean_scalars,
    outer, parse_config,
};
use serde::Deserialize;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "protonet",
    summary: "a class is the mean of its support features; a query goes to the nearest mean",
    paper: "Snell et al. 2017, arXiv 1703.05175",
    build,
    toy: "train_ways = 10\ntrain_shots = 2\ntrain_queries = 3\nlr = 0.01",
    code: harness_core::code!(),
};

/// What batch normalisation uses at test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Statistics {
    Batch,
    Running,
}

/// Telling classes apart needs two.
const WAYS: Range = Range::new("at least 2", |ways| ways >= 2.0);
/// Beyond these a rate of 1 is smaller than f32 can add to anything.
const HALVINGS: Range = Range::new("0 to 100", |halvings| (0.0..=100.0).contains(&halvings));

harness_core::settings! {
    /// Defaults are the paper's 1-shot Omniglot settings (section 3.1).
    struct Config {
        train_ways: usize = 60 => WAYS;
        train_shots: usize = 1 => COUNT;
        train_queries: usize = 15 => COUNT;
        lr: f64 = 1e-3 => RATE;
        /// The rate is halved so many times, at equal distances over the run.
        halvings: u32 = 9 => HALVINGS;
        norm: Statistics = Statistics::Running;
    }
}

struct ProtoNet {
    config: Config,
    model: Model,
    /// Images of a test episode.
    episode: usize,
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    if matches!(context.problem, Problem::Regression { .. }) {
        return Err(Error::usage("protonet compares classes and has no form for regression: leave it out here"));
    }
    let episode = context.protocol.ways * (context.protocol.shots + context.protocol.queries);
    let model = context.model(1)?;
    Ok(Box::new(ProtoNet { config, model, episode }))
}

/// The mean feature of each class, `[ways, features]`, from features `[n, features]` with labels `0..ways`.
fn prototypes(features: &Tensor, classes: &[u32]) -> Result<Tensor> {
    let ways = classes.iter().max().map_or(0, |last| *last as usize + 1);
    let mut share = vec![0f32; ways * classes.len()];
    for (image, class) in classes.iter().enumerate() {
        let shots = classes.iter().filter(|other| *other == class).count();
        share[*class as usize * classes.len() + image] = 1.0 / shots as f32;
    }
    let share = Tensor::from_vec(share, (ways, classes.len()), features.device())?;
    Ok(share.to_dtype(features.dtype())?.matmul(features)?)
}

/// −‖query − prototype‖² of every pair, `[queries, ways]`, as −‖q‖² + 2 q·p − ‖p‖².
fn logits(queries: &Tensor, prototypes: &Tensor) -> Result<Tensor> {
    let cross = (queries.matmul(&prototypes.t()?)? * 2.0)?;
    let cross = cross.broadcast_sub(&queries.sqr()?.sum_keepdim(D::Minus1)?)?;
    Ok(cross.broadcast_sub(&prototypes.sqr()?.sum_keepdim(D::Minus1)?.t()?)?)
}

impl ProtoNet {
    /// Support and queries are embedded as one batch, as the original does in training.
    fn answers(&self, params: &Params, norm: &Norm, support: &Labeled, query: &Tensor) -> Result<Tensor> {
        let (n, images) = (support.len(), Tensor::cat(&[&support.x, query], 0)?);
        let features = self.model.features(params, &images, norm)?;
        let prototypes = prototypes(&features.narrow(0, 0, n)?, support.classes()?)?;
        logits(&features.narrow(0, n, query.dim(0)?)?, &prototypes)
    }

    /// The batch statistics of a task's images, which the fused pass gathers on its way.
    fn statistics(&self, params: &Params, task: &Task) -> Result<Params> {
        let images = Tensor::cat(&[&task.support.x, &task.query.x], 0)?;
        self.model.statistics(params, &images)
    }
}

impl Algorithm for ProtoNet {
    fn sampling(&self) -> Sampling {
        let Config { train_ways, train_shots: shots, train_queries: queries, .. } = self.config;
        Sampling::independent(Draw::Episode { ways: Some(train_ways), shots, queries }, 1)
    }

    /// Class means need no inner steps.
    fn test_steps(&self) -> usize {
        0
    }

    fn cost(&self) -> Cost {
        let Config { train_ways, train_shots, train_queries, .. } = self.config;
        Cost { task: (train_ways * (train_shots + train_queries)) as f64, episode: self.episode as f64 }
    }

    fn rates(&self) -> Vec<Rate> {
        settings::rates(&self.config)
    }

    /// Training episodes have ways and shots of their own.
    fn halves(&self) -> Option<Halves> {
        Some(Halves { both: vec!["norm"], ..Halves::default() })
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = outer::start(self.model.init(rng)?.filter(|name| Group::Body.holds(name)))?;
        if self.config.norm == Statistics::Running {
            state.buffers = self.model.initial_stats()?;
        }
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, _: &mut Stream) -> Result<Update> {
        let vars = state.params.to_vars()?;
        let answers = self.answers(&vars, &Norm::Batch, &task.support, &task.query.x)?;
        let loss = loss::loss(&answers, &task.query.y, Reduction::Mean)?;
        let (loss, gradient) = loss::gradient(&loss, &vars)?;
        let update = Update::default().with("gradient", gradient).scalar("loss", loss);
        match self.config.norm {
            Statistics::Batch => Ok(update),
            Statistics::Running => Ok(update.with("stats", self.statistics(&state.params, task)?)),
        }
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let halvings = progress.iteration * (u64::from(self.config.halvings) + 1) / progress.total.max(1);
        let lr = self.config.lr * 0.5f64.powi(halvings as i32);
        outer::step(state, Optimizer::adam(lr, 0.9), &outer::mean_gradient(&updates)?)?;
        outer::fold_statistics(state, &updates)?;
        let mut scalars = mean_scalars(&updates);
        scalars.insert("lr".into(), lr);
        Ok(scalars)
    }

    fn adapt(&self, state: &State, _: &Labeled, steps: &[usize], _: &mut Stream) -> Result<Vec<Adapted>> {
        let adapted = Adapted { params: state.params.clone(), buffers: state.buffers.clone() };
        Ok(vec![adapted; steps.len()])
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        if !adapted.buffers.is_empty() {
            return self.answers(&adapted.params, &Norm::Running(adapted.buffers.clone()), support, query);
        }
        let alone = match mode {
            Mode::Inductive => query.chunk(query.dim(0)?, 0)?,
            _ => vec![query.clone()],
        };
        let answers = alone.iter().map(|query| self.answers(&adapted.params, &Norm::Batch, support, query));
        Ok(Tensor::cat(&answers.collect::<Result<Vec<_>>>()?, 0)?)
    }
}

#[cfg(test)]
mod tests;
