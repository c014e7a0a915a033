//! `harness new-benchmark DIR`: a benchmark file about a folder of images, ready to be run and to be changed.
//!
//! The rows are those of a benchmark of ours. Each is tried against the classes and images that there are before anything is
//! written, so that what is written runs.

mod deal;
mod file;
mod rows;

use std::path::{Path, PathBuf};

use clap::Args;
use harness_core::{ClassSplit, Entry, Error, Result};
use harness_data::{Survey, expand_home, survey};

use self::file::Draft;
use crate::benchmark::Benchmark;
use crate::cli::value::positive;
use crate::console;
use crate::exit::Exit;
use crate::results::disk;

const EXAMPLES: &str = "\
Examples:
  # birds-5w1s.toml, and birds-split.txt where the folder
  # has no parts train, val and test
  harness new-benchmark ~/pictures/birds

  # Ten ways, with the rows of mini-ImageNet
  harness new-benchmark ~/pictures/birds --ways 10 \\
      --base mini-imagenet-5w5s --out tables/birds.toml";

/// Writes a benchmark file for a folder of images, one folder a class: complete, commented, and such that `harness reproduce
/// FILE` runs it. Parts train, val and test of the folder are its split; where there are none, its classes are dealt out by a
/// seed, into a list beside the file.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct NewBenchmark {
    /// Folder or archive with one folder of images a class, with or without train, val and test above
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// The benchmark whose rows and network it has; by the size of the images if absent: cifar-fs-5w1s or mini-imagenet-5w1s
    #[arg(long, value_name = "BENCHMARK")]
    pub base: Option<String>,

    /// Classes of an episode; 5, or fewer where there are not so many, if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub ways: Option<u64>,

    /// Support images of each class; those of the base if absent
    #[arg(long, value_name = "N", value_parser = positive)]
    pub shots: Option<usize>,

    /// Seed by which classes are dealt out
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,

    /// The file to write; DIR-5w1s.toml here, with the ways and shots, if absent
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Images up to so many pixels on their shorter side have the rows of CIFAR-FS.
const SMALL: u32 = 48;

/// Writes the files and says which, and what comes next.
pub fn run(args: &NewBenchmark, algorithms: &[Entry]) -> Result<Exit> {
    let found = survey(&args.folder)?;
    found.left_out.iter().for_each(|left| tracing::warn!("{left}"));
    let base = args.base.clone().unwrap_or_else(|| base_for(&found).to_owned());
    let like = Benchmark::find(&base, &[])?;
    // A file is found from wherever the new one lies.
    let base = match Path::new(&base).is_file() {
        true => std::path::absolute(&base).map_err(|source| Error::io(&base, source))?.to_string_lossy().into_owned(),
        false => base,
    };
    if like.data.is_regression() {
        return Err(Error::usage(format!(
            "--base {base}: {} has no images: name a table of images",
            like.data.dataset
        )));
    }
    let name = file::name(&args.folder)?;
    let (split, dealt) = split(args, &found)?;
    let ways = ways(args, &split)?;
    let shots = args.shots.unwrap_or(like.protocol.shots);
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}-{ways}w{shots}s.toml")));
    let list = out.with_file_name(format!("{name}-split.txt"));
    if std::fs::symlink_metadata(&out).is_ok() {
        return Err(Error::usage(format!(
            "{}: is there already: name another with --out, or remove it",
            out.display()
        )));
    }
    let kept = dealt && is_kept(&list, &split)?;
    super::make_room_for(&out)?;
    let draft = Draft {
        name: &name,
        base: &base,
        folder: as_written(&args.folder, &out)?,
        found: &found,
        split: &split,
        list: dealt.then(|| list.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        seed: args.seed,
        side: side(&found, like.data.side),
        ways,
        shots,
        like: &like,
    };
    let text = rows::fitted(&draft, &out, algorithms)?;
    let mut said = String::new();
    match (dealt, kept) {
        (true, true) => said += &format!("{} is there already and stays: it deals the classes alike\n", list.display()),
        (true, false) => {
            disk::write(&list, draft.list_text().as_bytes())?;
            said += &format!("wrote {}\n", list.display());
        }
        (false, _) => {}
    }
    disk::write(&out, text.as_bytes())?;
    let shown = out.display();
    said += &format!("wrote {shown}\n\nNext:\n  harness reproduce {shown}\n  harness reproduce {shown} --dry-run\n");
    console::print(&said).map(|()| Exit::Done)
}

/// By the size of the images: the rows of 32 × 32 or of 84 × 84 pixels.
fn base_for(found: &Survey) -> &'static str {
    match found.largest.0.min(found.largest.1) <= SMALL {
        true => "cifar-fs-5w1s",
        false => "mini-imagenet-5w1s",
    }
}

/// Square images that are all of one size, and not larger than the base's, stay as they are.
fn side(found: &Survey, base: Option<usize>) -> usize {
    let (base, (width, height)) = (base.unwrap_or(84), found.smallest);
    match found.smallest == found.largest && width == height && (16..=base as u32).contains(&width) {
        true => width as usize,
        false => base,
    }
}

/// The folder's own parts, or the classes dealt out by the seed; whether they were.
fn split(args: &NewBenchmark, found: &Survey) -> Result<(ClassSplit, bool)> {
    let at = args.folder.display();
    match &found.split {
        Some(split) if split.train.is_empty() || split.test.is_empty() => {
            let missing = if split.train.is_empty() { "train" } else { "test" };
            Err(Error::usage(format!(
                "{at}: has parts and no {missing}: add it, or move all class folders into one folder"
            )))
        }
        Some(split) => Ok((split.clone(), false)),
        None => {
            let names: Vec<String> = found.classes.iter().map(|(name, _)| name.clone()).collect();
            let dealt = deal::deal(&names, args.ways.map(|ways| ways as usize), args.seed);
            dealt.map(|split| (split, true)).map_err(|what| Error::usage(format!("{at}: {what}")))
        }
    }
}

/// Whether the list of another table of this folder is there, and deals the classes alike. Errors where it does not.
fn is_kept(list: &Path, split: &ClassSplit) -> Result<bool> {
    if std::fs::symlink_metadata(list).is_err() {
        return Ok(false);
    }
    let there = std::fs::read_to_string(list).ok().and_then(|text| ClassSplit::parse(&text).ok());
    match there.as_ref() == Some(split) {
        true => Ok(true),
        false => Err(Error::usage(format!(
            "{}: is there already and deals the classes otherwise: write into another folder with --out, or remove it",
            list.display()
        ))),
    }
}

/// Errors where a part has fewer classes than were asked for.
fn ways(args: &NewBenchmark, split: &ClassSplit) -> Result<usize> {
    let parts = [("train", &split.train), ("val", &split.val), ("test", &split.test)];
    let here = parts.into_iter().filter(|(_, classes)| !classes.is_empty());
    let (part, fewest) = here.map(|(part, classes)| (part, classes.len())).min_by_key(|(_, n)| *n).expect("two parts");
    let at = args.folder.display();
    match args.ways.map(|ways| ways as usize) {
        Some(ways) if ways > fewest => Err(Error::usage(format!(
            "--ways {ways}, but the part {part} of {at} has {fewest} classes: ask for {fewest} or fewer"
        ))),
        Some(ways) => Ok(ways),
        None if fewest < 2 => {
            Err(Error::usage(format!("{at}: the part {part} has one class: telling classes apart needs 2")))
        }
        None => Ok(fewest.min(deal::WAYS)),
    }
}

/// The folder as a file that lies at `out` names it: as it was typed, where that means the same from there.
fn as_written(folder: &Path, out: &Path) -> Result<PathBuf> {
    let beside = out.parent().is_none_or(|parent| parent.as_os_str().is_empty());
    let folder = expand_home(folder);
    let written = match folder.is_absolute() || beside {
        true => folder,
        false => std::path::absolute(&folder).map_err(|source| Error::io(&folder, source))?,
    };
    if written.to_str().is_none() {
        let at = written.display();
        return Err(Error::usage(format!(
            "{at}: a benchmark's file is UTF-8, and this name is not: rename the folder"
        )));
    }
    Ok(written)
}
