//! Budgets: the same benchmark in minutes, in a fifth of the paper's work, or in all of it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};

/// How much of a benchmark's work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Budget {
    /// Minutes on a laptop; no verdict
    Quick,
    /// About a fifth of the paper's meta-iterations; no verdict
    Short,
    /// All of the paper's meta-iterations
    Paper,
}

impl Budget {
    pub const ALL: [Budget; 3] = [Budget::Quick, Budget::Short, Budget::Paper];

    /// The name in benchmark files, on the command line, of the output folder and of the `budget` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Budget::Quick => "quick",
            Budget::Short => "short",
            Budget::Paper => "paper",
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A number for each budget. In a file: `{ quick = 200, short = 2000, paper = 10000 }`, or one value for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerBudget<T> {
    pub quick: T,
    pub short: T,
    pub paper: T,
}

impl<T: Copy> PerBudget<T> {
    /// The same for every budget.
    pub fn all(value: T) -> Self {
        PerBudget { quick: value, short: value, paper: value }
    }

    pub fn at(&self, budget: Budget) -> &T {
        match budget {
            Budget::Quick => &self.quick,
            Budget::Short => &self.short,
            Budget::Paper => &self.paper,
        }
    }

    pub fn values(&self) -> [T; 3] {
        [self.quick, self.short, self.paper]
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Each<T> {
    quick: T,
    short: T,
    paper: T,
}

impl<'de, T: DeserializeOwned + Copy> Deserialize<'de> for PerBudget<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not serde's `untagged`: its error says neither which key nor which type was wrong.
        let value = toml::Value::deserialize(deserializer)?;
        let bad = |error: toml::de::Error| D::Error::custom(error.message());
        if value.is_table() {
            let Each { quick, short, paper } = value.try_into().map_err(bad)?;
            return Ok(PerBudget { quick, short, paper });
        }
        value.try_into().map(PerBudget::all).map_err(bad)
    }
}

impl<T: Serialize + Copy + PartialEq> Serialize for PerBudget<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PerBudget { quick, short, paper } = *self;
        if quick == short && short == paper {
            return quick.serialize(serializer);
        }
        Each { quick, short, paper }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        n: PerBudget<u64>,
    }

    fn read(text: &str) -> Result<Holder, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_string())
    }

    #[test]
    fn one_value_or_one_for_each_budget() {
        assert_eq!(read("n = 7").unwrap().n.values(), [7, 7, 7]);
        let each = read("n = { quick = 1, short = 2, paper = 3 }").unwrap();
        assert_eq!(Budget::ALL.map(|budget| *each.n.at(budget)), [1, 2, 3]);
        for holder in [each, Holder { n: PerBudget::all(4) }] {
            assert_eq!(read(&toml::to_string(&holder).unwrap()).unwrap(), holder);
        }
    }

    #[test]
    fn a_missing_budget_and_a_wrong_type_are_named() {
        assert!(read("n = { quick = 1, short = 2 }").unwrap_err().contains("`paper`"));
        assert!(read("n = { quick = 1, short = 2, papr = 3 }").unwrap_err().contains("`papr`"));
        assert!(read("n = \"many\"").unwrap_err().contains("many"));
        assert!(read("n = -1").is_err());
    }
}
