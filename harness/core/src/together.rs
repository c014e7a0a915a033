//! Which queries of an episode are normalised together in transductive mode.
//!
//! Papers differ: openai/supervised-reptile (eval.py) asks one query of each class at a time, cbfinn/maml (main.py) as many as
//! there are shots, in one batch. A method says which it is, and the harness deals the queries out, so that a method
//! never learns a label from it.

use std::collections::BTreeMap;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

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

    #[test]
    fn one_group_keeps_the_episodes_order() {
        let labels = [2, 0, 1];
        assert_eq!(Together::OfEachClass(1).deal(&labels, &mut stream(0)), [[0, 1, 2]]);
        assert_eq!(Together::OfEachClass(9).deal(&[1, 1, 0], &mut stream(0)), [[0, 1, 2]]);
    }
}
