//! Any bytes as an image: an error or pixels, never a panic, bounded memory (run with -rss_limit_mb=1024).
#![no_main]
#![allow(dead_code)]

#[path = "../../src/decode.rs"]
mod decode;

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for channels in [1, 3] {
        let filter = decode::Filter::Nearest;
        let spec = decode::Spec { side: 28, channels, filter, source_side: None, binary: false, upright: true };
        let _ = decode::decode_into(bytes, &spec, &mut vec![0; spec.bytes()]);
    }
});
