//! Errors of TOML itself: the line, and the key whose value is wrong, also where the value is a text of many lines.

use harness_core::Error;
use harness_core::config::explain;

/// A syntax error on one line: the number of the line, the path of the key where a value is wrong, and what is.
pub(super) fn explained(text: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
    let scan = Scan::of(text, start);
    let key = scan.path().map_or(String::new(), |path| format!("{path}: "));
    let escape = text.as_bytes()[..start].last() == Some(&b'\\') || text.as_bytes().get(start) == Some(&b'\\');
    let hint = if scan.basic && escape { "; in \"…\" a backslash is written twice, in '…' once" } else { "" };
    Error::usage(format!("line {line}: {key}{}{hint}", explain(error.message())))
}

/// What the text is in the middle of.
#[derive(Default)]
struct Scan {
    section: String,
    /// Keys of the arrays and inline tables around.
    around: Vec<Option<String>>,
    /// The key whose value is being read.
    key: Option<String>,
    /// Whether a text in double quotes is open.
    basic: bool,
}

impl Scan {
    /// Reads `text` up to the byte `end`.
    fn of(text: &str, end: usize) -> Scan {
        let (mut scan, mut word, mut rest) = (Scan::default(), String::new(), text);
        let at = |rest: &str| text.len() - rest.len();
        while let Some(c) = rest.chars().next().filter(|_| at(rest) < end) {
            let after = &rest[c.len_utf8()..];
            let line = rest.find('\n').unwrap_or(rest.len());
            rest = after;
            match c {
                '"' | '\'' => {
                    let (held, left) = quoted(c, after);
                    if at(left) >= end && held.is_some_and(|held| at(after) + held.len() >= end) || held.is_none() {
                        scan.basic = c == '"';
                        return scan;
                    }
                    word += held.unwrap_or_default();
                    rest = left;
                }
                '#' => rest = &after[(line - 1).min(after.len())..],
                '=' if scan.key.is_none() => scan.key = Some(std::mem::take(&mut word).trim().to_string()),
                '\n' | ',' if scan.around.is_empty() || c == ',' => {
                    scan.key = None;
                    word.clear();
                }
                '[' if scan.key.is_none() && scan.around.is_empty() => {
                    let name = after[..(line - 1).min(after.len())].split('#').next().unwrap_or_default();
                    scan.section = name.trim().trim_matches(['[', ']']).trim().to_string();
                    rest = &after[(line - 1).min(after.len())..];
                }
                '[' | '{' => {
                    scan.around.push(scan.key.take());
                    word.clear();
                }
                ']' | '}' => {
                    scan.key = scan.around.pop().flatten();
                    word.clear();
                }
                c => word.push(c),
            }
        }
        scan
    }

    /// The path of the key whose value is being read.
    fn path(&self) -> Option<String> {
        self.key.as_ref()?;
        let section = Some(&self.section).filter(|section| !section.is_empty());
        let keys: Vec<&str> =
            section.into_iter().chain(self.around.iter().flatten()).chain(&self.key).map(String::as_str).collect();
        Some(keys.join("."))
    }
}

/// What stands between quotes that have just been opened by `quote`, and what comes after them; none where they do not
/// close.
fn quoted(quote: char, rest: &str) -> (Option<&str>, &str) {
    let three = [quote; 3].iter().collect::<String>();
    let (body, close) = match rest.strip_prefix(&three[1..]) {
        Some(body) => (body, &three[..]),
        None => (rest, &three[..1]),
    };
    let mut from = 0;
    while let Some(c) = body[from..].chars().next() {
        if body[from..].starts_with(close) {
            return (Some(&body[..from]), &body[from + close.len()..]);
        }
        if c == '\n' && close.len() == 1 {
            break;
        }
        from += c.len_utf8();
        if c == '\\' && quote == '"' {
            from += body[from..].chars().next().map_or(0, char::len_utf8);
        }
    }
    (None, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = text.parse::<toml::Table>().unwrap_err();
        explained(text, &error).to_string()
    }

    #[test]
    fn a_text_that_is_wrong_names_its_key() {
        for (text, start) in [
            ("title = \"abc", "line 1: title: "),
            ("title = \"a\"\n\n[data] # where = it is\npath = \"C:\\data\\q\"\n", "line 4: data.path: "),
            ("[a.b]\nx = 'it's'\n", "line 2: a.b.x: "),
            ("[a]\n# say = \"\nx = \"\"\"one\ntwo \\q\n\"\"\"\n", "line 4: a.x: "),
            ("list = [\n  { name = \"good\", path = \"bad \\d\" },\n]\n", "line 2: list.path: "),
            ("[m]\n\"odd key\" = 'a\n", "line 2: m.odd key: "),
            ("a = { b = \"x\", c = 5x }\n", "line 1: a.c: "),
            ("a = [1, 2]\nb = \"\\é\"\n", "line 2: b: "),
        ] {
            let error = error(text);
            assert!(error.starts_with(start) && error.lines().count() == 1, "{text:?}: {error}");
        }
        assert!(error("path = \"C:\\data\\q\"\n").contains("a backslash is written twice"));
        let other = error("a = 1\na = 2\n");
        assert!(other.starts_with("line 2: duplicate key"), "{other}");
        let other = error("[a\nb = 1\n");
        assert!(!other.contains("backslash") && other.starts_with("line "), "{other}");
    }

    #[test]
    fn any_text_that_toml_refuses_is_explained_on_one_line() {
        let alphabet = ["a", "=", "\"", "'", "\\", "\n", "[", "]", "{", "}", ",", "#", "é", " ", "\"\"\"", "1"];
        let mut state = 7u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text += alphabet[(state >> 59) as usize % alphabet.len()];
            }
            if let Err(error) = text.parse::<toml::Table>() {
                let said = explained(&text, &error).to_string();
                assert!(said.starts_with("line "), "{text:?}: {said}");
            }
        }
    }
}
