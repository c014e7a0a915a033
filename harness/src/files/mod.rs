//! What a run leaves on disk: files that are whole or absent, never half.

pub mod atomic;
pub mod checkpoint;
pub mod episodes;
pub mod fault;
pub mod lock;
pub mod metrics;

pub use atomic::write as write_atomic;
