//! Benchmark files and `--set` values: an error on one line or a benchmark that is written and read back as itself.
#![no_main]

use harness::benchmark::Benchmark;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // What stands behind the last NUL is one override.
    let (text, set) = text.rsplit_once('\0').unwrap_or((text, ""));
    let set: Vec<_> = set.split_once('=').map(|(path, value)| (path.into(), value.into())).into_iter().collect();
    match Benchmark::parse_with(text, "fuzzed", &set) {
        Ok(benchmark) => {
            let again = Benchmark::parse(&benchmark.canonical().expect("a benchmark is plain data"), "fuzzed");
            assert_eq!(again.expect("the canonical text is a benchmark").hash().ok(), benchmark.hash().ok());
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
});
