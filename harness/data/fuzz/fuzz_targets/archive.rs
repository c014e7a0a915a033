//! Any bytes as a zip or tar, packed or not: names that stay in their folder, entries within their limit.
#![no_main]
#![allow(dead_code)]

use std::path::{Component, Path};

#[path = "../../src/archive.rs"]
mod archive;
#[path = "../../src/bytes.rs"]
mod bytes;
#[path = "../../src/files.rs"]
mod files;

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(archive) = archive::Archive::of_bytes(Path::new("x.zip"), Default::default(), bytes.to_vec()) else {
        return;
    };
    let Ok(names) = archive.names() else { return };
    for (index, name) in names.into_iter().take(64) {
        assert!(!Path::new(&name).is_absolute());
        assert!(!Path::new(&name).components().any(|part| part == Component::ParentDir));
        if let Ok(content) = archive.read(index, 1 << 16) {
            assert!(content.len() <= 1 << 16);
        }
    }
});
