//! A checkpoint: one safetensors file with all its metadata in the header, so that one rename makes it and nothing can
//! be half of two steps.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use harness_core::{Error, Mode, Result, State};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use super::atomic;
use super::episodes::Outcome;

/// Files of another version are refused by name.
pub const FORMAT: u32 = 1;

/// Everything that a run needs to go on.
pub struct Checkpoint {
    pub state: State,
    /// Final evaluation done so far, by mode.
    pub outcomes: Vec<(Mode, Vec<Outcome>)>,
    pub meta: Meta,
}

/// The header.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Meta {
    pub format: u32,
    pub step: u64,
    /// Effective config of the run, as run.json has it, and its sha256.
    pub config: serde_json::Value,
    pub config_hash: String,
    /// sha256 of the decoded data.
    pub data_digest: String,
    /// Valid length of metrics.csv in bytes.
    pub metrics_len: u64,
    /// Seconds that the run took so far, its earlier parts included.
    pub elapsed_s: f64,
}

const EVALUATION: &str = "evaluation/";

/// `checkpoint-<step>.safetensors` in `folder`.
pub fn path(folder: &Path, step: u64) -> PathBuf {
    folder.join(format!("checkpoint-{step}.safetensors"))
}

/// Steps of the checkpoints in `folder`, newest first.
pub fn steps(folder: &Path) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let step = |name: &str| name.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok();
    let mut steps: Vec<u64> = entries.flatten().filter_map(|entry| step(entry.file_name().to_str()?)).collect();
    steps.sort_unstable_by(|a, b| b.cmp(a));
    steps
}

impl Checkpoint {
    /// Writes the file and removes all older ones but the last.
    pub fn save(&self, folder: &Path) -> Result<()> {
        atomic::write(&path(folder, self.meta.step), &self.to_bytes()?)?;
        for old in steps(folder).into_iter().filter(|step| *step < self.meta.step).skip(1) {
            let _ = std::fs::remove_file(path(folder, old));
        }
        Ok(())
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut parts: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
        for (name, tensor) in self.state.to_tensors() {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            parts.insert(name, (Dtype::F32, tensor.dims().to_vec(), bytes));
        }
        for (mode, outcomes) in &self.outcomes {
            let name = format!("{EVALUATION}{}", mode.as_str());
            let flat = outcomes.iter().flat_map(|o| [f64::from(o.correct), f64::from(o.n), o.loss]);
            let bytes = flat.flat_map(f64::to_le_bytes).collect();
            parts.insert(name, (Dtype::F64, vec![outcomes.len(), 3], bytes));
        }
        let mut header = HashMap::from([("format".to_owned(), FORMAT.to_string())]);
        let meta = serde_json::to_string(&self.meta).expect("metadata is plain data");
        let views = parts.iter().map(|(name, (dtype, shape, bytes))| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).expect("the bytes are the shape's");
            (name.as_str(), view)
        });
        let views: Vec<(&str, TensorView)> = views.collect();
        header.insert("sha256".into(), checksum(&meta, views.iter().map(|(name, view)| (*name, view))));
        header.insert("meta".into(), meta);
        safetensors::serialize(views, Some(header)).map_err(|error| Error::usage(format!("checkpoint: {error}")))
    }

    /// Reads and checks a file. Errors: [`Error::Data`], one line that names the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Checkpoint> {
        let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
        Self::from_bytes(&bytes).map_err(|why| Error::data(format!("{}: {why}", path.display())))
    }

    /// Parses a file's bytes; the error is a clause without the file's name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, String> {
        let damaged = |error: &dyn std::fmt::Display| format!("not a whole checkpoint ({error})");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
        let header = header.metadata().clone().ok_or("a safetensors file, but not a checkpoint of this harness")?;
        let field = |name: &str| header.get(name).ok_or(format!("the header has no \"{name}\""));
        let format = field("format")?;
        if *format != FORMAT.to_string() {
            return Err(format!(
                "checkpoint format {format}, this harness reads {FORMAT}: use the version that wrote it"
            ));
        }
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
        let mut views = tensors.tensors();
        views.sort_by(|a, b| a.0.cmp(&b.0));
        let text = field("meta")?;
        if *field("sha256")? != checksum(text, views.iter().map(|(name, view)| (name.as_str(), view))) {
            return Err("its checksum is wrong: the file is damaged".into());
        }
        let meta: Meta = serde_json::from_str(text).map_err(|error| damaged(&error))?;
        let (mut state, mut outcomes) = (Vec::new(), Vec::new());
        for (name, view) in &views {
            match name.strip_prefix(EVALUATION) {
                Some(mode) => outcomes.push((parse_mode(mode)?, parse_outcomes(view.data()))),
                None => {
                    let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                    let tensor = Tensor::from_vec(values.collect::<Vec<_>>(), view.shape(), &Device::Cpu);
                    state.push((name.clone(), tensor.map_err(|error| damaged(&error))?));
                }
            }
        }
        let state = State::from_tensors(state, meta.step).map_err(|error| error.to_string())?;
        Ok(Checkpoint { state, outcomes, meta })
    }
}

fn parse_mode(name: &str) -> Result<Mode, String> {
    let all = [Mode::Transductive, Mode::Inductive, Mode::Pointwise];
    all.into_iter().find(|mode| mode.as_str() == name).ok_or(format!("unknown evaluation mode \"{name}\""))
}

fn parse_outcomes(bytes: &[u8]) -> Vec<Outcome> {
    let numbers: Vec<f64> =
        bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("chunks of 8"))).collect();
    numbers.chunks_exact(3).map(|row| Outcome { correct: row[0] as u32, n: row[1] as u32, loss: row[2] }).collect()
}

fn checksum<'a>(meta: &str, views: impl Iterator<Item = (&'a str, &'a TensorView<'a>)>) -> String {
    let mut hash = Sha256::new();
    hash.update(meta.as_bytes());
    for (name, view) in views {
        hash.update(name.as_bytes());
        hash.update(format!("{:?}{:?}", view.dtype(), view.shape()).as_bytes());
        hash.update(view.data());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(step: u64) -> Checkpoint {
        let tensor = Tensor::new(&[[1f32, -0.5], [f32::MIN_POSITIVE, 3.0]], &Device::Cpu).unwrap();
        let mut state = State::new([("w".to_string(), tensor)].into_iter().collect());
        state.slots.insert("adam.second".into(), state.params.clone());
        state.step = step;
        let meta = Meta {
            format: FORMAT,
            step,
            config: serde_json::json!({"lr": 0.001}),
            config_hash: "abc".into(),
            data_digest: "def".into(),
            metrics_len: 120,
            elapsed_s: 1.5,
        };
        let outcome = Outcome { correct: 4, n: 5, loss: 0.25 };
        Checkpoint { state, outcomes: vec![(Mode::Inductive, vec![outcome; 3])], meta }
    }

    #[test]
    fn what_is_saved_is_what_is_loaded_and_two_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for step in [1, 2, 30] {
            checkpoint(step).save(dir.path()).unwrap();
        }
        assert_eq!(steps(dir.path()), [30, 2]);
        let loaded = Checkpoint::load(&path(dir.path(), 30)).unwrap();
        let saved = checkpoint(30);
        assert!(loaded.state.same_bits(&saved.state).unwrap());
        assert_eq!(loaded.meta, saved.meta);
        assert_eq!(loaded.outcomes, saved.outcomes);
    }

    #[test]
    fn any_cut_and_any_flipped_bit_is_found() {
        let bytes = checkpoint(7).to_bytes().unwrap();
        for percent in 0..100 {
            assert!(Checkpoint::from_bytes(&bytes[..bytes.len() * percent / 100]).is_err(), "cut at {percent} %");
        }
        let mut unnoticed = 0;
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            // A flip in the header's padding or white space may leave every value as it was; that is no damage.
            if let Ok(read) = Checkpoint::from_bytes(&flipped) {
                assert!(read.state.same_bits(&checkpoint(7).state).unwrap(), "bit {at} changed the state unnoticed");
                unnoticed += 1;
            }
        }
        assert!(unnoticed < 64, "{unnoticed} flipped bits went unnoticed");
    }

    #[test]
    fn a_newer_format_is_named() {
        let bytes = checkpoint(7).to_bytes().unwrap();
        let text = String::from_utf8_lossy(&bytes[..8 + 4096.min(bytes.len() - 8)]).into_owned();
        let at = text.find("\"format\":\"1\"").expect("the format is in the header") + "\"format\":\"".len();
        let mut newer = bytes.clone();
        let at = bytes.windows(12).position(|w| w == b"\"format\":\"1\"").unwrap_or(at) + 10;
        newer[at] = b'9';
        let error = Checkpoint::from_bytes(&newer).err().unwrap();
        assert!(error.contains("format 9"), "{error}");
    }
}
