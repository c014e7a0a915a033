//! A data set of images held as bytes: what `harness-data` and the built-in glyphs make, and tasks are drawn from.

use std::ops::Range;

use crate::error::{Error, Result};

/// Where the bytes live: a vector, or a memory map that the kernel pages in.
pub type Pixels = Box<dyn AsRef<[u8]> + Send + Sync>;

/// One class: its name and which images are its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageClass {
    /// The class's name in its data set: `Alphabet/characterNN`, a WordNet id, a folder's name.
    pub name: String,
    /// Indices of its images in the set.
    pub images: Range<usize>,
}

/// Images of one size as uint8, channels last, grouped by class. Grey sets have one channel.
pub struct ImageSet {
    /// Name of the data set.
    pub name: String,
    /// Of every image, in pixels.
    pub height: usize,
    /// Of every image, in pixels.
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// In the order of their images.
    pub classes: Vec<ImageClass>,
    /// sha256 (hex) over sizes, class names and pixels: what `data verify` prints and run.json records.
    pub digest: String,
    pixels: Pixels,
}

impl ImageSet {
    /// `size` is height, width, channels. Checks that the classes tile the pixels. Errors: [`Error::Data`] naming the class that does not fit.
    pub fn new(name: impl Into<String>, size: [usize; 3], classes: Vec<ImageClass>, pixels: Pixels) -> Result<Self> {
        let digest = digest(size, &classes, &*pixels);
        Self::with_digest(name, size, classes, pixels, digest)
    }

    /// [`ImageSet::new`] with a digest that is known already: hashing the 1.3 GB of mini-ImageNet takes longer than
    /// starting should. For caches that record the digest and have checked the bytes in another way.
    pub fn with_digest(
        name: impl Into<String>,
        [height, width, channels]: [usize; 3],
        classes: Vec<ImageClass>,
        pixels: Pixels,
        digest: String,
    ) -> Result<Self> {
        let name = name.into();
        let image = height * width * channels;
        let bytes = (*pixels).as_ref().len();
        let mut next = 0;
        for class in &classes {
            if class.images.start != next || class.images.is_empty() {
                return Err(Error::data(format!("{name}: class {} holds no images or overlaps another", class.name)));
            }
            next = class.images.end;
        }
        if next * image != bytes || image == 0 {
            return Err(Error::data(format!(
                "{name}: {bytes} bytes of pixels where {next} images of {height}x{width}x{channels} need {}",
                next * image
            )));
        }
        Ok(ImageSet { name, height, width, channels, classes, digest, pixels })
    }

    /// Bytes of image `index`, `height * width * channels` of them. Panics out of range.
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.height * self.width * self.channels;
        &(*self.pixels).as_ref()[index * size..(index + 1) * size]
    }

    /// Number of images in all classes.
    pub fn len(&self) -> usize {
        self.classes.last().map_or(0, |class| class.images.end)
    }

    /// Whether there is no class.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }
}

/// Bytes that are looked at together.
const PIECE: usize = 64 << 10;

fn digest(size: [usize; 3], classes: &[ImageClass], pixels: &(dyn AsRef<[u8]> + Send + Sync)) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for n in size {
        hash.update((n as u64).to_le_bytes());
    }
    for class in classes {
        hash.update(class.name.as_bytes());
        hash.update([0]);
        hash.update((class.images.len() as u64).to_le_bytes());
    }
    let bytes = pixels.as_ref().len();
    for start in (0..bytes).step_by(PIECE) {
        // Each piece is a look of its own: a map need not hold what was hashed.
        hash.update(&pixels.as_ref()[start..bytes.min(start + PIECE)]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str, images: Range<usize>) -> ImageClass {
        ImageClass { name: name.into(), images }
    }

    #[test]
    fn images_are_found_by_index_and_gaps_are_refused() {
        let classes = vec![class("a", 0..1), class("b", 1..3)];
        let set = ImageSet::new("toy", [1, 2, 1], classes.clone(), Box::new(vec![0, 1, 2, 3, 4, 5])).unwrap();
        assert_eq!(set.image(2), [4, 5]);
        let pixels = Box::new(vec![0, 1, 2, 3, 4, 5]);
        let known = ImageSet::with_digest("toy", [1, 2, 1], classes.clone(), pixels, set.digest.clone()).unwrap();
        assert_eq!((known.image(2), &known.digest), (set.image(2), &set.digest));
        assert_eq!(set.len(), 3);
        let short = ImageSet::new("toy", [1, 2, 1], classes, Box::new(vec![0u8; 5]));
        assert!(short.err().unwrap().to_string().contains("5 bytes of pixels"));
        let gap = ImageSet::new("toy", [1, 2, 1], vec![class("a", 1..3)], Box::new(vec![0u8; 6]));
        assert!(gap.is_err());
    }
}
