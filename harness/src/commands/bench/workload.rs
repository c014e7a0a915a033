//! What is timed: the inner loop of Reptile on the papers' two networks, and whole tasks through the runner.

use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Device;
use harness_core::sources::{ImageTasks, glyphs};
use harness_core::{
    ClassSplit, Draw, Entry, ImageClass, ImageSet, InnerLoop, Labeled, Learner, MiniBatches, Model, ModelSpec, Moments,
    Optimizer, Pool, Purpose, Reduction, Result, Split, State, Stream, TaskSource,
};

use super::passes::Passes;
use super::{Network, What, Whose};
use crate::benchmark::{Benchmark, Budget};
use crate::runner::{Cell, EpisodeSet, Job, Stop, Workers, build, evaluate, iterate};

/// The batch of a step that all figures are given for.
const BATCH: usize = 10;

/// A network with tasks to learn.
pub struct Workload {
    /// What a step is not.
    pub passes: Passes,
    job: Job,
    model: Model,
    /// One task's images, to take mini-batches from.
    examples: Labeled,
}

impl Workload {
    /// A network of Omniglot's size on glyphs, one of mini-ImageNet's on noise of its size, learning as Reptile has it.
    pub fn of(network: Network, algorithms: &[Entry]) -> Result<Workload> {
        let conv4 = Some(ModelSpec::Conv4 { filters: 64 });
        match network {
            Network::Omniglot => Workload::new("glyphs-5w1s", letters()?, None, algorithms),
            Network::OmniglotConv4 => Workload::new("glyphs-5w1s", letters()?, conv4, algorithms),
            Network::MiniImagenet => Workload::new("mini-imagenet-5w1s", noise()?, None, algorithms),
            Network::MiniImagenetConv4 => Workload::new("mini-imagenet-5w1s", noise()?, conv4, algorithms),
        }
    }

    fn new(benchmark: &str, source: ImageTasks, model: Option<ModelSpec>, algorithms: &[Entry]) -> Result<Workload> {
        let source: Arc<dyn TaskSource> = Arc::new(source);
        let benchmark = Arc::new(Benchmark::find(benchmark, &[])?);
        let mut method = benchmark.method("reptile").expect("every image benchmark has a reptile row").clone();
        method.model = model.or(method.model);
        let algorithm = build(algorithms, &benchmark, &method, source.as_ref(), &Device::Cpu)?;
        let shots = BATCH;
        let draw = Draw::Episode { ways: None, shots, queries: 0 };
        let mut rng = Stream::new(0, Purpose::TrainTask, 0, 0);
        let examples = source.task(Split::Train, &draw, benchmark.protocol.ways, &method.view, &mut rng)?.support;
        let (spec, ways) = (benchmark.model_of(&method), benchmark.protocol.ways);
        let model = Model::new(spec, &source.input(), ways, &Device::Cpu)?;
        let passes = Passes::new(&model, &source.input())?;
        let cell = Cell {
            method,
            order: 0,
            budget: Budget::Quick,
            meta_iters: 1_000_000,
            eval_episodes: 0,
            source,
            algorithm,
            device: Device::Cpu,
            benchmark,
        };
        let job = Job::nowhere(cell);
        Ok(Workload { passes, job, model, examples })
    }

    /// Floating-point operations of a step.
    pub fn step_flops(&self) -> f64 {
        self.model.flops(BATCH)
    }

    /// Steps' worth of work at [`BATCH`] in one task or one episode (its adaptation alone).
    pub fn task_steps(&self, what: What) -> f64 {
        let cost = self.job.algorithm.cost(&self.job.benchmark.protocol);
        match what {
            What::Evaluate => cost.episode / BATCH as f64,
            _ => cost.task / BATCH as f64,
        }
    }

    /// Seconds of the whole machine for one step, every thread on a task of its own. In evaluation mini-batches are those
    /// of an evaluation task, and the time is scaled to a step at [`BATCH`].
    pub fn steps(&self, what: What, whose: Whose, threads: usize, seconds: f64) -> Result<f64> {
        let batch = match what {
            What::Evaluate => {
                (self.job.algorithm.cost(&self.job.benchmark.protocol).episode / self.job.algorithm.test_steps() as f64)
                    as usize
            }
            _ => BATCH,
        };
        let model = match whose {
            Whose::Ours => self.model.clone(),
            Whose::Stock => self.model.clone().stock(),
        };
        let work = || self.one_thread(&model, batch, seconds);
        let done = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            running.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Result<Vec<f64>>>()
        })?;
        // Every thread's own rate counts for as long as all are at work, which is nearly always.
        let per_second: f64 = done.iter().sum();
        Ok(BATCH as f64 / batch as f64 / per_second)
    }

    /// Steps a second of one thread.
    fn one_thread(&self, model: &Model, batch: usize, seconds: f64) -> Result<f64> {
        let params = model.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
        let pool = Pool::new(&self.examples)?;
        let mut rng = Stream::new(0, Purpose::TrainMethod, 0, 0);
        let mut batches = MiniBatches::new(pool.len(), batch, false, &mut rng);
        let inner = InnerLoop::new(Optimizer::adam(1e-3, 0.0), Reduction::Sum);
        let mut learner = Learner::new(model, &params, &inner, &Moments::default())?;
        learner.run(&pool, &mut batches, 2)?;
        let (limit, began, mut steps) = (Duration::from_secs_f64(seconds), Instant::now(), 0u32);
        while began.elapsed() < limit {
            learner.run(&pool, &mut batches, 1)?;
            steps += 1;
        }
        Ok(f64::from(steps) / began.elapsed().as_secs_f64())
    }

    /// Tasks (or episodes, both modes) a second through the runner.
    pub fn tasks(&self, what: What, pool: &rayon::ThreadPool, seconds: f64) -> Result<f64> {
        let job = &self.job;
        let mut state: State = job.algorithm.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
        let (limit, began, mut done) = (Duration::from_secs_f64(seconds), Instant::now(), 0usize);
        while began.elapsed() < limit {
            match what {
                What::Train | What::SecondOrder | What::Features => {
                    pool.install(|| iterate(job, &mut state, job.meta_iters, Workers::Threads))?;
                    done += job.algorithm.sampling().meta_batch;
                }
                What::Evaluate => {
                    let (chunk, never) = (2 * pool.current_num_threads(), Stop::default());
                    pool.install(|| {
                        let with = (&never, Workers::Threads);
                        evaluate(job, &state, Split::Test, EpisodeSet::Final, done..done + chunk, with)
                    })?;
                    done += chunk;
                }
            }
        }
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }
}

/// Glyphs in the shape of Omniglot.
pub fn letters() -> Result<ImageTasks> {
    ImageTasks::new(Arc::new(glyphs::glyphs(0)), &glyphs::split())
}

/// Noise in the shape of mini-ImageNet: 18 classes of 20 images, a third for each part of the split. What a step costs does
/// not depend on what is to be seen.
pub fn noise() -> Result<ImageTasks> {
    const CLASSES: usize = 18;
    const IMAGES: usize = 20;
    let mut rng = Stream::new(0, Purpose::Data, 1, 0);
    let pixels: Vec<u8> = (0..CLASSES * IMAGES * 84 * 84 * 3 / 8).flat_map(|_| rng.bits().to_le_bytes()).collect();
    let name = |c: usize| format!("noise{c}");
    let class = |c: usize| ImageClass { name: name(c), images: c * IMAGES..(c + 1) * IMAGES };
    let set = ImageSet::new("noise", [84, 84, 3], (0..CLASSES).map(class).collect(), Box::new(pixels))?;
    let third = |part: usize| (part * CLASSES / 3..(part + 1) * CLASSES / 3).map(name).collect();
    let split = ClassSplit { train: third(0), val: third(1), test: third(2) };
    ImageTasks::new(Arc::new(set), &split)
}
