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

/// Whether `digest` is that of the whole set, and what that is; none where none is known, as of the classes of `plan` where
/// they have no names, which a digest covers.
pub(crate) fn judge(
    dataset: &Dataset,
    plan: &Plan,
    side: usize,
    filter: Filter,
    digest: &str,
) -> Option<(bool, &'static str)> {
    let whole = dataset.files()?.whole.as_ref().filter(|_| !plan.nameless)?;
    ((side, filter) == (dataset.usual_side(), Filter::Nearest)).then(|| (whole.digest == digest, whole.what))
}

/// That the images of `plan` are those that are known, where some are. Decodes all of them. Of classes without names
/// only the split that they carry can be checked, by counting.
///
/// Errors: [`Error::Data`] when they are others; those of decoding.
pub(crate) fn require(dataset: &Dataset, plan: &Plan, progress: Progress) -> Result<()> {
    let Some(whole) = dataset.files().and_then(|files| files.whole.as_ref()) else { return Ok(()) };
    if plan.nameless {
        return Ok(());
    }
    let set = in_memory(plan, &dataset.spec(dataset.usual_side(), Filter::Nearest)?, progress)?;
    if set.digest == whole.digest {
        return Ok(());
    }
    Err(Error::data(format!("{}: complete, and yet not {}: its digest is {}", plan.name, whole.what, set.digest)))
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
        let plan = Dataset::OMNIGLOT.plan(&SearchPath::only([dir.path()])).unwrap();
        let error = require(&Dataset::OMNIGLOT, &plan, &crate::progress::silent).unwrap_err().to_string();
        assert!(error.contains("not all of Omniglot"), "{error}");
        let good = |side| judge(&Dataset::OMNIGLOT, &plan, side, Filter::Nearest, "0").map(|(good, _)| good);
        assert_eq!((good(28), good(20)), (Some(false), None));
    }
}
