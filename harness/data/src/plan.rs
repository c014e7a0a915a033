//! A data set as a plan: classes in a fixed order, each image with the place its bytes lie at. A plan costs no decoding,
//! so that counting and naming what is wrong come first; then every image is decoded once, on all cores.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness_core::{ClassSplit, Error, ImageClass, Result};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::bytes::Bytes;
use crate::decode::{self, Spec};
use crate::files::Stamp;
use crate::parquet::Table;
use crate::progress::{Progress, Step};
use crate::sink::Sink;
use crate::tree::FileRef;

/// Images between two reports of progress.
const REPORT: usize = 256;

/// Where an image's bytes lie.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File(FileRef),
    /// Row of a table of the plan.
    Row {
        table: usize,
        row: usize,
    },
    /// Image of a block of the plan.
    Pixels {
        block: usize,
        index: usize,
    },
}

/// Images as plain bytes in one file, red, green and blue.
pub(crate) struct Block {
    pub file: FileRef,
    pub bytes: Bytes,
    /// Of the first image in `bytes`, and from each image to the next.
    pub offset: u64,
    pub step: u64,
    pub count: usize,
    pub width: u32,
    pub height: u32,
    /// Whether each colour is a plane of its own, or each pixel three bytes.
    pub planes: bool,
}

impl Block {
    /// The bytes of an image as the file has them; what is wrong with them otherwise.
    fn read(&self, index: usize) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; self.width as usize * self.height as usize * 3];
        let at = self.offset + index as u64 * self.step;
        if index >= self.count {
            return Err("is not there".into());
        }
        self.bytes.read_exact_at(at, &mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
        Ok(bytes)
    }

    /// Such bytes at a set's size.
    fn decode(&self, bytes: &[u8], spec: &Spec, out: &mut [u8]) -> Result<decode::Source, String> {
        let pixels = if self.planes {
            let plane = bytes.len() / 3;
            (0..plane).flat_map(|i| [bytes[i], bytes[plane + i], bytes[2 * plane + i]]).collect()
        } else {
            bytes.to_vec()
        };
        decode::place_rgb(self.width, self.height, pixels, spec, out)?;
        Ok(decode::Source { width: self.width, height: self.height, mode: "bytes rgb" })
    }
}

/// Classes by name, each with its images.
pub(crate) type Classes = BTreeMap<String, Vec<Place>>;

/// A data set that has been found and counted, not yet decoded.
#[derive(Default)]
pub(crate) struct Plan {
    /// Name of the data set.
    pub name: String,
    /// Classes and their images, in the order they will have.
    pub classes: Vec<(String, Vec<Place>)>,
    pub tables: Vec<Table>,
    pub blocks: Vec<Block>,
    /// Whether the images of a class are put in the order of their pixels: where forms of the data have no other order in
    /// common.
    pub by_pixels: bool,
    /// The class split that the data itself carries, where its form has one.
    pub split: Option<ClassSplit>,
    /// Whether the classes have no names but those that their part of the split gives them.
    pub nameless: bool,
    /// Whether these are anybody's images, of which nothing is known.
    pub own: bool,
    /// What lies among the images and is not one of them.
    pub left_out: Vec<LeftOut>,
}

/// Files of one folder that are not part of the data set, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The folder.
    pub folder: String,
    pub files: usize,
    /// Why, with the kinds of the files and the first of them.
    pub why: String,
    /// Whether they may have been meant to be used, as images and several splits, and not a readme or a list.
    pub maybe_images: bool,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.folder, self.says())
    }
}

impl LeftOut {
    /// How many, and why, without the folder.
    pub(crate) fn says(&self) -> String {
        format!("{} file{} left out: {}", self.files, if self.files == 1 { "" } else { "s" }, self.why)
    }
}

/// One image of a plan after its turn.
pub(crate) struct Visit<'a> {
    /// Its position in the plan.
    pub index: usize,
    /// The encoded bytes; empty where they could not be read.
    pub encoded: &'a [u8],
    /// What it was before it was resized, or what is wrong with it.
    pub source: Result<decode::Source, String>,
    /// The decoded pixels, [`Spec::bytes`] long; without meaning where something is wrong.
    pub pixels: &'a [u8],
}

impl Plan {
    /// The classes with the positions of their images.
    pub fn image_classes(&self) -> Vec<ImageClass> {
        let mut next = 0;
        let class = |(name, images): &(String, Vec<Place>)| {
            let first = next;
            next += images.len();
            ImageClass { name: name.clone(), images: first..next }
        };
        self.classes.iter().map(class).collect()
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.classes.iter().map(|(_, images)| images.len()).sum()
    }

    /// Every image's place, in order.
    pub fn places(&self) -> Vec<&Place> {
        self.classes.iter().flat_map(|(_, images)| images).collect()
    }

    /// sha256 over what the decoded bytes depend on, as far as it is known without reading them: classes, places, and
    /// the path and stamp of every file.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut text = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        let mut file = |path: &Path, stamp: &Stamp| {
            text(&path.to_string_lossy());
            text(&format!("{} {} {} {:?}", stamp.len, stamp.modified, stamp.changed, stamp.file));
        };
        self.tables.iter().for_each(|table| file(&table.path, &table.stamp));
        for block in &self.blocks {
            let (path, stamp, _) = block.file.identity();
            file(path, &stamp);
        }
        let mut before = None;
        for place in self.places() {
            if let Place::File(image) = place
                && let (path, stamp, _) = image.identity()
                && before != Some(path)
            {
                file(path, &stamp);
                before = Some(path);
            }
        }
        for (class, images) in &self.classes {
            text(&format!("{class} {}", images.len()));
            for place in images {
                match place {
                    Place::File(image) => text(&image.identity().2.to_string()),
                    Place::Row { table, row } => text(&format!("{table} {row}")),
                    Place::Pixels { block, index } => {
                        text(&format!("{block} {index} {}", self.blocks[*block].file.identity().2));
                    }
                }
            }
        }
        hash.finalize().into()
    }

    /// Reads and decodes every image on all cores, in no particular order.
    ///
    /// Errors: [`Error::Data`] for a table that cannot be read. What is wrong with an image is `visit`'s to judge.
    pub fn decode_each(&self, spec: &Spec, progress: Progress, visit: &(dyn Fn(Visit) + Sync)) -> Result<()> {
        let (done, total) = (AtomicUsize::new(0), self.len());
        let tell = |index: usize, encoded: &[u8], source: Result<decode::Source, String>, pixels: &[u8]| {
            visit(Visit { index, encoded, source, pixels });
            let done = 1 + done.fetch_add(1, Ordering::Relaxed);
            if done.is_multiple_of(REPORT) || done == total {
                progress(Step::Decoding { dataset: &self.name, done, total });
            }
        };
        let decode = |index: usize, bytes: Result<&[u8], String>, pixels: &mut Vec<u8>| {
            pixels.resize(spec.bytes(), 0);
            let encoded = *bytes.as_ref().unwrap_or(&&[][..]);
            let source = bytes.and_then(|bytes| decode::decode(bytes, spec, pixels));
            tell(index, encoded, source, pixels);
        };
        let (rows, alone): (Vec<_>, Vec<_>) =
            self.places().into_iter().enumerate().partition(|(_, place)| matches!(place, Place::Row { .. }));
        on_all_cores(|| {
            alone.par_iter().for_each_init(Vec::new, |pixels, (index, place)| match place {
                Place::File(image) => {
                    let bytes = image.read(decode::MAX_ENCODED);
                    decode(*index, bytes.as_deref().map_err(Clone::clone), pixels);
                }
                Place::Pixels { block, index: at } => {
                    let block = &self.blocks[*block];
                    pixels.resize(spec.bytes(), 0);
                    let bytes = block.read(*at);
                    let encoded = bytes.as_deref().unwrap_or_default().to_vec();
                    let source = bytes.and_then(|bytes| block.decode(&bytes, spec, pixels));
                    tell(*index, &encoded, source, pixels);
                }
                Place::Row { .. } => unreachable!("rows are read by table"),
            });
            for (number, table) in self.tables.iter().enumerate() {
                let mut wanted: Vec<(usize, usize)> = rows
                    .iter()
                    .filter_map(|(index, place)| match place {
                        Place::Row { table, row } if *table == number => Some((*row, *index)),
                        _ => None,
                    })
                    .collect();
                wanted.sort_unstable();
                // One group of rows at a time is in memory.
                for group in table.groups() {
                    let first = wanted.partition_point(|(row, _)| *row < group.start);
                    let here = &wanted[first..wanted.partition_point(|(row, _)| *row < group.end)];
                    if here.is_empty() {
                        continue;
                    }
                    let images = table.images(group.clone())?;
                    here.par_iter().for_each_init(Vec::new, |pixels, (row, index)| {
                        let bytes = images.bytes(row - group.start);
                        decode(*index, bytes.ok_or_else(|| "holds no image".to_string()), pixels);
                    });
                }
            }
            Ok::<(), Error>(())
        })?;
        // A slot that nobody filled would be a black image.
        assert_eq!(done.into_inner(), total, "every image of a plan is visited once");
        Ok(())
    }

    /// Decodes every image into its slot of `sink`.
    ///
    /// Errors: [`Error::Data`] with the number of images that failed and the first of them, in the plan's order;
    /// [`Error::Io`] when the sink's file cannot be written.
    pub fn fill(&self, spec: &Spec, sink: &Sink, progress: Progress) -> Result<()> {
        let failed = Mutex::new(Vec::new());
        let plain = Mutex::new(Vec::new());
        let hashes = Mutex::new(Vec::new());
        let unwritten = Mutex::new(None);
        self.decode_each(spec, progress, &|visit| match visit.source {
            Err(what) => failed.lock().unwrap().push((visit.index, what)),
            Ok(_) => {
                if is_one_colour(visit.pixels, spec.channels) {
                    plain.lock().unwrap().push(visit.index);
                }
                if self.own {
                    hashes.lock().unwrap().push((file_hash(visit.encoded), visit.index));
                }
                if let Err(error) = sink.put(visit.index * spec.bytes(), visit.pixels) {
                    unwritten.lock().unwrap().get_or_insert(error);
                }
            }
        })?;
        if let Some(error) = unwritten.into_inner().unwrap() {
            return Err(sink.error(error));
        }
        let mut failed = failed.into_inner().unwrap();
        failed.sort();
        let Some((index, what)) = failed.first() else {
            let plain = plain.into_inner().unwrap();
            if let Some(first) = plain.iter().min() {
                let (first, name) = (self.describe(self.places()[*first]), &self.name);
                progress(Step::Note(&format!(
                    "{name}: {} of {} images are of one colour, such as {first}; see `harness data verify`",
                    plain.len(),
                    self.len()
                )));
            }
            if let Some(note) = self.in_two_classes(hashes.into_inner().unwrap()) {
                progress(Step::Note(&note));
            }
            return self.put_in_order(spec, sink).map_err(|error| sink.error(error));
        };
        let others = match failed.len() - 1 {
            0 => String::new(),
            n => format!(", and {n} more of {} images are bad", self.len()),
        };
        let place = self.describe(self.places()[*index]);
        Err(Error::data(format!("{}: {place} {what}{others}; replace it or fetch {} again", self.name, self.name)))
    }

    /// A line on files, by their hashes and positions, that are the same in different classes: who is trained on one of
    /// them is tested on the other, or has two labels for it. None where there are none.
    fn in_two_classes(&self, mut hashes: Vec<(u128, usize)>) -> Option<String> {
        hashes.sort_unstable();
        let (classes, places) = (self.image_classes(), self.places());
        let class = |at: usize| classes.partition_point(|class| class.images.end <= at);
        let ends = |same: &[(u128, usize)]| (same[0].1, same[same.len() - 1].1);
        let apart = |same: &&[(u128, usize)]| class(ends(same).0) != class(ends(same).1);
        let groups: Vec<&[(u128, usize)]> = hashes.chunk_by(|a, b| a.0 == b.0).filter(apart).collect();
        let (one, other) = groups.iter().map(|same| ends(same)).min()?;
        let images: usize = groups.iter().map(|same| same.len()).sum();
        Some(format!(
            "{}: {images} images are in more than one class, such as {} = {}; see `harness data verify`",
            self.name,
            self.describe(places[one]),
            self.describe(places[other])
        ))
    }

    /// Puts the decoded images of each class in the order of their pixels, where the plan says so.
    pub fn put_in_order(&self, spec: &Spec, sink: &Sink) -> std::io::Result<()> {
        let bytes = spec.bytes();
        for class in self.image_classes().iter().filter(|_| self.by_pixels) {
            let at = class.images.start * bytes;
            let pixels = sink.get(at, class.images.len() * bytes)?;
            let mut images: Vec<&[u8]> = pixels.chunks_exact(bytes).collect();
            images.sort_unstable();
            sink.put(at, &images.concat())?;
        }
        Ok(())
    }

    /// How an error names a place.
    pub fn describe(&self, place: &Place) -> String {
        match place {
            Place::File(image) => image.show(),
            Place::Pixels { block, index } => format!("{}: image {index}", self.blocks[*block].file.show()),
            Place::Row { table, row } => format!("{}: row {row}", self.tables[*table].path.display()),
        }
    }
}

/// First half of the sha256 of a file's bytes.
pub(crate) fn file_hash(encoded: &[u8]) -> u128 {
    let hash = Sha256::digest(encoded);
    u128::from_be_bytes(hash[..16].try_into().expect("sha256 has 32 bytes"))
}

/// Whether all pixels are the same, on all channels.
pub(crate) fn is_one_colour(pixels: &[u8], channels: usize) -> bool {
    pixels.chunks_exact(channels).all(|pixel| *pixel == pixels[..channels])
}

/// Runs `work` in the pool it is called in, or else in one with a thread for every core: the global pool of the harness
/// has a single thread, since inside a task nothing starts threads of its own.
pub(crate) fn on_all_cores<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_some() {
        return work();
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        // No threads to be had: the global pool is slower and right.
        Err(_) => work(),
    }
}
