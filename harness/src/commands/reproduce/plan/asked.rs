//! Which benchmarks and which of their rows a call asks for.

use harness_core::error::unknown;
use harness_core::{Error, Result};

use super::LeftOut;
use crate::benchmark::embedded::FIGURES;
use crate::benchmark::{Benchmark, MethodBlock};
use crate::commands::reproduce::Reproduce;

/// A benchmark of the command line.
pub struct Asked {
    pub benchmark: Benchmark,
    /// Of a group, what can run runs; what was named must.
    pub named: bool,
}

/// The benchmarks of the command line in its order, each once, without those that have no row that is asked for. Errors on two
/// of one name that are not the same, since their runs would share a folder, and on a row that none has.
pub fn benchmarks(args: &Reproduce) -> Result<Vec<Asked>> {
    let mut all = each_once(args)?;
    check_labels(&all, &args.method)?;
    all.retain(|asked| asked.benchmark.methods.iter().any(|method| is_asked(args, method)));
    Ok(all)
}

fn each_once(args: &Reproduce) -> Result<Vec<Asked>> {
    let group = |benchmarks: Vec<Benchmark>| {
        benchmarks.into_iter().map(|benchmark| Asked { benchmark, named: false }).collect()
    };
    if args.benchmarks.is_empty() {
        return Ok(group(Benchmark::all(&args.set)?));
    }
    let mut all: Vec<Asked> = Vec::new();
    for word in &args.benchmarks {
        let these = match word.as_str() {
            FIGURES => group(Benchmark::figures(&args.set)?),
            name => vec![Asked { benchmark: Benchmark::find_beside(&[FIGURES], name, &args.set)?, named: true }],
        };
        for asked in these {
            match all.iter_mut().find(|known| known.benchmark.name == asked.benchmark.name) {
                None => all.push(asked),
                Some(known) if known.benchmark.hash()? == asked.benchmark.hash()? => known.named |= asked.named,
                Some(_) => {
                    return Err(Error::usage(format!(
                        "{word}: another benchmark of this call is called \"{0}\" too, and their runs would share a folder: \
                         give one of them a name of its own (name = \"…\")",
                        asked.benchmark.name
                    )));
                }
            }
        }
    }
    Ok(all)
}

/// Each benchmark once for each fold. One that has no classes is left out, or refused where it was named.
pub fn folds(benchmarks: Vec<Asked>, of: usize, left_out: &mut Vec<LeftOut>) -> Result<Vec<Asked>> {
    let mut all = Vec::new();
    for Asked { benchmark, named } in benchmarks {
        match benchmark.folds(of) {
            Ok(folds) => all.extend(folds.into_iter().map(|benchmark| Asked { benchmark, named })),
            Err(error) if !named => {
                left_out.push(LeftOut { benchmarks: vec![benchmark.name], why: error.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Whether a row is asked for.
pub fn is_asked(args: &Reproduce, method: &MethodBlock) -> bool {
    args.method.is_empty() || names(method).any(|name| args.method.iter().any(|asked| asked == name))
}

/// What `--method` may call a row: its label, or the series that it belongs to.
fn names(method: &MethodBlock) -> impl Iterator<Item = &str> {
    [Some(method.label.as_str()), method.series.as_deref()].into_iter().flatten()
}

/// Every `--method` must be a row, or a series of rows, of at least one benchmark that runs.
fn check_labels(benchmarks: &[Asked], asked: &[String]) -> Result<()> {
    let known: Vec<&str> = benchmarks.iter().flat_map(|asked| asked.benchmark.methods.iter().flat_map(names)).collect();
    match asked.iter().find(|label| !known.contains(&label.as_str())) {
        None => Ok(()),
        Some(label) => {
            let mut unique = known.clone();
            unique.sort_unstable();
            unique.dedup();
            Err(unknown("method", label, unique))
        }
    }
}
