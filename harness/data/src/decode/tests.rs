use super::*;
use crate::fixtures::{jpeg, png_bits, png_grey};

fn grey(side: usize) -> Spec {
    Spec { side, channels: 1, filter: Filter::Nearest, source_side: None, binary: false }
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
