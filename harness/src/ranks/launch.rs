//! Whether this process is one of several ranks, and joining them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use harness_core::{Error, Result};

use super::dealt::Ranks;
use super::link::Link;

/// Joins the ranks that an MPI launcher started together with this process; None where it was started alone, or built
/// without the feature `mpi`. `stop` is raised when any rank's flag is, and when a rank is lost.
///
/// # Errors
/// Usage: the launcher and the MPI library do not know each other, or the library allows one thread alone.
pub fn join(stop: &Arc<AtomicBool>) -> Result<Option<Ranks>> {
    let Some(link) = start(stop)? else { return Ok(None) };
    match Ranks::new(link, stop.clone()) {
        Some(ranks) => Ok(Some(ranks)),
        None => Err(Error::usage("a rank went away before all had met")),
    }
}

/// The way to the other ranks; None where there are none.
#[cfg(feature = "mpi")]
fn start(stop: &Arc<AtomicBool>) -> Result<Option<Box<dyn Link>>> {
    // Without a launcher MPI is not even started: it may look for a network.
    if number(&RANK).is_none() {
        return Ok(None);
    }
    let link = super::mpi::Mpi::start(stop.clone())?;
    match (link.ranks(), number(&SIZE)) {
        (1, Some(many)) if many > 1 => {
            link.close();
            Err(Error::usage(format!(
                "the launcher started {many} processes and MPI sees each one alone: use the launcher of the MPI library that \
                 this program is linked with"
            )))
        }
        (1, _) => {
            link.close();
            Ok(None)
        }
        _ => Ok(Some(Box::new(link))),
    }
}

/// There are none: this build knows no MPI.
#[cfg(not(feature = "mpi"))]
fn start(_: &Arc<AtomicBool>) -> Result<Option<Box<dyn Link>>> {
    Ok(None)
}

/// Whether another rank than this one speaks, as far as the launcher's variables say, for what is said before they
/// meet.
pub fn silent() -> bool {
    cfg!(feature = "mpi") && number(&RANK).is_some_and(|rank| rank > 0)
}

/// Where launchers say it: Open MPI, PMIx (Slurm, PRRTE), PMI (MPICH, Intel MPI, Slurm).
const RANK: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"];
#[cfg(feature = "mpi")]
const SIZE: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];

fn number(variables: &[&str]) -> Option<usize> {
    variables.iter().find_map(|variable| std::env::var(variable).ok()?.trim().parse().ok())
}
