//! `classes.json` in the folder of every run that trains on images, as soon as it begins: whichever state of it is evaluated
//! later, it is known what that has seen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Mutex;

use harness_core::{Result, Split, TaskSource};
use rayon::ThreadPool;

use crate::benchmark::DataBlock;
use crate::commands::seen;
use crate::results::classes::{Classes, Marks, marks};
use crate::runner::{Event, Job, Observer};

/// Writes it, and hands every event on.
pub struct Noted<'a> {
    next: &'a dyn Observer,
    pool: &'a ThreadPool,
    data_dir: Option<&'a Path>,
    /// Classes to train on and to choose by, by the key of their data block.
    known: Mutex<HashMap<String, Classes>>,
}

impl<'a> Noted<'a> {
    pub fn new(next: &'a dyn Observer, pool: &'a ThreadPool, data_dir: Option<&'a Path>) -> Self {
        Noted { next, pool, data_dir, known: Mutex::default() }
    }

    /// Writes the file of a run, unless it is there.
    fn note(&self, job: &Job) -> Result<()> {
        let config_hash = job.config_hash();
        let trains = job.meta_iters > 0 && !job.regression();
        if !trains || matches!(job.dir.classes(&config_hash), Ok(Some(_))) {
            return Ok(());
        }
        let data = job.benchmark.data_of(&job.method);
        let mut known = self.known.lock().expect("nobody panics with the classes");
        let all = match known.entry(data.key()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.pool.install(|| all(&data, job.source.as_ref(), self.data_dir))?),
        };
        let val = if job.method.select.is_some() { all.val.clone() } else { Marks::new() };
        job.dir.write_classes(&Classes { config_hash, side: all.side, train: all.train.clone(), val })
    }
}

impl Observer for Noted<'_> {
    fn event(&self, job: &Job, event: &Event) {
        if matches!(event, Event::Started { .. })
            && let Err(why) = self.note(job)
        {
            tracing::warn!("{}: its classes are not noted, so that `eval` knows less of them: {why}", job.name());
        }
        self.next.event(job, event);
    }
}

/// The classes of a data set that are trained on, and those that a state may be chosen by.
fn all(data: &DataBlock, source: &dyn TaskSource, data_dir: Option<&Path>) -> Result<Classes> {
    let set = seen::images(data, data_dir)?;
    let of = |split: Split| seen::members(source, split, &set).map(|classes| marks(&set, &classes));
    Ok(Classes { config_hash: String::new(), side: set.height, train: of(Split::Train)?, val: of(Split::Val)? })
}
