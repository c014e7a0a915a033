//! What is said on stderr: `tracing` events as plain lines, above the progress bars where there are any.
//!
//! `warn` is what a person must know, and stays under `-q`; `info` is progress; `debug` (`-v`) is what was decided;
//! `trace` (`-vv`) is what was measured and written on the way. Errors that end the command are not events: nothing can
//! silence them.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::OnceLock;

use harness_core::{Error, Result};
use indicatif::MultiProgress;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::Verbosity;

/// Decides what is said: nothing where another rank speaks. `-q` and `-v` win over `RUST_LOG`, as whatever is typed wins over the environment. Errors when
/// `RUST_LOG` decides and cannot be read.
pub fn start(verbosity: Verbosity, silent: bool) -> Result<()> {
    let variable = std::env::var("RUST_LOG").unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().event_format(Plain).with_writer(Lines::new);
    // A second start in one process, as in tests of other people's binaries, keeps the first one's choice.
    let _ = tracing_subscriber::registry().with(lines).with(filter(verbosity, silent, &variable)?).try_init();
    Ok(())
}

fn filter(verbosity: Verbosity, silent: bool, variable: &str) -> Result<Targets> {
    let level = match verbosity {
        _ if silent => LevelFilter::OFF,
        Verbosity { quiet: true, .. } => LevelFilter::WARN,
        Verbosity { verbose: 1, .. } => LevelFilter::DEBUG,
        Verbosity { verbose: 2.., .. } => LevelFilter::TRACE,
        _ if !variable.trim().is_empty() => {
            return variable.trim().parse().map_err(|error| {
                Error::usage(format!(
                    "RUST_LOG={variable}: {error}; write a level (warn, info, debug, trace) or harness::runner=debug"
                ))
            });
        }
        _ => LevelFilter::INFO,
    };
    Ok(Targets::new().with_default(level))
}

/// The bars of this process, if stderr is a terminal and progress is wanted.
pub fn bars() -> Option<&'static MultiProgress> {
    static BARS: OnceLock<Option<MultiProgress>> = OnceLock::new();
    let wanted = || crate::console::redraws() && tracing::enabled!(Level::INFO);
    BARS.get_or_init(|| wanted().then(MultiProgress::new)).as_ref()
}

/// Writes whole lines so that no bar is torn.
struct Lines;

impl Lines {
    fn new() -> Lines {
        Lines
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(bytes);
        bars().map_or_else(write, |bars| bars.suspend(write)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The sentence, then the fields; only what `-v` and `-vv` add says what it is.
struct Plain;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Plain {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match *event.metadata().level() {
            Level::DEBUG => out.write_str("debug: ")?,
            Level::TRACE => out.write_str("trace: ")?,
            _ => {}
        }
        let mut parts = Parts::default();
        event.record(&mut parts);
        writeln!(out, "{}{}", parts.message, parts.fields)
    }
}

#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(verbosity: Verbosity, variable: &str) -> LevelFilter {
        let filter = filter(verbosity, false, variable).unwrap();
        let of = |level: &Level| filter.would_enable("harness::runner", level);
        let levels = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
        levels.into_iter().find(of).map_or(LevelFilter::OFF, Into::into)
    }

    #[test]
    fn what_is_typed_wins_over_the_variable() {
        let talk = |quiet, verbose| Verbosity { quiet, verbose };
        assert_eq!(most(talk(false, 0), ""), LevelFilter::INFO);
        assert_eq!(most(talk(true, 0), ""), LevelFilter::WARN);
        assert_eq!(most(talk(false, 1), ""), LevelFilter::DEBUG);
        assert_eq!(most(talk(false, 3), ""), LevelFilter::TRACE);
        assert_eq!(most(talk(false, 0), "error"), LevelFilter::ERROR);
        assert_eq!(most(talk(false, 0), "warn,harness::runner=trace"), LevelFilter::TRACE);
        assert_eq!(most(talk(true, 0), "trace"), LevelFilter::WARN);
        assert_eq!(most(talk(false, 1), "error"), LevelFilter::DEBUG);
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_named() {
        let error = filter(Verbosity::default(), false, "harness=loud").unwrap_err().to_string();
        assert!(error.starts_with("RUST_LOG=harness=loud: ") && error.contains("write a level"), "{error}");
    }
}
