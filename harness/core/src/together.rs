//! Which queries of an episode are normalised together in transductive mode.
//!
//! Papers differ: openai/supervised-reptile (eval.py) asks one query of each class at a time, cbfinn/maml (main.py) as many as
//! there are shots, in one batch. A method says which it is, and the harness deals the queries out, so that a method
//! never learns a label from it.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::algorithm::{Adapted, Algorithm, Mode};
use crate::episode::{Targets, Task};
use crate::error::{Error, Result};
use crate::rng::Stream;

/// Which queries see each other through batch statistics in transductive mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// So many of each class; at least one.
    OfEachClass(usize),
    /// All of the episode.
    All,
}

impl Together {
    /// Deals queries, whose classes are `labels`, into groups of row numbers. Every row is in one group. Groups take the
    /// queries of a class in the order of the episode; inside a group the order is random, so that a row's place says
    /// nothing of its class. The last groups are smaller where the numbers do not divide.
    ///
    /// ```
    /// use harness_core::{Purpose, Stream, Together};
    ///
    /// let labels = [0, 1, 1, 0];
    /// let mut rng = Stream::new(0, Purpose::EvalDeal, 0, 0);
    /// let mut groups = Together::OfEachClass(1).deal(&labels, &mut rng);
    /// groups.iter_mut().for_each(|group| group.sort());
    /// assert_eq!(groups, [[0, 1], [2, 3]]);
    /// assert_eq!(Together::All.deal(&labels, &mut rng), [[0, 1, 2, 3]]);
    /// ```
    pub fn deal(self, labels: &[u32], rng: &mut Stream) -> Vec<Vec<usize>> {
        let Together::OfEachClass(most) = self else { return vec![(0..labels.len()).collect()] };
        let mut seen = BTreeMap::<u32, usize>::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (row, label) in labels.iter().enumerate() {
            let seen = seen.entry(*label).or_default();
            let group = *seen / most.max(1);
            *seen += 1;
            groups.resize_with(groups.len().max(group + 1), Vec::new);
            groups[group].push(row);
        }
        // A single group is the episode in its own random order.
        if groups.len() > 1 {
            groups.iter_mut().for_each(|group| rng.shuffle(group));
        }
        groups
    }
}

/// What `method` answers to the queries of `task` in `mode`, `[queries, outputs]` in their order. In transductive mode it
/// is asked group by group, as [`Algorithm::together`] says, and never sees a label. `rng` orders the groups' queries.
/// Errors: those of [`Algorithm::score`], and [`Error::Usage`] if the answers are not one a query.
pub fn answers(method: &dyn Algorithm, adapted: &Adapted, task: &Task, mode: Mode, rng: &mut Stream) -> Result<Tensor> {
    let groups = match (mode, &task.query.y) {
        (Mode::Transductive, Targets::Classes(labels)) => method.together().deal(labels, rng),
        _ => Vec::new(),
    };
    if groups.len() < 2 {
        return method.score(adapted, &task.support, &task.query.x, mode);
    }
    let ask = |group: &Vec<usize>| -> Result<Tensor> {
        let answers = method.score(adapted, &task.support, &task.query.select(group)?.x, mode)?;
        match answers.dim(0)? == group.len() {
            true => Ok(answers),
            false => Err(Error::usage(format!("{} answers to {} queries", answers.dim(0)?, group.len()))),
        }
    };
    let all = Tensor::cat(&groups.iter().map(ask).collect::<Result<Vec<_>>>()?, 0)?;
    let mut places = vec![0u32; task.query.len()];
    groups.concat().into_iter().enumerate().for_each(|(place, row)| places[row] = place as u32);
    Ok(all.index_select(&Tensor::new(places, all.device())?, 0)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::algorithm::{Cost, Progress, Scalars, Update};
    use crate::episode::{Labeled, Sampling};
    use crate::params::Params;
    use crate::rng::Purpose;
    use crate::state::State;

    fn stream(index: u64) -> Stream {
        Stream::new(0, Purpose::EvalDeal, 0, index)
    }

    #[test]
    fn every_query_is_dealt_once_and_no_group_has_too_many_of_a_class() {
        let mut rng = stream(0);
        for (ways, each, most) in [(5, 5, 1), (5, 5, 2), (3, 4, 4), (20, 1, 1)] {
            let mut labels: Vec<u32> = (0..ways * each).map(|row| row % ways).collect();
            rng.shuffle(&mut labels);
            let groups = Together::OfEachClass(most).deal(&labels, &mut rng);
            assert_eq!(groups.len(), (each as usize).div_ceil(most));
            let mut rows = groups.concat();
            rows.sort();
            assert_eq!(rows, (0..labels.len()).collect::<Vec<_>>());
            for (group, class) in groups.iter().flat_map(|group| (0..ways).map(move |class| (group, class))) {
                assert!(group.iter().filter(|row| labels[**row] == class).count() <= most);
            }
        }
    }

    /// A method that knew the rule could read labels off an order that keeps the episode's.
    #[test]
    fn a_place_in_a_group_says_nothing_of_the_class() {
        let labels = [0, 0, 0, 0, 1, 1, 1, 1];
        let mut first = [[0u32; 2]; 2];
        for index in 0..4000 {
            for (group, first) in Together::OfEachClass(2).deal(&labels, &mut stream(index)).iter().zip(&mut first) {
                first[labels[group[0]] as usize] += 1;
            }
        }
        // 2,000 are expected, with a standard deviation of 32.
        assert!(first.iter().flatten().all(|n| (1840..=2160).contains(n)), "{first:?}");
    }

    /// Answers with the input itself and the mean of all inputs that it was shown.
    struct Means(Together);

    impl Algorithm for Means {
        fn sampling(&self) -> Sampling {
            unimplemented!("only asked")
        }
        fn test_steps(&self) -> usize {
            0
        }
        fn cost(&self) -> Cost {
            Cost { task: 0.0, episode: 0.0 }
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

    #[test]
    fn one_group_keeps_the_episodes_order() {
        let labels = [2, 0, 1];
        assert_eq!(Together::OfEachClass(1).deal(&labels, &mut stream(0)), [[0, 1, 2]]);
        assert_eq!(Together::OfEachClass(9).deal(&[1, 1, 0], &mut stream(0)), [[0, 1, 2]]);
    }
}
