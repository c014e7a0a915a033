//! What can be wrong with a network's description.

/// One line, naming the layer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a network's input is [features] or [height, width, channels], not {0:?}")]
    Input(Vec<usize>),
    #[error("layer `{layer}` ({kind}) needs an image [height, width, channels], but gets {got:?}")]
    NeedsImage { layer: String, kind: &'static str, got: Vec<usize> },
    #[error("layer `{layer}` ({kind}) needs features [n], but gets {got:?}: put a flatten or a spatial mean before it")]
    NeedsFeatures { layer: String, kind: &'static str, got: Vec<usize> },
    #[error("layer `{layer}`: {what} must be at least 1")]
    Zero { layer: String, what: &'static str },
    #[error("layer `{layer}`: a valid pool of {got:?} leaves nothing")]
    PooledAway { layer: String, got: Vec<usize> },
    #[error("two layers are named `{0}`")]
    SameName(String),
    #[error("a network has at least one layer")]
    Empty,
}

/// Of building a network.
pub type Result<T> = std::result::Result<T, Error>;
