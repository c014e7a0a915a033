//! Any text as a list of files and labels: names never leave their folder.
#![no_main]

#[path = "../../src/lists.rs"]
mod lists;

libfuzzer_sys::fuzz_target!(|text: &str| {
    for (_, row) in lists::rows(text) {
        if let Ok((file, label)) = row {
            for name in [file, label] {
                let path = std::path::Path::new("/folder").join(&name);
                assert_eq!(path.parent(), Some(std::path::Path::new("/folder")), "{name:?}");
            }
        }
    }
});
