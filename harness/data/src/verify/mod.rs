//! What a data set really holds: every image is read and decoded from its source, nothing is taken from the cache.

pub(crate) mod known;
mod report;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Mutex;

use harness_core::{ClassSplit, Error, ImageSet, Result};
use sha2::{Digest, Sha256};

use crate::dataset::Dataset;
use crate::decode::{Filter, Source, Spec};
use crate::loader::Loader;
use crate::plan::{Plan, file_hash, is_one_colour};
use crate::sink::Sink;

pub use report::{Duplicate, Report};

/// Sets up to this many bytes are decoded into memory, larger ones into a temporary file.
const IN_MEMORY: usize = 256 << 20;

/// What is found out about one image.
struct Fact {
    index: usize,
    /// [`file_hash`].
    encoded: u128,
    source: Result<Source, String>,
    constant: bool,
}

/// Reads and decodes all of `dataset`. `split` tells which class is in which part; without one, the split that the data
/// carries does.
///
/// Errors: when the data is missing or cannot be listed at all, as [`Loader::load`]; what is wrong with single images and
/// counts is in the report.
pub fn verify(
    loader: &Loader,
    dataset: &Dataset,
    side: usize,
    filter: Filter,
    split: Option<&ClassSplit>,
) -> Result<Report> {
    let spec = dataset.spec(side, filter)?;
    let located = dataset.locate(&loader.search)?;
    let plan = dataset.plan(&loader.search)?;
    let sink = sink(&plan, &spec)?;
    let (facts, unwritten) = (Mutex::new(Vec::with_capacity(plan.len())), Mutex::new(None));
    plan.decode_each(&spec, loader.progress, &|visit| {
        let constant = visit.source.is_ok() && is_one_colour(visit.pixels, spec.channels);
        if let Err(error) = sink.put(visit.index * spec.bytes(), visit.pixels) {
            unwritten.lock().unwrap().get_or_insert(error);
        }
        let encoded = file_hash(visit.encoded);
        facts.lock().unwrap().push(Fact { index: visit.index, encoded, source: visit.source, constant });
    })?;
    if let Some(error) = unwritten.into_inner().unwrap() {
        return Err(sink.error(error));
    }
    let mut facts = facts.into_inner().unwrap();
    facts.sort_by_key(|fact| fact.index);

    // A list of names says nothing of classes that have none.
    let split = split.filter(|_| !plan.nameless).or(plan.split.as_ref());
    let part_of = parts(split);
    let describe = |index: usize| plan.describe(plan.places()[index]);
    let mut report = Report::new(dataset.to_string(), located, &plan, &part_of);
    report.miscounted = dataset.count(&plan).err().map(|error| error.to_string());
    for fact in &facts {
        match &fact.source {
            Ok(source) => {
                *report.sizes.entry((source.width, source.height)).or_default() += 1;
                *report.modes.entry(source.mode).or_default() += 1;
            }
            Err(what) => report.undecodable.push((describe(fact.index), what.clone())),
        }
        if fact.constant {
            report.constant.push(describe(fact.index));
        }
    }
    report.duplicates = duplicates(&facts, &plan, &part_of);
    if report.undecodable.is_empty() {
        plan.put_in_order(&spec, &sink).map_err(|error| sink.error(error))?;
        let size = [spec.side, spec.side, spec.channels];
        let pixels = sink.into_pixels(plan.len() * spec.bytes()).map_err(|error| Error::io("temporary file", error))?;
        let pixel_hash = Sha256::digest((*pixels).as_ref());
        report.pixels = Some(pixel_hash.iter().map(|byte| format!("{byte:02x}")).collect());
        let digest = ImageSet::new(&*plan.name, size, plan.image_classes(), pixels)?.digest;
        report.known = known::judge(dataset, &plan, side, filter, &digest);
        report.digest = Some(digest);
    }
    Ok(report)
}

fn sink(plan: &Plan, spec: &Spec) -> Result<Sink> {
    let bytes = plan.len() * spec.bytes();
    if bytes <= IN_MEMORY {
        return Ok(Sink::memory(bytes));
    }
    let dir = std::env::temp_dir();
    crate::disk::require(&dir, bytes as u64, "TMPDIR")?;
    let file = tempfile::tempfile().map_err(|error| Error::io(&dir, error))?;
    file.set_len(bytes as u64).map_err(|error| Error::io(&dir, error))?;
    Ok(Sink::File(file, dir))
}

/// Class to part.
fn parts(split: Option<&ClassSplit>) -> HashMap<&str, &'static str> {
    let Some(split) = split else { return HashMap::new() };
    [("train", &split.train), ("val", &split.val), ("test", &split.test)]
        .into_iter()
        .flat_map(|(part, names)| names.iter().map(move |name| (name.as_str(), part)))
        .collect()
}

/// Groups of images whose files are the same byte for byte, in the plan's order.
fn duplicates(facts: &[Fact], plan: &Plan, part_of: &HashMap<&str, &'static str>) -> Vec<Duplicate> {
    let mut groups: BTreeMap<u128, Vec<usize>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.source.is_ok()) {
        groups.entry(fact.encoded).or_default().push(fact.index);
    }
    let class_of: Vec<&str> =
        plan.classes.iter().flat_map(|(name, images)| std::iter::repeat_n(name.as_str(), images.len())).collect();
    let places = plan.places();
    let mut groups: Vec<Vec<usize>> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.sort();
    let duplicate = |group: Vec<usize>| Duplicate {
        across_parts: group.iter().any(|i| part_of.get(class_of[*i]) != part_of.get(class_of[group[0]])),
        across_classes: group.iter().any(|i| class_of[*i] != class_of[group[0]]),
        images: group.iter().map(|i| plan.describe(places[*i])).collect(),
    };
    groups.into_iter().map(duplicate).collect()
}

#[cfg(test)]
mod tests;
