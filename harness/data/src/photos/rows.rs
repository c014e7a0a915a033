//! Photographs in parquet, as hub repositories keep them.
//!
//! In some the parts differ in their classes, and each label may count from its own zero; in others the same hundred
//! classes are in every part, so that the parts are pooled and split by class, for which the labels must have names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use harness_core::{ClassSplit, Error, Result, Split};

use super::Family;
use crate::folder::classes_in;
use crate::parquet::Table;
use crate::plan::{Classes, Place, Plan};

/// Lists the rows of `files`. Errors: [`Error::Data`] naming a file that cannot be read, or a label without a name.
pub(super) fn list(family: &Family, files: &[(Split, PathBuf)], plan: &mut Plan) -> Result<()> {
    let mut rows: BTreeMap<(Split, i64), Vec<Place>> = BTreeMap::new();
    let mut names: Option<Vec<String>> = None;
    for (part, path) in files {
        let table = Table::open(path)?;
        for (row, label) in table.labels()?.into_iter().enumerate() {
            rows.entry((*part, label)).or_default().push(Place::Row { table: plan.tables.len(), row });
        }
        let known = table.label_names.as_ref();
        let known: Option<Vec<String>> =
            known.and_then(|names| names.iter().map(|name| (family.class)(name)).collect());
        if names.is_some() && known.is_some() && names != known {
            return Err(Error::data(format!("{}: other names of labels than the files before it", path.display())));
        }
        names = names.or(known);
        plan.tables.push(table);
    }
    let labels = |part| rows.keys().filter(|key| key.0 == part).map(|key| key.1).collect::<BTreeSet<_>>();
    // Of CIFAR-100 the test images are half of a pair, of mini-ImageNet the validation images are.
    let other = if family.cifar && labels(Split::Val).is_empty() { Split::Test } else { Split::Val };
    let pooled = labels(Split::Train) == labels(other);
    let folder = files[0].1.parent().unwrap_or(&files[0].1).display().to_string();
    match names {
        None if pooled => Err(Error::data(format!(
            "{folder}: its parts have the same classes, and without names of labels they cannot be split by class; fetch {} \
             again",
            family.name
        ))),
        None => {
            let mut split = ClassSplit::default();
            for ((part, _), images) in rows {
                let part_name = part.as_str();
                let classes = classes_in(part, &mut split);
                let name = format!("{part_name}/{:03}", classes.len());
                classes.push(name.clone());
                plan.classes.push((name, images));
            }
            plan.split = Some(split);
            plan.nameless = true;
            Ok(())
        }
        Some(names) => {
            let mut classes = Classes::new();
            for ((part, label), images) in rows {
                // Pooled, the test part holds further images of the same classes, beyond the 600.
                if pooled && part == Split::Test && !family.cifar {
                    continue;
                }
                let name = usize::try_from(label).ok().and_then(|label| names.get(label)).ok_or_else(|| {
                    Error::data(format!("{folder}: label {label} has no name among {}; fetch it again", names.len()))
                })?;
                classes.entry(name.clone()).or_default().extend(images);
            }
            plan.classes = classes.into_iter().collect();
            Ok(())
        }
    }
}
