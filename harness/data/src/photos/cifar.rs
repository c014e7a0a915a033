//! The archives of CIFAR-100 as its author gives them: pickles of Python 2, or rows of bytes.

use std::sync::OnceLock;

use harness_core::{ClassSplit, Error, Result};

use crate::pickle::Pickle;
use crate::plan::{Block, Classes, Place, Plan};
use crate::tree::FileRef;

/// Digest of all of CIFAR-100 at 32x32: class names sorted, the images of a class sorted by their pixels.
pub(crate) const DIGEST: &str = "328c74e2a2467b90e68a7099c46450a9c1570e70ff6d338e691685a3e77665a8";

/// Height and width of an image.
const SIDE: usize = 32;
/// Bytes of an image: red, then green, then blue.
const IMAGE: usize = 3 * SIDE * SIDE;
/// Bytes before each image in a binary file: the superclass and the class.
const LABELS: usize = 2;

/// The names of the 100 classes, sorted: a label is the position of its name.
fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let list = include_str!("../../../../benchmarks/splits/cifar-fs.txt");
        let ClassSplit { train, val, test } = ClassSplit::parse(list).expect("it is a class split");
        let mut names = [train, val, test].concat();
        names.sort();
        names
    })
}

/// The class of that name, written with blanks or hyphens or in capitals as well.
pub(super) fn class(name: &str) -> Option<String> {
    let plain = |c: char| if matches!(c, ' ' | '-') { '_' } else { c.to_ascii_lowercase() };
    let name: String = name.chars().map(plain).collect();
    names().binary_search(&name).ok().map(|at| names()[at].clone())
}

/// Lists the images of the files `train` and `test`, or `train.bin` and `test.bin`. `meta` names the labels; they are the
/// sorted names.
///
/// Errors: [`Error::Data`] naming a file that is cut off, has labels that are none, or is another archive.
pub(super) fn list(files: &[FileRef], meta: Option<&FileRef>, plan: &mut Plan, classes: &mut Classes) -> Result<()> {
    if let Some(meta) = meta {
        same_names(meta).map_err(|what| wrong(meta, &what))?;
    }
    for file in files {
        let (block, labels) = read(file).map_err(|what| wrong(file, &what))?;
        let number = plan.blocks.len();
        for (index, label) in labels.into_iter().enumerate() {
            let name = usize::try_from(label).ok().and_then(|label| names().get(label));
            let name = name.ok_or_else(|| wrong(file, &format!("has a label {label} where 0 to 99 belong")))?;
            classes.entry(name.clone()).or_default().push(Place::Pixels { block: number, index });
        }
        plan.blocks.push(block);
    }
    Ok(())
}

fn wrong(file: &FileRef, what: &str) -> Error {
    Error::data(format!("{} {what}; fetch CIFAR-100 again", file.show()))
}

fn read(file: &FileRef) -> Result<(Block, Vec<i64>), String> {
    let (bytes, offset, len) = file.open()?;
    let block = |bytes, offset, count, step| Block {
        file: file.clone(),
        bytes,
        offset,
        step,
        count,
        width: SIDE as u32,
        height: SIDE as u32,
        planes: true,
    };
    if file.name().ends_with(".bin") {
        let row = (LABELS + IMAGE) as u64;
        if !len.is_multiple_of(row) || len == 0 {
            return Err(format!("has {len} bytes, no whole number of rows of {row}: it is cut off or not CIFAR-100"));
        }
        let count = (len / row) as usize;
        let mut labels = vec![0; count];
        for (index, label) in labels.iter_mut().enumerate() {
            let mut both = [0; LABELS];
            let at = offset + index as u64 * row;
            bytes.read_exact_at(at, &mut both).map_err(|error| format!("cannot be read: {error}"))?;
            *label = i64::from(both[1]);
        }
        return Ok((block(bytes, offset + LABELS as u64, count, row), labels));
    }
    let pickle = Pickle::read(bytes, offset, len)?;
    let root = pickle.root();
    let key = |key: &str| pickle.get(root, key).ok_or_else(|| format!("has no {key}: it is no part of CIFAR-100"));
    let labels = pickle.ints(key("fine_labels")?).ok_or("has labels that are no numbers")?;
    let pixels = pickle.pixels(key("data")?).ok_or("has data that is no array")??;
    if pixels.shape != [labels.len(), IMAGE] {
        return Err(format!("has {} labels and data of shape {:?}, not [n, {IMAGE}]", labels.len(), pixels.shape));
    }
    Ok((block(pixels.bytes, pixels.offset, labels.len(), IMAGE as u64), labels))
}

/// That `meta` or `fine_label_names.txt` has the names that are known, in their order.
fn same_names(meta: &FileRef) -> Result<(), String> {
    let told: Vec<String> = if meta.name().ends_with(".txt") {
        let text = String::from_utf8(meta.read(1 << 20)?).map_err(|_| "is not UTF-8 text".to_string())?;
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string).collect()
    } else {
        let (bytes, offset, len) = meta.open()?;
        let pickle = Pickle::read(bytes, offset, len)?;
        let list = pickle.get(pickle.root(), "fine_label_names").and_then(|list| pickle.texts(list));
        list.ok_or("has no list fine_label_names")?
    };
    if told != names() {
        return Err("has other names of classes than CIFAR-100".into());
    }
    Ok(())
}
