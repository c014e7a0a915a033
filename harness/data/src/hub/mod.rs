//! Fetching: data sets from the Hugging Face hub and, for Omniglot, from the authors' archives.
//!
//! The requests are made with ureq, not with hf-hub's client, which is built on it: that client checks neither size nor
//! hash, completes a half file with a whole one, has no time limits, follows redirects without end and sends the
//! token along. Guarding it took a copy of the listing, a watchdog thread and a check of everything that it left in its
//! cache; asking for the same three routes directly takes less and adds no package. hf-hub still names the routes, and
//! its cache of files that other programs fetched is read.
//!
//! Nothing is trusted before its size and checksum are those that the listing gave. A set is fetched into a hidden
//! folder and moved to its place when it is whole, so that a half-fetched one is never found; `.part` files are
//! resumed. Every wait ends: see [`Limits`].

mod download;
mod fetch;
mod http;
mod listing;
mod patience;

use std::path::PathBuf;
use std::time::Duration;

use crate::search::variable;

pub(crate) use fetch::Source;
pub use fetch::{Fetched, elsewhere, fetch, license};

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the answer begins, and between any two pieces of it.
    pub silence: Duration,
    /// Silence of one server in all, over every attempt, file and source of a fetch: then it is given up.
    pub stall: Duration,
    /// A body must bring at least a kilobyte a second over any stretch of this length.
    pub crawl: Duration,
    /// Attempts for each file and listing.
    pub attempts: u32,
    /// Before the second attempt; doubled before each further one.
    pub pause: Duration,
    /// Longest pause, whatever the server asks for in `Retry-After`.
    pub longest_pause: Duration,
}

impl Limits {
    /// For data that comes by itself while a user waits for something else: the network has five seconds to answer.
    pub fn brief() -> Self {
        let seconds = Duration::from_secs;
        Limits { connect: seconds(2), silence: seconds(5), crawl: seconds(10), attempts: 1, ..Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Limits {
            connect: seconds(5),
            silence: seconds(20),
            stall: seconds(60),
            crawl: seconds(30),
            attempts: 5,
            pause: seconds(1),
            longest_pause: seconds(60),
        }
    }
}

/// The servers that data comes from.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The hub, without a slash at its end.
    pub endpoint: String,
    /// The folder of the authors' archives of Omniglot.
    pub official: String,
    /// Sent to the hub alone, never to where it redirects.
    pub token: Option<String>,
    /// Cache of the hub's own programs: what they fetched already is checked and used.
    pub hub_cache: Option<PathBuf>,
    /// Never open a socket.
    pub offline: bool,
    pub limits: Limits,
}

impl Remote {
    /// The servers of this process: `HF_ENDPOINT`, `HF_TOKEN` (or the token file in `HF_HOME`), `HF_HUB_CACHE` (or
    /// `HF_HOME`), and `HF_HUB_OFFLINE`, which is as good as `offline`.
    pub fn of_process(offline: bool) -> Self {
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = variable("HF_HOME").or_else(|| Some(variable("HOME")?.join(".cache/huggingface")));
        let hub_cache = variable("HF_HUB_CACHE").or_else(|| Some(home?.join("hub")));
        let file = || hf_hub::Cache::new(hub_cache.clone()?).token();
        let says_offline = text("HF_HUB_OFFLINE").is_some_and(|value| !matches!(&*value, "0" | "false" | "no"));
        Remote {
            endpoint: text("HF_ENDPOINT").unwrap_or("https://huggingface.co".into()).trim_end_matches('/').into(),
            official: "https://github.com/brendenlake/omniglot/raw/master/python".into(),
            token: text("HF_TOKEN").map(|token| token.trim().to_string()).or_else(file),
            hub_cache,
            offline: offline || says_offline,
            limits: Limits::default(),
        }
    }
}

#[cfg(test)]
mod tests;
