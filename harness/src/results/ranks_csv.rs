//! ranks.csv of a run that several ranks trained: what crossed between them, beside what averaging gradients would have
//! sent. A file of its own: metrics.csv has the same bytes for any number of ranks, and run.json says what a run is,
//! not how it went.

use std::path::Path;

use harness_core::Result;

use super::disk;

const HEADER: &str = "step,ranks,threads,meta_iterations,bytes,seconds,averaging_bytes";

/// Numbers of one meta-iteration, as means over the `meta_iterations` up to `step`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub step: u64,
    /// Ranks that took part.
    pub ranks: u64,
    /// Threads of each.
    pub threads: u64,
    pub meta_iterations: u64,
    /// Sent by all ranks together.
    pub bytes: u64,
    /// Until all of it was there, once rank 0 had done its own part.
    pub seconds: f64,
    /// What averaging gradients at every inner step would have sent; None: not known.
    pub averaging_bytes: Option<u64>,
}

/// Writes all rows.
pub fn write(path: &Path, rows: &[Row]) -> Result<()> {
    let line = |row: &Row| {
        let Row { step, ranks, threads, meta_iterations, bytes, seconds, averaging_bytes } = row;
        let averaging = averaging_bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        format!("{step},{ranks},{threads},{meta_iterations},{bytes},{seconds:.6},{averaging}\n")
    };
    let lines: String = rows.iter().map(line).collect();
    disk::write(path, format!("{HEADER}\n{lines}").as_bytes())
}

/// The rows up to `step`; none where there is no file. A line that cannot be read is passed over: no result hangs on
/// it.
pub fn read(path: &Path, step: u64) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let [step, ranks, threads, meta_iterations, bytes, seconds, averaging] = cells[..] else { return None };
        Some(Row {
            step: step.parse().ok()?,
            ranks: ranks.parse().ok()?,
            threads: threads.parse().ok()?,
            meta_iterations: meta_iterations.parse().ok()?,
            bytes: bytes.parse().ok()?,
            seconds: seconds.parse().ok()?,
            averaging_bytes: averaging.parse().ok(),
        })
    };
    text.lines().skip(1).filter_map(row).filter(|row| row.step <= step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_up_to_a_step() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ranks.csv");
        assert_eq!(read(&path, 10), []);
        let row = |step, averaging_bytes| Row {
            step,
            ranks: 3,
            threads: 2,
            meta_iterations: 10,
            bytes: 1000,
            seconds: 0.25,
            averaging_bytes,
        };
        write(&path, &[row(10, Some(4000)), row(20, None)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{HEADER}\n10,3,2,10,1000,0.250000,4000\n20,3,2,10,1000,0.250000,\n"));
        assert_eq!(read(&path, 20), [row(10, Some(4000)), row(20, None)]);
        assert_eq!(read(&path, 19), [row(10, Some(4000))]);
    }
}
