//! Every data set that a benchmark can name, as one table. Adding one is a row here and, unless its files are like those
//! of another, a [`Reader`].

use std::ops::RangeInclusive;
use std::sync::Arc;

use harness_core::sources::{Quadratic, Sine, glyphs};
use harness_core::{ClassSplit, ImageSet, TaskSource};

use crate::hub::Source;
use crate::omniglot;
use crate::photos;
use crate::reader::Reader;

/// The alphabet that every benchmark of glyphs reads.
const GLYPHS_SEED: u64 = 0;

/// A value of `data.dataset`.
pub struct Set {
    pub name: &'static str,
    /// One line on what it is.
    pub contents: &'static str,
    pub licence: &'static str,
    /// What must be agreed to before it is fetched.
    pub terms: Option<&'static str>,
    /// How to bring it, as one sentence.
    pub get: &'static str,
    /// The class split of `benchmarks/splits` that papers use.
    pub split: Option<&'static str>,
    /// What one number of an input is.
    pub input: Input,
    /// The data set whose pictures these are, in another split: `cifar-100`. None: its own.
    pub(crate) of: Option<&'static str>,
    /// Its entries in BibTeX, by their keys.
    pub cites: &'static [&'static str],
    pub open: Open,
}

/// What one number of an input is.
pub enum Input {
    /// A coordinate on these axes, in this range.
    Coordinate { axes: &'static str, range: [f64; 2] },
    /// How much ink a place has.
    Ink,
    /// How bright a place is.
    Brightness,
}

/// How a set is opened.
pub enum Open {
    /// Functions that are made up.
    Functions(fn() -> Arc<dyn TaskSource>),
    /// Images that are made up, with their split.
    Drawn(fn() -> (ImageSet, ClassSplit)),
    /// Files that are looked for, and may be fetched.
    Files(Files),
    /// A folder that the benchmark names.
    Folder,
}

/// A set that lies in files.
pub struct Files {
    /// Classes, and images in all.
    pub classes: usize,
    pub images: usize,
    /// Images that a class may have.
    pub(crate) each: RangeInclusive<usize>,
    /// Height and width that papers use, in pixels.
    pub side: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Height and width of every source image, where there is but one, and whether it is black and white.
    pub(crate) drawn: Option<u32>,
    /// About how many bytes are fetched.
    pub bytes: u64,
    /// Where it can be had, the best first.
    pub(crate) sources: &'static [Source],
    /// The digest of the whole set at its usual side.
    pub(crate) whole: Option<Whole>,
    pub(crate) reader: &'static dyn Reader,
}

/// The digest of a set that is known to be whole.
pub(crate) struct Whole {
    pub digest: &'static str,
    pub what: &'static str,
}

impl Set {
    /// Whether tasks are functions to be fitted, not images to be told apart.
    pub fn is_regression(&self) -> bool {
        matches!(self.open, Open::Functions(_))
    }

    /// The pictures that it is made of; other sets may deal the same ones into other parts.
    pub fn pictures(&self) -> &'static str {
        self.of.unwrap_or(self.name)
    }

    /// Its files, where it lies in some.
    pub fn files(&self) -> Option<&Files> {
        match &self.open {
            Open::Files(files) => Some(files),
            _ => None,
        }
    }

    /// How much is fetched, in words.
    pub fn size(&self) -> String {
        match (&self.open, self.files().map_or(0, |files| files.bytes)) {
            (Open::Folder, _) => "yours".into(),
            (_, 0) => "0".into(),
            (_, bytes @ 1_000_000_000..) => format!("{:.1} GB", bytes as f64 / 1e9),
            (_, bytes) => format!("{} MB", bytes / 1_000_000),
        }
    }
}

impl Files {
    /// Where it can be had, in words.
    pub fn origins(&self) -> String {
        self.sources.iter().map(Source::name).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// CIFAR-100 is small, and so are its class folders: both data sets of it are read alike.
const CIFAR: Files = Files {
    classes: 100,
    images: 60_000,
    each: 600..=600,
    side: 32,
    channels: 3,
    drawn: None,
    bytes: 161_000_000,
    sources: &[],
    whole: Some(Whole { digest: photos::CIFAR_DIGEST, what: "all of CIFAR-100, training and test images" }),
    reader: &photos::CIFAR_FS,
};

const CIFAR_LICENCE: &str = "none stated (Alex Krizhevsky, 2009)";

/// All of them, built-in ones first.
pub static SETS: [Set; 8] = [
    Set {
        name: "sine",
        contents: "waves a·sin(x + b) on 50 points of [-5, 5]",
        licence: "ours",
        terms: None,
        get: "built in",
        split: None,
        input: Input::Coordinate { axes: "x", range: [-5.0, 5.0] },
        of: None,
        cites: &["finn2017model"],
        open: Open::Functions(|| Arc::new(Sine)),
    },
    Set {
        name: "quadratic",
        contents: "bowls ½(θ − c)ᵀA(θ − c) of two weights and a bias, where methods have closed forms",
        licence: "ours",
        terms: None,
        get: "built in",
        split: None,
        input: Input::Coordinate { axes: "x1, x2", range: [-1.5, 1.5] },
        of: None,
        cites: &[],
        open: Open::Functions(|| Arc::new(Quadratic)),
    },
    Set {
        name: "glyphs",
        contents: "1,623 invented characters, 20 drawings each, 28 × 28, drawn from a seed",
        licence: "ours",
        terms: None,
        get: "built in",
        split: None,
        input: Input::Ink,
        of: None,
        cites: &[],
        open: Open::Drawn(|| (glyphs::glyphs(GLYPHS_SEED), glyphs::split())),
    },
    Set {
        name: "omniglot",
        contents: "1,623 characters of 50 alphabets, 20 drawings each, 105 × 105, 1 bit",
        licence: "MIT (Brenden Lake)",
        terms: None,
        get: "harness data fetch omniglot; or images_background.zip and images_evaluation.zip of \
              github.com/brendenlake/omniglot (folder python), packed or extracted, in DIR/omniglot with --data-dir DIR",
        split: Some("omniglot"),
        input: Input::Ink,
        of: None,
        cites: &["lake2015human"],
        open: Open::Files(Files {
            classes: omniglot::CLASSES,
            images: omniglot::CLASSES * omniglot::DRAWINGS,
            each: omniglot::DRAWINGS..=omniglot::DRAWINGS,
            side: 28,
            channels: 1,
            drawn: Some(omniglot::SOURCE_SIDE),
            bytes: 10_500_000,
            sources: &[
                Source::Hub { repository: "GATE-engine/omniglot", revision: "main", without: None },
                Source::Archives {
                    from: "github brendenlake/omniglot",
                    base: |remote| remote.official.as_str(),
                    files: &[
                        ("images_background.zip", "68d2efa1b9178cc56df9314c21c6e718"),
                        ("images_evaluation.zip", "6b91aef0f799c5bb55b94e3f2daec811"),
                    ],
                },
            ],
            whole: Some(Whole {
                digest: "6692c87e29fe6b766061240676732f94f87dffd73c0fffa6537b192d6b7bd97c",
                what: "all of Omniglot, background and evaluation",
            }),
            reader: &omniglot::Omniglot,
        }),
    },
    Set {
        name: "mini-imagenet",
        contents: "100 classes of 600 images, 84 × 84, split 64/16/20",
        licence: "ImageNet: research use, no redistribution",
        terms: Some(
            "mini-ImageNet's images are ImageNet's: for non-commercial research and education only, not to be passed on \
             (https://image-net.org/download.php)",
        ),
        get: "harness data fetch mini-imagenet; or your own copy in DIR/mini-imagenet with --data-dir DIR",
        split: Some("mini-imagenet"),
        input: Input::Brightness,
        of: None,
        cites: &["vinyals2016matching", "ravi2017optimization"],
        open: Open::Files(Files {
            classes: 100,
            images: 60_000,
            // The list of Ravi & Larochelle's repository has 597 to 600.
            each: 597..=600,
            side: 84,
            channels: 3,
            drawn: None,
            bytes: 3_900_000_000,
            sources: &[
                Source::Hub {
                    repository: "GATE-engine/mini_imagenet",
                    revision: "refs/convert/parquet",
                    without: None,
                },
                // Its test part holds other images of the same classes, beyond the 600 a class.
                Source::Hub { repository: "timm/mini-imagenet", revision: "main", without: Some("data/test") },
            ],
            whole: None,
            reader: &photos::MINI_IMAGENET,
        }),
    },
    Set {
        name: "cifar-fs",
        contents: "CIFAR-100: 100 classes of 600 images, 32 × 32, split 64/16/20 by Bertinetto et al.",
        licence: CIFAR_LICENCE,
        terms: None,
        get: "harness data fetch cifar-fs; or your own copy of CIFAR-FS or CIFAR-100 in DIR/cifar-fs or DIR/cifar-100 with \
              --data-dir DIR",
        split: Some("cifar-fs"),
        input: Input::Brightness,
        of: Some("cifar-100"),
        cites: &["bertinetto2019meta"],
        open: Open::Files(Files {
            sources: &[
                CIFAR_100,
                Source::Hub { repository: "GATE-engine/cifarfs", revision: "main", without: None },
                CIFAR_100_ARCHIVE,
            ],
            ..CIFAR
        }),
    },
    Set {
        name: "fc100",
        contents: "CIFAR-100: 100 classes of 600 images, 32 × 32, split 60/20/20 by superclass, Oreshkin et al.",
        licence: CIFAR_LICENCE,
        terms: None,
        get: "harness data fetch fc100; or your own copy of FC100 or CIFAR-100 in DIR/fc100 or DIR/cifar-100 with \
              --data-dir DIR",
        split: Some("fc100"),
        input: Input::Brightness,
        of: Some("cifar-100"),
        cites: &["oreshkin2018tadam"],
        open: Open::Files(Files { sources: &[CIFAR_100, CIFAR_100_ARCHIVE], reader: &photos::FC100, ..CIFAR }),
    },
    Set {
        name: "folder",
        contents: "your images, one folder a class",
        licence: "yours",
        terms: None,
        get: "a benchmark file with dataset = \"folder\" and path = \"…\", and a class split or folders train, val, test",
        split: None,
        input: Input::Brightness,
        of: None,
        cites: &[],
        open: Open::Folder,
    },
];

const CIFAR_100: Source = Source::Hub { repository: "uoft-cs/cifar100", revision: "main", without: None };
const CIFAR_100_ARCHIVE: Source = Source::Archives {
    from: "cs.toronto.edu",
    base: |_| "https://www.cs.toronto.edu/~kriz",
    files: &[("cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85")],
};

/// The set of that name.
pub fn find(name: &str) -> Option<&'static Set> {
    SETS.iter().find(|set| set.name == name)
}

/// Those that lie in files.
pub fn in_files() -> impl Iterator<Item = &'static Set> {
    SETS.iter().filter(|set| set.files().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SearchPath;
    use crate::dataset::Dataset;

    #[test]
    fn every_row_is_whole_and_every_set_is_where_its_name_says() {
        let dir = tempfile::tempdir().unwrap();
        let nowhere = SearchPath::only([dir.path()]);
        for (i, set) in SETS.iter().enumerate() {
            assert!(SETS[..i].iter().all(|other| other.name != set.name));
            assert!(!set.contents.is_empty() && !set.licence.is_empty() && !set.get.is_empty());
            assert!(find(set.name).is_some_and(|found| std::ptr::eq(found, set)));
            match &set.open {
                Open::Files(files) => {
                    assert_eq!(Dataset::named(set.name).unwrap().to_string(), set.name);
                    let missing = files.reader.locate(&nowhere).unwrap_err().to_string();
                    assert!(missing.starts_with(&format!("{} is not here", set.name)), "{missing}");
                    assert!(missing.contains(&format!("data fetch {}", set.name)), "{missing}");
                    assert!(files.bytes > 1_000_000 && files.origins().contains("hub ") && set.split.is_some());
                    assert_eq!(files.images, files.classes * files.each.end());
                }
                Open::Functions(make) => assert_eq!(make().input().len(), 1),
                Open::Drawn(make) => {
                    let (images, split) = make();
                    assert!(split.indices(&images).is_ok());
                }
                Open::Folder => assert_eq!(set.name, "folder"),
            }
        }
        let yours = Dataset::named("folder").unwrap_err().to_string();
        assert_eq!(yours, "folder stands for images of your own: give the path of their folder or archive");
        let built_in = Dataset::named("glyphs").unwrap_err().to_string();
        assert_eq!(built_in, "glyphs is built in: it has no files, and a benchmark finds it by itself");
        assert!(Dataset::named("omniglt").unwrap_err().to_string().contains("did you mean \"omniglot\"?"));
        assert_eq!(find("omniglot").unwrap().size(), "10 MB");
        assert_eq!(find("mini-imagenet").unwrap().size(), "3.9 GB");
    }
}
