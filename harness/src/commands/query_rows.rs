//! The queries of an evaluation as the rows of a file: with the names of classes and images.

use std::path::Path;

use harness_core::{Error, Mode, Result};
use harness_data::{Names, SearchPath};

use crate::benchmark::Tasks;
use crate::results::queries::Row;
use crate::runner::{Asked, Job};

/// What the images of a job's data set are called. Errors: a regression has none.
pub fn names(job: &Job, data_dir: Option<&Path>) -> Result<Names> {
    let data = &job.benchmark.data;
    match data.tasks()? {
        Tasks::Files(files) => harness_data::names(&files, &SearchPath::of_process(data_dir)),
        Tasks::Drawn(make) => Ok(Names::from(&make().0)),
        Tasks::Functions(_) => Err(Error::usage(format!(
            "{}: {} has no classes, so that there are no queries to keep",
            job.benchmark.name, data.dataset
        ))),
    }
}

/// The rows, modes one after the other.
pub fn rows<'a>(modes: &[Mode], asked: &[Asked], names: &'a Names) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (at, mode) in modes.iter().enumerate() {
        for (episode, asked) in (0..).zip(asked) {
            let class = |way: u32| names.class(asked.ways[way as usize]);
            let queries = (0..).zip(asked.images.iter().zip(&asked.labels).zip(&asked.picked[at]));
            rows.extend(queries.map(|(query, ((image, label), picked))| Row {
                episode,
                mode: *mode,
                query,
                class: class(*label),
                prediction: class(*picked),
                image: &names.images[*image],
            }));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use harness_core::ImageClass;

    use super::*;

    #[test]
    fn ways_have_the_names_of_their_classes() {
        let class = |name: &str, images| ImageClass { name: name.into(), images };
        let names = Names {
            classes: vec![class("a", 0..2), class("b", 2..4)],
            images: ["a1", "a2", "b1", "b2"].map(str::to_owned).to_vec(),
        };
        // Way 0 is b and way 1 is a; the modes differ in the second query.
        let asked =
            Asked { ways: vec![2, 0], images: vec![3, 1], labels: vec![0, 1], picked: vec![vec![0, 1], vec![0, 0]] };
        let rows = rows(&[Mode::Transductive, Mode::Inductive], &[asked], &names);
        let told: Vec<_> = rows.iter().map(|row| (row.mode, row.query, row.class, row.prediction, row.image)).collect();
        assert_eq!(
            told,
            [
                (Mode::Transductive, 0, "b", "b", "b2"),
                (Mode::Transductive, 1, "a", "a", "a2"),
                (Mode::Inductive, 0, "b", "b", "b2"),
                (Mode::Inductive, 1, "a", "b", "a2"),
            ]
        );
    }
}
