//! `across.csv` of a results folder: its finished runs on the test classes of other data sets, a row a run, data set,
//! size and mode. What it holds is not evaluated again.

use std::path::Path;

use harness_core::{Mode, Result};

use super::disk;
use super::metric;
use super::table_file::{Line, TableFile};

/// The file's name in a results folder.
pub const FILE: &str = "across.csv";

const HEADER: &str = "budget,benchmark,method,seed,step,ways,shots,to,side,mode,metric,value,ci95,episodes,\
                      config_hash,trained_on,data_digest,code";

/// One evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The run: its budget's folder, benchmark, label and seed.
    pub budget: String,
    pub benchmark: String,
    pub method: String,
    pub seed: u64,
    /// Meta-iterations of its state.
    pub step: u64,
    pub ways: usize,
    pub shots: usize,
    /// The data set that it is tested on, and the height and width of the images in pixels.
    pub to: String,
    pub side: usize,
    pub mode: Mode,
    /// Percent of right answers, with the half-width of the 95 % interval over episodes.
    pub value: f64,
    pub ci95: Option<f64>,
    pub episodes: u64,
    /// Of the run's config, the data that it was trained on, the test data, and the code that trained and, after a `+`,
    /// that evaluated; a row of another run, other data or other code is made again.
    pub config_hash: String,
    pub trained_on: String,
    pub data_digest: String,
    pub code: String,
}

impl Row {
    /// `omniglot-5w1s reptile seed 0`, as messages name a run.
    pub fn name(&self) -> String {
        format!("{} {} seed {}", self.benchmark, self.method, self.seed)
    }
}

/// The rows of `folder`; none where it has no file.
///
/// # Errors
/// Data: a damaged file, named with its line.
pub fn read(folder: &Path) -> Result<Vec<Row>> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let file = TableFile::read_other(&path, HEADER, "delete it, and `harness across` evaluates again")?;
    file.lines()?.iter().map(row).collect()
}

fn row(line: &Line<'_>) -> Result<Row> {
    let text = |column: &str| line.text(column).to_owned();
    let mode = line.text("mode");
    let mode = metric::mode(mode).ok_or_else(|| line.error(&format!("unknown mode \"{mode}\"")))?;
    let value: f64 = line.number("value")?;
    if !(0.0..=100.0).contains(&value) {
        return Err(line.error(&format!("value {value} is no accuracy in percent")));
    }
    Ok(Row {
        budget: text("budget"),
        benchmark: text("benchmark"),
        method: text("method"),
        seed: line.number("seed")?,
        step: line.number("step")?,
        ways: line.number("ways")?,
        shots: line.number("shots")?,
        to: text("to"),
        side: line.number("side")?,
        mode,
        value,
        ci95: line.optional("ci95")?,
        episodes: line.number("episodes")?,
        config_hash: text("config_hash"),
        trained_on: text("trained_on"),
        data_digest: text("data_digest"),
        code: text("code"),
    })
}

/// Writes all rows of `folder`.
pub fn write(folder: &Path, rows: &[Row]) -> Result<()> {
    disk::write(&folder.join(FILE), text(rows).as_bytes())
}

/// The file's text.
pub fn text(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let Row { budget, benchmark, method, seed, step, ways, shots, to, side, value, episodes, .. } = row;
        let (mode, metric) = (row.mode.as_str(), metric::ACCURACY.name);
        let ci95 = row.ci95.map(|ci95| ci95.to_string()).unwrap_or_default();
        let Row { config_hash, trained_on, data_digest, code, .. } = row;
        format!(
            "{budget},{benchmark},{method},{seed},{step},{ways},{shots},{to},{side},{mode},{metric},{value},{ci95},{episodes},\
             {config_hash},{trained_on},{data_digest},{code}\n"
        )
    };
    format!("{HEADER}\n{}", rows.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use harness_core::Error;

    use super::*;

    fn row(seed: u64, ci95: Option<f64>) -> Row {
        Row {
            budget: "paper".into(),
            benchmark: "cifar-fs-5w1s".into(),
            method: "reptile".into(),
            seed,
            step: 1000,
            ways: 5,
            shots: 1,
            to: "mini-imagenet".into(),
            side: 84,
            mode: Mode::Inductive,
            value: 41.125,
            ci95,
            episodes: 10_000,
            config_hash: "c".into(),
            trained_on: "t".into(),
            data_digest: "d".into(),
            code: "e".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), []);
        let rows = [row(0, Some(0.25)), row(1, None)];
        write(dir.path(), &rows).unwrap();
        assert_eq!(read(dir.path()).unwrap(), rows);
        let path = dir.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        let line =
            "paper,cifar-fs-5w1s,reptile,0,1000,5,1,mini-imagenet,84,inductive,accuracy,41.125,0.25,10000,c,t,d,e\n";
        assert!(whole.contains(line), "{whole}");
        for (from, to, part) in
            [("41.125", "141", "no accuracy"), ("inductive", "both", "mode \"both\""), (",e\n", ",e", "cut off")]
        {
            std::fs::write(&path, whole.replace(from, to).trim_end_matches(if to == ",e" { "\n" } else { "" }))
                .unwrap();
            let error = read(dir.path()).unwrap_err();
            assert!(matches!(error, Error::Data(_)) && error.to_string().contains(part), "{error}");
        }
    }
}
