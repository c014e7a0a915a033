//! A panic of a method costs its run or its item, and no more.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use harness_core::{Error, Result};

/// Of a panic without words.
const NOTHING: &str = "no message";

/// What `work` comes to: of a panic an error with the first line of its words.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let first = words(panic.as_ref()).lines().next();
        Err(Error::Panicked(first.unwrap_or(NOTHING).to_owned()))
    })
}

/// What a panic said.
pub fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or(NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_one_line() {
        let said = |work: fn() -> Result<()>| caught(work).unwrap_err().to_string();
        assert_eq!(said(|| panic!("one\ntwo")), "the method panicked: one");
        assert_eq!(said(|| std::panic::panic_any("item 4".to_owned())), "the method panicked: item 4");
        assert_eq!(said(|| std::panic::panic_any(7)), "the method panicked: no message");
        assert_eq!(said(|| Err(Error::usage("three"))), "three");
        assert_eq!(caught(|| Ok(5)).unwrap(), 5);
    }
}
