//! Checkpoints: a refusal on one line or a state.
#![no_main]

use harness::results::checkpoint::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Err(why) = Checkpoint::from_bytes(data) {
        assert!(!why.to_string().contains('\n'), "{why}");
    }
});
