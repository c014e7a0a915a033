//! The codes behind a row of `across.csv`: a run that was started over by other code is another state.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// The hashes of what trained a state and of what tested it; `TRAINED+EVALUATED` as text.
#[derive(Debug)]
pub struct Codes {
    /// Empty where the run's record does not say.
    pub trained: String,
    pub evaluated: String,
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.trained, self.evaluated)
    }
}

impl FromStr for Codes {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Codes, Infallible> {
        let (trained, evaluated) = text.split_once('+').unwrap_or((text, ""));
        Ok(Codes { trained: trained.to_owned(), evaluated: evaluated.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_back() {
        for (text, trained, evaluated) in [("1a+2b", "1a", "2b"), ("+2b", "", "2b")] {
            let Ok(codes) = text.parse::<Codes>();
            assert_eq!((codes.trained.as_str(), codes.evaluated.as_str()), (trained, evaluated));
            assert_eq!(codes.to_string(), text);
        }
    }
}
