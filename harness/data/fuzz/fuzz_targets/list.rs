//! Any text as a list of files and labels: names never leave their folder.
#![no_main]

#[path = "../../src/lists.rs"]
mod lists;

libfuzzer_sys::fuzz_target!(|text: &str| {
    for (_, row) in lists::rows(text) {
        if let Ok((file, label)) = row {
            let folder = std::path::Path::new("/folder");
            assert_eq!(folder.join(&label).parent(), Some(folder), "{label:?}");
            let path = folder.join(&file);
            let steps = path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).count();
            assert!(path.starts_with(folder) && steps == 2 + file.matches('/').count(), "{file:?}");
        }
    }
});
