//! What a repository of the hub holds: names, sizes and checksums, of one commit.

use std::path::{Component, Path};

use serde::Deserialize;

/// Most files that a listing may have.
const MAX_FILES: usize = 10_000;

/// The files of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    /// 40 hex digits: what was listed is what is fetched, whatever happens to the branch meanwhile.
    pub commit: String,
    pub files: Vec<Listed>,
}

/// A file that is stored by its sha256, as all data files of the hub are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Path in the repository: plain, relative, safe to use below a folder.
    pub name: String,
    pub size: u64,
    /// 64 hex digits in lower case.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Answer {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

impl Listing {
    /// Reads the hub's answer (`/api/datasets/NAME/revision/REVISION?blobs=true`) and keeps the parquet files. The error
    /// says what is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        if json.first() == Some(&b'<') {
            return Err("a web page instead of a listing".into());
        }
        let answer: Answer =
            serde_json::from_slice(json).map_err(|error| format!("not a listing: {}", crate::one_line(&error)))?;
        if answer.siblings.len() > MAX_FILES {
            return Err(format!("{} files, more than {MAX_FILES}", answer.siblings.len()));
        }
        let commit = hex(&answer.sha, 40).ok_or("a listing without a commit")?;
        let mut files = Vec::new();
        for sibling in answer.siblings {
            if !sibling.rfilename.ends_with(".parquet") {
                continue;
            }
            if !is_plain(&sibling.rfilename) {
                let name: String = sibling.rfilename.chars().take(80).flat_map(char::escape_debug).collect();
                return Err(format!("an unsafe file name, {name}"));
            }
            let lfs = sibling.lfs.ok_or_else(|| format!("no checksum for {}", sibling.rfilename))?;
            let sha256 = hex(&lfs.sha256, 64).ok_or_else(|| format!("a bad checksum for {}", sibling.rfilename))?;
            files.push(Listed { name: sibling.rfilename, size: lfs.size, sha256 });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(twice) = files.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(format!("{} is listed twice", twice[0].name));
        }
        if files.is_empty() {
            return Err("no parquet files".into());
        }
        Ok(Listing { commit, files })
    }
}

fn hex(text: &str, digits: usize) -> Option<String> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

/// Whether a name stays below the folder it is put in, on every system, and names a file that is not hidden.
fn is_plain(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part.len() <= 128
            && !part.starts_with('.')
            && !part.ends_with([' ', '.'])
            && part.chars().all(|c| (c.is_ascii_graphic() || c == ' ') && !r#"\:*?"<>|"#.contains(c))
    };
    name.split('/').count() <= 4
        && name.split('/').all(plain)
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(name: &str) -> Vec<u8> {
        let files = serde_json::json!([
            {"rfilename": "README.md"},
            {"rfilename": name, "lfs": {"sha256": "AB".repeat(32), "size": 5, "pointerSize": 1}},
        ]);
        serde_json::json!({"sha": "c".repeat(40), "siblings": files}).to_string().into_bytes()
    }

    #[test]
    fn data_files_are_kept_with_their_checksums() {
        let listing = Listing::parse(&json("data/full-00000-of-00001-9ab.parquet")).unwrap();
        let file = Listed { name: "data/full-00000-of-00001-9ab.parquet".into(), size: 5, sha256: "ab".repeat(32) };
        assert_eq!(listing, Listing { commit: "c".repeat(40), files: vec![file] });
    }

    #[test]
    fn hostile_names_are_refused() {
        for name in [
            "../x.parquet",
            "/etc/x.parquet",
            "a/../../x.parquet",
            "a//x.parquet",
            "C:\\x.parquet",
            "a\\x.parquet",
            ".hidden.parquet",
            "a\nb.parquet",
            "a\u{202e}.parquet",
            "./x.parquet",
            "a/b/c/d/e.parquet",
            ".parquet",
        ] {
            assert!(Listing::parse(&json(name)).unwrap_err().contains("unsafe"), "{name}");
        }
    }

    #[test]
    fn what_is_no_listing_is_refused() {
        let error = |json: &str| Listing::parse(json.as_bytes()).unwrap_err();
        assert!(error("<!DOCTYPE html>").contains("web page"));
        assert!(error("{}").contains("not a listing"));
        assert!(error(r#"{"sha": "main", "siblings": []}"#).contains("without a commit"));
        let sha = "c".repeat(40);
        assert!(error(&format!(r#"{{"sha": "{sha}", "siblings": []}}"#)).contains("no parquet"));
        let bare = format!(r#"{{"sha": "{sha}", "siblings": [{{"rfilename": "a.parquet"}}]}}"#);
        assert!(error(&bare).contains("no checksum for a.parquet"));
    }

    proptest! {
        #[test]
        fn a_name_that_is_kept_stays_below_its_folder(name in "[a./\\\\ :]{0,12}\\.parquet") {
            if Listing::parse(&json(&name)).is_ok() {
                let path = Path::new("/root/folder").join(&name);
                prop_assert!(path.starts_with("/root/folder"));
                prop_assert!(!path.components().any(|part| part == Component::ParentDir));
            }
        }
    }
}
