//! The two halves of a run, and which of them reads what a method was built from. A training determines the learned state;
//! an evaluation is what is then done with it. One training serves every evaluation that leaves its own half as it is:
//! five shots and one, other episodes, another way of adapting.

use crate::settings::{Field, Read};

/// What a method's two halves read of its settings and of the protocol. What is named nowhere is of the training alone.
///
/// [`conformance`](crate::conformance) changes what is said to be of the test alone and checks that training gives the same
/// bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Halves {
    /// Keys of the method's block that only adapting and scoring read.
    pub test: Vec<&'static str>,
    /// Keys that training reads and adapting or scoring too, such as a rate with which both take their steps.
    pub both: Vec<&'static str>,
    /// Whether training reads the protocol's ways: its tasks have so many classes, or its network so many outputs.
    pub ways: bool,
    /// Whether training reads the protocol's shots or queries.
    pub shots: bool,
    /// The method that learns the state, where that is another one.
    pub trains_as: Option<TrainsAs>,
}

/// Another method, whose training a method takes as it is: built by that method's own
/// [`Entry::build`](crate::Entry::build), from the same block. Rows of both have one training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainsAs {
    /// Its name.
    pub method: &'static str,
    /// Keys of the block that it does not know, and that only choose it.
    pub own: Vec<&'static str>,
}

impl Halves {
    /// As settings say of themselves, with tasks of the protocol's ways and with shots of their own: an episode's.
    /// [`settings!`](crate::settings!) writes `FIELDS`.
    pub fn read_from(settings: &[&[Field]]) -> Self {
        let fields = || settings.iter().copied().flatten();
        let read = |by: Read| fields().filter(|field| field.read == by).map(|field| field.name).collect();
        Halves { test: read(Read::Test), both: read(Read::Both), ways: true, shots: false, trains_as: None }
    }

    /// Whether training reads the setting `key`.
    pub fn trains(&self, key: &str) -> bool {
        !self.test.contains(&key)
    }

    /// Whether adapting or scoring reads the setting `key`.
    pub fn tests(&self, key: &str) -> bool {
        self.test.contains(&key) || self.both.contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_the_training_unless_it_is_named() {
        let halves = Halves { test: vec!["eval_iters"], both: vec!["lr"], ways: true, shots: false, trains_as: None };
        let sides = |key| (halves.trains(key), halves.tests(key));
        assert_eq!(["meta_batch", "lr", "eval_iters"].map(sides), [(true, false), (true, true), (false, true)]);
    }
}
