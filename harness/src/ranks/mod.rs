//! Several processes as one: the ranks of an MPI job, or of a test in one process. This layer deals numbered items to
//! ranks and hands every contribution to every rank, in the items' order and bit by bit. It knows neither runs nor
//! files; what is computed is the runner's.
//!
//! Rank 0 leads: it decides what is done next, owns files and speaks. The others follow its orders with the same code
//! on replicas of the state. No sum is ever taken by the transport: its order would belong to a library.

mod agree;
mod answers;
mod dealt;
mod hosts;
mod launch;
mod link;
#[cfg(test)]
pub mod local;
#[cfg(feature = "mpi")]
mod mpi;
mod wire;

pub use agree::{Card, Said, agree};
pub use dealt::{Crossed, Order, Ranks};
pub use launch::{join, silent};
pub use wire::Wire;
