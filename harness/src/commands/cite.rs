//! `harness cite`: BibTeX of what a table rests on, and where its numbers were made.

use std::path::Path;

use clap::Args;
use harness_core::{Error, Result};
use harness_data::find;

use crate::benchmark::Benchmark;
use crate::compare::folder;
use crate::console;
use crate::exit::Exit;
use crate::report::made;
use crate::results::run_json::RunRecord;

const EXAMPLES: &str = "\
Examples:
  # BibTeX of everything that one table rests on
  harness cite omniglot-5w1s

  # CPU, commit and hours of the committed results
  harness cite results/reference --note";

/// Prints BibTeX for every method and data set of a table.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Cite {
    /// A folder with results, or the name or file of a benchmark
    #[arg(value_name = "DIR|BENCHMARK", default_value = "results/runs")]
    pub of: String,

    /// Print where the numbers were made (processor, commit, hours) as a paragraph instead
    #[arg(long)]
    pub note: bool,
}

/// Every entry, under its key.
const REFERENCES: &str = include_str!("../../templates/references.bib");

/// The entries of an algorithm.
const METHODS: [(&str, &[&str]); 16] = [
    ("reptile", &["nichol2018first"]),
    ("fomaml", &["finn2017model", "nichol2018first"]),
    ("maml", &["finn2017model"]),
    ("transfer", &["vinyals2016matching", "ravi2017optimization", "chen2019closer"]),
    ("protonet", &["snell2017prototypical"]),
    ("baseline-plus-plus", &["chen2019closer"]),
    ("minibatch-prox", &["zhou2019efficient"]),
    ("evolution", &["salimans2017evolution", "song2020esmaml"]),
    ("anil", &["raghu2020rapid"]),
    ("imaml", &["rajeswaran2019meta"]),
    ("boil", &["oh2021boil"]),
    ("nil", &["raghu2020rapid"]),
    ("matching", &["vinyals2016matching", "chen2019closer"]),
    ("r2d2", &["bertinetto2019meta"]),
    ("meta-sgd", &["li2017metasgd"]),
    ("simpleshot", &["wang2019simpleshot"]),
];

/// Prints the entries, or the note. Errors: no folder with runs and no benchmark, and runs that have
/// left nothing to print.
pub fn run(args: &Cite) -> Result<Exit> {
    let path = Path::new(&args.of);
    let nothing = |why: &str| Error::usage(format!("{}: {why}", args.of));
    let (mut names, mut data, mut records) = (Vec::new(), Vec::new(), Vec::new());
    if path.is_dir() {
        let runs = folder::budgets(path)?.into_iter().flat_map(|budget| budget.runs);
        records.extend(runs.filter_map(|run| run.record));
        names.extend(
            records.iter().map(|r: &RunRecord| if r.algorithm.is_empty() { &r.label } else { &r.algorithm }.clone()),
        );
        data.extend(records.iter().filter_map(|r| Some(r.config.get("data")?.get("dataset")?.as_str()?.to_owned())));
    } else if args.note {
        return Err(nothing(
            "no folder with results, so there is nothing to note: name the --out of `harness reproduce`",
        ));
    } else if args.of.contains(std::path::is_separator) && !path.exists() && path.extension().is_none() {
        return Err(nothing("no such folder: name the --out of `harness reproduce`, or a benchmark (`harness list`)"));
    } else {
        let benchmark = Benchmark::find(&args.of, &[])?;
        names.extend(benchmark.methods.iter().map(|method| method.algorithm.clone()));
        data.push(benchmark.data.dataset.clone());
    }
    let text = if args.note { made::note(records.iter()) } else { entries(&names, &data) };
    if text.is_empty() {
        let what = if args.note { "is complete" } else { "has begun" };
        return Err(nothing(&format!("no run there {what}: `harness reproduce` completes them")));
    }
    console::print(&text)?;
    Ok(Exit::Done)
}

/// The entries that these methods and data sets need, in the order of the file; what has none is named in a comment.
fn entries(methods: &[String], data: &[String]) -> String {
    let (mut keys, mut without): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let of_method = |name: &String| METHODS.iter().find(|(known, _)| known == name).map(|(_, cites)| *cites);
    let of_data = |name: &String| find(name).map(|set| set.cites);
    let asked = methods.iter().map(|name| (name, of_method(name))).chain(data.iter().map(|name| (name, of_data(name))));
    for (name, cites) in asked {
        match cites {
            Some(cites) => keys.extend(cites),
            None if without.contains(&name.as_str()) => {}
            None => without.push(name),
        }
    }
    let wanted = |entry: &&str| keys.iter().any(|key| entry.contains(&format!("{{{key},")));
    let mut out: String =
        REFERENCES.split("\n\n").filter(wanted).map(|entry| format!("{}\n\n", entry.trim())).collect();
    without.iter().for_each(|name| out += &format!("% no entry is known for {name}\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_that_of_one_entry_and_every_method_one_of_ours() {
        for (name, _) in METHODS {
            assert!(crate::registry::ALGORITHMS.iter().any(|entry| entry.name == name), "{name}");
        }
        for (name, keys) in METHODS.iter().copied().chain(harness_data::SETS.iter().map(|set| (set.name, set.cites))) {
            for key in keys {
                assert_eq!(REFERENCES.matches(&format!("{{{key},")).count(), 1, "{name}: {key}");
            }
        }
    }

    #[test]
    fn a_table_is_cited_once_and_what_is_unknown_is_said() {
        let text = entries(&["maml".into(), "fomaml".into(), "mine".into()], &["omniglot".into(), "glyphs".into()]);
        assert_eq!(text.matches("{finn2017model,").count(), 1);
        assert!(text.contains("{lake2015human,") && text.contains("{nichol2018first,") && !text.contains("snell"));
        assert!(text.ends_with("% no entry is known for mine\n"), "{text}");
    }
}
