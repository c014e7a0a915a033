//! What is printed in narrow terminals: lines are broken, numbers are not.

use std::path::Path;

use crate::bench::binary;
use crate::copy;
use crate::process::done;

/// The words that hold a digit, in the order of the alphabet.
fn numbers(text: &str) -> Vec<&str> {
    let has_digit = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
    let mut all: Vec<&str> = text.split_whitespace().filter(has_digit).collect();
    all.sort_unstable();
    all
}

#[test]
fn no_number_is_broken_at_any_width() {
    let dir = tempfile::tempdir().unwrap();
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference");
    copy(&reference.join("paper/quadratic"), &dir.path().join("out/paper/quadratic"));
    for line in ["compare out --against reptile --method imaml", "show out/paper/quadratic/minibatch-prox"] {
        let at = |columns: &str| {
            let mut command = binary(dir.path());
            command.args(line.split_whitespace()).env("COLUMNS", columns);
            done(command).out
        };
        let wide = at("200");
        assert!(numbers(&wide).len() > 8, "{wide}");
        for columns in ["40", "60", "80"] {
            let narrow = at(columns);
            assert_eq!(numbers(&narrow), numbers(&wide), "{line} at {columns}:\n{narrow}");
        }
    }
}
