//! Nothing is cut off, the verdict is in sight, names are whole: measured by Chromium alone.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs inside the page, in a frame, and leaves what it measured in the title of the document around it.
const MEASURE: &str = r#"
const wide = document.documentElement.scrollWidth - window.innerWidth;
const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("details:not([open]), .hidden");
const cells = [...document.querySelectorAll("table.results td, table.results tbody th")].filter(seen);
const right = (e) => e.getBoundingClientRect().right;
const clipped = cells.filter((c) => right(c) > window.innerWidth + 0.5 || c.scrollWidth > c.clientWidth + 1);
const verdicts = [...document.querySelectorAll(".judged .verdict")].filter(seen);
const hidden = verdicts.filter((v) => right(v) > window.innerWidth || v.getBoundingClientRect().width < 20);
const broken = [];
for (const head of document.querySelectorAll("table.results tbody th")) {
  if (!seen(head)) continue;
  const walker = document.createTreeWalker(head, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    // A name may break after a hyphen and nowhere else.
    for (const match of walker.currentNode.textContent.matchAll(/[^\s-]+-?/g)) {
      const range = document.createRange();
      range.setStart(walker.currentNode, match.index);
      range.setEnd(walker.currentNode, match.index + match[0].length);
      const lines = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
      if (lines.size > 1) broken.push(match[0]);
    }
  }
}
window.top.document.title = JSON.stringify({ window: window.innerWidth, wide, cells: cells.length, verdicts: verdicts.length,
  clipped: clipped.map((c) => c.textContent.trim().slice(0, 40)), hidden: hidden.length, broken });
"#;

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    named.into_iter().chain(usual).find(|path| path.is_file())
}

fn headless(chromium: &Path, profile: &Path) -> Command {
    let mut command = Command::new(chromium);
    command.arg(format!("--user-data-dir={}", profile.display())).args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
    ]);
    command
}

#[test]
fn no_cell_is_cut_off_the_verdict_is_in_sight_and_paper_is_short() {
    let Some(chromium) = chromium() else {
        // Straight to the terminal: what a passing test prints is kept from it.
        let why = "no Chromium is installed (CHROMIUM names another place)";
        let _ = writeln!(std::io::stderr(), "SKIPPED a test: {why}");
        return;
    };
    let out = tempfile::tempdir().unwrap();
    crate::copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference"), out.path());
    let report = harness::report::build(out.path()).unwrap();
    let page = report.page();
    let text = std::fs::read_to_string(&page).unwrap();
    // The page lets no script run but its own: a copy without that rule is measured.
    let (before, rest) = text.split_once("<meta http-equiv=\"Content-Security-Policy\"").expect("the page's policy");
    let (_, after) = rest.split_once('>').unwrap();
    let measured = out.path().join("measured.html");
    let script = format!("<script>{MEASURE}</script></body>");
    std::fs::write(&measured, format!("{before}{}", after.replace("</body>", &script))).unwrap();
    let address = |path: &Path| format!("file://{}", path.display());
    let profile = out.path().join("profile");
    for width in [390, 1400, 1920] {
        for dark in [false, true] {
            // A window is at least 500 wide, a frame is as narrow as asked.
            let around = out.path().join("around.html");
            let frame = format!("<iframe src='measured.html' style='width:{width}px;height:1000px;border:0'></iframe>");
            std::fs::write(&around, format!("<title></title><body style='margin:0'>{frame}</body>")).unwrap();
            let mut command = headless(&chromium, &profile);
            command.arg(format!("--window-size={},1000", width.max(500))).arg("--dump-dom");
            command.arg("--allow-file-access-from-files");
            if dark {
                command.arg("--blink-settings=preferredColorScheme=0");
            }
            let output = command.arg(address(&around)).output().unwrap();
            let dom = String::from_utf8_lossy(&output.stdout);
            let title = dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
            let title = title.expect("a page with a title").0.replace("&quot;", "\"").replace("&amp;", "&");
            let found: serde_json::Value = serde_json::from_str(&title).unwrap_or_else(|_| panic!("{title}"));
            let what = format!("{width} px, dark {dark}: {found}");
            assert_eq!(found["window"], width, "{what}");
            assert!(found["wide"].as_i64().unwrap() <= 0, "sideways scroll at {what}");
            assert!(found["cells"].as_u64().unwrap() > 100 && found["verdicts"].as_u64().unwrap() >= 6, "{what}");
            assert_eq!(found["clipped"].as_array().unwrap().len(), 0, "cut off at {what}");
            assert_eq!(found["hidden"], 0, "a verdict out of sight at {what}");
            assert_eq!(found["broken"].as_array().unwrap().len(), 0, "names broken at {what}");
        }
    }
    let paper = out.path().join("page.pdf");
    let mut print = headless(&chromium, &profile);
    print.arg(format!("--print-to-pdf={}", paper.display())).arg("--no-pdf-header-footer").arg(address(&page));
    assert!(print.output().unwrap().status.success());
    let pdf = std::fs::read(&paper).unwrap();
    let sheets = pdf.windows(12).filter(|w| w.starts_with(b"/Type /Page") && w[11] != b's').count();
    // A table has its rows, its curves and its runs, and two sheets are enough for them; three methods are told on one.
    let rows = report.rows();
    let tables = rows.iter().map(|row| (&row.budget, &row.benchmark)).collect::<HashSet<_>>().len();
    let methods = text.matches("id=\"method-").count();
    assert!(sheets > 0 && sheets <= 2 * tables + methods / 3, "{sheets} sheets of {tables} tables, {methods} methods");
}
