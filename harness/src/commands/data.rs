//! `harness data fetch|verify|path`: data sets that arrive checked, or an error that says what is wrong with them.

mod verified;

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use harness_core::{ClassSplit, Error, Result};
use harness_data::{
    Cache, Dataset, Filter, Loader, Located, Remote, SearchPath, elsewhere, expand_home, fetch, in_files, license,
    verify,
};
use serde_json::{Value, json};

use crate::benchmark::embedded;
use crate::cli::{Format, table_or_json};
use crate::console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  # Bring Omniglot (10 MB) into a folder of yours
  harness data fetch omniglot --data-dir ~/data

  # Check a folder or archive of your own images
  harness data verify ~/pictures";

/// Fetches, checks and finds data sets.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Data {
    /// What to do
    #[arg(value_enum)]
    pub action: DataAction,

    /// A name of `list datasets`, or the path of a folder or archive of images; all that have files if absent
    #[arg(value_name = "DATASET")]
    pub datasets: Vec<String>,

    /// Folder with data sets; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Agree to the terms of the images (mini-ImageNet) without being asked
    #[arg(long)]
    pub accept_license: bool,

    /// Never use the network
    #[arg(long)]
    pub offline: bool,

    /// How to print what was found
    #[arg(long, value_name = "FORMAT", value_parser = table_or_json(), default_value = "table")]
    pub format: Format,
}

/// What `data` can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DataAction {
    /// Download what is missing, checked
    Fetch,
    /// Count, decode and compare every image
    Verify,
    /// Say where the data is
    Path,
}

/// Runs the command for each data set that was named, or for all that have a name. Without a name, `verify` and `path`
/// pass over what is not here.
pub fn run(args: &Data) -> Result<Exit> {
    let named = !args.datasets.is_empty();
    let all: Vec<String> = in_files().map(|set| set.name.to_owned()).collect();
    let names = if named { &args.datasets[..] } else { &all[..] };
    let datasets = names.iter().map(|name| meant(name)).collect::<Result<Vec<_>>>()?;
    if args.action == DataAction::Fetch && !named {
        return Err(Error::usage(format!("say which data set to fetch: {}", all.join(", "))));
    }
    let progress = crate::progress::data();
    let loader =
        Loader { cache: Cache::of_user(), progress: &progress, ..Loader::of_process(args.data_dir.as_deref()) };
    let mut exit = Exit::NothingRan;
    let mut say = Say { format: args.format, rows: Vec::new() };
    for dataset in &datasets {
        let done = match args.action {
            DataAction::Fetch => bring(dataset, &loader, args, &mut say)?,
            DataAction::Verify => check(dataset, &loader, named, &mut say)?,
            DataAction::Path => find(dataset, &loader, named, &mut say)?,
        };
        exit = match (exit, done) {
            (Exit::Data, _) | (_, None) => exit,
            (_, Some(done)) => done,
        };
    }
    say.end()?;
    Ok(exit)
}

/// A data set by its name, or the images in the folder or archive of that path.
fn meant(name: &str) -> Result<Dataset> {
    let path = expand_home(Path::new(name));
    let known = Dataset::named(name);
    match known {
        Err(_) if path.exists() || name.contains(['/', '\\']) || name.starts_with('~') => {
            Ok(Dataset::Folder { path, channels: 3 })
        }
        known => known,
    }
}

/// Lines for people as they come, or one array for programs at the end.
struct Say {
    format: Format,
    rows: Vec<Value>,
}

impl Say {
    /// `text` ends its own lines.
    fn row(&mut self, text: &str, json: Value) -> Result<()> {
        match self.format {
            Format::Json => self.rows.push(json),
            _ => console::print(text)?,
        }
        Ok(())
    }

    fn end(self) -> Result<()> {
        match self.format {
            Format::Json => console::print(&format!("{:#}\n", Value::Array(self.rows))),
            _ => Ok(()),
        }
    }
}

fn bring(dataset: &Dataset, loader: &Loader<'_>, args: &Data, say: &mut Say) -> Result<Option<Exit>> {
    let dir = loader.search.fetch_dir()?;
    // Whoever names a folder wants the data there, wherever else it is.
    let search = match args.data_dir {
        Some(_) => SearchPath::only(loader.search.dirs().take(1)),
        None => loader.search.clone(),
    };
    if let Some(located) = elsewhere(dataset, &search, dir)? {
        return here(dataset, &located, say);
    }
    let accepted = args.accept_license || license(dataset).is_none_or(|terms| agrees(dataset, terms));
    let remote = Remote::of_process(args.offline);
    let fetched = fetch(dataset, dir, &remote, accepted, loader.progress)?;
    let text = format!(
        "{dataset}: {} files in {} ({} MB received, from {})\n",
        fetched.files,
        fetched.path.display(),
        fetched.received / 1_000_000,
        fetched.source
    );
    let (files, path, received) = (fetched.files, fetched.path.display().to_string(), fetched.received);
    let name = dataset.to_string();
    say.row(
        &text,
        json!({ "dataset": name, "files": files, "path": path, "bytes_received": received, "source": fetched.source }),
    )?;
    Ok(Some(Exit::Done))
}

/// Says that nothing is fetched, since the data is here.
fn here(dataset: &Dataset, located: &Located, say: &mut Say) -> Result<Option<Exit>> {
    let text = format!(
        "{dataset} is here already, so that nothing is fetched: {located}; `harness data verify {dataset}` checks it, and \
         --data-dir DIR fetches into another folder\n"
    );
    let mut json = verified::place(located);
    json["dataset"] = dataset.to_string().into();
    json["bytes_received"] = Value::from(0);
    say.row(&text, json)?;
    Ok(Some(Exit::Done))
}

/// Asks on a terminal; elsewhere nobody can agree.
fn agrees(dataset: &Dataset, terms: &str) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    let size = dataset.set().map_or(String::new(), |set| set.size());
    eprint!("{terms}\nFetch {size} under these terms? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

fn check(dataset: &Dataset, loader: &Loader<'_>, named: bool, say: &mut Say) -> Result<Option<Exit>> {
    if !named && let Err(missing) = dataset.locate(&loader.search) {
        tracing::warn!("{missing}");
        return Ok(None);
    }
    let split = dataset.set().and_then(|set| embedded::split(set.split?)).map(ClassSplit::parse).transpose()?;
    let report = verify(loader, dataset, dataset.usual_side(), Filter::Nearest, split.as_ref())?;
    say.row(&report.to_string(), verified::json(&report))?;
    Ok(Some(if report.is_sound() { Exit::Done } else { Exit::Data }))
}

fn find(dataset: &Dataset, loader: &Loader<'_>, named: bool, say: &mut Say) -> Result<Option<Exit>> {
    match dataset.locate(&loader.search) {
        Ok(located) => {
            let mut json = verified::place(&located);
            json["dataset"] = dataset.to_string().into();
            say.row(&format!("{dataset}: {located}\n"), json)?;
            Ok(Some(Exit::Done))
        }
        Err(missing) if named => Err(missing),
        Err(missing) => {
            tracing::warn!("{missing}");
            Ok(None)
        }
    }
}
