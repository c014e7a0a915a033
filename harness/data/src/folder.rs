//! Anybody's images: one folder a class, with or without a level `train`, `val`, `test` above, on disk or packed.
//!
//! What lies there is used or named. Where a layout could mean two things it is refused with what was expected.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use harness_core::{ClassSplit, Error, Result, Split, text};

use crate::archive;
use crate::csv;
use crate::decode;
use crate::files::{Ending, ending, extension};
use crate::plan::{Classes, LeftOut, Place, Plan};
use crate::search::{Located, Shape, expand_home};
use crate::tree::{Dir, FileRef, Node};

/// Levels of folders that are walked below a class, and that may wrap a data set.
const MAX_DEPTH: usize = 8;
/// Largest list of classes that is read, in bytes.
const MAX_LIST: u64 = 16 << 20;

/// Names that the parts of a split go by: `train`, `meta-train`, `images_background`, `base` … `None`: not a part.
pub(crate) fn part(name: &str) -> Option<Split> {
    let name = name.to_lowercase();
    // What stands around the word that counts: `meta_train_set`, `miniImageNet-val`.
    const AROUND: [&str; 13] = [
        "meta",
        "set",
        "split",
        "images",
        "image",
        "imgs",
        "data",
        "dataset",
        "classes",
        "phase",
        "mini",
        "imagenet",
        "miniimagenet",
    ];
    let words: Vec<&str> = name.split(['-', '_', ' ', '.']).filter(|word| !AROUND.contains(word)).collect();
    let [word] = words[..] else { return None };
    let word = word.strip_prefix("meta").unwrap_or(word);
    match word.strip_suffix("set").unwrap_or(word) {
        "train" | "training" | "trn" | "base" | "background" => Some(Split::Train),
        "val" | "valid" | "validation" | "validate" | "dev" => Some(Split::Val),
        "test" | "testing" | "tst" | "novel" | "evaluation" | "eval" => Some(Split::Test),
        _ => None,
    }
}

/// All parts.
const PARTS: [Split; 3] = [Split::Train, Split::Val, Split::Test];

/// The classes of this part of `split`.
pub(crate) fn classes_in(part: Split, split: &mut ClassSplit) -> &mut Vec<String> {
    match part {
        Split::Train => &mut split.train,
        Split::Val => &mut split.val,
        Split::Test => &mut split.test,
    }
}

/// Where it is: the folder or archive itself. Errors: [`Error::Data`] when there is no such folder.
pub(crate) fn locate(path: &Path) -> Result<Located> {
    let path = &expand_home(path);
    there(path).map_err(|why| {
        Error::data(format!("{}: {why}; a folder data set has one folder of images a class", path.display()))
    })
}

/// The folder or archive at `path`; why it is neither otherwise.
pub(crate) fn there(path: &Path) -> Result<Located, &'static str> {
    let found = |shape| Ok(Located::new([shape], vec![path.to_path_buf()]));
    if path.is_dir() {
        return found(Shape::Folders);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_file() && archive::stem(&name).is_some() {
        return found(Shape::of_archive(path));
    }
    Err(if path.exists() { "not a folder, .zip, .tar or .tar.gz" } else { "no such folder" })
}

/// Classes by name, images by file name; the split where there is a level of parts.
///
/// Errors: [`Error::Data`] for a folder without classes, a class without images, a class in two parts, and a layout that
/// could mean two things.
pub(crate) fn plan(path: &Path) -> Result<Plan> {
    let path = &expand_home(path);
    locate(path)?;
    let name = path.file_name().map_or("folder".into(), |name| name.to_string_lossy().into_owned());
    let name = archive::stem(&name).unwrap_or(&name).to_string();
    let root = if path.is_dir() { Dir::Disk(path.to_path_buf()) } else { Dir::archive(path)? };
    let mut plan = Plan { name, own: true, ..Plan::default() };
    let mut classes = Classes::new();
    // Whatever names a path with `~` or a link: its children are read through the path as it is.
    let root = unwrapped(root);
    let packed = match root.on_disk() {
        Some(path) if !root.folders().iter().any(|(_, dir)| holds_images(dir, MAX_DEPTH)) => Dir::archives(path)?,
        _ => None,
    };
    let root = packed.map_or(root, unwrapped);
    if !by_lists(&root, &mut classes, &mut plan)? {
        by_folders(&root, &mut classes, &mut plan)?;
    }
    plan.classes = classes.into_iter().collect();
    Ok(plan)
}

/// The folder that a folder with nothing else in it wraps, as unpacking an archive often leaves it. A single class, with
/// its images in a folder `images` of their own, wraps nothing.
pub(crate) fn unwrapped(root: Dir) -> Dir {
    let (mut above, mut here) = (root.clone(), root.clone());
    for _ in 0..MAX_DEPTH {
        let folders = here.folders();
        let [(name, only)] = &folders[..] else { return here };
        if part(name).is_some() || holds_images(&here, 0) || here.file("train.csv").is_some() {
            return here;
        }
        if holds_images(only, 0) {
            let own = matches!(&*name.to_lowercase(), "images" | "image" | "imgs" | "img" | "data");
            return if own { above } else { here };
        }
        if here.is_above(only) || only.folders().is_empty() {
            return root;
        }
        above = std::mem::replace(&mut here, only.clone());
    }
    root
}

/// Reads classes where lists say which there are: `train.csv`, `test.csv` and, if there is one, `val.csv` beside
/// `images/` (Ravi & Larochelle), or `data/` beside `splits/` (Bertinetto et al.). False where there are none.
fn by_lists(root: &Dir, classes: &mut Classes, plan: &mut Plan) -> Result<bool> {
    let list = |part: Split| Some((part, root.file(&format!("{}.csv", part.as_str()))?));
    let (parts, lists): (Vec<Split>, Vec<FileRef>) = PARTS.into_iter().filter_map(list).unzip();
    let whole = parts.contains(&Split::Train) && parts.contains(&Split::Test);
    if let (true, Some(images)) = (whole, root.dir("images")) {
        let listed = csv::list(&lists, &images, classes)?;
        plan.left_out.extend(listed.left_out);
        let mut split = ClassSplit::default();
        for (part, labels) in parts.into_iter().zip(listed.labels) {
            *classes_in(part, &mut split) = labels;
        }
        let mut seen = HashSet::new();
        if let Some(name) = split.train.iter().chain(&split.val).chain(&split.test).find(|name| !seen.insert(*name)) {
            return Err(twice(&root.show(), name));
        }
        plan.split = Some(split);
        return Ok(true);
    }
    if whole && root.folders().iter().all(|(name, _)| part(name).is_none()) {
        // They are no images, and yet were meant to be used: a note tells of them.
        let why = "lists such as train.csv count beside a folder images; move the images, or their folders, into one";
        let why = why.to_string();
        plan.left_out.push(LeftOut { folder: root.show(), files: lists.len(), why, maybe_images: true });
    }
    let (Some(data), Some(splits)) = (root.dir("data"), root.dir("splits")) else { return Ok(false) };
    let whole = |dir: &Dir| PARTS.iter().all(|part| dir.file(&format!("{}.txt", part.as_str())).is_some());
    let found: Vec<Dir> =
        std::iter::once(splits.clone()).chain(splits.folders().into_iter().map(|(_, dir)| dir)).filter(whole).collect();
    if found.len() > 1 {
        plan.left_out.push(several(&splits, &found));
    }
    read_classes(&data, classes, plan)?;
    if let [one] = &found[..] {
        plan.split = Some(split_in(one)?);
    }
    Ok(true)
}

/// What is said of several splits: none of them is taken, and whoever needs one names it.
fn several(splits: &Dir, found: &[Dir]) -> LeftOut {
    let names: Vec<String> = found.iter().map(Dir::show).collect();
    let why = format!(
        "several splits ({}), of which none is taken; keep one, or name a list of classes with data.split",
        names.join(", ")
    );
    // They are no images, and yet were meant to be used: a note tells of them.
    LeftOut { folder: splits.show(), files: PARTS.len() * found.len(), why, maybe_images: true }
}

/// The split of the lists train.txt, val.txt and test.txt in `dir`. Errors: [`Error::Data`] naming a list that cannot
/// be read and a class that is named twice.
fn split_in(dir: &Dir) -> Result<ClassSplit> {
    let mut split = ClassSplit::default();
    for part in PARTS {
        let file = dir.file(&format!("{}.txt", part.as_str())).expect("it was looked for");
        let text = file.read(MAX_LIST).and_then(|bytes| text::read(&bytes));
        let text = text.map_err(|what| Error::data(format!("{} {what}", file.show())))?;
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
        classes_in(part, &mut split).extend(names.map(|name| text::nfc(name).into_owned()));
    }
    let mut seen = HashSet::new();
    match split.train.iter().chain(&split.val).chain(&split.test).find(|name| !seen.insert(*name)) {
        Some(name) => Err(Error::data(format!("{}: class {name} is named twice in train, val and test", dir.show()))),
        None => Ok(split),
    }
}

fn by_folders(root: &Dir, classes: &mut Classes, plan: &mut Plan) -> Result<()> {
    let folders = root.folders();
    let parts: Vec<(Split, String, Dir)> = folders
        .iter()
        .filter(|(_, dir)| !holds_images(dir, 0) && holds_images(dir, MAX_DEPTH))
        .filter_map(|(name, dir)| Some((part(name)?, name.clone(), dir.clone())))
        .collect();
    if parts.is_empty() {
        return read_classes(root, classes, plan);
    }
    let others = || folders.iter().filter(|(name, _)| parts.iter().all(|(_, part, _)| part != name));
    if parts.len() == 1
        && let Some((name, _)) = others().find(|(_, dir)| holds_images(dir, 0))
    {
        return Err(Error::data(format!(
            "{}: the folder {} holds class folders and {name} holds images; expected train, val and test with one folder a \
             class below them, or one folder of images a class",
            root.show(),
            parts[0].1
        )));
    }
    for (_, dir) in others() {
        let found = walk(dir)?;
        let files = found.images.len() + found.files();
        if files > 0 {
            let why = "their folder lies beside train, val and test, and is none of them".to_string();
            plan.left_out.push(LeftOut { folder: dir.show(), files, why, maybe_images: !found.images.is_empty() });
        }
    }
    loose(root, plan)?;
    let mut split = ClassSplit::default();
    for (part, _, dir) in parts {
        let mut own = Classes::new();
        read_classes(&unwrapped(dir), &mut own, plan)?;
        for (name, images) in own {
            if classes.insert(name.clone(), images).is_some() {
                return Err(twice(&root.show(), &name));
            }
            classes_in(part, &mut split).push(name);
        }
    }
    plan.split = Some(split);
    Ok(())
}

fn twice(root: &str, class: &str) -> Error {
    Error::data(format!(
        "{root}: class {class} is in more than one of train, val and test; few-shot splits are by class"
    ))
}

/// Reads the class folders of `root`. Errors where there are none, or where they hold folders and not images.
fn read_classes(root: &Dir, classes: &mut Classes, plan: &mut Plan) -> Result<()> {
    let loose = loose(root, plan)?;
    let folders = root.entries()?.into_iter().filter_map(|entry| Some((entry.name, entry.node.dir()?)));
    for (name, dir) in folders {
        let found = walk(&dir)?;
        if found.direct == 0 && found.groups.len() > 1 {
            return Err(Error::data(format!(
                "{}: holds folders ({}, …), not images; expected train, val and test with one folder a class below them, or one \
                 folder of images a class",
                dir.show(),
                found.groups[..2].join(", ")
            )));
        }
        classes.insert(name, images(&dir, found, plan)?);
    }
    if classes.is_empty() {
        let what = if loose > 0 {
            format!(
                "holds {loose} images and no folders of images, one a class; put each class into a folder of its own"
            )
        } else {
            "no folders of images, one a class, are in it".to_string()
        };
        return Err(Error::data(format!("{}: {what}", root.show())));
    }
    Ok(())
}

/// Notes the files that lie beside folders; how many of them are images.
fn loose(root: &Dir, plan: &mut Plan) -> Result<usize> {
    let mut found = Found::default();
    for entry in root.entries()? {
        if let Node::File(file) = entry.node {
            found.add(&entry.name, entry.name.clone(), file);
        }
    }
    if let Some((_, (first, _))) = found.images.iter().next() {
        let why = format!("images beside the class folders, in none of them ({first})");
        let files = found.images.len();
        plan.left_out.push(LeftOut { folder: root.show(), files, why, maybe_images: true });
    }
    Ok(found.images.len())
}

/// The images of a class, by file name; what else lies there is noted in the plan. Errors: [`Error::Data`] when there
/// are none.
pub(crate) fn class(dir: &Dir, plan: &mut Plan) -> Result<Vec<Place>> {
    images(dir, walk(dir)?, plan)
}

fn images(dir: &Dir, found: Found, plan: &mut Plan) -> Result<Vec<Place>> {
    if let Some(left) = found.left_out(dir) {
        plan.left_out.push(left);
    }
    if found.images.is_empty() {
        let what = found.left_out(dir).map_or(String::new(), |left| format!(" ({})", left.says()));
        return Err(Error::data(format!(
            "{}: no PNG or JPEG images are in it, nor WebP, BMP, TIFF, GIF or PNM{what}; fill or remove it",
            dir.show()
        )));
    }
    Ok(found.images.into_values().map(|(_, file)| Place::File(file)).collect())
}

/// What lies in a class folder and below it.
#[derive(Default)]
struct Found {
    /// By path below the folder: those of the folder itself in the order of their names.
    images: BTreeMap<String, (String, FileRef)>,
    /// How many of them are in the folder itself.
    direct: usize,
    /// Folders in it that hold images.
    groups: Vec<String>,
    /// Ending of the others to their number and the first of them.
    others: BTreeMap<String, (usize, String)>,
    /// Folders that are too deep, or links: to where they lie, or to what was walked by another path.
    unwalked: Vec<String>,
}

impl Found {
    fn add(&mut self, name: &str, path: String, file: FileRef) {
        let image = match ending(name) {
            Ending::Image => true,
            Ending::Text => false,
            // An image needs no ending: its first bytes tell.
            Ending::Other => starts_as_image(&file),
        };
        if image {
            self.images.insert(path.clone(), (path, file));
        } else {
            let kind = match extension(name) {
                none if none.is_empty() => "no ending".to_string(),
                extension => {
                    format!(".{}", extension.chars().take(12).flat_map(char::escape_debug).collect::<String>())
                }
            };
            self.others.entry(kind).or_insert((0, path)).0 += 1;
        }
    }

    fn files(&self) -> usize {
        self.others.values().map(|(files, _)| files).sum()
    }

    fn left_out(&self, dir: &Dir) -> Option<LeftOut> {
        let kinds: Vec<String> =
            self.others.iter().map(|(kind, (files, first))| format!("{files} {kind}, such as {first}")).collect();
        let unwalked = self
            .unwalked
            .iter()
            .map(|name| format!("folder {name}, too deep, or a link to where it lies or to what is read already"));
        let kinds: Vec<String> = kinds.into_iter().chain(unwalked).collect();
        let maybe_images =
            self.others.values().any(|(_, first)| ending(first) == Ending::Other && !first.ends_with(".db"));
        let convert = if maybe_images { "; convert images to PNG or JPEG" } else { "" };
        let why = format!("of kinds that are not read ({}){convert}", kinds.join("; "));
        (!kinds.is_empty()).then(|| LeftOut { folder: dir.show(), files: self.files(), why, maybe_images })
    }
}

fn starts_as_image(file: &FileRef) -> bool {
    file.start(12).is_ok_and(|start| start.len() == 12 && decode::sniff(&start).is_some())
}

fn walk(dir: &Dir) -> Result<Found> {
    let mut walk = Walk::default();
    walk.folder(dir, "", MAX_DEPTH)?;
    while let Some((dir, path, depth)) = walk.links.pop_front() {
        walk.folder(&dir, &path, depth)?;
    }
    let mut found = walk.found;
    found.unwalked.sort();
    found.direct = found.images.keys().filter(|path| !path.contains('/')).count();
    let groups: BTreeSet<&str> = found.images.keys().filter_map(|path| Some(path.split_once('/')?.0)).collect();
    found.groups = groups.into_iter().map(str::to_string).collect();
    Ok(found)
}

/// The way through a class folder. Links may lead anywhere in circles, and yet no folder is walked twice.
#[derive(Default)]
struct Walk {
    found: Found,
    /// Where the folders on disk that were walked really lie.
    walked: HashSet<PathBuf>,
    /// Links to folders, each with its path below the class and the levels left. They wait until all others are walked:
    /// what has a path of its own goes by it.
    links: VecDeque<(Dir, String, usize)>,
}

impl Walk {
    /// Walks a folder, `path` below the class, and `depth` levels below it.
    fn folder(&mut self, dir: &Dir, path: &str, depth: usize) -> Result<()> {
        if dir.on_disk().is_some_and(|here| !self.walked.insert(real(here))) {
            self.found.unwalked.push(path.to_string());
            return Ok(());
        }
        for entry in dir.entries()? {
            let below = if path.is_empty() { entry.name.clone() } else { format!("{path}/{}", entry.name) };
            match entry.node {
                Node::File(file) => self.found.add(&entry.name, below, file),
                Node::Dir(folder) if depth == 0 || dir.is_above(&folder) => self.found.unwalked.push(below),
                Node::Dir(folder) if is_link(&folder) => self.links.push_back((folder, below, depth - 1)),
                Node::Dir(folder) => self.folder(&folder, &below, depth - 1)?,
            }
        }
        Ok(())
    }
}

/// Where a folder on disk lies, links followed.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn is_link(dir: &Dir) -> bool {
    dir.on_disk().is_some_and(Path::is_symlink)
}

/// Whether images lie in `dir`, or at most `depth` folders below it.
pub(crate) fn holds_images(dir: &Dir, depth: usize) -> bool {
    let is_image = |name: &String| crate::files::is_image(name) && !crate::files::is_litter(name);
    // Level by level, and each link's folder once: links may lead in circles.
    let (mut linked, mut level) = (HashSet::new(), vec![dir.clone()]);
    for left in (0..=depth).rev() {
        let mut next = Vec::new();
        for dir in level {
            if dir.file_names().iter().any(is_image) {
                return true;
            }
            let folders = if left > 0 { dir.folders() } else { Vec::new() };
            let is_new = |folder: &Dir| match folder.on_disk() {
                Some(path) if is_link(folder) => !dir.is_above(folder) && linked.insert(real(path)),
                _ => true,
            };
            next.extend(folders.into_iter().map(|(_, folder)| folder).filter(is_new));
        }
        level = next;
    }
    false
}

#[cfg(test)]
mod tests;
