//! Any text as a class split: a split that is written and read again, or an error of one line.
#![no_main]

use harness_core::ClassSplit;

libfuzzer_sys::fuzz_target!(|text: &str| match ClassSplit::parse(text) {
    Ok(split) => assert_eq!(ClassSplit::parse(&split.to_string()).unwrap(), split),
    Err(error) => assert_eq!(error.to_string().lines().count(), 1, "{error}"),
});
