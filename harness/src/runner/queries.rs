//! The table's episodes once more with every query: which image it is, and what the method took it for.

use harness_core::{Error, Protocol, Purpose, Result, Split, State, Stream};

use super::evaluate::{EpisodeSet, answered, by_mode, final_key, outcomes, picked};
use super::in_order::on_threads;
use super::job::Job;
use super::stop::Stop;
use crate::results::episodes::{Outcome, Outcomes};

/// The queries of one episode, in its order. Images are positions in the data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// An image of each way, to know its class by.
    pub ways: Vec<usize>,
    /// The image of each query.
    pub images: Vec<usize>,
    /// The way that it belongs to.
    pub labels: Vec<u32>,
    /// In each mode, the way that the method took it for.
    pub picked: Vec<Vec<u32>>,
}

/// Outcomes of episodes `range` of the table in each of the job's modes, as [`evaluate`](super::evaluate) finds them,
/// and their queries. Runs on the pool that it is called in. None if `stop` was requested on the way.
///
/// # Errors
/// Usage: a regression, whose queries are points of a curve.
pub fn queries(
    job: &Job,
    state: &State,
    split: Split,
    range: std::ops::Range<usize>,
    stop: &Stop,
) -> Result<Option<(Outcomes, Vec<Asked>)>> {
    if job.regression() {
        return Err(Error::usage(format!("{}: a regression asks for values, not for classes", job.benchmark.name)));
    }
    let modes = job.modes();
    let one = |index: usize| -> Result<Option<_>> {
        if stop.requested() {
            return Ok(None);
        }
        let index = range.start + index;
        let (task, answers) = answered(job, state, split, EpisodeSet::Final, index, &modes)?;
        let outcomes = outcomes(&modes, &answers, &task.query)?;
        let (ways, images) = shown(job, split, index)?;
        let (labels, picked) = (task.query.classes()?.to_vec(), answers.iter().map(picked).collect::<Result<_>>()?);
        Ok(Some((outcomes, Asked { ways, images, labels, picked })))
    };
    let all: Option<(Vec<Vec<Outcome>>, Vec<Asked>)> = on_threads(range.len(), one)?.into_iter().collect();
    Ok(all.map(|(outcomes, asked)| (by_mode(&modes, &outcomes), asked)))
}

/// The images of an episode: one of each way, and the queries'.
fn shown(job: &Job, split: Split, index: usize) -> Result<(Vec<usize>, Vec<usize>)> {
    let Protocol { ways, shots, queries } = job.benchmark.protocol;
    let mut rng = Stream::new(job.benchmark.eval.seed, Purpose::EvalTask, final_key(split), index as u64);
    // Image and label of each example, eight bytes each, the support set first.
    let bytes = job.source.identity(split, &job.episode(), ways, &mut rng)?;
    let (pairs, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() || pairs.len() != ways * (shots + queries) {
        return Err(Error::usage(format!("{}: its episodes are not made of images", job.benchmark.name)));
    }
    let image = |pair: &[u8; 16]| u64::from_le_bytes(pair[..8].try_into().expect("eight bytes")) as usize;
    let images: Vec<usize> = pairs.iter().map(image).collect();
    let of_ways = (0..ways).map(|way| images[way * shots]).collect();
    Ok((of_ways, images[ways * shots..].to_vec()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harness_core::sources::{ImageTasks, glyphs};
    use harness_core::{Draw, TaskSource, View};

    use super::super::evaluate::evaluate;
    use super::super::follow::tests::{of_benchmark, sine};
    use super::super::in_order::Workers;
    use super::*;
    use crate::benchmark::Benchmark;

    #[test]
    fn queries_are_those_of_the_evaluation_with_their_images() {
        let set = Arc::new(glyphs::glyphs(0));
        let source = Arc::new(ImageTasks::new(set.clone(), &glyphs::split()).unwrap());
        let benchmark = Benchmark::find("glyphs-5w1s", &[("protocol.queries".into(), "3".into())]).unwrap();
        let job = of_benchmark(Arc::new(benchmark), "reptile", source.clone());
        let state = job.algorithm.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
        let stop = Stop::default();
        let (outcomes, asked) = queries(&job, &state, Split::Test, 2..6, &stop).unwrap().unwrap();
        let with = (&stop, Workers::Threads);
        let plain = evaluate(&job, &state, Split::Test, EpisodeSet::Final, 2..6, with).unwrap().unwrap();
        assert_eq!(outcomes, plain);
        for (at, episode) in asked.iter().enumerate() {
            for ((_, outcomes), picked) in outcomes.iter().zip(&episode.picked) {
                let right = picked.iter().zip(&episode.labels).filter(|(picked, label)| picked == label).count();
                assert_eq!(right as u32, outcomes[at].correct);
            }
            // The pixels of the task are those of the images that are named.
            let mut rng =
                Stream::new(job.benchmark.eval.seed, Purpose::EvalTask, final_key(Split::Test), 2 + at as u64);
            let draw = Draw::Episode { ways: None, shots: 1, queries: 3 };
            let task = source.task(Split::Test, &draw, 5, &View::default(), &mut rng).unwrap();
            let pixels = task.query.x.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
            for ((image, label), pixels) in episode.images.iter().zip(&episode.labels).zip(pixels) {
                let bytes: Vec<u8> = pixels.iter().map(|value| (value * 255.0).round() as u8).collect();
                assert_eq!(bytes, set.image(*image));
                let class = |image: &usize| set.classes.iter().position(|class| class.images.contains(image));
                assert_eq!(class(image), class(&episode.ways[*label as usize]));
            }
        }
        stop.request();
        assert!(queries(&job, &state, Split::Test, 0..2, &stop).unwrap().is_none());
        let error = queries(&sine("reptile"), &state, Split::Test, 0..1, &Stop::default()).unwrap_err().to_string();
        assert!(error.contains("a regression asks for values"), "{error}");
    }
}
