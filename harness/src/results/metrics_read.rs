//! `metrics.csv` of one run: learning curves, training scalars and the final evaluation, one number a row.

use super::table_file::TableFile;
use harness_core::Result;
use std::path::Path;

/// The columns of `metrics.csv`.
pub const HEADER: &str = "benchmark,method,seed,step,split,mode,metric,value,ci95,n,wall_s";

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    pub step: u64,
    /// `train`, `val` or `test`.
    pub split: String,
    /// `transductive`, `inductive` or `-`.
    pub mode: String,
    pub metric: String,
    pub value: f64,
    /// Half-width of the 95 % interval over episodes.
    pub ci95: Option<f64>,
    /// Episodes behind the value.
    pub n: u64,
    /// Seconds of the run's work when it was written.
    pub wall_s: Option<f64>,
}

/// Reads the rows of the run `benchmark`/`label`/`seed`; a row of another run is an error, as is a damaged one.
pub fn read(path: &Path, benchmark: &str, label: &str, seed: u64) -> Result<Vec<MetricRow>> {
    let file = TableFile::read(path, HEADER)?;
    let mut rows = Vec::new();
    for line in file.lines()? {
        let found = (line.text(0), line.text(1), line.number::<u64>(2, "seed")?);
        if found != (benchmark, label, seed) {
            return Err(line.error(&format!(
                "belongs to {} {} seed {}, not to {benchmark} {label} seed {seed}",
                found.0, found.1, found.2
            )));
        }
        let split = line.text(4);
        if !["train", "val", "test"].contains(&split) {
            return Err(line.error(&format!("split \"{split}\" is none of train, val, test")));
        }
        rows.push(MetricRow {
            step: line.number(3, "step")?,
            split: split.to_string(),
            mode: line.text(5).to_string(),
            metric: line.text(6).to_string(),
            value: line.number(7, "value")?,
            ci95: line.optional(8, "ci95")?,
            n: line.optional(9, "n")?.unwrap_or(0),
            wall_s: line.optional(10, "wall_s")?,
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

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
