//! What `list datasets` prints: what there is, from where, how large, and whether it is here.

use harness_core::Result;

use crate::dataset::Dataset;
use crate::hub::{about, license};
use crate::search::{Located, SearchPath};

/// One data set.
#[derive(Debug)]
pub struct Listed {
    pub name: &'static str,
    /// One line on what it is.
    pub what: &'static str,
    pub classes: usize,
    pub images: usize,
    /// Where it can be fetched from.
    pub from: String,
    /// About how many bytes are fetched.
    pub bytes: u64,
    /// What must be agreed to first.
    pub license: Option<&'static str>,
    /// Where it is, or why it is not.
    pub here: Result<Located>,
}

/// The data sets that have a name. Looks for them, reads nothing.
pub fn datasets(search: &SearchPath) -> Vec<Listed> {
    let all = [
        (
            Dataset::Omniglot,
            "omniglot",
            "handwritten characters of 50 alphabets, 105x105, black and white",
            1623,
            32_460,
        ),
        (Dataset::MiniImagenet, "mini-imagenet", "photographs of 100 classes of ImageNet, used at 84x84", 100, 60_000),
    ];
    let listed = |(dataset, name, what, classes, images): (Dataset, _, _, _, _)| {
        let ((from, bytes), license) = (about(&dataset), license(&dataset));
        Listed { name, what, classes, images, from, bytes, license, here: dataset.locate(search) }
    };
    all.into_iter().map(listed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_set_is_listed_under_its_name() {
        let dir = tempfile::tempdir().unwrap();
        for listed in datasets(&SearchPath::only([dir.path()])) {
            assert_eq!(Dataset::named(listed.name).unwrap().to_string(), listed.name);
            assert!(listed.here.unwrap_err().to_string().contains("is not here"));
            assert!(listed.bytes > 1_000_000 && listed.from.contains("hub "));
        }
        assert!(Dataset::named("omniglt").unwrap_err().to_string().contains("did you mean \"omniglot\"?"));
    }
}
