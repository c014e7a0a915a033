//! Where methods differ from their papers: the paragraph `**Known deviations.**` of each crate's README.

use harness_core::Entry;

/// What the README of a method says, as HTML.
pub fn html(entry: &Entry) -> Option<String> {
    entry.deviations().map(|text| inline(&text))
}

/// The inline Markdown of our READMEs as HTML: code and emphasis; of a link only its words, as the page loads nothing and
/// links nowhere. Everything else is escaped.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            out += &format!("<code>{}</code>", escape(part));
            continue;
        }
        let mut rest = part;
        while let Some((before, words, after)) = link(rest) {
            out += &escape(&before.replace(['*'], ""));
            out += &escape(words);
            rest = after;
        }
        out += &escape(&rest.replace(['*'], ""));
    }
    out
}

/// `before [words](address) after`.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let (head, tail) = text.split_once("](")?;
    let (before, words) = head.rsplit_once('[')?;
    let (_, after) = tail.split_once(')')?;
    Some((before, words, after))
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_says_where_it_deviates() {
        for entry in crate::registry::ALGORITHMS {
            let said = html(entry).unwrap_or_default();
            assert!(
                said.len() > 40,
                "algorithms/{0}/README.md needs a paragraph that begins \"**Known deviations.**\" (\"None known.\" is \
                 too little: say what was compared with the paper); the report page shows it",
                entry.name
            );
        }
    }

    #[test]
    fn markdown_becomes_safe_html() {
        assert_eq!(
            inline("a *b* [paper](https://x.org/y) `v ← <k>` & c"),
            "a b paper <code>v ← &lt;k&gt;</code> &amp; c"
        );
        assert_eq!(inline("no [link here"), "no [link here");
    }
}
