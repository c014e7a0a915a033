//! Digests of sets that are known to be whole.
//!
//! Counting finds what is missing; only a digest finds what is complete and yet other: labels in another order, drawings
//! that were scaled or inverted on the way.

use harness_core::{Error, Result};

use crate::cache::in_memory;
use crate::dataset::Dataset;
use crate::decode::Filter;
use crate::plan::Plan;
use crate::progress::Progress;

/// A data set at a size, with its [`ImageSet::digest`](harness_core::ImageSet::digest).
struct Known {
    name: &'static str,
    side: usize,
    filter: Filter,
    digest: &'static str,
    what: &'static str,
}

const KNOWN: [Known; 1] = [Known {
    name: "omniglot",
    side: 28,
    filter: Filter::Nearest,
    digest: "6692c87e29fe6b766061240676732f94f87dffd73c0fffa6537b192d6b7bd97c",
    what: "all of Omniglot, background and evaluation",
}];

/// Whether `digest` is that of the whole set, and what that is; none where none is known.
pub(crate) fn judge(name: &str, side: usize, filter: Filter, digest: &str) -> Option<(bool, &'static str)> {
    let known = KNOWN.iter().find(|known| (known.name, known.side, known.filter) == (name, side, filter))?;
    Some((known.digest == digest, known.what))
}

/// That the images of `plan` are those that are known, where some are. Decodes all of them.
///
/// Errors: [`Error::Data`] when they are others; those of decoding.
pub(crate) fn require(dataset: &Dataset, plan: &Plan, progress: Progress) -> Result<()> {
    let Some(known) = KNOWN.iter().find(|known| known.name == plan.name) else { return Ok(()) };
    let set = in_memory(plan, &dataset.spec(known.side, known.filter)?, progress)?;
    if set.digest == known.digest {
        return Ok(());
    }
    Err(Error::data(format!("{}: complete, and yet not {}: its digest is {}", plan.name, known.what, set.digest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{omniglot, write_folders};
    use crate::search::SearchPath;

    #[test]
    fn other_images_are_not_the_known_ones() {
        let dir = tempfile::tempdir().unwrap();
        write_folders(&dir.path().join("omniglot"), &omniglot(3));
        let plan = Dataset::Omniglot.plan(&SearchPath::only([dir.path()])).unwrap();
        let error = require(&Dataset::Omniglot, &plan, &crate::progress::silent).unwrap_err().to_string();
        assert!(error.contains("not all of Omniglot"), "{error}");
        assert_eq!(judge("omniglot", 28, Filter::Nearest, "0").map(|(good, _)| good), Some(false));
        assert_eq!(judge("omniglot", 20, Filter::Nearest, "0"), None);
    }
}
