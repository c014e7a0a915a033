//! The page in a real browser: its layout wherever Chromium is installed; sorting, values and contrast by hand, as README.md
//! beside this file says.

mod layout;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// What is not installed, if anything.
fn missing(tests: &Path, chromium: &Path) -> Option<String> {
    if !Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Some("node is not installed".into());
    }
    if !chromium.is_file() {
        return Some(format!("no browser at {} (CHROMIUM names another place)", chromium.display()));
    }
    let driver = tests.join("node_modules/playwright-core");
    (!driver.is_dir()).then(|| format!("no playwright-core: run `npm install` in {}", tests.display()))
}

#[test]
#[ignore = "needs Chromium, Node and playwright-core"]
fn the_page_renders_sorts_and_shows_values() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = here.join("tests/browser");
    let chromium = PathBuf::from(std::env::var_os("CHROMIUM").unwrap_or("/usr/bin/chromium".into()));
    if let Some(missing) = missing(&tests, &chromium) {
        // Straight to the terminal: what a passing test prints is kept from it.
        let _ = writeln!(std::io::stderr(), "SKIPPED a test: {missing}");
        return;
    }
    // The committed results, and beside them a regression benchmark with two seeds and one with images.
    let out = tempfile::tempdir().unwrap();
    copy(&here.join("../results/reference"), out.path());
    for benchmark in ["sine", "glyphs-5w1s"] {
        let run = Command::new(env!("CARGO_BIN_EXE_harness"))
            .args(["reproduce", benchmark, "--meta-iters", "40", "--eval-episodes", "10", "--seeds", "2", "--out"])
            .arg(out.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
    let page = out.path().join("report.html");
    let mut browser = Command::new("node");
    browser.arg(tests.join("page.mjs")).arg(&page).env("CHROMIUM", &chromium);
    if let Some(pictures) = std::env::var_os("SCREENSHOTS") {
        browser.arg(pictures);
    }
    assert!(browser.status().unwrap().success(), "the browser's checks failed: see above");
}
