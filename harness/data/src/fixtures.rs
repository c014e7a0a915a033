//! Small data sets that the tests write: images, archives, an Omniglot of a few characters.

pub(crate) mod child;
pub(crate) mod pickles;

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use image::ExtendedColorType;
use image::ImageEncoder;

/// What a folder for very many files has room for, in bytes.
const ROOMY: u64 = 512 << 20;

/// A folder for very many files: in memory where the system has such a place with room (containers often have 64 MB),
/// since some disks take a millisecond a file.
pub(crate) fn roomy_tempdir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = match crate::disk::free(memory) {
        Some(ROOMY..) => tempfile::tempdir_in(memory),
        _ => tempfile::tempdir(),
    };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// A grey PNG.
pub(crate) fn png_grey(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.write_image(pixels, width, height, ExtendedColorType::L8).unwrap();
    bytes
}

/// An image of any kind.
pub(crate) fn encoded(
    format: image::ImageFormat,
    width: u32,
    height: u32,
    colour: image::ColorType,
    pixels: &[u8],
) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut bytes, pixels, width, height, colour, format).unwrap();
    bytes.into_inner()
}

/// A square 1-bit PNG as Omniglot's, 0 where `ink`.
pub(crate) fn png_bits(side: usize, ink: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut rows = vec![0u8; side * side.div_ceil(8)];
    for y in 0..side {
        for x in (0..side).filter(|x| !ink(*x, y)) {
            rows[y * side.div_ceil(8) + x / 8] |= 0x80 >> (x % 8);
        }
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&rows).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A JPEG of quality 90.
pub(crate) fn jpeg(width: usize, height: usize, colour: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height).flat_map(|i| colour(i % width, i / width)).collect();
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.write_image(&pixels, width as u32, height as u32, ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// The checksum of PNG chunks.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// A zip of these files, in memory.
pub(crate) fn zip_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A tar of these files, in memory.
pub(crate) fn tar_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A compressed tar of these files, in memory.
pub(crate) fn tar_gz_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&tar_of(files)).unwrap();
    packed.finish().unwrap()
}

/// Drawings of a small Omniglot: (half, alphabet, character, file, bytes), two characters in each half.
pub(crate) fn omniglot(drawings: usize) -> Vec<(&'static str, String, Vec<u8>)> {
    let characters = [
        ("images_background", "Alphabet_of_the_Magi", "character01", 709),
        ("images_background", "Greek", "character02", 395),
        ("images_evaluation", "Angelic", "character01", 965),
        ("images_evaluation", "Tibetan", "character10", 1565),
    ];
    let mut files = Vec::new();
    for (half, alphabet, character, id) in characters {
        for drawing in 1..=drawings {
            let bytes = png_bits(105, |x, y| (x * (id % 13 + 1) + y * drawing).is_multiple_of(11));
            files.push((half, format!("{alphabet}/{character}/{id:04}_{drawing:02}.png"), bytes));
        }
    }
    files
}

/// Writes a small Omniglot as the two archives.
pub(crate) fn write_zips(root: &Path, files: &[(&str, String, Vec<u8>)]) {
    fs::create_dir_all(root).unwrap();
    for half in ["images_background", "images_evaluation"] {
        let names: Vec<(String, &[u8])> = files
            .iter()
            .filter(|(part, ..)| *part == half)
            .map(|(part, path, bytes)| (format!("{part}/{path}"), bytes.as_slice()))
            .collect();
        let zip = zip_of(names.iter().map(|(name, bytes)| (name.as_str(), *bytes)));
        fs::write(root.join(format!("{half}.zip")), zip).unwrap();
    }
}

/// Writes a small Omniglot as folders.
pub(crate) fn write_folders(root: &Path, files: &[(&str, String, Vec<u8>)]) {
    for (half, path, bytes) in files {
        let path = root.join(half).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// The folder of real data that `HARNESS_DATA_DIR` names, if it has `name`; says aloud that a test is skipped otherwise.
pub(crate) fn real_data(name: &str) -> Option<std::path::PathBuf> {
    let dir = std::env::var_os(crate::search::DATA_DIR_VARIABLE).map(std::path::PathBuf::from);
    let found = dir.filter(|dir| dir.join(name).is_dir());
    if found.is_none() {
        // Straight to the terminal: what a passing test prints is kept from it.
        let variable = crate::search::DATA_DIR_VARIABLE;
        let _ = writeln!(std::io::stderr(), "SKIPPED a test: no real {name}; set {variable} to a folder that has it");
    }
    found
}

/// One row of a parquet file: image, the file name that it once had, label.
pub(crate) type Row = (Vec<u8>, String, i64);

/// The row that the hub has for a drawing: its label is the character's number less one.
pub(crate) fn hub_row((_, path, bytes): &(&str, String, Vec<u8>)) -> Row {
    let file = path.rsplit('/').next().unwrap();
    (bytes.clone(), file.to_string(), file[..4].parse::<i64>().unwrap() - 1)
}

/// Half, path below it and bytes of every drawing in the real archives.
pub(crate) fn unpack_omniglot(home: &Path) -> Vec<(&'static str, String, Vec<u8>)> {
    let mut files = Vec::new();
    for half in ["images_background", "images_evaluation"] {
        let archive = crate::archive::Archive::open(&home.join(format!("{half}.zip"))).unwrap();
        for (entry, name) in archive.names().unwrap() {
            let bytes = archive.read(entry, 1 << 16).unwrap();
            files.push((half, name.split_once('/').unwrap().1.to_string(), bytes));
        }
    }
    files
}

/// Writes rows as the hub keeps images, `group` rows a group, with the metadata that `datasets` writes if there are names.
pub(crate) fn write_parquet(path: &Path, rows: &[Row], names: Option<&[String]>, group: usize) {
    write_columns(path, rows, names, group, ["image", "label"]);
}

/// [`write_parquet`] with other names of the columns.
pub(crate) fn write_columns(path: &Path, rows: &[Row], names: Option<&[String]>, group: usize, columns: [&str; 2]) {
    use polars::prelude::*;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let bytes = Series::new("bytes".into(), rows.iter().map(|row| row.0.as_slice()).collect::<Vec<_>>());
    let paths = Series::new("path".into(), rows.iter().map(|row| row.1.as_str()).collect::<Vec<_>>());
    let image = StructChunked::from_series(columns[0].into(), rows.len(), [bytes, paths].iter()).unwrap();
    let label = Column::new(columns[1].into(), rows.iter().map(|row| row.2).collect::<Vec<i64>>());
    let mut frame = DataFrame::new(rows.len(), vec![image.into_series().into(), label]).unwrap();
    let metadata = names.map(|names| {
        let about = serde_json::json!({"info": {"features": {columns[1]: {"names": names, "_type": "ClassLabel"}}}});
        polars::io::parquet::write::KeyValueMetadata::from_static(vec![("huggingface".into(), about.to_string())])
    });
    let file = fs::File::create(path).unwrap();
    let writer = ParquetWriter::new(file).with_row_group_size(Some(group)).with_key_value_metadata(metadata);
    writer.finish(&mut frame).unwrap();
}

/// Images of a small mini-ImageNet: (WordNet id, file name as in the lists, JPEG), sorted.
pub(crate) fn mini_imagenet(classes: usize, images: usize) -> Vec<(String, String, Vec<u8>)> {
    let mut all = Vec::new();
    for class in 0..classes {
        let wnid = format!("n{:08}", 1_440_764 + 1009 * class);
        for image in 0..images {
            let bytes = jpeg(84, 84, |x, y| {
                [(x * (class + 2)) as u8, (y * 3 + 41 * image) as u8, (class * 37 + image * (1 + x / 20)) as u8]
            });
            all.push((wnid.clone(), format!("{wnid}{image:08}.jpg"), bytes));
        }
    }
    all
}
