//! Families: each a whole method but for what a member has of its own.
//!
//! | family | has | a member gives |
//! | :-- | :-- | :-- |
//! | [`reptile`] | mini-batches, Adam's moments across tasks, the annealed step towards the results | how a task is learned, if not in Reptile's way |
//! | [`maml`] | full-batch descent on the support set, an outer Adam | the gradient of the initialisation, what the inner steps move |
//! | [`embedding`] | episodes of many classes, features learned through an episode's loss | answers from features of support set and queries |
//! | [`supervised`] | training on all classes at once | what becomes of it at test; a head, if not the network's |
//!
//! Each is an [`Algorithm`](crate::Algorithm). A member that changes more than it is asked for is a
//! [`Variant`](crate::Variant) of it.

pub mod embedding;
pub mod maml;
pub mod reptile;
pub mod supervised;
