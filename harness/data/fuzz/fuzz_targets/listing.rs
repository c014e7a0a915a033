//! Any bytes as the hub's listing: what is kept has safe names and whole checksums.
#![no_main]

#[path = "../../src/hub/listing.rs"]
mod listing;

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    let Ok(listing) = listing::Listing::parse(json) else { return };
    assert_eq!(listing.commit.len(), 40);
    for file in listing.files {
        let path = std::path::Path::new("/root/folder").join(&file.name);
        let above = path.components().any(|part| part == std::path::Component::ParentDir);
        assert!(path.starts_with("/root/folder") && !above, "{}", file.name);
        assert_eq!(file.sha256.len(), 64);
    }
});
