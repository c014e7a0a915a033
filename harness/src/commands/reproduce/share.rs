//! Which runs of a call belong to one shard.

use std::collections::HashSet;

use crate::cli::Shard;

/// A run by its places: of its method in the benchmark's file, of its benchmark in the call, and its seed.
pub type Place = (usize, usize, u64);

/// The runs of `shard`: every N-th of all, numbered method by method, then benchmark by benchmark, then by seed.
///
/// Numbering by method gives every shard about as many of the long runs as of the short ones: by benchmark, five shards
/// of tables with five rows would each do one and the same row of all. The numbers know nothing of what is on disk or of
/// which data this machine holds, so that every process of a call deals the same hands.
pub fn of(shard: Shard, all: impl IntoIterator<Item = Place>) -> HashSet<Place> {
    let mut all: Vec<Place> = all.into_iter().collect();
    all.sort_unstable();
    all.into_iter().enumerate().filter(|(number, _)| shard.takes(*number)).map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight benchmarks of five methods.
    fn table(seeds: u64) -> Vec<Place> {
        let cells = (0..8).flat_map(|benchmark| (0..5).map(move |method| (method, benchmark)));
        cells.flat_map(|(method, benchmark)| (0..seeds).map(move |seed| (method, benchmark, seed))).collect()
    }

    #[test]
    fn shards_are_disjoint_and_hold_everything() {
        for of_shards in 1..=12 {
            let parts: Vec<_> = (1..=of_shards).map(|index| of(Shard { index, of: of_shards }, table(3))).collect();
            assert_eq!(parts.iter().map(HashSet::len).sum::<usize>(), 120);
            assert_eq!(parts.iter().flatten().collect::<HashSet<_>>().len(), 120);
        }
    }

    #[test]
    fn every_shard_has_its_part_of_every_method() {
        for (seeds, of_shards) in [(1, 2), (1, 5), (1, 8), (3, 3), (3, 5), (3, 15)] {
            let each = 8 * seeds as usize;
            for index in 1..=of_shards {
                let mine = of(Shard { index, of: of_shards }, table(seeds));
                for method in 0..5 {
                    let count = mine.iter().filter(|place| place.0 == method).count();
                    let fair = each / of_shards..=each.div_ceil(of_shards);
                    assert!(fair.contains(&count), "{count} of method {method} in {index}/{of_shards}, {seeds} seeds");
                }
            }
        }
    }

    #[test]
    fn two_shards_by_hand() {
        let places = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)];
        assert_eq!(of(Shard { index: 1, of: 2 }, places), HashSet::from([(0, 0, 0), (0, 1, 0)]));
        assert_eq!(of(Shard { index: 2, of: 2 }, places), HashSet::from([(0, 0, 1), (1, 0, 0)]));
    }
}
