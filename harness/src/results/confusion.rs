//! Which classes an evaluation took for which, from its queries. In an episode a query can only be taken for a class of
//! the episode, so that what is shared out is what was asked where both classes were there.

use harness_core::Mode;

use super::layout::natural;
use super::queries::Queries;

/// Counts over all queries of one mode, of one run or of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confusion {
    /// In natural order.
    pub classes: Vec<String>,
    /// Queries of class `i` that were taken for class `j`, `[i][j]`.
    pub taken: Vec<Vec<u64>>,
    /// Queries of class `i` in episodes that held class `j`, `[i][j]`; of `[i][i]` all.
    pub asked: Vec<Vec<u64>>,
}

impl Confusion {
    /// Of the queries of `mode` in each of `runs`.
    pub fn new(runs: &[&Queries], mode: Mode) -> Confusion {
        let mut classes: Vec<String> = runs.iter().flat_map(|run| run.classes.iter().cloned()).collect();
        classes.sort_by(|a, b| natural(a, b));
        classes.dedup();
        let zeros = || vec![vec![0; classes.len()]; classes.len()];
        let (mut taken, mut asked) = (zeros(), zeros());
        for run in runs {
            let place = |name: &String| classes.iter().position(|class| class == name).expect("it was collected");
            let places: Vec<usize> = run.classes.iter().map(place).collect();
            let queries = run
                .modes
                .iter()
                .filter(|(of, _)| *of == mode)
                .flat_map(|(_, queries)| queries.chunk_by(|a, b| a.episode == b.episode));
            for episode in queries {
                let mut here: Vec<usize> = episode.iter().map(|query| places[query.class]).collect();
                here.sort_unstable();
                here.dedup();
                for query in episode {
                    let class = places[query.class];
                    taken[class][places[query.prediction]] += 1;
                    here.iter().for_each(|other| asked[class][*other] += 1);
                }
            }
        }
        Confusion { classes, taken, asked }
    }

    /// Percent of the queries of class `i`, in episodes that held class `j`, that were taken for `j`; of `(i, i)` the
    /// accuracy of the class. None where the two never met.
    pub fn percent(&self, i: usize, j: usize) -> Option<f64> {
        let asked = self.asked[i][j];
        (asked > 0).then(|| 100.0 * self.taken[i][j] as f64 / asked as f64)
    }

    /// Pairs of different classes of which one was taken for the other, the most often first, with
    /// [`Confusion::percent`].
    pub fn pairs(&self) -> Vec<(usize, usize, f64)> {
        let n = self.classes.len();
        let all = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j && self.taken[*i][*j] > 0);
        let mut pairs: Vec<_> = all.filter_map(|(i, j)| Some((i, j, self.percent(i, j)?))).collect();
        pairs.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::super::queries::Query;
    use super::*;

    fn queries(classes: [&str; 3], rows: &[(u32, usize, usize)]) -> Queries {
        let query = |(episode, class, prediction): &(u32, usize, usize)| Query {
            episode: *episode,
            class: *class,
            prediction: *prediction,
        };
        Queries {
            classes: classes.map(str::to_owned).to_vec(),
            modes: vec![(Mode::Inductive, rows.iter().map(query).collect())],
        }
    }

    /// Two episodes of two ways: c2 and c10, then c2 and x; and the first once more by another run.
    #[test]
    fn shares_are_of_what_was_asked_where_both_classes_were_there() {
        let one = queries(["c10", "c2", "x"], &[(0, 1, 1), (0, 1, 0), (0, 0, 0), (0, 0, 0), (1, 1, 2), (1, 2, 2)]);
        let two = queries(["c2", "c10", "x"], &[(0, 0, 1), (0, 1, 1)]);
        let found = Confusion::new(&[&one, &two], Mode::Inductive);
        assert_eq!(found.classes, ["c2", "c10", "x"]);
        assert_eq!(found.taken, [[1, 2, 1], [0, 3, 0], [0, 0, 1]]);
        assert_eq!(found.asked, [[4, 3, 1], [3, 3, 0], [1, 0, 1]]);
        // Of c2's four queries one was right; of the three where c10 was there two were taken for it.
        assert_eq!(found.percent(0, 0), Some(25.0));
        assert_eq!((found.percent(0, 1), found.percent(0, 2)), (Some(200.0 / 3.0), Some(100.0)));
        assert_eq!((found.percent(1, 0), found.percent(1, 2)), (Some(0.0), None));
        assert_eq!(found.pairs(), [(0, 2, 100.0), (0, 1, 200.0 / 3.0)]);
        assert!(Confusion::new(&[&one], Mode::Transductive).taken.iter().flatten().all(|n| *n == 0));
    }
}
