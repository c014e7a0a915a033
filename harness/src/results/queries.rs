//! `queries.parquet` of a run, on request: every query of the final evaluation with its class, what it was taken for,
//! and the image. `harness eval` writes the same rows, as CSV too.

use std::collections::HashMap;
use std::path::Path;

use harness_core::{Mode, Result};
use polars::prelude::*;

use super::episodes::{Outcome, Outcomes};
use super::{frame, metric};

/// One row of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    pub episode: u32,
    pub mode: Mode,
    /// Its place in the episode.
    pub query: u32,
    pub class: &'a str,
    pub prediction: &'a str,
    pub image: &'a str,
}

/// What errors call the rows.
const ROWS: &str = "the queries";

/// Writes the file: `episode,mode,query,class,prediction,image`, modes one after the other, in one row group.
pub fn write(path: &Path, rows: &[Row<'_>]) -> Result<()> {
    frame::write_parquet(path, ROWS, table(rows), Some(rows.len().max(1)))
}

/// Writes the same columns as CSV.
pub fn write_csv(path: &Path, rows: &[Row<'_>]) -> Result<()> {
    frame::write_csv(path, ROWS, table(rows))
}

fn table(rows: &[Row<'_>]) -> PolarsResult<DataFrame> {
    let number = |get: fn(&Row<'_>) -> u32| rows.iter().map(get).collect::<Vec<u32>>();
    df!(
        "episode" => number(|row| row.episode),
        "mode" => rows.iter().map(|row| row.mode.as_str()).collect::<Vec<_>>(),
        "query" => number(|row| row.query),
        "class" => rows.iter().map(|row| row.class).collect::<Vec<_>>(),
        "prediction" => rows.iter().map(|row| row.prediction).collect::<Vec<_>>(),
        "image" => rows.iter().map(|row| row.image).collect::<Vec<_>>(),
    )
}

/// A query without its image; classes are places in [`Queries::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    pub episode: u32,
    pub class: usize,
    pub prediction: usize,
}

/// What the file says of classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queries {
    /// In the order in which the file names them.
    pub classes: Vec<String>,
    /// In the order of the episodes.
    pub modes: Vec<(Mode, Vec<Query>)>,
}

impl Queries {
    /// Whether these are the queries behind `episodes`: as many of each, and as many right.
    pub fn are_of(&self, episodes: &Outcomes) -> bool {
        let counted = |queries: &[Query], outcomes: &[Outcome]| {
            let mut seen = vec![(0u32, 0u32); outcomes.len()];
            for query in queries {
                let Some((n, right)) = seen.get_mut(query.episode as usize) else { return false };
                *n += 1;
                *right += u32::from(query.class == query.prediction);
            }
            seen.iter().zip(outcomes).all(|((n, right), outcome)| (*n, *right) == (outcome.n, outcome.correct))
        };
        self.modes.len() == episodes.len()
            && self
                .modes
                .iter()
                .zip(episodes)
                .all(|((mode, queries), (of, outcomes))| mode == of && counted(queries, outcomes))
    }
}

/// Reads the file.
///
/// # Errors
/// Data: it is missing, damaged, or not what [`write`] writes; the text names it.
pub fn read(path: &Path) -> Result<Queries> {
    let words = frame::Words {
        missing: "missing",
        content: "the queries of an evaluation in their order",
        remedy: "`harness reproduce` with --keep-queries writes it again",
    };
    frame::read(path, &words, parse)
}

/// None: the columns are there and what they say cannot be.
fn parse(frame: &DataFrame) -> PolarsResult<Option<Queries>> {
    let (episode, query) = (frame.column("episode")?.u32()?, frame.column("query")?.u32()?);
    let (mode, class) = (frame.column("mode")?.str()?, frame.column("class")?.str()?);
    let (prediction, _) = (frame.column("prediction")?.str()?, frame.column("image")?.str()?);
    let mut found = Queries::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut next = 0;
    let rows = episode.iter().zip(query.iter()).zip(mode.iter()).zip(class.iter()).zip(prediction.iter());
    for ((((episode, query), mode), class), prediction) in rows {
        let (Some(episode), Some(query), Some(mode), Some(class), Some(prediction)) =
            (episode, query, mode, class, prediction)
        else {
            return Ok(None);
        };
        let Some(mode) = metric::mode(mode) else { return Ok(None) };
        if found.modes.last().is_none_or(|(last, _)| *last != mode) {
            found.modes.push((mode, Vec::new()));
            next = 0;
        }
        let (_, queries) = found.modes.last_mut().expect("one was pushed");
        // Queries count from 0 in each episode, episodes from 0 in each mode.
        let before: Option<&Query> = queries.last();
        let follows = match before {
            None => (episode, query) == (0, 0),
            Some(last) if last.episode == episode => query == next,
            Some(last) => episode == last.episode + 1 && query == 0,
        };
        if !follows {
            return Ok(None);
        }
        next = query + 1;
        let mut place = |name: &str| match places.get(name) {
            Some(place) => *place,
            None => {
                found.classes.push(name.to_owned());
                places.insert(name.to_owned(), found.classes.len() - 1);
                found.classes.len() - 1
            }
        };
        queries.push(Query { episode, class: place(class), prediction: place(prediction) });
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use harness_core::Error;

    use super::*;

    fn row<'a>(episode: u32, mode: Mode, query: u32, class: &'a str, prediction: &'a str) -> Row<'a> {
        Row { episode, mode, query, class, prediction, image: "1.png" }
    }

    fn rows() -> Vec<Row<'static>> {
        use Mode::{Inductive, Transductive};
        vec![
            row(0, Transductive, 0, "a", "a"),
            row(0, Transductive, 1, "b, c", "a"),
            row(1, Transductive, 0, "b, c", "b, c"),
            row(1, Transductive, 1, "a", "a"),
            row(0, Inductive, 0, "a", "b, c"),
            row(0, Inductive, 1, "b, c", "a"),
            row(1, Inductive, 0, "b, c", "b, c"),
            row(1, Inductive, 1, "a", "b, c"),
        ]
    }

    #[test]
    fn what_was_written_is_read_and_is_of_its_episodes_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("queries.parquet");
        write(&path, &rows()).unwrap();
        let first = std::fs::read(&path).unwrap();
        write(&path, &rows()).unwrap();
        assert!(first == std::fs::read(&path).unwrap(), "the same bytes");
        let found = read(&path).unwrap();
        assert_eq!(found.classes, ["a", "b, c"]);
        let pairs =
            |at: usize| found.modes[at].1.iter().map(|q| (q.episode, q.class, q.prediction)).collect::<Vec<_>>();
        assert_eq!(pairs(0), [(0, 0, 0), (0, 1, 0), (1, 1, 1), (1, 0, 0)]);
        assert_eq!(pairs(1), [(0, 0, 1), (0, 1, 0), (1, 1, 1), (1, 0, 1)]);
        let outcome = |correct| Outcome { correct, n: 2, loss: 0.5 };
        let of = |first: [u32; 2], second: [u32; 2]| -> Outcomes {
            vec![(Mode::Transductive, first.map(outcome).to_vec()), (Mode::Inductive, second.map(outcome).to_vec())]
        };
        assert!(found.are_of(&of([1, 2], [0, 1])));
        assert!(!found.are_of(&of([2, 1], [0, 1])), "as many in all, and not in each");
        assert!(!found.are_of(&of([1, 2], [0, 1])[..1].to_vec()));
        let csv = dir.path().join("queries.csv");
        write_csv(&csv, &rows()[..2]).unwrap();
        let text = "episode,mode,query,class,prediction,image\n0,transductive,0,a,a,1.png\n0,transductive,1,\"b, c\",a,1.png\n";
        assert_eq!(std::fs::read_to_string(csv).unwrap(), text);
    }

    #[test]
    fn damage_is_named_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("queries.parquet");
        let refused = |what: &str| {
            let error = read(&path).expect_err(what);
            assert!(matches!(error, Error::Data(_)), "{what}: {error}");
            assert!(error.to_string().contains("queries.parquet: ") && !error.to_string().contains('\n'), "{error}");
        };
        refused("missing");
        write(&path, &rows()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for percent in 0..100 {
            std::fs::write(&path, &bytes[..bytes.len() * percent / 100]).unwrap();
            refused("cut");
        }
        write(&path, &rows()[1..]).unwrap();
        refused("does not begin with the first query");
        write(&path, &[rows()[0], rows()[2], rows()[0]]).unwrap();
        refused("out of order");
    }
}
