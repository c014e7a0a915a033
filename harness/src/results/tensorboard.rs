//! Learning curves as TensorBoard reads them: `OUT/<budget>/tensorboard/<benchmark>/<label>/seed-<n>/`, one event file
//! a run, the same bytes whenever its metrics.csv is the same.
//!
//! The format is written by hand: the crates that write it have stood still for years (tensorboard-rs 0.5: protobuf 2
//! and image 0.23; tfrecord 0.15: prost 0.12, with an HTTP client in its build script), and a scalar needs three
//! messages of six fields.

use super::layout;
use super::metrics::MetricRow;
use super::run::Run;
use crc::{CRC_32_ISCSI, Crc};
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
    layout::run(&folder(budget), &record.benchmark, &record.label, record.seed).join(NAME)
}

/// Its bytes: every row as `<split>/<mode>/<metric>` at its step, at the time at which it was written.
pub fn bytes(run: &Run, rows: &[MetricRow]) -> Vec<u8> {
    let started = chrono::DateTime::parse_from_rfc3339(&run.record.started).map_or(0, |time| time.timestamp()) as f64;
    let mut out = Vec::new();
    append(&mut out, &version(started));
    for row in rows {
        let tag = format!("{}/{}/{}", row.split.as_str(), row.mode.as_str(), row.metric);
        append(&mut out, &scalar(started + row.wall_s.unwrap_or(0.0), row.step, &tag, row.value));
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

// The three messages of TensorFlow's `event.proto` and `summary.proto` that a scalar needs, written out field by field:
// `Event { wall_time = 1 (double), step = 2 (int64), file_version = 3 (string), summary = 5 (Summary) }`,
// `Summary { value = 1 (repeated Value) }`, `Value { tag = 1 (string), simple_value = 2 (float) }`.

/// Wire types of protocol buffers.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// The first event of a file; what it says makes readers take steps as they come.
fn version(wall_time: f64) -> Vec<u8> {
    let mut event = head(wall_time, 0);
    field(&mut event, 3, b"brain.Event:2");
    event
}

/// One number at a step; `wall_time` in seconds since 1970.
fn scalar(wall_time: f64, step: u64, tag: &str, number: f64) -> Vec<u8> {
    let mut value = Vec::new();
    field(&mut value, 1, tag.as_bytes());
    key(&mut value, 2, FIXED32);
    value.extend_from_slice(&(number as f32).to_le_bytes());
    let mut summary = Vec::new();
    field(&mut summary, 1, &value);
    let mut event = head(wall_time, step);
    field(&mut event, 5, &summary);
    event
}

fn head(wall_time: f64, step: u64) -> Vec<u8> {
    let mut event = Vec::new();
    key(&mut event, 1, FIXED64);
    event.extend_from_slice(&wall_time.to_le_bytes());
    // Zero is what a reader assumes.
    if step > 0 {
        key(&mut event, 2, VARINT);
        varint(&mut event, step);
    }
    event
}

fn key(out: &mut Vec<u8>, field: u8, wire: u8) {
    out.push(field << 3 | wire);
}

fn field(out: &mut Vec<u8>, field: u8, data: &[u8]) {
    key(out, field, BYTES);
    varint(out, data.len() as u64);
    out.extend_from_slice(data);
}

/// Seven bits a byte, lowest first; the top bit says that more follow.
fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Appends one record (TensorFlow's TFRecord): u64 length and masked CRC32C of those eight bytes, then `data` and its
/// masked CRC32C, all little-endian.
fn append(out: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked(&length).to_le_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(&masked(data).to_le_bytes());
}

/// The checksum turned and shifted, so that checksums of data that holds checksums stay good ones.
fn masked(data: &[u8]) -> u32 {
    CRC32C.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
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
        append(&mut out, &version(1.5));
        append(&mut out, &scalar(2.75, 300, "test/-/mse", 0.25));
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
            append(&mut last, &scalar(2.75, 300, "test/-/mse", 0.25));
            last
        }));
        assert_eq!(written, bytes(&run, &[row]));
    }

    #[test]
    fn varints_by_hand() {
        let of = |number| {
            let mut out = Vec::new();
            varint(&mut out, number);
            out
        };
        assert_eq!(of(0), [0]);
        assert_eq!(of(127), [0x7f]);
        assert_eq!(of(300), [0xac, 0x02]);
        assert_eq!(of(100_000), [0xa0, 0x8d, 0x06]);
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4, and the check value of the catalogue.
        assert_eq!(CRC32C.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(CRC32C.checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(CRC32C.checksum(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn an_empty_record_by_hand() {
        let mut out = Vec::new();
        append(&mut out, b"");
        // The checksum of nothing is 0, so its mask is the constant alone.
        assert_eq!(out[12..], 0xa282_ead8u32.to_le_bytes());
        assert_eq!(out[..8], [0; 8]);
        assert_eq!(out.len(), 16);
    }
}
