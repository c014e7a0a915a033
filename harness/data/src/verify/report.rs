//! What `data verify` prints.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::plan::{LeftOut, Plan};
use crate::search::Located;

/// Most single images that are printed of each kind of finding; the fields hold them all.
const PRINTED: usize = 8;

/// What was found in a data set.
#[derive(Clone, Debug)]
pub struct Report {
    pub dataset: String,
    pub located: Located,
    /// Classes and images of each part of the split, `train`, `val`, `test`; `-` are those in no part.
    pub parts: BTreeMap<&'static str, (usize, usize)>,
    /// Classes and their images.
    pub classes: Vec<(String, usize)>,
    /// Why the counts are not those of the data set, if they are not.
    pub miscounted: Option<String>,
    /// Width and height before resizing, with the number of images.
    pub sizes: BTreeMap<(u32, u32), usize>,
    /// Kinds of file and pixel, with the number of images.
    pub modes: BTreeMap<&'static str, usize>,
    /// Images that do not decode, and why.
    pub undecodable: Vec<(String, String)>,
    /// Images of a single colour.
    pub constant: Vec<String>,
    /// What lies among the images and is not used.
    pub left_out: Vec<LeftOut>,
    /// Files that are the same byte for byte: a note, the real sets have some.
    pub duplicates: Vec<Duplicate>,
    /// [`ImageSet::digest`](harness_core::ImageSet::digest), if every image decodes.
    pub digest: Option<String>,
    /// sha256 (hex) over the pixels alone: the same for forms of the data that name classes differently.
    pub pixels: Option<String>,
    /// Whether the digest is that of a known good set, and which; none where none is known.
    pub known: Option<(bool, &'static str)>,
}

/// Images whose files are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    pub images: Vec<String>,
    pub across_classes: bool,
    /// Between train, val and test: what is tested was trained on.
    pub across_parts: bool,
}

impl Report {
    pub(super) fn new(dataset: String, located: Located, plan: &Plan, part_of: &HashMap<&str, &'static str>) -> Self {
        let mut parts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (name, images) in &plan.classes {
            let (classes, all) = parts.entry(part_of.get(name.as_str()).copied().unwrap_or("-")).or_default();
            *classes += 1;
            *all += images.len();
        }
        Report {
            dataset,
            located,
            parts,
            classes: plan.classes.iter().map(|(name, images)| (name.clone(), images.len())).collect(),
            miscounted: None,
            sizes: BTreeMap::new(),
            modes: BTreeMap::new(),
            undecodable: Vec::new(),
            constant: Vec::new(),
            left_out: plan.left_out.clone(),
            duplicates: Vec::new(),
            digest: None,
            pixels: None,
            known: None,
        }
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.classes.iter().map(|(_, images)| images).sum()
    }

    /// Whether the data can be used: complete, and every image decodes. Duplicates and constant images are notes.
    pub fn is_sound(&self) -> bool {
        self.miscounted.is_none() && self.undecodable.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.dataset, if self.is_sound() { "sound" } else { "NOT SOUND" })?;
        writeln!(f, "  from         {}", self.located)?;
        let counts = self.classes.iter().map(|(_, images)| *images);
        let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
        let each = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        writeln!(f, "  classes      {} of {each} images, {} in all", self.classes.len(), self.images())?;
        for (part, (classes, images)) in self.parts.iter().filter(|(part, _)| **part != "-") {
            writeln!(f, "  {part:<12} {classes} classes, {images} images")?;
        }
        let mut sizes: Vec<_> = self.sizes.iter().map(|((w, h), n)| (*n, format!("{w}x{h}"))).collect();
        sizes.sort_by(|a, b| b.cmp(a));
        print(f, "sizes", &sizes.iter().map(|(n, size)| format!("{size} ({n})")).collect::<Vec<_>>())?;
        print(f, "modes", &self.modes.iter().map(|(mode, n)| format!("{mode} ({n})")).collect::<Vec<_>>())?;
        if let Some(what) = &self.miscounted {
            writeln!(f, "  count        {what}")?;
        }
        let bad: Vec<String> = self.undecodable.iter().map(|(image, what)| format!("{image} {what}")).collect();
        print(f, "bad", &bad)?;
        print(f, "one colour", &self.constant)?;
        print(f, "left out", &self.left_out.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        for (kind, across) in [("in two parts", true), ("duplicates", false)] {
            let pairs = self.duplicates.iter().filter(|duplicate| duplicate.across_parts == across);
            print(f, kind, &pairs.map(|duplicate| duplicate.images.join(" = ")).collect::<Vec<_>>())?;
        }
        match (&self.digest, self.known) {
            (Some(digest), Some((true, what))) => writeln!(f, "  digest       {digest} ({what})"),
            (Some(digest), Some((false, what))) => writeln!(f, "  digest       {digest} (NOT that of {what})"),
            (Some(digest), None) => writeln!(f, "  digest       {digest}"),
            (None, _) => writeln!(f, "  digest       none: not every image decodes"),
        }
    }
}

/// One line with the number of findings and the first of them; nothing where there are none.
fn print(f: &mut fmt::Formatter<'_>, kind: &str, findings: &[String]) -> fmt::Result {
    if findings.is_empty() {
        return Ok(());
    }
    let shown = findings[..findings.len().min(PRINTED)].join(", ");
    let more = findings.len().saturating_sub(PRINTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    writeln!(f, "  {kind:<12} {}: {shown}{more}", findings.len())
}
