//! `--shard I/N`: which part of a call's runs this process does.

use std::fmt;
use std::str::FromStr;

/// Part `index` of `of`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub index: usize,
    pub of: usize,
}

/// More parts than this are a slip of the keyboard.
const MOST: usize = 100_000;

impl Shard {
    /// Whether the cell of this number, counted from 0, is in this part.
    pub fn takes(self, number: usize) -> bool {
        number % self.of == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let (index, of) = text
            .split_once('/')
            .and_then(|(index, of)| Some((number(index)?, number(of)?)))
            .ok_or("write it as I/N, such as 1/4 for the first of four")?;
        if !(1..=MOST).contains(&of) {
            return Err(format!("the number of shards is 1 to {MOST}"));
        }
        if !(1..=of).contains(&index) {
            return Err(format!("shards count from 1: 1/{of} to {of}/{of}"));
        }
        Ok(Shard { index, of })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_count_from_one() {
        assert_eq!("2/3".parse(), Ok(Shard { index: 2, of: 3 }));
        assert_eq!("1/1".parse::<Shard>().unwrap().to_string(), "1/1");
        for (text, part) in [
            ("0/2", "count from 1: 1/2 to 2/2"),
            ("3/2", "count from 1: 1/2 to 2/2"),
            ("1/0", "1 to 100000"),
            ("2", "I/N"),
            ("a/2", "I/N"),
            ("-1/2", "I/N"),
            ("1/2/3", "I/N"),
        ] {
            let error = text.parse::<Shard>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn every_cell_is_in_one_part() {
        let taken = |number| (1..=3).filter(|index| Shard { index: *index, of: 3 }.takes(number)).collect::<Vec<_>>();
        assert_eq!((0..6).map(taken).collect::<Vec<_>>(), [[1], [2], [3], [1], [2], [3]]);
    }
}
