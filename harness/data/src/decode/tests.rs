use super::*;
use crate::fixtures::{encoded, jpeg, png_bits, png_grey};
use image::ImageEncoder;

fn grey(side: usize) -> Spec {
    Spec { side, channels: 1, filter: Filter::Nearest, source_side: None, binary: false, upright: false }
}

fn pixels(bytes: &[u8], spec: &Spec) -> Result<Vec<u8>, String> {
    let mut out = vec![0; spec.bytes()];
    decode(bytes, spec, &mut out).map(|_| out)
}

#[test]
fn nearest_takes_the_pixel_at_the_centre() {
    for (from, to) in [(105, 28), (105, 20), (84, 84), (500, 84), (28, 105)] {
        for i in 0..to {
            let exact = ((i as f64 + 0.5) * from as f64 / to as f64).floor() as usize;
            assert_eq!(centre(i, from, to), exact, "{i} of {to} from {from}");
        }
    }
    let image: Vec<u8> = (0..9).collect();
    assert_eq!(pixels(&png_grey(3, 3, &image), &grey(2)).unwrap(), [0, 2, 6, 8]);
    assert_eq!(pixels(&png_grey(3, 3, &image), &grey(3)).unwrap(), image);
    // Proportions are not kept.
    assert_eq!(pixels(&png_grey(4, 2, &[0, 1, 2, 3, 4, 5, 6, 7]), &grey(2)).unwrap(), [1, 3, 5, 7]);
}

#[test]
fn one_bit_is_black_or_white_and_not_inverted() {
    let drawing = png_bits(105, |x, y| x == y);
    let spec = Spec { source_side: Some(105), binary: true, ..grey(105) };
    let out = pixels(&drawing, &spec).unwrap();
    assert_eq!((out[0], out[1], out[106]), (0, 255, 0));
    let shade = png_grey(105, 105, &[128; 105 * 105]);
    assert!(pixels(&shade, &spec).unwrap_err().contains("shades of grey"));
    assert_eq!(pixels(&png_bits(104, |_, _| true), &spec).unwrap_err(), "is 104x104, not 105x105");
}

#[test]
fn colour_keeps_its_channels() {
    let spec = Spec { channels: 3, ..grey(4) };
    let out = pixels(&jpeg(8, 8, |_, _| [250, 10, 20]), &spec).unwrap();
    assert_eq!(out.len(), 48);
    for pixel in out.chunks(3) {
        assert!(pixel[0] > 240 && pixel[1] < 20 && pixel[2] < 30, "{pixel:?}");
    }
    let bicubic = Spec { filter: Filter::Bicubic, ..spec };
    let ramp = jpeg(64, 64, |x, _| [x as u8 * 4; 3]);
    let (near, smooth) = (pixels(&ramp, &spec).unwrap(), pixels(&ramp, &bicubic).unwrap());
    assert_ne!(near, smooth);
    assert!(near.iter().zip(&smooth).all(|(a, b)| a.abs_diff(*b) < 16));
}

#[test]
fn a_jpeg_cut_anywhere_is_refused() {
    let whole = jpeg(40, 30, |x, y| [(x * 6) as u8, (y * 8) as u8, 77]);
    let spec = Spec { channels: 3, ..grey(8) };
    assert!(pixels(&whole, &spec).is_ok());
    for cut in 0..whole.len() {
        assert!(pixels(&whole[..cut], &spec).is_err(), "cut at {cut} of {}", whole.len());
    }
}

#[test]
fn a_png_cut_anywhere_or_with_a_flipped_bit_is_refused() {
    let whole = png_bits(105, |x, y| (x + 2 * y) % 9 == 0);
    let spec = Spec { source_side: Some(105), ..grey(28) };
    let right = pixels(&whole, &spec).unwrap();
    // The last chunk is the end marker, 12 bytes.
    for cut in 0..whole.len() - 12 {
        assert!(pixels(&whole[..cut], &spec).is_err(), "cut at {cut} of {}", whole.len());
    }
    for bit in 8 * 8..8 * (whole.len() - 12) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(pixels(&flipped, &spec).map_or(true, |out| out == right), "bit {bit}");
    }
}

#[test]
fn what_is_no_image_is_called_by_its_name() {
    let error = |bytes: &[u8]| pixels(bytes, &grey(2)).unwrap_err();
    assert_eq!(error(b""), "is empty");
    assert_eq!(error(b"<!DOCTYPE html>"), "is a web page, not an image");
    assert_eq!(error(b"noise"), "is neither a PNG nor a JPEG");
    assert_eq!(error(&[0xff, 0xd8, 0xff, 0xe0]), "is a truncated JPEG");
    assert!(error(b"\x89PNG\r\n\x1a\n rest").starts_with("does not decode: "));
}

#[test]
fn a_giant_header_costs_an_error_and_no_memory() {
    let mut giant = png_grey(1, 1, &[0]);
    giant[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    giant[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let check = crate::fixtures::crc32(&giant[12..29]);
    giant[29..33].copy_from_slice(&check.to_be_bytes());
    let error = pixels(&giant, &grey(28)).unwrap_err();
    assert!(error.contains("60000x60000") && error.contains("megapixels"), "{error}");
}

#[test]
fn a_jpeg_with_any_byte_changed_is_an_image_or_an_error() {
    let whole = jpeg(48, 32, |x, y| [(x * 5) as u8, (y * 7) as u8, (x * y) as u8]);
    let spec = Spec { channels: 3, ..grey(16) };
    let mut out = vec![0; spec.bytes()];
    let mut refused = 0;
    for at in 2..whole.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            refused += usize::from(decode_into(&changed, &spec, &mut out).is_err());
        }
    }
    // Tables and headers are checked; a JPEG's pixels have no checksum.
    assert!(refused > 100, "{refused}");
}

#[test]
fn grey_has_the_weights_and_rounding_of_pillow() {
    // Pillow 10: [Image.new("RGB", (1, 1), c).convert("L").getpixel((0, 0)) for c in ...], each also by hand:
    // (19595 r + 38470 g + 7471 b + 32768) >> 16.
    for (colour, value) in [
        ([255, 0, 0], 76),
        ([0, 255, 0], 150),
        ([0, 0, 255], 29),
        ([255, 255, 255], 255),
        ([0, 0, 0], 0),
        ([128, 128, 128], 128),
        ([10, 20, 30], 18),
        ([200, 100, 50], 124),
        ([1, 2, 3], 2),
        ([12, 250, 99], 162),
    ] {
        assert_eq!(super::grey(colour), value, "{colour:?}");
        let png = encoded(ImageFormat::Png, 1, 1, image::ColorType::Rgb8, &colour);
        assert_eq!(pixels(&png, &grey(1)).unwrap(), [value], "{colour:?}");
    }
}

#[test]
fn transparency_lies_on_white() {
    let colour = Spec { channels: 3, ..grey(2) };
    // Black ink on transparent, half opaque red, white, and a colour that is not seen.
    let rgba = [0, 0, 0, 255, 255, 0, 0, 128, 255, 255, 255, 255, 90, 80, 70, 0];
    let png = encoded(ImageFormat::Png, 2, 2, image::ColorType::Rgba8, &rgba);
    assert_eq!(pixels(&png, &colour).unwrap(), [0, 0, 0, 255, 127, 127, 255, 255, 255, 255, 255, 255]);
    assert_eq!(
        pixels(&png, &grey(2)).unwrap(),
        [0, (76 * 255 + 150 * 127 + 29 * 127 + 127u32).div_euclid(255) as u8, 255, 255]
    );
    let la = encoded(ImageFormat::Png, 2, 1, image::ColorType::La8, &[0, 0, 0, 255]);
    assert_eq!(pixels(&la, &grey(2)).unwrap(), [255, 0, 255, 0]);
    let webp = encoded(ImageFormat::WebP, 2, 2, image::ColorType::Rgba8, &rgba);
    assert_eq!(pixels(&webp, &colour).unwrap(), pixels(&png, &colour).unwrap());
}

#[test]
fn every_kind_that_is_read_gives_the_same_pixels() {
    let rgb: Vec<u8> = (0..4 * 4 * 3u32).map(|i| (i * 37 % 251) as u8).collect();
    let spec = Spec { channels: 3, ..grey(4) };
    for (format, mode) in [
        (ImageFormat::Png, "png rgb"),
        (ImageFormat::WebP, "webp rgb"),
        (ImageFormat::Bmp, "bmp rgb"),
        (ImageFormat::Tiff, "tiff rgb"),
        (ImageFormat::Pnm, "pnm rgb"),
    ] {
        let bytes = encoded(format, 4, 4, image::ColorType::Rgb8, &rgb);
        let mut out = vec![0; spec.bytes()];
        assert_eq!(decode(&bytes, &spec, &mut out).unwrap(), Source { width: 4, height: 4, mode }, "{format:?}");
        assert_eq!(out, rgb, "{format:?}");
    }
    // A GIF has a palette: four colours survive it.
    let four: Vec<u8> = (0..16).flat_map(|i| [[0, 0, 0], [255, 0, 0], [0, 255, 0], [9, 9, 255]][i % 4]).collect();
    let gif = encoded(ImageFormat::Gif, 4, 4, image::ColorType::Rgb8, &four);
    assert_eq!(pixels(&gif, &spec).unwrap(), four);
}

#[test]
fn other_kinds_cut_or_changed_anywhere_never_panic() {
    let rgb: Vec<u8> = (0..8 * 8 * 3u32).map(|i| (i * 37 % 251) as u8).collect();
    let spec = Spec { channels: 3, ..grey(4) };
    let mut out = vec![0; spec.bytes()];
    for format in [ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Pnm, ImageFormat::Gif] {
        let whole = encoded(format, 8, 8, image::ColorType::Rgb8, &rgb);
        for cut in 0..whole.len() {
            let _ = decode_into(&whole[..cut], &spec, &mut out);
        }
        for at in 0..whole.len().min(600) {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                let _ = decode_into(&changed, &spec, &mut out);
            }
        }
    }
}

#[test]
fn kinds_that_are_not_read_are_named() {
    let error = |bytes: &[u8]| pixels(bytes, &grey(2)).unwrap_err();
    assert!(error(b"\0\0\0\x18ftypheic....").contains("HEIC"));
    assert!(error(b"8BPS....").contains("Photoshop"));
    assert!(error(b"\0\0\0\x0cjP  ").contains("JPEG 2000"));
    assert_eq!(error(b"BMW is a car"), "is neither a PNG nor a JPEG");
}

#[test]
fn a_drawing_that_comes_in_the_set_s_own_size_may_have_shades() {
    let spec = Spec { source_side: Some(105), binary: true, ..grey(28) };
    let shades: Vec<u8> = (0..784).map(|i| (i % 256) as u8).collect();
    assert_eq!(pixels(&png_grey(28, 28, &shades), &spec).unwrap(), shades);
    assert!(pixels(&png_grey(105, 105, &[77; 105 * 105]), &spec).unwrap_err().contains("shades of grey"));
    assert_eq!(pixels(&png_grey(20, 20, &[7; 400]), &spec).unwrap_err(), "is 20x20, not 105x105");
}

/// What follows a camera's picture: a TIFF of one entry, the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [&b"II*\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat()
}

/// A grey image with an orientation, by this encoder.
fn turned(mut encoder: impl ImageEncoder, side: u32, pixels: &[u8], orientation: u8) {
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder.write_image(pixels, side, side, ExtendedColorType::L8).unwrap();
}

/// A grey TIFF of one strip, which keeps the orientation among its own entries.
fn tiff(side: u8, pixels: &[u8], orientation: u8) -> Vec<u8> {
    let strip = 8 + 2 + 10 * 12 + 4;
    let short = |tag: u16, value: u8| [&tag.to_le_bytes()[..], &[3, 0, 1, 0, 0, 0, value, 0, 0, 0]].concat();
    let entries = [
        short(256, side),
        short(257, side),
        short(258, 8),
        short(259, 1),
        short(262, 1),
        short(273, strip),
        short(274, orientation),
        short(277, 1),
        short(278, side),
        short(279, side * side),
    ];
    [&b"II*\0\x08\0\0\0\x0a\0"[..], &entries.concat(), &[0; 4], pixels].concat()
}

/// Of the picture 1 2 / 3 4 as it is stored, by the words of the EXIF standard on where its first row and column belong.
#[test]
fn an_image_is_turned_as_its_file_says_where_that_is_asked_for() {
    let stored = [1, 2, 3, 4];
    for (orientation, shown) in [
        (1, [1, 2, 3, 4]),
        // Row at the top, column on the right; at the bottom, right; at the bottom, left.
        (2, [2, 1, 4, 3]),
        (3, [4, 3, 2, 1]),
        (4, [3, 4, 1, 2]),
        // Row on the left, column at the top; on the right, top; on the right, bottom; on the left, bottom.
        (5, [1, 3, 2, 4]),
        (6, [3, 1, 4, 2]),
        (7, [4, 2, 3, 1]),
        (8, [2, 4, 1, 3]),
        // No such orientation.
        (9, [1, 2, 3, 4]),
    ] {
        let mut png = Vec::new();
        turned(image::codecs::png::PngEncoder::new(&mut png), 2, &stored, orientation);
        let mut webp = Vec::new();
        turned(image::codecs::webp::WebPEncoder::new_lossless(&mut webp), 2, &stored, orientation);
        for bytes in [png, webp, tiff(2, &stored, orientation)] {
            let kind = sniff(&bytes);
            assert_eq!(pixels(&bytes, &Spec { upright: true, ..grey(2) }).unwrap(), shown, "{orientation} {kind:?}");
            assert_eq!(pixels(&bytes, &grey(2)).unwrap(), stored, "{orientation} {kind:?}");
        }
    }
}

#[test]
fn a_photo_that_was_taken_upright_stands_upright() {
    // 16 x 8 as the camera stores it, black on the left: held upright, that is the top.
    let stored: Vec<u8> = (0..128).map(|i| if i % 16 < 8 { 0 } else { 255 }).collect();
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95);
    encoder.set_exif_metadata(exif(6)).unwrap();
    encoder.write_image(&stored, 16, 8, ExtendedColorType::L8).unwrap();
    let mut out = [0; 4];
    let found = decode(&jpeg, &Spec { upright: true, ..grey(2) }, &mut out).unwrap();
    assert_eq!((found.width, found.height, found.mode), (8, 16, "jpeg grey"));
    assert_eq!(out.map(|value| value > 127), [false, false, true, true]);
    let found = decode(&jpeg, &grey(2), &mut out).unwrap();
    assert_eq!((found.width, found.height), (16, 8));
    assert_eq!(out.map(|value| value > 127), [false, true, false, true]);
    // Anybody's images are turned, those of the known sets are read as they are stored.
    use crate::dataset::Dataset;
    let upright = |dataset: &Dataset| dataset.spec(84, Filter::Nearest).unwrap().upright;
    assert!(upright(&Dataset::Folder { path: "photos".into(), channels: 3 }));
    assert!(!upright(&Dataset::MINI_IMAGENET) && !upright(&Dataset::CIFAR_FS) && !upright(&Dataset::OMNIGLOT));
}
