//! Prototypical networks (Snell, Swersky, Zemel 2017, "Prototypical Networks for Few-shot Learning", arXiv 1703.05175): a
//! class is the mean of its support images' features, and a query belongs to the class whose mean is nearest. Only the
//! features are learned, on episodes with many more classes than those of the test.

use harness_core::families::embedding::{Embedded, Embedding, Settings, class_means as prototypes, nearness as logits};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "protonet",
    summary: "a class is the mean of its support features; a query goes to the nearest mean",
    paper: "Snell et al. 2017, arXiv 1703.05175",
    build,
    toy: "train_ways = 10\ntrain_shots = 2\ntrain_queries = 3\nlr = 0.01",
    settings: &[settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    Ok(Box::new(Embedding::new(parse_config(table)?, context, answers)?))
}

/// −‖query − prototype‖² of every query and class, `[queries, ways]`.
fn answers(episode: &Embedded<'_>) -> Result<Tensor> {
    logits(&episode.query, &prototypes(&episode.support, episode.classes)?)
}

#[cfg(test)]
mod tests;
