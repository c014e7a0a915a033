//! Mini-batches of one task's examples, as openai/supervised-reptile draws them (reptile.py, `_mini_batches`).

use crate::rng::Stream;

/// An endless sequence of mini-batches of indices `0..n`.
///
/// The pool is shuffled and cut; a partial batch carries over into the next shuffle, so that every example is used
/// equally often. Not balanced over classes. With `replacement` every batch is an independent sample (no repeat inside
/// one batch).
///
/// ```
/// use harness_core::{MiniBatches, Purpose, Stream};
///
/// let mut rng = Stream::new(0, Purpose::TrainMethod, 0, 0);
/// let mut batches = MiniBatches::new(6, 4, false, &mut rng);
/// let (mut batch, mut seen) = (Vec::new(), [0; 6]);
/// for _ in 0..3 {
///     batches.fill(&mut batch);
///     batch.iter().for_each(|index| seen[*index] += 1);
/// }
/// assert_eq!(seen, [2; 6], "three batches of 4 are two passes over 6");
/// ```
pub struct MiniBatches<'a> {
    rng: &'a mut Stream,
    pool: Vec<usize>,
    next: usize,
    size: usize,
    replacement: bool,
}

impl<'a> MiniBatches<'a> {
    /// Batches of `size` from `n` examples. Panics if `n` or `size` is 0. With `replacement` a batch never exceeds `n`.
    pub fn new(n: usize, size: usize, replacement: bool, rng: &'a mut Stream) -> Self {
        assert!(n > 0 && size > 0, "mini-batches of {size} from {n} examples");
        MiniBatches { rng, pool: (0..n).collect(), next: n, size, replacement }
    }

    /// Writes the next batch into `batch`, whatever it held: `size` indices, or `n` where `replacement` allows no more.
    pub fn fill(&mut self, batch: &mut Vec<usize>) {
        batch.clear();
        if self.replacement {
            batch.extend(self.rng.choose(self.pool.len(), self.size.min(self.pool.len())));
            return;
        }
        while batch.len() < self.size {
            if self.next == self.pool.len() {
                self.rng.shuffle(&mut self.pool);
                self.next = 0;
            }
            batch.push(self.pool[self.next]);
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    fn batches(n: usize, size: usize, replacement: bool, count: usize) -> Vec<Vec<usize>> {
        let mut rng = Stream::new(3, Purpose::TrainMethod, 0, 0);
        let mut source = MiniBatches::new(n, size, replacement, &mut rng);
        let mut batch = Vec::new();
        (0..count)
            .map(|_| {
                source.fill(&mut batch);
                batch.clone()
            })
            .collect()
    }

    #[test]
    fn a_partial_batch_carries_into_the_next_shuffle() {
        // 75 images in batches of 10 (mini-ImageNet, 5-way): 15 batches are exactly two passes.
        let all: Vec<usize> = batches(75, 10, false, 15).concat();
        let count = |part: &[usize], i| part.iter().filter(|x| **x == i).count();
        assert!((0..75).all(|i| count(&all, i) == 2));
        assert!((0..75).all(|i| count(&all[..75], i) == 1), "the first pass holds every image once");
    }

    #[test]
    fn a_batch_larger_than_the_pool_spans_passes() {
        assert_eq!(batches(3, 5, false, 3).iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 5]);
    }

    #[test]
    fn replacement_repeats_between_batches_but_not_inside_one() {
        let drawn = batches(10, 8, true, 50);
        for batch in &drawn {
            let mut sorted = batch.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 8);
        }
        let first_two: Vec<usize> = drawn[..2].concat();
        assert!(first_two.len() > 10, "two batches of 8 from 10 must share images");
    }
}
