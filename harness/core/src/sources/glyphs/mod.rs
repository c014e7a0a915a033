//! Glyphs: a built-in stand-in for Omniglot, so that the whole image path runs with no data and no network.
//!
//! As in Omniglot, 1,623 characters were each drawn once by 20 people: 28x28 binary images, paper 255, ink 0. A
//! character is a few smooth strokes; a drawer has habits (size, slant, pen) and no steady hand. All of
//! it comes from a seed through `+ - * /` alone, which round alike on every machine, so that a seed names the same
//! bytes everywhere. Its numbers are never compared with published ones.

mod draw;
mod raster;
mod strokes;

use rayon::prelude::*;

use crate::images::{ImageClass, ImageSet};
use crate::rng::{Purpose, Stream};
use crate::splits::ClassSplit;

/// Height and width of a drawing in pixels.
pub const SIDE: usize = 28;
/// Characters of the alphabet, as many as Omniglot has.
pub const CLASSES: usize = 1623;
/// Characters to train on, the first ones; the others are for testing.
pub const TRAIN_CLASSES: usize = 1200;
/// Drawings of each character, one a drawer.
pub const DRAWINGS: usize = 20;

/// What is drawn from the seed: the second part of a stream's key.
const SHAPES: u64 = 0;
const DRAWERS: u64 = 1;
const HANDS: u64 = 2;

/// The alphabet of `seed`: [`CLASSES`] classes `Glyphs/character0001` …, each [`DRAWINGS`] images of 28x28x1, paper
/// 255 and ink 0. The same bytes for any number of threads; about a third of a second on one core.
pub fn glyphs(seed: u64) -> ImageSet {
    let drawers: Vec<draw::Drawer> =
        (0..DRAWINGS as u64).map(|j| draw::Drawer::new(&mut Stream::new(seed, Purpose::Data, DRAWERS, j))).collect();
    let mut pixels = vec![255u8; CLASSES * DRAWINGS * SIDE * SIDE];
    pixels.par_chunks_mut(DRAWINGS * SIDE * SIDE).enumerate().for_each(|(class, images)| {
        let character = strokes::invent(&mut Stream::new(seed, Purpose::Data, SHAPES, class as u64));
        for (j, (image, drawer)) in images.chunks_mut(SIDE * SIDE).zip(&drawers).enumerate() {
            let hand = &mut Stream::new(seed, Purpose::Data, HANDS, (class * DRAWINGS + j) as u64);
            drawer.draw(&character, hand, image);
        }
    });
    let classes = (0..CLASSES)
        .map(|class| ImageClass { name: class_name(class), images: class * DRAWINGS..(class + 1) * DRAWINGS })
        .collect();
    ImageSet::new("glyphs", [SIDE, SIDE, 1], classes, Box::new(pixels)).expect("classes of equal size tile the pixels")
}

/// The split of glyphs: the first [`TRAIN_CLASSES`] characters train, the others test.
pub fn split() -> ClassSplit {
    let names = |range: std::ops::Range<usize>| range.map(class_name).collect();
    ClassSplit { train: names(0..TRAIN_CLASSES), val: Vec::new(), test: names(TRAIN_CLASSES..CLASSES) }
}

fn class_name(class: usize) -> String {
    format!("Glyphs/character{:04}", class + 1)
}

#[cfg(test)]
mod tests;
