//! From the bytes of a PNG or JPEG to pixels of a set's size, under limits on what a header may ask for.

use std::io::Cursor;
use std::sync::Mutex;

use image::imageops::FilterType;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, Limits};

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
    /// Height and width that every source image must have, where the data set has but one.
    pub source_side: Option<u32>,
    /// Whether only black and white are right, as in Omniglot.
    pub binary: bool,
}

impl Spec {
    /// Bytes of one decoded image.
    pub fn bytes(&self) -> usize {
        self.side * self.side * self.channels
    }
}

/// What an image was before it was brought to the set's size.
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
    let decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if let Some(side) = spec.source_side
        && (width, height) != (side, side)
    {
        return Err(format!("is {width}x{height}, not {side}x{side}"));
    }
    let mode = mode(format, bytes, decoder.original_color_type());
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MAX_PIXELS {
        return Err(format!("is {width}x{height}, beyond the limit of {} megapixels", MAX_PIXELS / 1_000_000));
    }
    let _alone = (pixels > LARGE_PIXELS).then(|| LARGE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    let image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    place(image, spec, out);
    if spec.binary && out.iter().any(|value| !matches!(value, 0 | 255)) {
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
    match (format, colour) {
        (ImageFormat::Jpeg, L8) => "jpeg grey",
        (ImageFormat::Jpeg, Rgb8) => "jpeg rgb",
        (ImageFormat::Jpeg, _) => "jpeg, other",
        (_, L1 | L2 | L4 | L8) => "png grey",
        (_, Rgb8) => "png rgb",
        (_, Rgba8 | La8) => "png with alpha",
        (_, L16 | La16 | Rgb16 | Rgba16) => "png 16-bit",
        _ => "png, other",
    }
}

fn place(image: DynamicImage, spec: &Spec, out: &mut [u8]) {
    let side = spec.side as u32;
    let same = (image.width(), image.height()) == (side, side);
    let image = match spec.filter {
        Filter::Bicubic if !same => image.resize_exact(side, side, FilterType::CatmullRom),
        _ => image,
    };
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = if spec.channels == 1 { image.into_luma8().into_raw() } else { image.into_rgb8().into_raw() };
    for (y, row) in out.chunks_exact_mut(spec.side * spec.channels).enumerate() {
        let line = &pixels[centre(y, height, spec.side) * width * spec.channels..][..width * spec.channels];
        for (x, pixel) in row.chunks_exact_mut(spec.channels).enumerate() {
            let from = centre(x, width, spec.side) * spec.channels;
            pixel.copy_from_slice(&line[from..from + spec.channels]);
        }
    }
}

/// Nearest neighbour's source index, floor((i + 0.5) * from / to), in integers.
fn centre(i: usize, from: usize, to: usize) -> usize {
    (2 * i + 1) * from / (2 * to)
}

/// PNG or JPEG, by the first bytes. The error guesses what else it is.
fn format(bytes: &[u8]) -> Result<ImageFormat, String> {
    match bytes {
        [] => Err("is empty".into()),
        [0x89, b'P', b'N', b'G', ..] => Ok(ImageFormat::Png),
        [0xff, 0xd8, ..] => Ok(ImageFormat::Jpeg),
        [b'<', ..] => Err("is a web page, not an image".into()),
        _ => Err("is neither a PNG nor a JPEG".into()),
    }
}

/// Whether an end marker follows the last start of a scan. Without one the decoder would make up the rest in grey.
/// Inside a scan 0xff is always stuffed, so neither marker can occur there by chance.
fn has_its_end(jpeg: &[u8]) -> bool {
    jpeg.windows(2).rev().find(|pair| matches!(pair, [0xff, 0xd9 | 0xda])).is_some_and(|pair| pair[1] == 0xd9)
}

#[cfg(test)]
mod tests;
