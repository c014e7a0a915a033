//! Where tasks come from when nothing is on disk.

pub mod glyphs;
