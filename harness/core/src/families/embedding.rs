//! An embedding learned through the loss of episodes: a network whose features are compared, class by class, in a way that
//! has nothing to adapt (Vinyals et al. 2016; Snell, Swersky, Zemel 2017; Bertinetto et al. 2019). Training episodes have many
//! more classes than those of the test; support set and queries are embedded as one batch.
//!
//! A member gives the answers to the queries as a graph over features ([`Answers`]), and a head of its own if it learns one.

use candle_core::{D, Tensor};

use crate::adapted::{Adapted, Mode};
use crate::algorithm::{Algorithm, Progress, Scalars, Update};
use crate::context::{Context, Problem};
use crate::episode::{Draw, Labeled, Sampling, Task};
use crate::error::{Error, Result};
use crate::halves::Halves;
use crate::loss::{self, Reduction};
use crate::model::{Features, Group, Model, Norm, Statistics};
use crate::optimizer::Optimizer;
use crate::outer;
use crate::params::Params;
use crate::rng::Stream;
use crate::settings::{self as fields, COUNT, RATE, Range, Rate, Settings as _};
use crate::state::State;

/// Telling classes apart needs two.
const WAYS: Range = Range::new("at least 2", |ways| ways >= 2.0);
/// Beyond these a rate of 1 is smaller than f32 can add to anything.
const HALVINGS: Range = Range::new("0 to 100", |halvings| (0.0..=100.0).contains(&halvings));

crate::settings! {
    /// Defaults are the 1-shot Omniglot settings of prototypical networks (Snell et al. 2017, section 3.1).
    pub struct Settings {
        /// classes of a training episode
        pub train_ways: usize = 60 => WAYS;
        /// support images a class in training
        pub train_shots: usize = 1 => COUNT;
        /// query images a class in training
        pub train_queries: usize = 5 => COUNT;
        /// Adam's rate
        pub lr: f64 = 1e-3 => RATE;
        /// of the rate, at equal distances over the run
        pub halvings: u32 = 9 => HALVINGS;
        /// statistics at test: `running` ones, or `batch`, those of the episode
        pub norm: Statistics = Statistics::Running, both;
    }
}

/// An episode as its answers are made from it.
pub struct Embedded<'a> {
    /// Features of the support set, `[support, features]`.
    pub support: Tensor,
    /// Their classes, `0..ways`.
    pub classes: &'a [u32],
    /// Features of the queries, `[queries, features]`.
    pub query: Tensor,
    /// The head that [`Embedding::with_head`] started, as variables; empty without one.
    pub head: &'a Params,
}

impl Embedded<'_> {
    /// Classes of the episode.
    pub fn ways(&self) -> usize {
        self.classes.iter().max().map_or(0, |last| *last as usize + 1)
    }
}

/// Logits `[queries, ways]` of an episode, differentiable by its features and its head.
pub type Answers = dyn Fn(&Embedded<'_>) -> Result<Tensor> + Send + Sync;

/// A method of the family.
pub struct Embedding {
    /// As the benchmark's block says.
    pub settings: Settings,
    /// Of which only what lies below the head is used.
    pub model: Model,
    /// Kin whose test reads keys of their own add to `both`.
    pub halves: Halves,
    head: Params,
    answers: Box<Answers>,
    /// Where a training episode's shots vary: the most of them.
    most_shots: Option<usize>,
}

impl Embedding {
    /// A method that answers so. Errors: [`Error::Usage`] on regression, and if the model does not fit its input.
    pub fn new(
        settings: Settings,
        context: &Context,
        answers: impl Fn(&Embedded<'_>) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Result<Self> {
        if matches!(context.problem, Problem::Regression { .. }) {
            return Err(Error::usage("a method that compares classes has no form for regression: leave it out here"));
        }
        // Training episodes have ways and shots of their own.
        let halves = Halves { ways: false, ..Halves::read_from(&[Settings::FIELDS]) };
        let (head, answers) = (Params::new(), Box::new(answers));
        Ok(Embedding { settings, model: context.model(1)?, halves, head, answers, most_shots: None })
    }

    /// The same with a head that is learned beside the features: names begin with `head.`.
    pub fn with_head(self, head: Params) -> Self {
        Embedding { head, ..self }
    }

    /// The same, but each training episode has a number of support images a class of its own, from `train_shots` to `most`, all
    /// equally likely; what it has more than `train_shots` it takes from its queries, so that an episode stays as large. One
    /// training then is for every number of shots (Bertinetto et al. 2019). Errors: [`Error::Usage`] where `most` is less than
    /// `train_shots` or leaves no query.
    pub fn with_shots_up_to(self, most: usize) -> Result<Self> {
        let Settings { train_shots, train_queries, .. } = self.settings;
        if !(train_shots..train_shots + train_queries).contains(&most) {
            return Err(Error::usage(format!(
                "a training episode cannot have up to {most} support images a class: with train_shots = {train_shots} and \
                 train_queries = {train_queries} it may be {train_shots} to {}",
                train_shots + train_queries - 1
            )));
        }
        Ok(Embedding { most_shots: Some(most), ..self })
    }

    /// The episode with as many of its queries moved to the support set as `rng` says; None where shots do not vary.
    fn with_shots_drawn(&self, task: &Task, rng: &mut Stream) -> Result<Option<Task>> {
        let Some(most) = self.most_shots else { return Ok(None) };
        let more = rng.below(most - self.settings.train_shots + 1);
        let classes = task.query.classes()?;
        let mut seen = vec![0; self.settings.train_ways];
        let (moved, left): (Vec<usize>, Vec<usize>) = (0..classes.len()).partition(|row| {
            let seen = &mut seen[classes[*row] as usize];
            *seen += 1;
            *seen <= more
        });
        let support =
            if moved.is_empty() { task.support.clone() } else { task.support.concat(&task.query.select(&moved)?)? };
        Ok(Some(Task { support, query: task.query.select(&left)? }))
    }
}

impl Algorithm for Embedding {
    fn sampling(&self) -> Sampling {
        let Settings { train_ways, train_shots: shots, train_queries: queries, .. } = self.settings;
        Sampling::independent(Draw::Episode { ways: Some(train_ways), shots, queries }, 1)
    }

    /// There is nothing to adapt.
    fn test_steps(&self) -> usize {
        0
    }

    fn rates(&self) -> Vec<Rate> {
        fields::rates(&self.settings)
    }

    fn halves(&self) -> Option<Halves> {
        Some(self.halves.clone())
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = outer::start(Group::Body.part(&self.model.init(rng)?).merged(&self.head))?;
        if self.settings.norm == Statistics::Running {
            state.buffers = self.model.initial_stats()?;
        }
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let drawn = self.with_shots_drawn(task, rng)?;
        let task = drawn.as_ref().unwrap_or(task);
        let images = Tensor::cat(&[&task.support.x, &task.query.x], 0)?;
        let features = self.model.features(&state.params, &images, &Norm::Batch)?;
        let (stats, head) = (features.stats.clone(), Group::Head.part(&state.params).to_vars()?);
        let answers = answer(&features.values, &task.support, &head, &self.answers)?;
        let loss = loss::loss(&answers, &task.query.y, Reduction::Mean)?;
        let (loss, gradient) = Features::gradient(&loss, &head, [features])?;
        Ok(Update::default().with("gradient", gradient).with("stats", stats).scalar("loss", loss))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let halvings = progress.iteration * (u64::from(self.settings.halvings) + 1) / progress.total.max(1);
        let lr = self.settings.lr * 0.5f64.powi(halvings as i32);
        let mut scalars = outer::descend(state, Optimizer::adam(lr, 0.9), &updates)?;
        scalars.insert("lr".into(), lr);
        Ok(scalars)
    }

    fn adapt(&self, state: &State, _: &Labeled, steps: &[usize], _: &mut Stream) -> Result<Vec<Adapted>> {
        Ok(vec![Adapted::from(state); steps.len()])
    }

    fn answers_alone(&self, adapted: &Adapted) -> bool {
        Norm::told_by(&adapted.buffers).is_running()
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        score(&self.model, &self.answers, adapted, support, query, mode)
    }
}

/// The answers to the queries, from the features of support set and queries one after the other.
fn answer(features: &Tensor, support: &Labeled, head: &Params, answers: &Answers) -> Result<Tensor> {
    let n = support.len();
    let query = features.narrow(0, n, features.dim(0)? - n)?;
    answers(&Embedded { support: features.narrow(0, 0, n)?, classes: support.classes()?, query, head })
}

/// What [`Algorithm::score`] is for a method that answers so: under running statistics where `adapted` has them; else
/// the support set is one batch with all of `query` (transductive), or with one query at a time (inductive).
pub fn score(
    model: &Model,
    answers: &Answers,
    adapted: &Adapted,
    support: &Labeled,
    query: &Tensor,
    mode: Mode,
) -> Result<Tensor> {
    let (norm, head) = (Norm::told_by(&adapted.buffers), Group::Head.part(&adapted.params));
    let alone = match mode {
        Mode::Inductive if !norm.is_running() => query.chunk(query.dim(0)?, 0)?,
        _ => vec![query.clone()],
    };
    let answered = alone.iter().map(|query| {
        let images = Tensor::cat(&[&support.x, query], 0)?;
        answer(&model.embed(&adapted.params, &images, &norm)?, support, &head, answers)
    });
    Ok(Tensor::cat(&answered.collect::<Result<Vec<_>>>()?, 0)?)
}

/// The mean feature of each class, `[ways, features]`, from features `[n, features]` with labels `0..ways`.
pub fn class_means(features: &Tensor, classes: &[u32]) -> Result<Tensor> {
    let ways = classes.iter().max().map_or(0, |last| *last as usize + 1);
    let shots = |way: usize| classes.iter().filter(|class| **class as usize == way).count() as f32;
    let row = |way: usize| classes.iter().map(move |class| if *class as usize == way { 1.0 / shots(way) } else { 0.0 });
    let share = Tensor::from_iter((0..ways).flat_map(row), features.device())?.reshape((ways, classes.len()))?;
    Ok(share.to_dtype(features.dtype())?.matmul(features)?)
}

/// Attention over the support set by cosines (Vinyals et al. 2016, arXiv 1606.04080, equation 1): logits `[queries, ways]` whose softmax
/// is Σᵢ aᵢyᵢ with a = softmax(scale·cos) over the support images. So the logit of a class is ln Σ exp(scale·cos) over its own
/// images.
pub fn attention(query: &Tensor, support: &Tensor, classes: &[u32], scale: f64) -> Result<Tensor> {
    let cosines = (directions(query)?.matmul(&directions(support)?.t()?)? * scale)?;
    let ways = classes.iter().max().map_or(0, |last| last + 1);
    let of_class = |way: u32| {
        let own: Vec<u32> = (0u32..).zip(classes).filter(|(_, class)| **class == way).map(|(row, _)| row).collect();
        cosines.index_select(&Tensor::new(own, query.device())?, 1)?.log_sum_exp(1)
    };
    Ok(Tensor::stack(&(0..ways).map(of_class).collect::<candle_core::Result<Vec<_>>>()?, 1)?)
}

/// −‖a − b‖² of every pair of a row of `a` `[n, features]` and one of `b` `[m, features]`, `[n, m]`, as
/// −‖a‖² + 2 a·b − ‖b‖².
pub fn nearness(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let cross = (a.matmul(&b.t()?)? * 2.0)?;
    let cross = cross.broadcast_sub(&a.sqr()?.sum_keepdim(D::Minus1)?)?;
    Ok(cross.broadcast_sub(&b.sqr()?.sum_keepdim(D::Minus1)?.t()?)?)
}

/// Each feature vector at length 1. Features that are all 0 stay 0, and have a gradient.
pub fn directions(features: &Tensor) -> Result<Tensor> {
    let length = ((features.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()? + 1e-5)?;
    Ok(features.broadcast_div(&length)?)
}

#[cfg(test)]
mod tests;
