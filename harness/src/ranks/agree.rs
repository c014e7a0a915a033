//! Whether all ranks would compute the same: the code, the benchmark, the data and the instructions of each, compared
//! before the first step. Every rank comes to the same verdict from the same words.

use harness_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dealt::Ranks;
use super::wire::{error_of_bytes, error_to_bytes};
use crate::identity::Identity;

/// What a rank would do of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `omniglot-5w1s reptile seed 0`.
    pub name: String,
    /// sha256 of the benchmark.
    pub spec_hash: String,
    /// What determines the numbers.
    pub config: Value,
    pub data_digest: String,
    pub code: Identity,
}

/// What a rank says before the first step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Why it cannot begin, if so.
    error: Option<Vec<u8>>,
    pub cards: Vec<Card>,
    /// Benchmarks that it leaves out, and why.
    pub left_out: Vec<String>,
    pub instruction_set: String,
    /// The commit it was built from, in words.
    pub build: String,
}

impl Said {
    /// Of a rank that can begin.
    pub fn new(cards: Vec<Card>, left_out: Vec<String>, instruction_set: &str, build: String) -> Said {
        Said { error: None, cards, left_out, instruction_set: instruction_set.to_owned(), build }
    }

    /// Of one that cannot.
    pub fn failed(error: &Error) -> Said {
        let nothing = Said::new(Vec::new(), Vec::new(), "", String::new());
        Said { error: Some(error_to_bytes(error)), ..nothing }
    }
}

/// The first path at which two configs differ, with words for the two sides.
pub type Differ = fn(&Value, &Value, [&str; 2]) -> Option<String>;

/// Compares what all ranks say. Errors, on every rank with the same words, with what one of them lacks or the first
/// thing in which one differs from rank 0. None: a rank is lost.
pub fn agree(ranks: &Ranks, mine: &Said, differ: Differ) -> Result<Option<()>> {
    let Some(all) = ranks.gather(serde_json::to_vec(mine).expect("plain data")) else { return Ok(None) };
    let unread = |rank: usize| {
        move |_| Error::usage(format!("{} speaks otherwise: start the same binary on every rank", ranks.name(rank)))
    };
    let all: Vec<Said> = all
        .iter()
        .enumerate()
        .map(|(rank, bytes)| serde_json::from_slice(bytes).map_err(unread(rank)))
        .collect::<Result<_>>()?;
    verdict(&all, &|rank| ranks.name(rank), differ).map(Some)
}

fn verdict(all: &[Said], name: &dyn Fn(usize) -> String, differ: Differ) -> Result<()> {
    if let Some((rank, error)) = all.iter().enumerate().find_map(|(rank, said)| Some((rank, said.error.as_ref()?))) {
        let everyones = all.iter().all(|said| said.error.as_ref() == Some(error));
        return Err(match everyones {
            true => error_of_bytes(error),
            false => with(error_of_bytes(error), &name(rank)),
        });
    }
    let first = &all[0];
    for (rank, said) in all.iter().enumerate().skip(1) {
        let refuse = |what: String| Err(Error::usage(what));
        let [here, there] = [name(0), name(rank)];
        if let Some(card) = first.cards.iter().find(|card| !said.cards.iter().any(|other| other.name == card.name)) {
            return Err(missing(card, &here, (&there, said)));
        }
        if let Some(card) = said.cards.iter().find(|card| !first.cards.iter().any(|other| other.name == card.name)) {
            return Err(missing(card, &there, (&here, first)));
        }
        for (a, b) in first.cards.iter().zip(&said.cards) {
            if a.name != b.name {
                return refuse(format!(
                    "{here} does {} where {there} does {}: give every rank the same command",
                    a.name, b.name
                ));
            }
            if a.code != b.code {
                return refuse(format!(
                    "{here} is built from {} and {there} from {}, whose code for {} differs ({} and {}): start the same binary \
                     on every rank",
                    first.build,
                    said.build,
                    a.name,
                    short(&code(a)),
                    short(&code(b)),
                ));
            }
            let sides = [format!("on {here}"), format!("on {there}")];
            let sides = [sides[0].as_str(), sides[1].as_str()];
            if let Some(what) = differ(&a.config, &b.config, sides) {
                return refuse(format!("{}: {what}: give every rank the same command", a.name));
            }
            if a.spec_hash != b.spec_hash {
                return refuse(format!(
                    "{}: {here} and {there} read different benchmarks ({} and {}): give every rank the same file",
                    a.name,
                    short(&a.spec_hash),
                    short(&b.spec_hash),
                ));
            }
            if a.data_digest != b.data_digest {
                return Err(Error::data(format!(
                    "{}: {here} and {there} read different pixels (digests {} and {}): give every rank the same data",
                    a.name,
                    short(&a.data_digest),
                    short(&b.data_digest),
                )));
            }
        }
        if first.instruction_set != said.instruction_set {
            return refuse(format!(
                "{here} computes with {} and {there} with {}, which may round differently: give every rank --instruction-set and \
                 the one that both have",
                first.instruction_set, said.instruction_set
            ));
        }
    }
    Ok(())
}

/// A run that one side does and the other does not.
fn missing(card: &Card, does: &str, (lacks, said): (&str, &Said)) -> Error {
    let benchmark = card.name.split(' ').next().unwrap_or_default();
    let why = said.left_out.iter().find(|left_out| left_out.contains(benchmark));
    match why {
        Some(why) => Error::data(format!("{does} does {}, and {lacks} {why}", card.name)),
        None => {
            Error::usage(format!("{does} does {}, and {lacks} does not: give every rank the same command", card.name))
        }
    }
}

fn with(error: Error, rank: &str) -> Error {
    match error {
        Error::Usage(words) => Error::Usage(format!("{rank}: {words}")),
        Error::Data(words) => Error::Data(format!("{rank}: {words}")),
        other => other,
    }
}

/// The half of the code that differs is in one of the two hashes; both together tell it.
fn code(card: &Card) -> String {
    format!("{}/{}", short(&card.code.training), short(&card.code.evaluation))
}

fn short(hash: &str) -> &str {
    hash.get(..if hash.contains('/') { hash.len() } else { 12 }).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said() -> Said {
        let code = Identity { training: "t".repeat(64), evaluation: "e".repeat(64) };
        let card = |name: &str| Card {
            name: name.into(),
            spec_hash: "s".repeat(64),
            config: json!({ "method": { "lr": 0.1 } }),
            data_digest: "d".repeat(64),
            code: code.clone(),
        };
        Said::new(vec![card("b reptile seed 0"), card("b maml seed 0")], vec![], "avx512", "commit 1".into())
    }

    fn refused(change: impl Fn(&mut Said)) -> Error {
        let mut other = said();
        change(&mut other);
        let name = |rank| format!("rank {rank} (node{rank})");
        verdict(&[said(), said(), other], &name, crate::runner::difference_between).expect_err("they differ")
    }

    #[test]
    fn a_difference_names_both_sides() {
        assert!(verdict(&[said(), said()], &|rank| rank.to_string(), crate::runner::difference_between).is_ok());
        let code = refused(|said| said.cards[1].code.evaluation = "x".repeat(64)).to_string();
        assert!(
            code.contains("b maml seed 0 differs (tttttttttttt/eeeeeeeeeeee and tttttttttttt/xxxxxxxxxxxx)"),
            "{code}"
        );
        let config = refused(|said| said.cards[0].config["method"]["lr"] = json!(0.2)).to_string();
        let wanted = "b reptile seed 0: method.lr: 0.1 on rank 0 (node0), 0.2 on rank 2 (node2): give every rank the same command";
        assert_eq!(config, wanted);
        let data = refused(|said| said.cards[0].data_digest = "y".repeat(64));
        assert!(
            matches!(&data, Error::Data(words) if words.contains("(digests dddddddddddd and yyyyyyyyyyyy)")),
            "{data}"
        );
        let set = refused(|said| said.instruction_set = "avx2".into()).to_string();
        assert!(set.starts_with("rank 0 (node0) computes with avx512 and rank 2 (node2) with avx2"), "{set}");
        let benchmark = refused(|said| said.cards[0].spec_hash = "z".repeat(64)).to_string();
        assert!(benchmark.contains("different benchmarks"), "{benchmark}");
    }

    #[test]
    fn a_rank_without_data_says_so_for_all() {
        let named = refused(|said| *said = Said::failed(&Error::data("omniglot is nowhere: bring it")));
        assert!(matches!(&named, Error::Data(words) if words == "rank 2 (node2): omniglot is nowhere: bring it"));
        let everyone = Said::failed(&Error::usage("unknown benchmark"));
        let all = verdict(&[everyone.clone(), everyone], &|rank| rank.to_string(), |_, _, _| None).unwrap_err();
        assert_eq!(all.to_string(), "unknown benchmark");
        let left_out = refused(|said| {
            said.cards.clear();
            said.left_out = vec!["left out b: no data here".into()];
        });
        let words = "rank 0 (node0) does b reptile seed 0, and rank 2 (node2) left out b: no data here";
        assert!(matches!(&left_out, Error::Data(found) if found == words), "{left_out}");
        let fewer = refused(|said| drop(said.cards.pop())).to_string();
        assert!(fewer.contains("rank 2 (node2) does not: give every rank the same command"), "{fewer}");
    }
}
