//! A panic of a method costs its run or its item, and no more.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use harness_core::{Error, Result};

/// Of a panic without words.
const NOTHING: &str = "no message";

/// Lets nothing be printed where a panic happens, unless `RUST_BACKTRACE` asks for it: whoever catches it says what it
/// means, in one line and not between progress bars.
pub fn silence() {
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        std::panic::set_hook(Box::new(|_| {}));
    }
}

/// What `work` comes to: of a panic an error with its words.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::Panicked(words(panic.as_ref()).to_owned())))
}

/// The first line of what a panic said.
pub fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or(NOTHING)
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
