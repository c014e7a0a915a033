//! An evaluation, episode by episode: episodes.parquet of a run, or a CSV file of `harness eval`.

use std::path::Path;

use harness_core::{Mode, Result};
use polars::prelude::*;

use super::{frame, metric};

/// How one episode went in one mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Right answers; 0 on regression.
    pub correct: u32,
    /// Queries.
    pub n: u32,
    /// Mean loss over the queries: cross-entropy, or squared error on regression. NaN where an answer was not finite.
    pub loss: f64,
}

impl Outcome {
    /// False where the method's answers were NaN or infinite: nothing was right then, and nothing wrong.
    pub fn is_number(&self) -> bool {
        self.loss.is_finite()
    }

    /// Percent of right answers, or the loss where that is what counts; NaN where the answers were no numbers.
    pub fn number(&self, percent: bool) -> f64 {
        match percent {
            _ if !self.is_number() => f64::NAN,
            true => 100.0 * f64::from(self.correct) / f64::from(self.n),
            false => self.loss,
        }
    }
}

/// Outcomes by mode, then by episode.
pub type Outcomes = Vec<(Mode, Vec<Outcome>)>;

/// What errors call the rows.
const ROWS: &str = "the episodes";

/// Writes episodes.parquet: `episode,mode,correct,n,loss`, modes one after the other.
pub fn write(path: &Path, all: &[(Mode, Vec<Outcome>)]) -> Result<()> {
    frame::write_parquet(path, ROWS, table(all), None)
}

/// Writes the same columns as CSV.
pub fn write_csv(path: &Path, all: &[(Mode, Vec<Outcome>)]) -> Result<()> {
    frame::write_csv(path, ROWS, table(all))
}

/// Reads episodes.parquet: the modes in the order of the file, each with its outcomes in the order of the episodes.
///
/// # Errors
/// Data: the file is missing, damaged, or not what [`write`] writes; the text names it.
pub fn read(path: &Path) -> Result<Outcomes> {
    let words = frame::Words {
        missing: "missing, although the run is complete",
        content: "the episodes of an evaluation in their order",
        remedy: "delete this file and run that seed again: it goes on from its checkpoint",
    };
    frame::read(path, &words, rows)
}

/// None: the columns are there and what they say cannot be.
fn rows(frame: &DataFrame) -> PolarsResult<Option<Outcomes>> {
    let count = |name: &str| -> PolarsResult<Vec<Option<u32>>> { Ok(frame.column(name)?.u32()?.iter().collect()) };
    let (episode, correct, n) = (count("episode")?, count("correct")?, count("n")?);
    let (mode, loss) = (frame.column("mode")?.str()?, frame.column("loss")?.f64()?);
    let mut modes = Outcomes::new();
    for (i, (mode, loss)) in mode.iter().zip(loss.iter()).enumerate() {
        let (Some(mode), Some(loss), Some(episode), Some(correct), Some(n)) =
            (mode, loss, episode[i], correct[i], n[i])
        else {
            return Ok(None);
        };
        let Some(mode) = metric::mode(mode) else { return Ok(None) };
        if modes.last().is_none_or(|(last, _)| *last != mode) {
            modes.push((mode, Vec::new()));
        }
        let (_, outcomes) = modes.last_mut().expect("one was pushed");
        if episode as usize != outcomes.len() || n == 0 || correct > n {
            return Ok(None);
        }
        outcomes.push(Outcome { correct, n, loss });
    }
    Ok(Some(modes))
}

fn table(all: &[(Mode, Vec<Outcome>)]) -> PolarsResult<DataFrame> {
    let flat = || all.iter().flat_map(|(_, outcomes)| outcomes);
    let modes = all.iter().flat_map(|(mode, outcomes)| std::iter::repeat_n(mode.as_str(), outcomes.len()));
    df!(
        "episode" => all.iter().flat_map(|(_, outcomes)| 0..outcomes.len() as u32).collect::<Vec<_>>(),
        "mode" => modes.collect::<Vec<_>>(),
        "correct" => flat().map(|outcome| outcome.correct).collect::<Vec<_>>(),
        "n" => flat().map(|outcome| outcome.n).collect::<Vec<_>>(),
        "loss" => flat().map(|outcome| outcome.loss).collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use harness_core::Error;

    use super::*;

    fn outcomes() -> Outcomes {
        let of = |shift: u32| {
            (0..50).map(move |i| Outcome { correct: (i + shift) % 6, n: 5 + i % 2, loss: f64::from(i) / 8.0 })
        };
        vec![
            (Mode::Transductive, of(0).collect()),
            (Mode::Inductive, of(3).map(|o| Outcome { correct: 0, ..o }).collect()),
        ]
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("episodes.parquet");
        write(&path, &outcomes()).unwrap();
        assert_eq!(read(&path).unwrap(), outcomes());
    }

    #[test]
    fn damage_is_named_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("episodes.parquet");
        let refused = |what: &str| {
            let error = read(&path).expect_err(what);
            assert!(matches!(error, Error::Data(_)), "{what}: {error}");
            let text = error.to_string();
            assert!(text.contains("episodes.parquet: ") && !text.contains('\n'), "{what}: {text}");
        };
        refused("missing");
        write(&path, &outcomes()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for percent in 0..100 {
            std::fs::write(&path, &bytes[..bytes.len() * percent / 100]).unwrap();
            refused("cut");
        }
        // A cut that left the ends.
        std::fs::write(&path, [&bytes[..bytes.len() / 2], b"PAR1"].concat()).unwrap();
        refused("a piece is missing");
        let mut frame = table(&outcomes()).unwrap().head(Some(7));
        ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
        assert_eq!(read(&path).unwrap()[0].1.len(), 7);
        let mut frame = frame.tail(Some(6));
        ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
        refused("does not begin at episode 0");
        let mut frame = frame.drop("loss").unwrap();
        ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
        refused("no column loss");
    }
}
