//! A method asked for its answers to an episode, as every table asks it.

use candle_core::Tensor;

use crate::adapted::{Adapted, Mode};
use crate::algorithm::Algorithm;
use crate::episode::{Targets, Task};
use crate::error::{Error, Result};
use crate::rng::Stream;

/// What `method` answers to the queries of `task` in `mode`, `[queries, outputs]` in their order. In transductive mode it
/// is asked group by group, as [`Algorithm::together`] says, unless [`Algorithm::answers_alone`], and never sees a label.
/// `rng` orders the groups' queries.
/// Errors: those of [`Algorithm::score`], and [`Error::Usage`] if the answers are not one a query.
pub fn answers(method: &dyn Algorithm, adapted: &Adapted, task: &Task, mode: Mode, rng: &mut Stream) -> Result<Tensor> {
    let groups = match (mode, &task.query.y) {
        (Mode::Transductive, Targets::Classes(labels)) if !method.answers_alone(adapted) => {
            method.together().deal(labels, rng)
        }
        _ => Vec::new(),
    };
    let ask = |query: &Tensor| -> Result<Tensor> {
        let answers = method.score(adapted, &task.support, query, mode)?;
        match (answers.dim(0)?, query.dim(0)?) {
            (given, asked) if given == asked => Ok(answers),
            (given, asked) => Err(Error::usage(format!("{given} answers to {asked} queries"))),
        }
    };
    if groups.len() < 2 {
        return ask(&task.query.x);
    }
    let one = |group: &Vec<usize>| ask(&task.query.select(group)?.x);
    let all = Tensor::cat(&groups.iter().map(one).collect::<Result<Vec<_>>>()?, 0)?;
    let mut places = vec![0u32; task.query.len()];
    groups.concat().into_iter().enumerate().for_each(|(place, row)| places[row] = place as u32);
    Ok(all.index_select(&Tensor::new(places, all.device())?, 0)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::algorithm::{Progress, Scalars, Update};
    use crate::episode::{Labeled, Sampling};
    use crate::params::Params;
    use crate::rng::Purpose;
    use crate::state::State;
    use crate::together::Together;

    fn stream(index: u64) -> Stream {
        Stream::new(0, Purpose::EvalDeal, 0, index)
    }

    /// Answers with the input itself and the mean of all inputs that it was shown.
    struct Means(Together);

    /// Answers to the support set too.
    struct TooMany;

    impl crate::Variant for TooMany {
        fn base(&self) -> &dyn Algorithm {
            &Means(Together::All)
        }
        fn answers_alone(&self, _: &Adapted) -> bool {
            true
        }
        fn score(&self, _: &Adapted, support: &Labeled, query: &Tensor, _: Mode) -> Result<Tensor> {
            Ok(Tensor::cat(&[&support.x, query], 0)?)
        }
    }

    #[test]
    fn an_answer_too_many_is_an_error_however_it_is_asked() {
        let x = Tensor::new(&[[1f32], [2.0]], &Device::Cpu).unwrap();
        let query = Labeled::new(x, Targets::Classes(vec![0, 1])).unwrap();
        let task = Task { support: query.clone(), query };
        let nothing = Adapted { params: Params::new(), buffers: Params::new() };
        for mode in [Mode::Transductive, Mode::Inductive] {
            let error = answers(&TooMany, &nothing, &task, mode, &mut stream(0)).unwrap_err().to_string();
            assert_eq!(error, "4 answers to 2 queries");
        }
    }

    impl Algorithm for Means {
        fn sampling(&self) -> Sampling {
            unimplemented!("only asked")
        }
        fn test_steps(&self) -> usize {
            0
        }
        fn init(&self, _: &mut Stream) -> Result<State> {
            unimplemented!("only asked")
        }
        fn task_update(&self, _: &State, _: &Task, _: &mut Stream) -> Result<Update> {
            unimplemented!("only asked")
        }
        fn outer_update(&self, _: &mut State, _: Vec<Update>, _: Progress) -> Result<Scalars> {
            unimplemented!("only asked")
        }
        fn adapt(&self, _: &State, _: &Labeled, _: &[usize], _: &mut Stream) -> Result<Vec<Adapted>> {
            unimplemented!("only asked")
        }
        fn together(&self) -> Together {
            self.0
        }
        fn score(&self, _: &Adapted, _: &Labeled, query: &Tensor, _: Mode) -> Result<Tensor> {
            let mean = query.mean_keepdim(0)?.broadcast_as(query.shape())?;
            Ok(Tensor::cat(&[query, &mean], 1)?)
        }
    }

    #[test]
    fn answers_come_in_the_episodes_order_and_mean_their_own_group() {
        let x = Tensor::new(&[[1f32], [2.0], [4.0], [8.0], [16.0], [32.0]], &Device::Cpu).unwrap();
        let query = Labeled::new(x, Targets::Classes(vec![1, 0, 0, 1, 2, 2])).unwrap();
        let task = Task { support: query.clone(), query };
        let nothing = Adapted { params: Params::new(), buffers: Params::new() };
        let ask = |together, mode| {
            answers(&Means(together), &nothing, &task, mode, &mut stream(3)).unwrap().to_vec2::<f32>().unwrap()
        };
        let own: Vec<f32> = vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let with =
            |means: [f32; 6]| -> Vec<Vec<f32>> { own.iter().zip(means).map(|(x, mean)| vec![*x, mean]).collect() };
        // The first of each class are 1, 2 and 16, the second 4, 8 and 32.
        let (a, b) = (19.0 / 3.0, 44.0 / 3.0);
        assert_eq!(ask(Together::OfEachClass(1), Mode::Transductive), with([a, a, b, b, a, b]));
        for (together, mode) in [
            (Together::OfEachClass(2), Mode::Transductive),
            (Together::All, Mode::Transductive),
            (Together::OfEachClass(1), Mode::Inductive),
        ] {
            assert_eq!(ask(together, mode), with([10.5; 6]), "asked once, and alone is the method's to do");
        }
    }
}
