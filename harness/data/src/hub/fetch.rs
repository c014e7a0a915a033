//! A whole data set: its sources in order, its licence, its place.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness_core::{Error, Result};

use super::Remote;
use super::download::{Checksum, Wanted, download};
use super::http::{Failure, Http};
use super::listing::Listing;
use super::patience::Patience;
use crate::dataset::Dataset;
use crate::progress::{Progress, Step};
use crate::search::{Located, SearchPath};
use crate::verify::known;

/// Longest listing that is read, in bytes.
const MAX_LISTING: u64 = 16 << 20;
/// Longest archive of the authors that is read, in bytes: Omniglot's have 10 and 7 MB, CIFAR-100's 169.
const MAX_ARCHIVE: u64 = 200 << 20;

/// Where a data set can be had.
pub(crate) enum Source {
    /// A dataset repository of the hub; of its parquet files those whose path does not begin with `without`.
    Hub { repository: &'static str, revision: &'static str, without: Option<&'static str> },
    /// The authors' archives, who they are from: name and md5.
    Archives { from: &'static str, base: fn(&Remote) -> &str, files: &'static [(&'static str, &'static str)] },
}

impl Source {
    /// Where, in words.
    pub(crate) fn name(&self) -> String {
        match self {
            Source::Hub { repository, .. } => format!("hub {repository}"),
            Source::Archives { from, .. } => from.to_string(),
        }
    }

    /// The folder below that of the data set which its files are fetched into.
    fn folder(&self) -> String {
        match self {
            Source::Hub { repository, .. } => repository.replace('/', "--"),
            Source::Archives { .. } => "official".to_string(),
        }
    }
}

/// What a fetch brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The folder that holds the files.
    pub path: PathBuf,
    /// Where they came from.
    pub source: String,
    pub files: usize,
    /// Bytes that came over the network: 0 where everything was here already.
    pub received: u64,
}

/// What must be agreed to before `dataset` is fetched; none where nothing must.
pub fn license(dataset: &Dataset) -> Option<&'static str> {
    dataset.set()?.terms
}

/// Where `dataset` lies already, other than as what was fetched into `dir`, which [`fetch`] checks and mends. None where
/// it is nowhere in `search`.
///
/// Errors: [`Error::Data`] where what lies there is not whole: it would be read in place of what is fetched.
pub fn elsewhere(dataset: &Dataset, search: &SearchPath, dir: &Path) -> Result<Option<Located>> {
    let Some(files) = dataset.files() else { return Ok(None) };
    let Ok(located) = dataset.locate(search) else { return Ok(None) };
    let home = dir.join(dataset.to_string());
    let fetched = |folder: &Path| located.paths.iter().all(|path| path.starts_with(folder));
    if files.sources.iter().any(|source| fetched(&home.join(source.folder()))) {
        return Ok(None);
    }
    let whole = dataset.plan(search).and_then(|plan| dataset.count(&plan));
    whole.map(|()| Some(located)).map_err(|error| {
        Error::data(format!(
            "{error}; it would be read in place of what is fetched: remove it, or fetch into another folder with --data-dir DIR"
        ))
    })
}

/// Fetches `dataset` into a folder of its name below `dir`, from the first source that gives it whole. What is there
/// already is checked and kept; a broken fetch is taken up where it ended.
///
/// Errors: [`Error::Usage`] when the licence was not accepted or the set cannot be fetched; [`Error::Data`] when offline,
/// when no source gives it (with each one's reason), or when the disk is too full.
pub fn fetch(
    dataset: &Dataset,
    dir: &Path,
    remote: &Remote,
    accept_license: bool,
    progress: Progress,
) -> Result<Fetched> {
    // The whole set, and where its digest is known, that one: labels of a hub's copy may be in another order.
    let check = |search: &SearchPath| {
        let plan = dataset.plan(search)?;
        dataset.count(&plan)?;
        known::require(dataset, &plan, progress)
    };
    fetch_checked(dataset, dir, remote, accept_license, progress, &check)
}

/// [`fetch`] with the check that the files together are the data set.
pub(super) fn fetch_checked(
    dataset: &Dataset,
    dir: &Path,
    remote: &Remote,
    accept_license: bool,
    progress: Progress,
    check: &dyn Fn(&SearchPath) -> Result<()>,
) -> Result<Fetched> {
    let sources = dataset.files().map(|files| files.sources);
    let sources = sources.ok_or_else(|| Error::usage(format!("{dataset} is yours: it cannot be fetched")))?;
    if let (Some(license), false) = (license(dataset), accept_license) {
        return Err(Error::usage(format!("{license}; to agree and fetch, add --accept-license")));
    }
    if remote.offline {
        return Err(Error::data(format!(
            "{dataset} is not fetched: --offline or HF_HUB_OFFLINE is set; unset it, or put the data into {}",
            dir.join(dataset.to_string()).display()
        )));
    }
    fs::create_dir_all(dir).map_err(|error| Error::io(dir, error))?;
    let mut reasons = Vec::new();
    // Two sources of one server share what it was waited for.
    let (hub, official) = (Patience::new(remote.limits.stall), Patience::new(remote.limits.stall));
    for source in sources {
        let patience = if matches!(source, Source::Hub { .. }) { &hub } else { &official };
        match from_source(source, dataset, dir, remote, patience, progress, check) {
            Ok(fetched) => return Ok(fetched),
            // The user's own disk is no reason to try another server.
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(error) => {
                progress(Step::Note(&error.to_string()));
                reasons.push(error.to_string());
            }
        }
    }
    Err(Error::data(format!(
        "{dataset} could not be fetched: {}; run `harness data fetch {dataset}` again later, or put the data into {}",
        reasons.join(" | "),
        dir.join(dataset.to_string()).display()
    )))
}

fn from_source(
    source: &Source,
    dataset: &Dataset,
    dir: &Path,
    remote: &Remote,
    patience: &Patience,
    progress: Progress,
    check: &dyn Fn(&SearchPath) -> Result<()>,
) -> Result<Fetched> {
    let name = source.folder();
    let origin = match source {
        Source::Hub { .. } => remote.endpoint.as_str(),
        Source::Archives { base, .. } => base(remote),
    };
    // Only the hub may see the token.
    let token = matches!(source, Source::Hub { .. }).then_some(remote.token.as_deref()).flatten();
    let http = Http::new(&remote.limits, origin, token, patience);
    let files = match source {
        Source::Hub { repository, revision, without } => {
            hub_files(&http, remote, repository, revision, *without, progress)?
        }
        Source::Archives { base, files, .. } => archive_files(base(remote), files),
    };
    let place = dir.join(dataset.to_string()).join(&name);
    let lock_path = dir.join(format!(".fetch-{dataset}.lock"));
    let lock = fs::File::create(&lock_path).map_err(|error| Error::io(&lock_path, error))?;
    if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
        progress(Step::Waiting { path: &place });
        lock.lock().map_err(|error| Error::io(&lock_path, error))?;
    }
    // Hidden until it is whole; what is in its place already is mended there.
    let staging = dir.join(format!(".fetch-{dataset}-{name}"));
    let work = if place.is_dir() { place.clone() } else { staging.join(dataset.to_string()).join(&name) };
    fs::create_dir_all(&work).map_err(|error| Error::io(&work, error))?;
    let needed: u64 = files.iter().filter(|file| !work.join(&file.0).exists()).filter_map(|file| file.1.size).sum();
    crate::disk::require(&work, needed, "--data-dir or XDG_CACHE_HOME")?;
    let mut received = 0;
    for (name, wanted, copy) in &files {
        received += download(&http, &remote.limits, wanted, &work.join(name), copy.as_deref(), progress)?;
    }
    if work == place {
        check(&SearchPath::only([dir]))?;
    } else {
        let checked = check(&SearchPath::only([&staging]));
        if let Err(Error::Data(_)) = checked {
            // Every byte is as the server has it, and yet it is not the data set: it would be in the way for good.
            let _ = fs::remove_dir_all(&staging);
        }
        checked?;
        let parent = place.parent().unwrap_or(dir);
        fs::create_dir_all(parent).map_err(|error| Error::io(parent, error))?;
        fs::rename(&work, &place).map_err(|error| Error::io(&place, error))?;
    }
    // Also what a process left that was killed just after it had moved the set to its place.
    let _ = fs::remove_dir_all(&staging);
    let source = match source {
        Source::Hub { repository, revision, .. } => format!("{origin}/datasets/{repository} ({revision})"),
        Source::Archives { .. } => origin.to_string(),
    };
    Ok(Fetched { path: place, source, files: files.len(), received })
}

/// Path below the folder, what it must be, and a file that may be it already.
type Files = Vec<(String, Wanted, Option<PathBuf>)>;

fn hub_files(
    http: &Http<'_>,
    remote: &Remote,
    repository: &str,
    revision: &str,
    without: Option<&str>,
    progress: Progress,
) -> Result<Files> {
    let repo = hf_hub::Repo::with_revision(repository.into(), hf_hub::RepoType::Dataset, revision.into());
    let url = format!("{}/api/{}?blobs=true", remote.endpoint, repo.api_url());
    let listing = list(http, remote, &url, progress)?;
    let cache = remote.hub_cache.clone().map(|dir| hf_hub::Cache::new(dir).repo(repo.clone()));
    let wanted = listing.files.into_iter().filter(|file| without.is_none_or(|without| !file.name.starts_with(without)));
    let file = |file: super::listing::Listed| {
        let url = format!("{}/{}/resolve/{}/{}", remote.endpoint, repo.url(), listing.commit, escape(&file.name));
        let copy = cache.as_ref().map(|cache| cache.blob_path(&file.sha256)).filter(|blob| blob.is_file());
        let checksum = Checksum::Sha256(file.sha256);
        (file.name, Wanted { url, size: Some(file.size), at_most: file.size, checksum }, copy)
    };
    Ok(wanted.map(file).collect())
}

fn archive_files(base: &str, archives: &[(&str, &str)]) -> Files {
    let file = |(name, md5): &(&str, &str)| {
        let url = format!("{base}/{name}");
        let checksum = Checksum::Md5(md5.to_string());
        (name.to_string(), Wanted { url, size: None, at_most: MAX_ARCHIVE, checksum }, None)
    };
    archives.iter().map(file).collect()
}

/// The listing at `url`. An answer that is cut off or is no listing is asked for again.
fn list(http: &Http<'_>, remote: &Remote, url: &str, progress: Progress) -> Result<Listing> {
    let limits = &remote.limits;
    let mut pause = limits.pause;
    let mut last = String::new();
    for attempt in 1..=limits.attempts {
        let mark = http.patience.mark();
        let (what, wait): (String, Option<Duration>) = match http.get(url, 0) {
            Ok(answer) => {
                let (mut json, began) = (Vec::new(), Instant::now());
                match answer.into_body().into_reader().take(MAX_LISTING).read_to_end(&mut json) {
                    Ok(_) => match Listing::parse(&json) {
                        Ok(listing) => return Ok(listing),
                        Err(what) => (format!("{url}: {what}"), None),
                    },
                    Err(error) => {
                        http.patience.spend(began);
                        (format!("{url}: {}", crate::one_line(&error)), None)
                    }
                }
            }
            Err(Failure::Final(what)) => return Err(Error::data(what)),
            Err(Failure::Range) => (format!("{url}: the server said 416"), None),
            Err(Failure::Passing(what, wait)) => (what, wait),
        };
        if attempt < limits.attempts {
            let wait = wait.unwrap_or(pause).min(limits.longest_pause);
            progress(Step::Note(&format!("{what}; attempt {} of {} in {wait:?}", attempt + 1, limits.attempts)));
            http.patience.pause(wait, http.patience.spent_since(mark));
            pause *= 2;
        }
        last = what;
    }
    Err(Error::data(format!("{last}; gave up after {} attempts", limits.attempts)))
}

/// A path for an address: everything but what is unreserved is escaped, slashes are kept.
fn escape(path: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(escape).collect()
}
