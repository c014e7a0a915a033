//! metrics.csv: one number a row, appended as a run goes, cut back to its valid length on resume.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use harness_core::{Error, Mode, Result, Scalars, Split};
use polars::prelude::*;

use super::fault;
use crate::failpoint;

/// One number.
#[derive(Clone, Debug)]
pub struct Row {
    pub step: u64,
    pub split: Split,
    pub mode: Mode,
    pub metric: String,
    pub value: f64,
    /// Half-width of the 95 % interval over episodes; `None` for a training scalar.
    pub ci95: Option<f64>,
    /// Episodes behind the number, or 1.
    pub n: u64,
}

/// A training's scalars: the points of each by its name, in the order of their steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log(pub BTreeMap<String, Vec<(u64, f64)>>);

impl Log {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the scalars of `step`, which comes after all others.
    pub fn add(&mut self, step: u64, scalars: &Scalars) {
        for (name, value) in scalars {
            self.0.entry(name.clone()).or_default().push((step, *value));
        }
    }

    /// All steps after `after` that have scalars, ascending.
    pub fn steps(&self, after: u64) -> BTreeSet<u64> {
        self.0.values().flatten().map(|(step, _)| *step).filter(|step| *step > after).collect()
    }

    /// The rows of `step`, by name.
    pub fn rows(&self, step: u64) -> Vec<Row> {
        let at =
            |points: &Vec<(u64, f64)>| points.binary_search_by_key(&step, |point| point.0).ok().map(|at| points[at].1);
        let row = |(name, points): (&String, &Vec<(u64, f64)>)| {
            let value = at(points)?;
            Some(Row {
                step,
                split: Split::Train,
                mode: Mode::Pointwise,
                metric: name.clone(),
                value,
                ci95: None,
                n: 1,
            })
        };
        self.0.iter().filter_map(row).collect()
    }
}

/// The training's scalars of a run's metrics.csv, within its first `valid` bytes and up to `step`: what a checkpoint of the
/// first format keeps nowhere else. They are the rows that have no mode and are no evaluation.
///
/// # Errors
/// Data: the file is missing, shorter, or not what [`MetricsFile`] writes.
pub fn scalars(path: &Path, valid: u64, step: u64) -> Result<Log> {
    let wrong = |what: &str| Error::data(format!("{}: {what}; start over with --fresh", path.display()));
    let text = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    let text = text.get(..valid as usize).ok_or_else(|| wrong("rows were lost"))?;
    let text = std::str::from_utf8(text).map_err(|_| wrong("no text"))?;
    let mut log = Log::default();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [_, _, _, at, "train", "-", metric, value, "", _, _] = fields[..] else { continue };
        if metric == "mse" {
            continue;
        }
        let (Ok(at), Ok(value)) = (at.parse::<u64>(), value.parse::<f64>()) else {
            return Err(wrong("a row is damaged"));
        };
        if at <= step {
            log.0.entry(metric.to_owned()).or_default().push((at, value));
        }
    }
    Ok(log)
}

/// The file of one run.
pub struct MetricsFile {
    path: PathBuf,
    file: File,
    len: u64,
    benchmark: String,
    method: String,
    seed: u64,
}

impl MetricsFile {
    /// Opens `path` and cuts it to `valid` bytes (0 for a new run, which writes the header). Errors if the file is
    /// shorter than that: rows were lost.
    pub fn open(path: &Path, valid: u64, benchmark: &str, method: &str, seed: u64) -> Result<Self> {
        let error = |source| fault::explain(path, source);
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(error)?;
        let len = file.metadata().map_err(error)?.len();
        if len < valid {
            return Err(Error::data(format!(
                "{}: {len} bytes where the checkpoint vouches for {valid}: rows were lost; start over with --fresh",
                path.display()
            )));
        }
        file.set_len(valid).map_err(error)?;
        let (benchmark, method) = (benchmark.to_owned(), method.to_owned());
        let mut metrics = MetricsFile { path: path.to_owned(), file, len: valid, benchmark, method, seed };
        if valid == 0 {
            metrics.write(&[], 0.0, true)?;
        }
        Ok(metrics)
    }

    /// Appends rows, all stamped with `wall_s` seconds of run time.
    pub fn append(&mut self, rows: &[Row], wall_s: f64) -> Result<()> {
        match rows.is_empty() {
            true => Ok(()),
            false => self.write(rows, wall_s, false),
        }
    }

    fn write(&mut self, rows: &[Row], wall_s: f64, header: bool) -> Result<()> {
        let broken = |error: PolarsError| Error::usage(format!("metrics.csv could not be formatted: {error}"));
        let n = rows.len();
        let text = |value: fn(&Row) -> String| rows.iter().map(value).collect::<Vec<String>>();
        let mut frame = df!(
            "benchmark" => vec![self.benchmark.as_str(); n],
            "method" => vec![self.method.as_str(); n],
            "seed" => vec![self.seed; n],
            "step" => rows.iter().map(|row| row.step).collect::<Vec<_>>(),
            "split" => text(|row| row.split.as_str().into()),
            "mode" => text(|row| row.mode.as_str().into()),
            "metric" => text(|row| row.metric.clone()),
            "value" => rows.iter().map(|row| row.value).collect::<Vec<_>>(),
            "ci95" => rows.iter().map(|row| row.ci95).collect::<Vec<_>>(),
            "n" => rows.iter().map(|row| row.n).collect::<Vec<_>>(),
            "wall_s" => vec![(wall_s * 1000.0).round() / 1000.0; n],
        )
        .map_err(broken)?;
        let mut bytes = Vec::new();
        CsvWriter::new(&mut bytes).include_header(header).finish(&mut frame).map_err(broken)?;
        self.file.write_all(&bytes).map_err(|source| fault::explain(&self.path, source))?;
        failpoint::reached();
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Makes all rows durable and returns the length that a checkpoint may vouch for.
    pub fn sync(&mut self) -> Result<u64> {
        self.file.sync_data().map_err(|source| fault::explain(&self.path, source))?;
        Ok(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64) -> Row {
        let ci95 = (step > 0).then_some(0.5);
        Row { step, split: Split::Test, mode: Mode::Inductive, metric: "accuracy".into(), value: 97.25, ci95, n: 100 }
    }

    #[test]
    fn rows_beyond_the_valid_length_are_cut_and_a_lost_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        let mut metrics = MetricsFile::open(&path, 0, "b", "m", 3).unwrap();
        metrics.append(&[row(0)], 1.5).unwrap();
        let valid = metrics.sync().unwrap();
        metrics.append(&[row(10)], 2.0).unwrap();
        let mut again = MetricsFile::open(&path, valid, "b", "m", 3).unwrap();
        again.append(&[row(20)], 3.0).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "benchmark,method,seed,step,split,mode,metric,value,ci95,n,wall_s\n\
             b,m,3,0,test,inductive,accuracy,97.25,,100,1.5\n\
             b,m,3,20,test,inductive,accuracy,97.25,0.5,100,3.0\n"
        );
        assert!(MetricsFile::open(&path, 10_000, "b", "m", 3).is_err());
    }

    /// To the last bit: the numbers are written in the fewest digits that read back as what they are.
    #[test]
    fn a_log_is_read_back_from_the_rows_of_a_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        let mut metrics = MetricsFile::open(&path, 0, "b", "m", 3).unwrap();
        let mut log = Log::default();
        for step in [10u64, 20] {
            let scalars: Scalars =
                [("loss".into(), 1.0 / step as f64 / 3.0), ("meta_step".into(), f64::MIN_POSITIVE)].into();
            log.add(step, &scalars);
            metrics.append(&log.rows(step), 1.0).unwrap();
            metrics.append(&[row(step)], 1.0).unwrap();
            let mse = Row { split: Split::Train, mode: Mode::Pointwise, metric: "mse".into(), ci95: None, ..row(step) };
            metrics.append(&[mse], 1.0).unwrap();
        }
        let valid = metrics.sync().unwrap();
        assert_eq!(scalars(&path, valid, 20).unwrap(), log);
        assert_eq!(scalars(&path, valid, 19).unwrap().steps(0), [10].into());
        assert_eq!((log.steps(10), log.rows(15).len(), log.rows(20).len()), ([20].into(), 0, 2));
        assert!(scalars(&path, valid + 1, 20).is_err());
    }
}
