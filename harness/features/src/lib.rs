//! No code: its `Cargo.toml` is what counts.
