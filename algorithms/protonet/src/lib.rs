//! Prototypical networks (Snell, Swersky, Zemel 2017, "Prototypical Networks for Few-shot Learning", arXiv 1703.05175): a
//! class is the mean of its support images' features, and a query belongs to the class whose mean is nearest. Only the
//! features are learned, on episodes with many more classes than those of the test.

use candle_core::{D, Tensor};
use harness_core::settings::{self, COUNT, RATE, Range, Rate};
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Entry, Error, Features, Group, Halves, Labeled, Mode, Model, Norm,
    Optimizer, Params, Problem, Progress, Reduction, Result, Sampling, Scalars, State, Statistics, Stream, Task,
    Update, loss, outer, parse_config,
};

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "protonet",
    summary: "a class is the mean of its support features; a query goes to the nearest mean",
    paper: "Snell et al. 2017, arXiv 1703.05175",
    build,
    toy: "train_ways = 10\ntrain_shots = 2\ntrain_queries = 3\nlr = 0.01",
    code: harness_core::code!(),
};

/// Telling classes apart needs two.
const WAYS: Range = Range::new("at least 2", |ways| ways >= 2.0);
/// Beyond these a rate of 1 is smaller than f32 can add to anything.
const HALVINGS: Range = Range::new("0 to 100", |halvings| (0.0..=100.0).contains(&halvings));

harness_core::settings! {
    /// Defaults are the paper's 1-shot Omniglot settings (section 3.1).
    struct Config {
        train_ways: usize = 60 => WAYS;
        train_shots: usize = 1 => COUNT;
        train_queries: usize = 5 => COUNT;
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
    Ok(Box::new(ProtoNet { config, model: context.model(1)?, episode }))
}

/// The mean feature of each class, `[ways, features]`, from features `[n, features]` with labels `0..ways`.
fn prototypes(features: &Tensor, classes: &[u32]) -> Result<Tensor> {
    let ways = classes.iter().max().map_or(0, |last| *last as usize + 1);
    let shots = |way: usize| classes.iter().filter(|class| **class as usize == way).count() as f32;
    let row = |way: usize| classes.iter().map(move |class| if *class as usize == way { 1.0 / shots(way) } else { 0.0 });
    let share = Tensor::from_iter((0..ways).flat_map(row), features.device())?.reshape((ways, classes.len()))?;
    Ok(share.to_dtype(features.dtype())?.matmul(features)?)
}

/// −‖query − prototype‖² of every pair, `[queries, ways]`, as −‖q‖² + 2 q·p − ‖p‖².
fn logits(queries: &Tensor, prototypes: &Tensor) -> Result<Tensor> {
    let cross = (queries.matmul(&prototypes.t()?)? * 2.0)?;
    let cross = cross.broadcast_sub(&queries.sqr()?.sum_keepdim(D::Minus1)?)?;
    Ok(cross.broadcast_sub(&prototypes.sqr()?.sum_keepdim(D::Minus1)?.t()?)?)
}

/// The answers to the queries, from the features of support set and queries one after the other.
fn answers(features: &Tensor, support: &Labeled) -> Result<Tensor> {
    let n = support.len();
    let prototypes = prototypes(&features.narrow(0, 0, n)?, support.classes()?)?;
    logits(&features.narrow(0, n, features.dim(0)? - n)?, &prototypes)
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
        let mut state = outer::start(Group::Body.part(&self.model.init(rng)?))?;
        if self.config.norm == Statistics::Running {
            state.buffers = self.model.initial_stats()?;
        }
        Ok(state)
    }

    /// Support and queries are embedded as one batch, as the original does in training.
    fn task_update(&self, state: &State, task: &Task, _: &mut Stream) -> Result<Update> {
        let images = Tensor::cat(&[&task.support.x, &task.query.x], 0)?;
        let features = self.model.features(&state.params, &images, &Norm::Batch)?;
        let stats = features.stats.clone();
        let loss = loss::loss(&answers(&features.values, &task.support)?, &task.query.y, Reduction::Mean)?;
        let (loss, gradient) = Features::gradient(&loss, &Params::new(), [features])?;
        Ok(Update::default().with("gradient", gradient).with("stats", stats).scalar("loss", loss))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let halvings = progress.iteration * (u64::from(self.config.halvings) + 1) / progress.total.max(1);
        let lr = self.config.lr * 0.5f64.powi(halvings as i32);
        let mut scalars = outer::descend(state, Optimizer::adam(lr, 0.9), &updates)?;
        scalars.insert("lr".into(), lr);
        Ok(scalars)
    }

    fn adapt(&self, state: &State, _: &Labeled, steps: &[usize], _: &mut Stream) -> Result<Vec<Adapted>> {
        Ok(vec![Adapted::from(state); steps.len()])
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        let norm = Norm::told_by(&adapted.buffers);
        let alone = match (mode, &norm) {
            (Mode::Inductive, Norm::Batch) => query.chunk(query.dim(0)?, 0)?,
            _ => vec![query.clone()],
        };
        let answered = alone.iter().map(|query| {
            let images = Tensor::cat(&[&support.x, query], 0)?;
            answers(&self.model.embed(&adapted.params, &images, &norm)?, support)
        });
        Ok(Tensor::cat(&answered.collect::<Result<Vec<_>>>()?, 0)?)
    }
}

#[cfg(test)]
mod tests;
