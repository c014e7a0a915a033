//! Runs survive what happens in a day: the real binary is killed, interrupted, starved of disk and lied to, and must end
//! with the documented code and go on to the same bytes.
#![cfg(unix)]

mod bench;
mod builds;
mod compare;
mod process;

mod again;
mod algorithms;
mod checks;
mod damage;
mod disk;
mod failing;
mod gaps;
mod kills;
mod memory;
#[cfg(feature = "mpi")]
mod mpi_ranks;
mod numbers;
mod overhead;
mod pytorch;
mod selection;
mod signals;
mod together;
mod trainings;
