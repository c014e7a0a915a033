//! Matching networks (Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra 2016, "Matching Networks for One Shot Learning", arXiv
//! 1606.04080), without full-context embeddings: a query's label is the mean of the support labels, weighted by a softmax over the cosines
//! between its features and those of each support image. Only the features are learned.

use harness_core::families::embedding::{Embedded, Embedding, Settings, attention};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "matching",
    summary: "attention over the support images by cosines weights their labels",
    paper: "Vinyals et al. 2016, arXiv 1606.04080",
    build,
    toy: "train_ways = 10\ntrain_shots = 2\ntrain_queries = 3\nlr = 0.01\nscale = 10.0",
    settings: &[settings::keys::<Own>, settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

settings! {
    /// What this method has beside the [`Settings`] of the family.
    #[derive(Copy)]
    struct Own {
        /// of the cosines before the softmax: 1 in the paper, 100 in wyharveychen/CloserLookFewShot
        scale: f64 = 1.0 => POSITIVE, both;
    }
}

/// Added to each probability before its logarithm (wyharveychen/CloserLookFewShot, `methods/matchingnet.py`). With a scale of 100 it
/// decides how much a query far from its class counts.
const FLOOR: f64 = 1e-6;

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    let answers = move |episode: &Embedded<'_>| {
        let logits = attention(&episode.query, &episode.support, episode.classes, own.scale)?;
        let probabilities = logits.broadcast_sub(&logits.log_sum_exp(1)?.unsqueeze(1)?)?.exp()?;
        Ok((probabilities + FLOOR)?.log()?)
    };
    let mut method = Embedding::new(settings, context, answers)?;
    method.halves.both.push("scale");
    Ok(Box::new(method))
}

#[cfg(test)]
mod tests;
