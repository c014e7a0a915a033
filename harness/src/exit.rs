//! The documented exit codes, so that scripts can tell a missed target from missing data.

use std::process::ExitCode;

use harness_core::Error;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; at `paper` budget: no comparable verdict is `below`.
    Done = 0,
    /// A bug.
    Internal = 1,
    /// An unknown name, a wrong config, a folder that cannot be used.
    Usage = 2,
    /// All ran, but a published number was not reached; `compare`: something is significantly worse.
    TargetMissed = 3,
    /// There was nothing to do.
    NothingRan = 4,
    /// Stopped on request; the same command goes on.
    Interrupted = 5,
    /// Data is missing or damaged.
    Data = 6,
    /// Some runs failed, the others are done.
    SomeFailed = 7,
}

impl Exit {
    /// The one with this number; another number is a bug.
    pub fn from_code(code: u8) -> Exit {
        use Exit::{Data, Done, Internal, Interrupted, NothingRan, SomeFailed, TargetMissed, Usage};
        let all = [Done, Internal, Usage, TargetMissed, NothingRan, Interrupted, Data, SomeFailed];
        all.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Internal)
    }

    /// What an error that ends the whole command means to the caller.
    pub fn of(error: &Error) -> Exit {
        match error {
            Error::Usage(_) | Error::Io { .. } | Error::Network(_) => Exit::Usage,
            Error::Data(_) => Exit::Data,
            Error::Diverged(_) | Error::Panicked(_) => Exit::SomeFailed,
            Error::Tensor(_) => Exit::Internal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_number_is_its_code() {
        assert!((0..8).all(|code| Exit::from_code(code) as u8 == code));
        assert_eq!(Exit::from_code(130), Exit::Internal);
    }

    #[test]
    fn every_kind_of_error_has_its_documented_code() {
        let code = |error: Error| Exit::of(&error) as u8;
        assert_eq!(code(Error::usage("x")), 2);
        assert_eq!(code(Error::io("x", io::Error::other("full"))), 2);
        assert_eq!(code(Error::data("x")), 6);
        assert_eq!(code(Error::Diverged("x".into())), 7);
        assert_eq!(code(Error::Panicked("x".into())), 7);
    }
}
