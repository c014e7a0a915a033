//! What differs between two sets that are kept, told class by class: a digest says only that something does.

use std::collections::BTreeMap;
use std::fs;

use super::Cache;
use super::format::Kept;

/// Number and pixels of the images of each class.
pub(super) type Classes<'a> = BTreeMap<&'a str, (usize, &'a [u8])>;

impl Cache {
    /// What differs between the sets with the digests `there` and `here`, in words that name the first class of each kind
    /// of difference: `class owl is new; 2 classes have other pixels, the first bee`. None where one of them is not kept,
    /// and where they are of different sizes.
    pub fn difference(&self, there: &str, here: &str) -> Option<String> {
        let entries = fs::read_dir(self.dir.as_deref()?).ok()?.flatten().map(|entry| entry.path());
        let files = entries.filter(|path| path.extension().is_some_and(|ending| ending == "images"));
        let wanted = |kept: &Kept| kept.digest() == there || kept.digest() == here;
        let all: Vec<Kept> = files.filter_map(|path| Kept::open(&path)).filter(wanted).collect();
        let there = all.iter().find(|kept| kept.digest() == there)?;
        let here = all.iter().find(|kept| kept.digest() == here)?;
        if there.size() != here.size() {
            return None;
        }
        told(&there.classes(), &here.classes())
    }
}

/// The difference in words; None where there is none.
fn told<'a>(there: &Classes<'a>, here: &Classes<'a>) -> Option<String> {
    let new: Vec<&str> = here.keys().copied().filter(|name| !there.contains_key(name)).collect();
    let gone: Vec<&str> = there.keys().copied().filter(|name| !here.contains_key(name)).collect();
    let (mut counted, mut counts, mut changed) = (Vec::new(), None, Vec::new());
    for (name, (before, pixels)) in there {
        match here.get(name) {
            Some((now, _)) if now != before => {
                counted.push(*name);
                counts = counts.or(Some(format!(": {before} there, {now} here")));
            }
            Some((_, others)) if others != pixels => changed.push(*name),
            _ => {}
        }
    }
    let some = |names: &[&str], one: &str, many: &str| match names {
        [] => None,
        [name] => Some(format!("class {name} {one}")),
        [name, ..] => Some(format!("{} classes {many}, the first {name}", names.len())),
    };
    let counted = some(&counted, "has another number of images", "have other numbers of images");
    let parts = [
        some(&new, "is new", "are new"),
        some(&gone, "is gone", "are gone"),
        counted.map(|said| said + &counts.unwrap_or_default()),
        some(&changed, "has other pixels", "have other pixels"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;
    use crate::decode::Filter;
    use crate::fixtures::png_grey;
    use crate::loader::Loader;
    use crate::search::SearchPath;

    #[test]
    fn each_kind_of_difference_names_its_first_class() {
        let set = |classes: &[(&'static str, usize, &'static [u8])]| -> Classes<'static> {
            classes.iter().map(|(name, images, pixels)| (*name, (*images, *pixels))).collect()
        };
        let there = set(&[("ant", 2, b"12"), ("bee", 2, b"34"), ("cat", 1, b"5"), ("dog", 1, b"6")]);
        assert_eq!(told(&there, &there), None);
        let said = |here: &[(&'static str, usize, &'static [u8])]| told(&there, &set(here)).unwrap();
        let one = said(&[("ant", 2, b"12"), ("bee", 3, b"347"), ("cat", 1, b"5"), ("dog", 1, b"6")]);
        assert_eq!(one, "class bee has another number of images: 2 there, 3 here");
        let two = said(&[("ant", 1, b"1"), ("bee", 3, b"347"), ("cat", 1, b"5"), ("dog", 1, b"6")]);
        assert_eq!(two, "2 classes have other numbers of images, the first ant: 2 there, 1 here");
        let all = said(&[("ant", 2, b"12"), ("cat", 1, b"8"), ("dog", 1, b"9"), ("eel", 1, b"0")]);
        assert_eq!(all, "class eel is new; class bee is gone; 2 classes have other pixels, the first cat");
    }

    #[test]
    fn sets_that_are_kept_are_told_apart_by_their_digests() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, shade: u8| {
            let path = dir.path().join("pics").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, png_grey(2, 2, &[shade, 1, 2, 3])).unwrap();
        };
        let loader = Loader { cache: Cache::at(dir.path().join("decoded")), ..Loader::new(SearchPath::default()) };
        let dataset = Dataset::Folder { path: dir.path().join("pics"), channels: 1 };
        let load = |side| loader.load(&dataset, side, Filter::Nearest).unwrap().images.digest;
        ["cat/1.png", "cat/2.png", "dog/1.png"].into_iter().zip(4..).for_each(|(path, shade)| put(path, shade));
        let first = load(2);
        put("cat/3.png", 9);
        let second = load(2);
        let said = loader.cache.difference(&first, &second).unwrap();
        assert_eq!(said, "class cat has another number of images: 2 there, 3 here");
        fs::remove_file(dir.path().join("pics/cat/3.png")).unwrap();
        // Some systems count the time of a change in steps of some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
        put("dog/1.png", 10);
        let third = load(2);
        assert_eq!(loader.cache.difference(&first, &third).unwrap(), "class dog has other pixels");
        // Of another size every pixel is another one, and of a digest that nobody kept nothing is known.
        assert_eq!(loader.cache.difference(&first, &load(1)), None);
        assert_eq!(loader.cache.difference(&first, "0"), None);
        assert_eq!(Cache::none().difference(&first, &second), None);
    }
}
