//! What a person sees at a terminal, kept as snapshots, and the rules that all of it follows.
//!
//! insta rather than trycmd: a snapshot is the text itself in a file of its own, a change is seen as a diff, and it
//! brings two small packages where trycmd brings thirty. After a wanted change:
//! `INSTA_UPDATE=always cargo test -p harness --test terminal`, then read the diff. Numbers that a machine or a day
//! decides are masked by [`binary::mask`].

mod bench;
mod binary;
mod errors;
mod help;
mod said;
mod tables;
