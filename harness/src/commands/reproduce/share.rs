//! Which runs of a call belong to one shard.

use std::collections::{HashMap, HashSet};

use crate::cli::Shard;

/// A run by its places: of its method in the benchmark's file, of its benchmark in the call, and its seed.
pub type Place = (usize, usize, u64);

/// The runs of `shard`: every N-th training, numbered method by method, then benchmark by benchmark, then by seed; a
/// training has the number of the first run that wants it. Runs come with the name of the training that they share; a run
/// without one shares none.
///
/// Numbering by method gives every shard about as many of the long runs as of the short ones: by benchmark, five shards
/// of tables with five rows would each do one and the same row of all. The numbers know nothing of what is on disk or of
/// which data this machine holds, so that every process of a call deals the same hands.
pub fn taken(shard: Shard, all: impl IntoIterator<Item = (Place, Option<String>)>) -> HashSet<Place> {
    let mut all: Vec<(Place, Option<String>)> = all.into_iter().collect();
    all.sort_unstable();
    let (mut numbers, mut next) = (HashMap::new(), 0..);
    let mut number = |training: Option<String>| match training {
        None => next.next().expect("there is no last number"),
        Some(training) => *numbers.entry(training).or_insert_with(|| next.next().expect("there is no last number")),
    };
    let numbered: Vec<(Place, usize)> = all.into_iter().map(|(place, training)| (place, number(training))).collect();
    numbered.into_iter().filter(|(_, number)| shard.takes(*number)).map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight benchmarks of five methods.
    fn table(seeds: u64) -> Vec<Place> {
        let cells = (0..8).flat_map(|benchmark| (0..5).map(move |method| (method, benchmark)));
        cells.flat_map(|(method, benchmark)| (0..seeds).map(move |seed| (method, benchmark, seed))).collect()
    }

    fn alone(places: Vec<Place>) -> impl Iterator<Item = (Place, Option<String>)> {
        places.into_iter().map(|place| (place, None))
    }

    #[test]
    fn shards_are_disjoint_and_hold_everything() {
        for of_shards in 1..=12 {
            let parts: Vec<_> =
                (1..=of_shards).map(|index| taken(Shard { index, of: of_shards }, alone(table(3)))).collect();
            assert_eq!(parts.iter().map(HashSet::len).sum::<usize>(), 120);
            assert_eq!(parts.iter().flatten().collect::<HashSet<_>>().len(), 120);
        }
    }

    #[test]
    fn every_shard_has_its_part_of_every_method() {
        for (seeds, of_shards) in [(1, 2), (1, 5), (1, 8), (3, 3), (3, 5), (3, 15)] {
            let each = 8 * seeds as usize;
            for index in 1..=of_shards {
                let mine = taken(Shard { index, of: of_shards }, alone(table(seeds)));
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
        let places = || alone(vec![(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]);
        assert_eq!(taken(Shard { index: 1, of: 2 }, places()), HashSet::from([(0, 0, 0), (0, 1, 0)]));
        assert_eq!(taken(Shard { index: 2, of: 2 }, places()), HashSet::from([(0, 0, 1), (1, 0, 0)]));
    }

    #[test]
    fn a_training_stays_together() {
        // Two seeds of two tables that share their trainings, and one row of a table that shares none.
        let shared = |seed: u64| Some(format!("training {seed}"));
        let runs = || {
            [
                ((0, 0, 0), shared(0)),
                ((0, 0, 1), shared(1)),
                ((0, 1, 0), shared(0)),
                ((0, 1, 1), shared(1)),
                ((1, 0, 0), None),
            ]
        };
        assert_eq!(taken(Shard { index: 1, of: 2 }, runs()), HashSet::from([(0, 0, 0), (0, 1, 0), (1, 0, 0)]));
        assert_eq!(taken(Shard { index: 2, of: 2 }, runs()), HashSet::from([(0, 0, 1), (0, 1, 1)]));
        assert!(taken(Shard { index: 4, of: 4 }, runs()).is_empty());
    }
}
