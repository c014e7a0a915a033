//! The contract of a method: a pure map over tasks, a fold in task order, and adaptation at test time.
//!
//! A method owns no hidden state. What it learns lives in [`State`], which the harness keeps, checkpoints and hands back,
//! so that resuming, threads and machines need nothing from the method.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::adapted::{Adapted, Mode};
use crate::context::{Context, Protocol};
use crate::episode::{Draw, Labeled, Sampling, Task};
use crate::error::Result;
use crate::halves::Halves;
use crate::params::Params;
use crate::rng::Stream;
use crate::settings::{Key, Rate};
use crate::state::State;
use crate::together::Together;

/// Named training numbers of one meta-iteration, such as `loss`; they become rows of metrics.csv, so a name keeps its unit
/// through a run.
pub type Scalars = BTreeMap<String, f64>;

/// One task's contribution to a meta-iteration. Plain data: it can be sent anywhere and folded later.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// Tensors by role, such as `delta` or `gradient`: each with the shapes of the parameters that it belongs to.
    pub tensors: BTreeMap<String, Params>,
    /// Numbers: a loss, an evolution strategy's fitness.
    pub scalars: Scalars,
    /// Seeds of streams from which the fold can make a perturbation again instead of carrying it.
    pub keys: Vec<u64>,
}

impl Update {
    /// Adds tensors under a role.
    pub fn with(mut self, role: &str, tensors: Params) -> Self {
        self.tensors.insert(role.into(), tensors);
        self
    }

    /// Adds a number.
    pub fn scalar(mut self, name: &str, value: f64) -> Self {
        self.scalars.insert(name.into(), value);
        self
    }

    /// The tensors of one role. Errors if this update has none.
    pub fn role(&self, role: &str) -> Result<&Params> {
        let known = self.tensors.keys().map(String::as_str);
        self.tensors.get(role).ok_or_else(|| crate::error::unknown("update role", role, known))
    }

    /// Bytes that would cross a network if the task were computed elsewhere.
    pub fn bytes(&self) -> usize {
        let tensors = self.tensors.values().flat_map(Params::iter);
        tensors.map(|(_, tensor)| tensor.elem_count() * tensor.dtype().size_in_bytes()).sum::<usize>()
            + 8 * (self.scalars.len() + self.keys.len())
    }
}

/// The mean over a meta-batch of every scalar that all updates share, in task order.
pub fn mean_scalars(updates: &[Update]) -> Scalars {
    let Some(first) = updates.first() else { return Scalars::new() };
    let mean = |name: &String| {
        let sum: Option<f64> = updates.iter().map(|update| update.scalars.get(name)).sum();
        sum.map(|sum| (name.clone(), sum / updates.len() as f64))
    };
    first.scalars.keys().filter_map(mean).collect()
}

/// How far a run has come. Schedules span the run's own meta-iterations, whatever set them.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The meta-iteration under way, from 0.
    pub iteration: u64,
    /// Meta-iterations of the whole run.
    pub total: u64,
}

impl Progress {
    /// `iteration / total`, in [0, 1).
    pub fn fraction(&self) -> f64 {
        self.iteration as f64 / self.total.max(1) as f64
    }

    /// Linear from `start` at the first iteration towards `end`, as openai/supervised-reptile anneals its meta-step
    /// (train.py: `frac_done = i / meta_iters`). `end` itself would come at iteration `total`, which never runs.
    ///
    /// ```
    /// use harness_core::Progress;
    ///
    /// let at = |iteration| Progress { iteration, total: 4 }.anneal(1.0, 0.0);
    /// assert_eq!([at(0), at(1), at(3)], [1.0, 0.75, 0.25]);
    /// ```
    pub fn anneal(&self, start: f64, end: f64) -> f64 {
        self.fraction() * end + (1.0 - self.fraction()) * start
    }
}

/// Forward-and-backward passes of one image (or point), for estimates of time. An estimate, never a result.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// In one `task_update`.
    pub task: f64,
    /// In adapting to one evaluation episode.
    pub episode: f64,
}

/// A meta-learning method. Methods are stateless: built once a run from their config, then shared by all threads.
///
/// A meta-iteration is `task_update` on each task of a meta-batch, in parallel, then one `outer_update`. An evaluation
/// episode is `adapt`, then `score` in each mode. Every function that errors ends its own run only; errors are one line
/// that names what the user can mend ([`Error::Usage`](crate::Error::Usage)), and those of tensors pass through `?`.
/// [`conformance`](crate::conformance) checks what is promised here and shows a whole method.
pub trait Algorithm: Send + Sync {
    /// What one training task must hold, and how many make a meta-batch.
    fn sampling(&self) -> Sampling;

    /// Inner steps at test time, at which tables are made.
    fn test_steps(&self) -> usize;

    /// Roughly what training and adapting cost, for evaluation episodes of this `protocol`. As it stands, a task costs a pass
    /// over its images, and an episode one over the support set for each step, at least one over all its images.
    fn cost(&self, protocol: &Protocol) -> Cost {
        let Protocol { ways, shots, queries } = *protocol;
        let task = match self.sampling().draw {
            Draw::Batch { size } => size,
            Draw::Episode { ways: own, shots, queries } => own.unwrap_or(ways) * (shots + queries),
        };
        let steps = self.test_steps() * ways * shots;
        Cost { task: task as f64, episode: steps.max(ways * (shots + queries)) as f64 }
    }

    /// The step sizes among the settings, defaults too: where numbers leave the real line, errors name the one to lower.
    /// [`settings::rates`](crate::settings::rates) knows those of a settings struct.
    fn rates(&self) -> Vec<Rate> {
        Vec::new()
    }

    /// Which settings are of the training, of the test, or of both, so that cells which differ in the test alone share one
    /// training. None: everything counts in both, which is always safe.
    fn halves(&self) -> Option<Halves> {
        None
    }

    /// The state before the first meta-iteration: parameters from `rng`, and every slot and buffer that the fold will ask
    /// for, so that a checkpoint of step 0 is whole.
    fn init(&self, rng: &mut Stream) -> Result<State>;

    /// One task's contribution. Pure: the same state, task and stream give the same bits, on any thread. `task` is what
    /// [`Algorithm::sampling`] asked for: support and query images `[n, height, width, channels]` in 0..1, or points
    /// `[n, 1]`.
    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update>;

    /// Contributions of `sampling().chain` tasks in order. Only a method whose tasks hand something on to the next one
    /// needs its own.
    fn chain_update(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        tasks.iter_mut().map(|(task, rng)| self.task_update(state, task, rng)).collect()
    }

    /// Folds a meta-batch: updates come in task order however they were computed. The harness counts `state.step`. What it
    /// returns is logged; a number that is not finite ends the run as diverged.
    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars>;

    /// The part of a state that adapting and scoring read: what is worth keeping of a finished run. All but the
    /// optimiser slots, unless a method adapts with them.
    fn for_evaluation(&self, state: &State) -> State {
        State { slots: BTreeMap::new(), ..state.clone() }
    }

    /// Adapts to the support set and returns what is known after each number of inner steps in `steps` (ascending).
    /// Never changes `state`.
    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>>;

    /// Which queries of an episode are normalised together in transductive mode: what the method's paper does. The harness
    /// deals them out and asks [`Algorithm::score`] for each group; no group sees another.
    fn together(&self) -> Together {
        Together::OfEachClass(1)
    }

    /// Whether no answer depends on another query in either mode, as under running statistics. Both modes are one then:
    /// all queries are asked in one call, which serves both.
    fn answers_alone(&self, _: &Adapted) -> bool {
        false
    }

    /// Logits `[queries, ways]`, or values `[queries, outputs]` on regression. Never sees query labels; in inductive
    /// mode an answer depends on no other query.
    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor>;
}

/// Makes a method from its `[method.<label>]` keys.
pub type Build = fn(&toml::Table, &Context) -> Result<Box<dyn Algorithm>>;

/// One line of the registry: a method that the harness knows.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The value of `algorithm = "…"` in a benchmark file.
    pub name: &'static str,
    /// One sentence for `harness list algorithms`.
    pub summary: &'static str,
    /// The paper.
    pub paper: &'static str,
    /// Makes the method. Errors: [`Error::Usage`](crate::Error::Usage) for a key or value that it does not know.
    pub build: Build,
    /// Config (TOML) with which it learns the conformance suite's toy task in
    /// [`TOY_ITERATIONS`](crate::conformance::TOY_ITERATIONS) meta-iterations.
    pub toy: &'static str,
    /// The settings: [`settings::keys`](crate::settings::keys) of each struct that `build` reads.
    pub settings: &'static [fn() -> Vec<Key>],
    /// `include_str!("../README.md")`: the paper, where the method departs from it, and the table of settings.
    pub readme: &'static str,
    /// What the method is made of: [`harness_core::code!()`](crate::code). A number of other code is never shown as this
    /// code's.
    pub code: &'static str,
}

impl Entry {
    /// Where the method departs from its paper: the paragraph of its README that begins with `**Known deviation`, on one line
    /// and without that heading.
    pub fn deviations(&self) -> Option<String> {
        let mut paragraphs = self.readme.split("\n\n").map(str::trim);
        let found = paragraphs.find(|paragraph| paragraph.starts_with("**Known deviation"))?;
        let (_, text) = found.trim_start_matches("**").split_once("**")?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meta_step_is_annealed_to_zero_over_the_runs_own_length() {
        let at = |iteration| Progress { iteration, total: 4 }.anneal(1.0, 0.0);
        assert_eq!([at(0), at(1), at(3)], [1.0, 0.75, 0.25]);
    }

    #[test]
    fn deviations_are_a_paragraph_of_the_readme() {
        let entry = |readme| Entry {
            name: "mine",
            summary: "",
            paper: "",
            build: |_, _| Err(crate::Error::usage("only named")),
            toy: "",
            settings: &[],
            readme,
            code: "",
        };
        let readme = "# mine\n\nIts paper.\n\n**Known deviations.** The network\nis ours.\n\n| key |\n";
        assert_eq!(entry(readme).deviations().unwrap(), "The network is ours.");
        assert_eq!(entry("# mine\n\nNothing more.").deviations(), None);
    }

    #[test]
    fn scalars_are_averaged_where_all_tasks_have_them() {
        let updates = [Update::default().scalar("loss", 1.0).scalar("odd", 1.0), Update::default().scalar("loss", 2.0)];
        assert_eq!(mean_scalars(&updates), Scalars::from([("loss".into(), 1.5)]));
    }
}
