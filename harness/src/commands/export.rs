//! `harness export CHECKPOINT`: parameters as plain named safetensors, and a card that says how to use them.

mod card;
mod trim;

use std::path::{Path, PathBuf};

use clap::Args;
use harness_core::{Entry, Error, Result, State};
use safetensors::tensor::{Dtype, TensorView};

use crate::exit::Exit;
use crate::results::checkpoint::Checkpoint;
use crate::results::disk;
use crate::results::run_dir::RECORD;

const EXAMPLES: &str = "\
Examples:
  # sine-reptile-seed-0.safetensors, .json and .py, here
  harness export checkpoint-30000.safetensors

  # A finished run's checkpoint, for evaluation alone
  harness export checkpoint-60000.safetensors \\
      --trim --out kept/checkpoint-60000.safetensors";

/// Writes a checkpoint's parameters as plain named safetensors, with a model card (JSON) and the same network as a PyTorch
/// module (Python) beside them, so that other programs can load the initialisation.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    /// A checkpoint-STEP.safetensors of a run
    #[arg(value_name = "CHECKPOINT")]
    pub checkpoint: PathBuf,

    /// The file to write, card and module beside it; BENCHMARK-LABEL-seed-N.safetensors here if absent
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Write a checkpoint instead, for `harness eval`: without what only training needs, and nothing beside it
    #[arg(long)]
    pub trim: bool,
}

/// Writes the three files and prints their paths.
pub fn run(args: &Export, algorithms: &[Entry]) -> Result<Exit> {
    let checkpoint = Checkpoint::named(&args.checkpoint)?;
    let config = &checkpoint.meta.config;
    super::eval::note(&checkpoint, algorithms);
    super::reported::note(&checkpoint, &args.checkpoint);
    if args.trim {
        return trim::run(args, &checkpoint, algorithms);
    }
    let named = || {
        let part = |key: &str| config[key].as_str().unwrap_or("unknown").to_owned();
        PathBuf::from(format!("{}-{}-seed-{}.safetensors", part("benchmark"), part("label"), config["seed"]))
    };
    let out = args.out.clone().unwrap_or_else(named);
    let (beside, module) = (out.with_extension("json"), out.with_extension("py"));
    for (other, what) in [(&beside, ".json is the model card's"), (&module, ".py is the PyTorch module's")] {
        if *other == out {
            return Err(Error::usage(format!("--out {}: {what}: choose another name", out.display())));
        }
    }
    refuse_a_runs_file(&out, &args.checkpoint)?;
    let three = [&out, &beside, &module];
    // All three are an export of before.
    if !three.iter().all(|path| path.exists())
        && let Some(other) = three.iter().find(|path| path.exists())
    {
        return Err(Error::usage(format!(
            "{}: is there already and is no export: name another file with --out",
            other.display()
        )));
    }
    super::make_room_for(&out)?;
    let run = super::reported::run_of(&checkpoint, &args.checkpoint);
    let card = card::card(&checkpoint, run.as_ref(), algorithms)?;
    disk::write(&out, &plain(&checkpoint.state)?)?;
    disk::write(&beside, format!("{card:#}\n").as_bytes())?;
    disk::write(&module, pytorch(&out).as_bytes())?;
    let said = three.map(|path| format!("{}\n", path.display()));
    crate::console::print(&said.concat()).map(|()| Exit::Done)
}

/// Errors if a file of a run would be written over: a checkpoint is hours of work, and a trimmed one cannot be trained on.
fn refuse_a_runs_file(out: &Path, checkpoint: &Path) -> Result<()> {
    let same = matches!((out.canonicalize(), checkpoint.canonicalize()), (Ok(a), Ok(b)) if a == b);
    let in_a_run = || out.parent().unwrap_or(Path::new("")).join(RECORD).exists();
    if same || out.exists() && in_a_run() {
        return Err(Error::usage(format!("{}: is a file of a run: name another with --out", out.display())));
    }
    Ok(())
}

/// The same network as a PyTorch module, which reads the card.
fn pytorch(out: &Path) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().replace(['"', '\\'], "_");
    let text = include_str!("../../templates/export/network.py");
    text.replace("EXPORTED_CARD", &name(&out.with_extension("json"))).replace("EXPORTED", &name(out))
}

/// Parameters and buffers under their own names, f32; no optimiser's slots.
fn plain(state: &State) -> Result<Vec<u8>> {
    let named = || state.params.iter().chain(state.buffers.iter());
    let bytes = named()
        .map(|(_, tensor)| {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            Ok(values.into_iter().flat_map(f32::to_le_bytes).collect())
        })
        .collect::<Result<Vec<Vec<u8>>>>()?;
    let views = named().zip(&bytes).map(|((name, tensor), bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.dims().to_vec(), bytes).expect("the bytes are the shape's");
        (name, view)
    });
    safetensors::serialize(views, None).map_err(|error| Error::usage(format!("export: {error}")))
}
