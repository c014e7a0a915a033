//! metrics.csv: learning curves, training scalars and the final evaluation, one number a row, appended as a run goes
//! and cut back to its valid length on resume. What is written is read line by line and not by a tolerant parser: a
//! file that was cut off, mixed up or edited is an error that names the line, never a mean over what happened to be
//! left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use harness_core::{Error, Mode, Result, Scalars, Split};
use polars::prelude::*;

use super::metric::{self, MSE};
use super::table_file::TableFile;
use super::{disk, frame};
use crate::failpoint;

/// The columns.
pub const HEADER: &str = "benchmark,method,seed,step,split,mode,metric,value,ci95,n,wall_s";

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    pub step: u64,
    pub split: Split,
    pub mode: Mode,
    /// The metric's name, or that of a training scalar.
    pub metric: String,
    pub value: f64,
    /// Half-width of the 95 % interval over episodes; None for a training scalar.
    pub ci95: Option<f64>,
    /// Episodes behind the number, or 1; 0 where a file does not say.
    pub n: u64,
    /// Seconds of the run's work when it was written; None until it is.
    pub wall_s: Option<f64>,
}

/// The rows of the run `benchmark`/`method`/`seed` as a frame, with the columns of the file.
pub fn frame((benchmark, method, seed): (&str, &str, u64), rows: &[MetricRow]) -> PolarsResult<DataFrame> {
    let n = rows.len();
    let text = |get: fn(&MetricRow) -> &str| rows.iter().map(get).collect::<Vec<_>>();
    let mut names = HEADER.split(',');
    let mut name = || PlSmallStr::from(names.next().expect("a name for each column"));
    let columns = vec![
        Column::new(name(), vec![benchmark; n]),
        Column::new(name(), vec![method; n]),
        Column::new(name(), vec![seed; n]),
        Column::new(name(), rows.iter().map(|row| row.step).collect::<Vec<_>>()),
        Column::new(name(), text(|row| row.split.as_str())),
        Column::new(name(), text(|row| row.mode.as_str())),
        Column::new(name(), text(|row| &row.metric)),
        Column::new(name(), rows.iter().map(|row| row.value).collect::<Vec<_>>()),
        Column::new(name(), rows.iter().map(|row| row.ci95).collect::<Vec<_>>()),
        Column::new(name(), rows.iter().map(|row| Some(row.n).filter(|n| *n > 0)).collect::<Vec<_>>()),
        Column::new(name(), rows.iter().map(|row| row.wall_s).collect::<Vec<_>>()),
    ];
    DataFrame::new(n, columns)
}

/// Reads the rows of the run `benchmark`/`label`/`seed`; a row of another run is an error, as is a damaged one.
pub fn read(path: &Path, benchmark: &str, label: &str, seed: u64) -> Result<Vec<MetricRow>> {
    rows(&TableFile::read(path, HEADER)?, Some((benchmark, label, seed)))
}

fn rows(file: &TableFile, own: Option<(&str, &str, u64)>) -> Result<Vec<MetricRow>> {
    let mut rows = Vec::new();
    for line in file.lines()? {
        let found = (line.text("benchmark"), line.text("method"), line.number::<u64>("seed")?);
        if let Some((benchmark, label, seed)) = own.filter(|own| found != *own) {
            return Err(line.error(&format!(
                "belongs to {} {} seed {}, not to {benchmark} {label} seed {seed}",
                found.0, found.1, found.2
            )));
        }
        let (split, mode) = (line.text("split"), line.text("mode"));
        let split = metric::split(split)
            .ok_or_else(|| line.error(&format!("split \"{split}\" is none of train, val, test")))?;
        let mode = metric::mode(mode)
            .ok_or_else(|| line.error(&format!("mode \"{mode}\" is none of transductive, inductive, -")))?;
        rows.push(MetricRow {
            step: line.number("step")?,
            split,
            mode,
            metric: line.text("metric").to_string(),
            value: line.number("value")?,
            ci95: line.optional("ci95")?,
            n: line.optional("n")?.unwrap_or(0),
            wall_s: line.optional("wall_s")?,
        });
    }
    Ok(rows)
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
    pub fn rows(&self, step: u64) -> Vec<MetricRow> {
        let at =
            |points: &Vec<(u64, f64)>| points.binary_search_by_key(&step, |point| point.0).ok().map(|at| points[at].1);
        let row = |(name, points): (&String, &Vec<(u64, f64)>)| {
            let value = at(points)?;
            let (split, mode, metric) = (Split::Train, Mode::Pointwise, name.clone());
            Some(MetricRow { step, split, mode, metric, value, ci95: None, n: 1, wall_s: None })
        };
        self.0.iter().filter_map(row).collect()
    }
}

/// The training's scalars of a run's metrics.csv, within its first `valid` bytes and up to `step`: what a checkpoint of
/// the first format keeps nowhere else. They are the rows that have no mode and are no evaluation.
///
/// # Errors
/// Data: the file is missing, shorter, or not what [`MetricsFile`] writes.
pub fn scalars(path: &Path, valid: u64, step: u64) -> Result<Log> {
    let wrong = |what: &str| Error::data(format!("{}: {what}; start over with --fresh", path.display()));
    let text = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    let text = text.get(..valid as usize).ok_or_else(|| wrong("rows were lost"))?;
    let text = std::str::from_utf8(text).map_err(|_| wrong("no text"))?;
    let mut log = Log::default();
    // Some of them may be `mse` of an evaluation of one episode, which has no interval either.
    let scalar = |row: &MetricRow| (row.split, row.mode, row.ci95) == (Split::Train, Mode::Pointwise, None);
    let rows = rows(&TableFile::parse(path, text.to_owned(), HEADER)?, None)?;
    for row in rows.into_iter().filter(|row| scalar(row) && row.metric != MSE.name && row.step <= step) {
        log.0.entry(row.metric).or_default().push((row.step, row.value));
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
        let error = |source| disk::explain(path, source);
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
            metrics.write(&[], true)?;
        }
        Ok(metrics)
    }

    /// Appends rows, all stamped with `wall_s` seconds of run time.
    pub fn append(&mut self, mut rows: Vec<MetricRow>, wall_s: f64) -> Result<()> {
        rows.iter_mut().for_each(|row| row.wall_s = Some((wall_s * 1000.0).round() / 1000.0));
        if rows.is_empty() { Ok(()) } else { self.write(&rows, false) }
    }

    fn write(&mut self, rows: &[MetricRow], header: bool) -> Result<()> {
        let frame = frame((&self.benchmark, &self.method, self.seed), rows);
        let bytes = frame::csv(frame, header).map_err(|error| frame::unformatted("metrics.csv", &error))?;
        self.file.write_all(&bytes).map_err(|source| disk::explain(&self.path, source))?;
        failpoint::reached();
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Makes all rows durable and returns the length that a checkpoint may vouch for.
    pub fn sync(&mut self) -> Result<u64> {
        self.file.sync_data().map_err(|source| disk::explain(&self.path, source))?;
        Ok(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64) -> MetricRow {
        let (split, mode, ci95) = (Split::Test, Mode::Inductive, (step > 0).then_some(0.5));
        MetricRow { step, split, mode, metric: "accuracy".into(), value: 97.25, ci95, n: 100, wall_s: None }
    }

    #[test]
    fn rows_beyond_the_valid_length_are_cut_and_a_lost_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        let mut metrics = MetricsFile::open(&path, 0, "b", "m", 3).unwrap();
        metrics.append(vec![row(0)], 1.5).unwrap();
        let valid = metrics.sync().unwrap();
        metrics.append(vec![row(10)], 2.0).unwrap();
        let mut again = MetricsFile::open(&path, valid, "b", "m", 3).unwrap();
        again.append(vec![row(20)], 3.0).unwrap();
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
            metrics.append(log.rows(step), 1.0).unwrap();
            metrics.append(vec![row(step)], 1.0).unwrap();
            let mse =
                MetricRow { split: Split::Train, mode: Mode::Pointwise, metric: "mse".into(), ci95: None, ..row(step) };
            metrics.append(vec![mse], 1.0).unwrap();
        }
        let valid = metrics.sync().unwrap();
        assert_eq!(scalars(&path, valid, 20).unwrap(), log);
        assert_eq!(scalars(&path, valid, 19).unwrap().steps(0), [10].into());
        assert_eq!((log.steps(10), log.rows(15).len(), log.rows(20).len()), ([20].into(), 0, 2));
        assert!(scalars(&path, valid + 1, 20).is_err());
    }

    fn read_text(text: &str) -> Result<Vec<MetricRow>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, "sine", "reptile", 1)
    }

    #[test]
    fn curves_scalars_and_empty_fields_are_read() {
        let rows = read_text(&format!(
            "{HEADER}\nsine,reptile,1,10,train,-,loss,0.5,,,0.1\nsine,reptile,1,10,test,-,mse,0.25,0.03,100,0.2\n"
        ))
        .unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].ci95, rows[0].n), (None, 0));
        assert_eq!((rows[1].step, rows[1].value, rows[1].ci95, rows[1].n), (10, 0.25, Some(0.03), 100));
    }

    #[test]
    fn damage_is_named_by_file_and_line() {
        let good = "sine,reptile,1,10,test,-,mse,0.25,0.03,100,0.2";
        for (text, place, word) in [
            (format!("{HEADER}\n{good}\n{good}"), ":3:", "cut off"),
            (format!("{HEADER}\n{good}\nsine,reptile,1,10,te\n"), ":3:", "5 fields instead of 11"),
            (format!("{HEADER}\n{}\n", good.replace("0.25", "0.2.5")), ":2:", "value \"0.2.5\" is not a number"),
            (format!("{HEADER}\n{}\n", good.replace(",1,10", ",2,10")), ":2:", "belongs to sine reptile seed 2"),
            (format!("{HEADER}\n{}\n", good.replace("test", "exam")), ":2:", "split \"exam\""),
            ("a,b,c\n1,2,3\n".to_string(), ":1:", "expected the columns"),
            (String::new(), ":1:", "expected the columns"),
        ] {
            let error = read_text(&text).unwrap_err().to_string();
            assert!(error.contains(&format!("metrics.csv{place}")) && error.contains(word), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
