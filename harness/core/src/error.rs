//! Errors of the user's world. Each is one line that names the thing and the remedy; bugs panic instead.

use std::path::PathBuf;

/// What can go wrong while a run is prepared or under way. `harness` maps each kind to a documented exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name, value or combination of values that the user can mend (exit code 2).
    #[error("{0}")]
    Usage(String),
    /// Data that is missing, truncated or not what it claims to be (exit code 6).
    #[error("{0}")]
    Data(String),
    /// A run whose numbers left the real line: NaN or infinite parameters or loss.
    #[error("{0}")]
    Diverged(String),
    /// A method that broke down: a bug in it, which costs its own run only.
    #[error("the method panicked: {0}")]
    Panicked(String),
    /// A file or folder that could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A tensor operation that failed: a bug in a method or in the harness.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A network that cannot be built for its input.
    #[error("{0}")]
    Network(#[from] harness_kernels::Error),
}

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A [`Error::Usage`] from anything printable.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::Usage(message.into())
    }

    /// A [`Error::Data`] from anything printable.
    pub fn data(message: impl Into<String>) -> Self {
        Error::Data(message.into())
    }

    /// An [`Error::Io`] at `path`.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Io { path: path.into(), source }
    }
}

/// The candidate nearest to `name`, if one is near enough to be meant: `did you mean …?`. Near is a Damerau-Levenshtein
/// distance of at most one and a third of the longer name, or the beginning of a candidate.
///
/// ```
/// use harness_core::error::nearest;
///
/// assert_eq!(nearest("reptlie", ["reptile", "fomaml"]), Some("reptile"));
/// assert_eq!(nearest("protonet", ["reptile", "fomaml"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= 1 + name.len().max(candidate.len()) / 3 || candidate.starts_with(name)
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The [`Error::Usage`] for a name that is not among `known`: `unknown KIND "NAME"; did you mean "…"? known: …`, one line.
pub fn unknown<'a>(kind: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"? "),
        None => String::new(),
    };
    Error::Usage(format!("unknown {kind} \"{name}\"; {hint}known: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name_and_nonsense_does_not() {
        let known = ["reptile", "fomaml", "transfer"];
        assert_eq!(nearest("reptlie", known), Some("reptile"));
        assert_eq!(nearest("fo", known), Some("fomaml"));
        assert_eq!(nearest("xylophone", known), None);
        assert_eq!(
            unknown("algorithm", "reptil", known).to_string(),
            "unknown algorithm \"reptil\"; did you mean \"reptile\"? known: reptile, fomaml, transfer"
        );
    }
}
