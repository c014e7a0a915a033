//! From the bytes of an image to pixels of a set's size, under limits on what a header may ask for: PNG, JPEG, and what
//! else is read in pure Rust at small cost (WebP, BMP, TIFF, GIF, PNM; the first picture of those that hold several).

use std::io::Cursor;
use std::sync::Mutex;

use image::imageops::FilterType;
use image::{DynamicImage, ExtendedColorType, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use image::{Rgb, RgbImage, Rgba};

/// Largest encoded image that is read, in bytes.
pub(crate) const MAX_ENCODED: u64 = 64 << 20;
/// Largest image that is decoded, in pixels: more than any photograph of ImageNet.
const MAX_PIXELS: u64 = 64_000_000;
/// Images above this many pixels are decoded one at a time, so that memory does not grow with the number of cores.
const LARGE_PIXELS: u64 = 4_000_000;

static LARGE: Mutex<()> = Mutex::new(());

/// How an image is brought to the set's size. Its proportions are not kept, as in the papers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The pixel at the centre, floor((i + 0.5) * n / side): what Pillow did by default before its version 7, and so
    /// what the original Omniglot and mini-ImageNet runs saw.
    Nearest,
    /// Catmull-Rom with antialiasing: Pillow's default since its version 7.
    Bicubic,
}

/// What every image of a set becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    /// Height and width in pixels.
    pub side: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    pub filter: Filter,
    /// Height and width that every source image must have, where the data set has but one; or those of the set, where
    /// somebody resized them before.
    pub source_side: Option<u32>,
    /// Whether only black and white are right in a source of that side, as in Omniglot.
    pub binary: bool,
    /// Whether an image is turned as its file says (EXIF orientation): a camera that is held upright stores the picture
    /// lying on its side.
    pub upright: bool,
}

impl Spec {
    /// Bytes of one decoded image.
    pub fn bytes(&self) -> usize {
        self.side * self.side * self.channels
    }

    /// Whether an image of a set with one source side comes in the set's own size instead.
    fn resized(&self, width: u32, height: u32) -> bool {
        let side = self.side as u32;
        (width, height) == (side, side) && self.source_side.is_some_and(|source| source != side)
    }
}

/// What an image was before it was brought to the set's size, turned if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub width: u32,
    pub height: u32,
    /// Kind of file and of pixel: `png grey 1-bit`, `jpeg rgb`.
    pub mode: &'static str,
}

/// Decodes `bytes` into `out`, [`Spec::bytes`] long. The error says what is wrong with the image, without its name.
pub(crate) fn decode(bytes: &[u8], spec: &Spec, out: &mut [u8]) -> Result<Source, String> {
    // No input is known on which a decoder panics; one that is found must not cost the other 59,999 images.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decode_into(bytes, spec, out)));
    result.unwrap_or_else(|_| Err("does not decode: its contents contradict one another".into()))
}

/// [`decode`] where a panic of a decoder is a panic: for the tests and fuzzing that look for one.
pub(crate) fn decode_into(bytes: &[u8], spec: &Spec, out: &mut [u8]) -> Result<Source, String> {
    let format = format(bytes)?;
    if format == ImageFormat::Jpeg && !has_its_end(bytes) {
        return Err("is a truncated JPEG".into());
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(4 * MAX_PIXELS);
    reader.limits(limits);
    let broken = |error| format!("does not decode: {}", crate::one_line(&error));
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    let resized = spec.resized(width, height);
    if let Some(side) = spec.source_side
        && (width, height) != (side, side)
        && !resized
    {
        return Err(format!("is {width}x{height}, not {side}x{side}"));
    }
    let mode = mode(format, bytes, decoder.original_color_type());
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MAX_PIXELS {
        return Err(format!("is {width}x{height}, beyond the limit of {} megapixels", MAX_PIXELS / 1_000_000));
    }
    let _alone = (pixels > LARGE_PIXELS).then(|| LARGE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    // A tag that cannot be read says nothing, as in every viewer.
    let turn = if spec.upright { decoder.orientation().ok() } else { None };
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    if let Some(turn) = turn {
        image.apply_orientation(turn);
    }
    let (width, height) = (image.width(), image.height());
    place(image, spec, out);
    if spec.binary && !resized && out.iter().any(|value| !matches!(value, 0 | 255)) {
        return Err("holds shades of grey where a drawing is black and white".into());
    }
    Ok(Source { width, height, mode })
}

fn mode(format: ImageFormat, bytes: &[u8], colour: ExtendedColorType) -> &'static str {
    use ExtendedColorType::{L1, L2, L4, L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
    // Depth and kind of a PNG's header; the decoder reports what it unpacks to.
    if format == ImageFormat::Png && bytes.get(24..26) == Some(&[1, 0]) {
        return "png grey 1-bit";
    }
    let kind = match colour {
        L1 | L2 | L4 | L8 => 0,
        Rgb8 => 1,
        Rgba8 | La8 => 2,
        L16 | La16 | Rgb16 | Rgba16 => 3,
        _ => 4,
    };
    let names = match format {
        ImageFormat::Jpeg => ["jpeg grey", "jpeg rgb", "jpeg, other", "jpeg, other", "jpeg, other"],
        ImageFormat::WebP => ["webp grey", "webp rgb", "webp with alpha", "webp 16-bit", "webp, other"],
        ImageFormat::Bmp => ["bmp grey", "bmp rgb", "bmp with alpha", "bmp 16-bit", "bmp, other"],
        ImageFormat::Tiff => ["tiff grey", "tiff rgb", "tiff with alpha", "tiff 16-bit", "tiff, other"],
        ImageFormat::Gif => ["gif grey", "gif", "gif", "gif", "gif"],
        ImageFormat::Pnm => ["pnm grey", "pnm rgb", "pnm with alpha", "pnm 16-bit", "pnm, other"],
        _ => ["png grey", "png rgb", "png with alpha", "png 16-bit", "png, other"],
    };
    names[kind]
}

/// Brings pixels that are there already to the set's size: `width` x `height` of red, green and blue.
pub(crate) fn place_rgb(width: u32, height: u32, pixels: Vec<u8>, spec: &Spec, out: &mut [u8]) -> Result<(), String> {
    let image = RgbImage::from_raw(width, height, pixels).ok_or("holds fewer pixels than it should")?;
    place(DynamicImage::ImageRgb8(image), spec, out);
    Ok(())
}

fn place(image: DynamicImage, spec: &Spec, out: &mut [u8]) {
    let side = spec.side as u32;
    let flat = flatten(image, spec.channels);
    let image = match spec.filter {
        Filter::Bicubic if (flat.width(), flat.height()) != (side, side) => {
            flat.resize_exact(side, side, FilterType::CatmullRom)
        }
        _ => flat,
    };
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = image.into_bytes();
    for (y, row) in out.chunks_exact_mut(spec.side * spec.channels).enumerate() {
        let line = &pixels[centre(y, height, spec.side) * width * spec.channels..][..width * spec.channels];
        for (x, pixel) in row.chunks_exact_mut(spec.channels).enumerate() {
            let from = centre(x, width, spec.side) * spec.channels;
            pixel.copy_from_slice(&line[from..from + spec.channels]);
        }
    }
}

/// The image as grey or as red, green, blue, without transparency: it lies on white, as on paper.
fn flatten(image: DynamicImage, channels: usize) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let image = if image.color().has_alpha() {
        let rgba = image.into_rgba8();
        let on_white = rgba.pixels().flat_map(|Rgba([r, g, b, a])| [r, g, b].map(|value| over_white(*value, *a)));
        let pixels = on_white.collect();
        DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, pixels).expect("three bytes for each pixel"))
    } else {
        image
    };
    match (channels, image) {
        (1, image @ (DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_))) => image.into_luma8().into(),
        (1, image) => {
            let pixels = image.into_rgb8().pixels().map(|Rgb(colour)| grey(*colour)).collect();
            DynamicImage::ImageLuma8(GrayImage::from_raw(width, height, pixels).expect("a byte for each pixel"))
        }
        (_, image) => image.into_rgb8().into(),
    }
}

/// Grey by the weights of ITU-R recommendation 601, rounded as Pillow's `convert("L")` does: what the original code took.
fn grey([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
}

/// A value of opacity `alpha` on white, rounded to the nearest.
fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// Nearest neighbour's source index, floor((i + 0.5) * from / to), in integers.
fn centre(i: usize, from: usize, to: usize) -> usize {
    (2 * i + 1) * from / (2 * to)
}

/// The kind of image, by the first bytes. The error guesses what else it is.
fn format(bytes: &[u8]) -> Result<ImageFormat, String> {
    if let Some(format) = sniff(bytes) {
        return Ok(format);
    }
    match bytes {
        [] => Err("is empty".into()),
        [b'<', ..] => Err("is a web page, not an image".into()),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            Err("is of a kind that is not read (HEIC or AVIF); convert it to PNG or JPEG".into())
        }
        [b'8', b'B', b'P', b'S', ..] => {
            Err("is of a kind that is not read (Photoshop); convert it to PNG or JPEG".into())
        }
        [0, 0, 0, 12, b'j', b'P', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => {
            Err("is of a kind that is not read (JPEG 2000); convert it to PNG or JPEG".into())
        }
        _ => Err("is neither a PNG nor a JPEG".into()),
    }
}

/// The kind of an image that is read, by its first bytes (twelve are enough).
pub(crate) fn sniff(bytes: &[u8]) -> Option<ImageFormat> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, ..] => Some(ImageFormat::Jpeg),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(ImageFormat::WebP),
        [b'G', b'I', b'F', b'8', ..] => Some(ImageFormat::Gif),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(ImageFormat::Tiff),
        [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t' | b'#', ..] => Some(ImageFormat::Pnm),
        // The length of the header tells a bitmap from a text that begins with these letters.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, _, _, ..] => Some(ImageFormat::Bmp),
        _ => None,
    }
}

/// Whether an end marker follows the last start of a scan. Without one the decoder would make up the rest in grey.
/// Inside a scan 0xff is always stuffed, so neither marker can occur there by chance.
fn has_its_end(jpeg: &[u8]) -> bool {
    jpeg.windows(2).rev().find(|pair| matches!(pair, [0xff, 0xd9 | 0xda])).is_some_and(|pair| pair[1] == 0xd9)
}

#[cfg(test)]
mod tests;
