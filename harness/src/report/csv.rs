//! Rows of text as a CSV file (RFC 4180), for what holds names that somebody else gave.

/// A header and its lines, each ended by a line feed.
pub fn text<'a, L: AsRef<[String]> + 'a>(header: &[String], lines: impl IntoIterator<Item = L>) -> String {
    let mut out = line(header);
    lines.into_iter().for_each(|fields| out += &line(fields.as_ref()));
    out
}

fn line(fields: &[String]) -> String {
    let fields: Vec<String> = fields.iter().map(|text| field(text)).collect();
    fields.join(",") + "\n"
}

/// In quotes where it holds a comma, a quote or a line break; quotes are doubled.
pub fn field(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_signs_of_their_own_are_quoted() {
        let own = |fields: [&str; 2]| fields.map(str::to_owned);
        let written = text(&own(["file", "class"]), [own(["a, b.png", "say \"cheese\""]), own(["c d.png", ""])]);
        assert_eq!(written, "file,class\n\"a, b.png\",\"say \"\"cheese\"\"\"\nc d.png,\n");
    }
}
