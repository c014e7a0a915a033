//! The cache file: pixels, then a description, then a footer. The pixels come first so that they are aligned in the map.
//!
//! Each piece of 4 MB has a CRC-32, which is compared on all cores whenever the file is opened: it finds damage at the
//! speed of memory, where the set's sha256 (computed once, recorded here) would take most of a second for 1.3 GB.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use harness_core::{ImageClass, ImageSet};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::difference::Classes;
use crate::decode::Spec;
use crate::plan::{Plan, on_all_cores};
use crate::sink::Mapped;

/// Of the format and of the decoding: whatever changes a byte of a cache file changes this.
/// 2: grey from colour by Pillow's weights, transparency on white.
pub(super) const VERSION: u32 = 2;
const MAGIC: &[u8; 12] = b"harness-imgs";
/// Length and checksum of the description (little endian), then the magic.
const FOOTER: usize = 8 + 4 + MAGIC.len();
const PIECE: usize = 4 << 20;

#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    name: String,
    /// Height, width, channels.
    size: [usize; 3],
    /// Name and number of images of each class.
    classes: Vec<(String, usize)>,
    /// [`ImageSet::digest`].
    digest: String,
    /// CRC-32 of each piece of the pixels.
    pieces: Vec<u32>,
}

/// Adds description and footer to a file that holds the pixels of `plan`.
pub(super) fn finish(file: &File, plan: &Plan, spec: &Spec) -> io::Result<()> {
    let len = plan.len() * spec.bytes();
    let pixels = Mapped::new(file, len)?;
    let pieces = checksums(&pixels);
    let size = [spec.side, spec.side, spec.channels];
    let set = ImageSet::new(&*plan.name, size, plan.image_classes(), Box::new(pixels)).map_err(io::Error::other)?;
    let description = Description {
        version: VERSION,
        name: plan.name.clone(),
        size,
        classes: plan.classes.iter().map(|(name, images)| (name.clone(), images.len())).collect(),
        digest: set.digest,
        pieces,
    };
    let mut tail = serde_json::to_vec(&description)?;
    let (length, check) = (tail.len() as u64, crc32fast::hash(&tail));
    tail.extend(length.to_le_bytes());
    tail.extend(check.to_le_bytes());
    tail.extend(MAGIC);
    let mut file = file;
    file.seek(SeekFrom::Start(len as u64))?;
    file.write_all(&tail)
}

/// Maps the file at `path`: none where there is no file. The error says what is wrong with one that is there.
pub(super) fn open(path: &Path, plan: &Plan, spec: &Spec) -> Result<Option<ImageSet>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    let len = plan.len() * spec.bytes();
    let pixels = Mapped::new(&file, len).map_err(|error| format!("cannot be mapped: {error}"))?;
    let description = description(pixels.whole()).ok_or("is cut off or damaged")?;
    let size = [spec.side, spec.side, spec.channels];
    let classes = plan.image_classes();
    let counts = |class: &ImageClass| (class.name.clone(), class.images.len());
    if description.version != VERSION
        || description.size != size
        || description.name != plan.name
        || !description.classes.iter().cloned().eq(classes.iter().map(counts))
    {
        return Err("describes another data set".into());
    }
    if checksums(&pixels) != description.pieces {
        return Err("is damaged".into());
    }
    ImageSet::with_digest(description.name, size, classes, Box::new(pixels), description.digest)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// A file of whatever set. Its checksums are not compared: this is for saying what differs, not for training.
pub(super) struct Kept {
    description: Description,
    map: Mapped,
}

impl Kept {
    /// None where there is no file, or none that is whole.
    pub fn open(path: &Path) -> Option<Self> {
        let map = Mapped::new(&File::open(path).ok()?, 0).ok()?;
        let kept = Kept { description: description(map.whole())?, map };
        let images: usize = kept.description.classes.iter().map(|(_, images)| images).sum();
        (images * kept.image() <= kept.map.whole().len()).then_some(kept)
    }

    /// [`ImageSet::digest`].
    pub fn digest(&self) -> &str {
        &self.description.digest
    }

    /// Height, width, channels.
    pub fn size(&self) -> [usize; 3] {
        self.description.size
    }

    /// Bytes of an image.
    fn image(&self) -> usize {
        self.size().iter().product()
    }

    pub fn classes(&self) -> Classes<'_> {
        let (mut classes, mut rest) = (Classes::new(), self.map.whole());
        for (name, images) in &self.description.classes {
            let (pixels, others) = rest.split_at(images * self.image());
            classes.insert(name.as_str(), (*images, pixels));
            rest = others;
        }
        classes
    }
}

/// The description at the end of a file; none unless its checksum is right.
fn description(bytes: &[u8]) -> Option<Description> {
    let (rest, footer) = bytes.split_last_chunk::<FOOTER>()?;
    if footer[12..] != *MAGIC {
        return None;
    }
    let length = u64::from_le_bytes(footer[..8].try_into().ok()?);
    let check = u32::from_le_bytes(footer[8..12].try_into().ok()?);
    let start = rest.len().checked_sub(usize::try_from(length).ok()?)?;
    let json = &rest[start..];
    (crc32fast::hash(json) == check).then(|| serde_json::from_slice(json).ok())?
}

/// Each piece is let go as soon as it is read: a check must not make the whole set resident.
fn checksums(pixels: &Mapped) -> Vec<u32> {
    let check = |(index, piece): (usize, &[u8])| {
        let sum = crc32fast::hash(piece);
        pixels.let_go(index * PIECE..index * PIECE + piece.len());
        sum
    };
    on_all_cores(|| pixels.as_ref().par_chunks(PIECE).enumerate().map(check).collect())
}
