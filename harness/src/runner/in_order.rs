//! Map these items, in order: the one place where training tasks and evaluation episodes are spread over threads. What is
//! mapped is pure and the answers come in the items' order, so that how many threads there are, or which machine did what,
//! never shows in a result.

use harness_core::Result;
use rayon::prelude::*;

/// The answers of `work` to `items`, in the order of the items, computed on the pool that this is called in, one item a
/// thread at a time. An error of one item is the answer to all.
pub(super) fn map<I: Send, O: Send>(items: Vec<I>, work: impl Fn(I) -> Result<O> + Sync + Send) -> Result<Vec<O>> {
    items.into_par_iter().with_max_len(1).map(work).collect()
}

#[cfg(test)]
mod tests {
    use harness_core::Error;

    use super::*;

    #[test]
    fn answers_come_in_order_and_an_error_is_one() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let slow_first = |item: u64| {
            std::thread::sleep(std::time::Duration::from_millis(if item == 0 { 20 } else { 0 }));
            Ok(item * item)
        };
        assert_eq!(
            pool.install(|| map((0..50).collect(), slow_first)).unwrap(),
            (0..50).map(|i| i * i).collect::<Vec<_>>()
        );
        let third = |item: u64| if item == 3 { Err(Error::usage("three")) } else { Ok(item) };
        assert_eq!(pool.install(|| map((0..50).collect(), third)).unwrap_err().to_string(), "three");
    }
}
