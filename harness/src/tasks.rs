//! Opening the data set that a benchmark names.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use harness_core::sources::ImageTasks;
use harness_core::splits::ClassSplit;
use harness_core::{Error, ImageSet, Result, TaskSource};
use harness_data::{Dataset, Filter, Limits, Loader, Progress, Remote};

use crate::benchmark::{DataBlock, Tasks};

/// Opens each data set once.
pub struct Sources<'a> {
    loader: Loader<'a>,
    remote: Remote,
    open: HashMap<String, Arc<dyn TaskSource>>,
    /// Data sets that are nowhere, and what was said of them: nobody waits for the same network twice.
    missing: HashMap<String, String>,
}

impl<'a> Sources<'a> {
    /// Looks in `data_dir` first. Small data sets that are nowhere are fetched unless `offline`; the network is given up
    /// after five seconds.
    pub fn new(data_dir: Option<&Path>, offline: bool, progress: Progress<'a>) -> Self {
        let loader = Loader { progress, ..Loader::of_process(data_dir) };
        let remote = Remote { limits: Limits::brief(), ..Remote::of_process(offline) };
        Sources { loader, remote, open: HashMap::new(), missing: HashMap::new() }
    }

    /// The task source of a benchmark's `[data]` block. Errors: [`Error::Data`] if it is missing or damaged.
    pub fn open(&mut self, data: &DataBlock) -> Result<Arc<dyn TaskSource>> {
        let key = data.key();
        if let Some(source) = self.open.get(&key) {
            return Ok(source.clone());
        }
        tracing::trace!("opening data {key}");
        let source: Arc<dyn TaskSource> = match data.tasks()? {
            Tasks::Functions(make) => make(),
            Tasks::Drawn(make) => {
                let (images, own) = make();
                let split = data.split.as_ref().map_or(Ok(own), |_| data.class_split())?;
                Arc::new(ImageTasks::new(Arc::new(images), &chosen(split, data, false)?)?)
            }
            Tasks::Files(files) => self.images(files, data)?,
        };
        self.open.insert(key, source.clone());
        Ok(source)
    }

    fn images(&mut self, dataset: Dataset, data: &DataBlock) -> Result<Arc<dyn TaskSource>> {
        if data.split.is_some() {
            // A wrong name is told whether or not the data is here.
            data.class_split()?;
        }
        let side = data.side.unwrap_or_else(|| dataset.usual_side());
        let name = dataset.to_string();
        if let Some(why) = self.missing.get(&name) {
            return Err(Error::data(why.clone()));
        }
        let loaded = self.loader.load_or_fetch(&dataset, side, Filter::Nearest, &self.remote);
        let loaded = loaded.inspect_err(|error| {
            self.missing.insert(name, error.to_string());
        })?;
        if let Ok(located) = dataset.locate(&self.loader.search) {
            tracing::debug!("{dataset}: read from {located}");
        }
        let split = match (&data.split, loaded.split) {
            // Whose classes have no names, such as some parquet, has no other split than its own.
            (_, Some(own)) if loaded.nameless => own,
            (Some(_), _) => data.class_split()?,
            (None, Some(own)) => own,
            // Folds deal out all classes, whatever part they would be in.
            (None, None) if data.fold.is_some() => all(&loaded.images),
            (None, None) => {
                return Err(Error::usage(format!(
                    "{dataset} carries no split of its classes: name one with data.split, a list or a file of lines \
                     such as \"train CLASS\""
                )));
            }
        };
        let split = chosen(split, data, loaded.nameless)?;
        Ok(Arc::new(ImageTasks::new(Arc::new(loaded.images), &split)?))
    }
}

/// Every class in one part.
fn all(images: &ImageSet) -> ClassSplit {
    ClassSplit { train: images.classes.iter().map(|class| class.name.clone()).collect(), ..ClassSplit::default() }
}

/// The classes that a benchmark trains and tests on: as its split says, but for a fold or held-out classes.
fn chosen(split: ClassSplit, data: &DataBlock, nameless: bool) -> Result<ClassSplit> {
    let split = held_out(split, data.holdout)?;
    match data.fold {
        // What stands before the slash is their part then, and no alphabet.
        Some(fold) if nameless => split.fold_alone(fold),
        Some(fold) => split.fold(fold),
        None => Ok(split),
    }
}

/// Takes the last `holdout` training classes as test classes instead of the benchmark's own: for choosing settings.
fn held_out(mut split: ClassSplit, holdout: usize) -> Result<ClassSplit> {
    if holdout == 0 {
        return Ok(split);
    }
    if holdout >= split.train.len() {
        return Err(Error::usage(format!(
            "data.holdout = {holdout}, but there are {} training classes: hold out fewer",
            split.train.len()
        )));
    }
    split.test = split.train.split_off(split.train.len() - holdout);
    Ok(split)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two benchmark files, each beside its own list of that name.
    #[test]
    fn a_relative_list_is_that_of_its_own_file() {
        let glyphs = || crate::benchmark::Benchmark::find("glyphs-5w1s", &[]).unwrap().data;
        let Tasks::Drawn(make) = glyphs().tasks().unwrap() else { panic!("glyphs are drawn") };
        let own = make().1;
        let other = ClassSplit { train: own.test.clone(), val: Vec::new(), test: own.train.clone() };
        let mut sources = Sources::new(None, true, &|_| {});
        let test_classes = [own, other].map(|list| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("mine.txt"), list.to_string()).unwrap();
            let mut data = glyphs();
            (data.split, data.folder) = (Some("mine.txt".into()), dir.path().to_owned());
            let source = sources.open(&data).unwrap();
            assert!(Arc::ptr_eq(&source, &sources.open(&data).unwrap()), "opened once");
            let draw = harness_core::Draw::Episode { ways: None, shots: 1, queries: 1 };
            let mut rng = harness_core::Stream::new(0, harness_core::Purpose::EvalTask, 0, 0);
            source.identity(harness_core::Split::Test, &draw, 5, &mut rng).unwrap()
        });
        assert_ne!(test_classes[0], test_classes[1]);
    }

    #[test]
    fn held_out_classes_leave_training_and_replace_the_test_classes() {
        let split = ClassSplit::parse("train a\ntrain b\ntrain c\ntest d\n").unwrap();
        let held = held_out(split.clone(), 1).unwrap();
        assert_eq!((held.train, held.test), (vec!["a".to_string(), "b".into()], vec!["c".to_string()]));
        assert_eq!(held_out(split.clone(), 0).unwrap(), split);
        assert!(held_out(split, 3).unwrap_err().to_string().contains("hold out fewer"));
    }
}
