//! Learning curves as TensorBoard reads them: `OUT/<budget>/tensorboard/<benchmark>/<label>/seed-<n>/`, one event file a
//! run, the same bytes whenever its metrics.csv is the same.
//!
//! The format is written by hand: the crates that write it have stood still for years (tensorboard-rs 0.5: protobuf 2
//! and image 0.23; tfrecord 0.15: prost 0.12, with an HTTP client in its build script), and a scalar needs three
//! messages of six fields.

mod event;
mod record;

use super::layout;
use super::metrics::MetricRow;
use super::run::Run;
use harness_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Readers want `.tfevents.` in the name and read a folder's files in the order of their names; there is one.
const NAME: &str = "events.out.tfevents.harness";

/// Where the event files of a budget lie.
pub fn folder(budget: &Path) -> PathBuf {
    budget.join("tensorboard")
}

/// The event file of a run.
pub fn path(budget: &Path, run: &Run) -> PathBuf {
    let record = &run.record;
    folder(budget).join(&record.benchmark).join(&record.label).join(format!("seed-{}", record.seed)).join(NAME)
}

/// Its bytes: every row as `<split>/<mode>/<metric>` at its step, at the time at which it was written.
pub fn bytes(run: &Run, rows: &[MetricRow]) -> Vec<u8> {
    let started = chrono::DateTime::parse_from_rfc3339(&run.record.started).map_or(0, |time| time.timestamp()) as f64;
    let mut out = Vec::new();
    record::append(&mut out, &event::version(started));
    for row in rows {
        let tag = format!("{}/{}/{}", row.split.as_str(), row.mode.as_str(), row.metric);
        record::append(&mut out, &event::scalar(started + row.wall_s.unwrap_or(0.0), row.step, &tag, row.value));
    }
    out
}

/// Removes event files of runs that are gone, which TensorBoard would go on to show. Other files are somebody else's.
pub fn remove_stale(budget: &Path, written: &[PathBuf]) -> Result<()> {
    let folder = folder(budget);
    if !folder.is_dir() {
        return Ok(());
    }
    let files = layout::runs(&folder)?.into_iter().map(|run| run.path.join(NAME));
    let stale = files.filter(|file| file.exists() && !written.contains(file));
    stale.into_iter().try_for_each(|file| std::fs::remove_file(&file).map_err(|error| Error::io(file, error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::run_json::RunRecord;
    use harness_core::{Mode, Split};

    /// Made by the real package:
    /// ```python
    /// from tensorboard.compat.proto import event_pb2, summary_pb2
    /// from tensorboard.summary.writer.record_writer import RecordWriter
    /// b = io.BytesIO(); w = RecordWriter(b)
    /// w.write(event_pb2.Event(wall_time=1.5, file_version="brain.Event:2").SerializeToString())
    /// s = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="test/-/mse", simple_value=0.25)])
    /// w.write(event_pb2.Event(wall_time=2.75, step=300, summary=s).SerializeToString())
    /// ```
    const REAL: &str = "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c2100000000000000\
                        017becf609000000000000064010ac022a130a110a0a746573742f2d2f6d7365150000803ef47ec231";

    #[test]
    fn the_bytes_are_the_real_packages() {
        let mut out = Vec::new();
        record::append(&mut out, &event::version(1.5));
        record::append(&mut out, &event::scalar(2.75, 300, "test/-/mse", 0.25));
        assert_eq!(out.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), REAL);
    }

    #[test]
    fn every_row_is_a_scalar_at_its_time() {
        let text = r#"{"format":1,"benchmark":"sine","label":"reptile","seed":1,"budget":"quick","meta_iters":10,
            "metric":"mse","higher_is_better":false,"status":"complete","started":"1970-01-01T00:00:01Z"}"#;
        let record: RunRecord = serde_json::from_str(text).unwrap();
        let run = Run {
            record,
            path: PathBuf::new(),
            finals: Vec::new(),
            last: Vec::new(),
            curve: Vec::new(),
            lost: Vec::new(),
        };
        let (split, mode, metric) = (Split::Test, Mode::Pointwise, "mse".to_string());
        let row = MetricRow { step: 300, split, mode, metric, value: 0.25, ci95: None, n: 1, wall_s: Some(1.75) };
        let written = bytes(&run, std::slice::from_ref(&row));
        assert!(written.ends_with(&{
            let mut last = Vec::new();
            record::append(&mut last, &event::scalar(2.75, 300, "test/-/mse", 0.25));
            last
        }));
        assert_eq!(written, bytes(&run, &[row]));
    }
}
