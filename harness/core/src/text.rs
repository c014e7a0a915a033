//! Text as other programs write it: lists with a byte-order mark, any line ending, quotes, an index column, commas or
//! semicolons or tabs, names in any Unicode normal form. Every list that a person hands in is read here.

use std::borrow::Cow;

use csv_core::{ReadRecordResult, ReaderBuilder};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Text from the bytes of a file: UTF-8 with or without a byte-order mark, or UTF-16 with one. The error says what it is
/// instead, without naming the file.
pub fn read(bytes: &[u8]) -> Result<String, String> {
    let wide = |order: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks(2).map(|pair| order([pair[0], pair.get(1).copied().unwrap_or(0)]));
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| "is not UTF-8 or UTF-16 text".to_string())
    };
    match bytes {
        // The mark of UTF-16, and then an even number of bytes: else it is no text at all.
        [0xff, 0xfe, ..] if bytes.len() > 3 && bytes.len().is_multiple_of(2) => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] if bytes.len() > 3 && bytes.len().is_multiple_of(2) => wide(u16::from_be_bytes),
        _ => {
            let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text; save it as UTF-8".to_string())?;
            Ok(text.trim_start_matches('\u{feff}').to_string())
        }
    }
}

/// The composed normal form (NFC): what macOS stores as letter and accent and others store as one sign compares equal.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// A row of a list: the number of its line (from 1) and its fields, unquoted and trimmed.
pub type Row = (usize, Vec<String>);

/// The rows of a list whose fields are parted by commas, semicolons or tabs, whichever its first line holds most of.
/// Fields may be quoted, lines may end in any way; empty lines are no rows.
pub fn rows(text: &str) -> Vec<Row> {
    let text = text.trim_start_matches('\u{feff}');
    let bytes = text.as_bytes();
    let mut reader = ReaderBuilder::new().delimiter(delimiter(text)).build();
    let (mut fields, mut ends) = (vec![0; bytes.len() + 1], vec![0; bytes.len() + 2]);
    // A line ends with a line feed, a carriage return, or both.
    let ends_line = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    let (mut at, mut line) = (0, 1);
    let mut rows = Vec::new();
    loop {
        // Empty lines before a row are its reader's to skip and ours to count.
        let row_at = (at..bytes.len()).find(|at| !matches!(bytes[*at], b'\n' | b'\r')).unwrap_or(bytes.len());
        let start = line + (at..row_at).filter(ends_line).count();
        let (result, read, wrote, ended) = reader.read_record(&bytes[at..], &mut fields, &mut ends);
        line += (at..at + read).filter(ends_line).count();
        at += read;
        let (mut written, mut ended) = (wrote, ended);
        let mut result = result;
        // At the end of the text the reader asks once more, with nothing.
        while matches!(result, ReadRecordResult::InputEmpty) {
            let (more, _, wrote, ends_more) = reader.read_record(&[], &mut fields[written..], &mut ends[ended..]);
            written += wrote;
            ended += ends_more;
            result = more;
        }
        if !matches!(result, ReadRecordResult::Record) {
            return rows;
        }
        let field = |index: usize| {
            let from = if index == 0 { 0 } else { ends[index - 1] };
            // Only whole fields are cut out, at bytes that are ASCII: the text stays UTF-8.
            String::from_utf8_lossy(&fields[from..ends[index]]).trim().trim_matches('"').trim().to_string()
        };
        let row: Vec<String> = (0..ended).map(field).collect();
        if row.iter().any(|field| !field.is_empty()) {
            rows.push((start, row));
        }
    }
}

/// The sign that parts the fields of the first line that is not empty.
pub fn delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |sign: u8| {
        let mut quoted = false;
        let bare = |byte: &u8| {
            quoted ^= *byte == b'"';
            !quoted && *byte == sign
        };
        first.bytes().filter(bare).count()
    };
    // Of equals the last wins, and a comma is the likeliest.
    [b'\t', b';', b','].into_iter().max_by_key(|sign| count(*sign)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(text: &str) -> Vec<(usize, String)> {
        rows(text).into_iter().map(|(line, fields)| (line, fields.join("|"))).collect()
    }

    #[test]
    fn every_program_s_list_has_the_same_rows() {
        let wanted = [(1, "filename|label".to_string()), (2, "a b.jpg|cat".into()), (4, "c.jpg|dog".into())];
        for text in [
            "filename,label\na b.jpg,cat\n\nc.jpg,dog\n",
            "\u{feff}filename,label\r\na b.jpg,cat\r\n\r\nc.jpg,dog",
            "filename;label\r\n\"a b.jpg\";\"cat\"\r\n\r\nc.jpg; dog \r\n",
            "filename\tlabel\ra b.jpg\tcat\r\rc.jpg\t\"dog\"\r",
            "\"filename\", \"label\"\n a b.jpg , \"cat\"\n   \nc.jpg,dog",
        ] {
            assert_eq!(fields(text), wanted, "{text:?}");
        }
        assert_eq!(fields("\"a, b\",\"say \"\"x\"\"\"\n"), [(1, "a, b|say \"\"x".replace("\"\"", "\""))]);
        assert_eq!(fields(""), []);
        assert_eq!(fields("\n\n\r\n"), []);
        assert_eq!(fields("x"), [(1, "x".into())]);
    }

    #[test]
    fn bytes_become_text_or_are_named() {
        let wide = |order: fn(u16) -> [u8; 2], mark: [u8; 2]| -> Vec<u8> {
            mark.into_iter().chain("Äb,1".encode_utf16().flat_map(order)).collect()
        };
        assert_eq!(read(&wide(u16::to_le_bytes, [0xff, 0xfe])).unwrap(), "Äb,1");
        assert_eq!(read(&wide(u16::to_be_bytes, [0xfe, 0xff])).unwrap(), "Äb,1");
        assert_eq!(read("\u{feff}Äb,1".as_bytes()).unwrap(), "Äb,1");
        assert!(read(b"\xc4b").unwrap_err().contains("not UTF-8"));
        assert!(read(&[0xff, 0xfe, 0x00]).unwrap_err().contains("not UTF-8"));
        assert!(read(&[0xff, 0xfe, 0x00, 0xd8]).unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn normal_forms_become_one() {
        assert_eq!(nfc("Cafe\u{301}"), "Caf\u{e9}");
        assert_eq!(nfc("plain"), "plain");
    }

    proptest! {
        #[test]
        fn any_text_ends_and_lines_only_grow(text in "[a\"',;\t\r\n\u{e9}\u{feff} ]{0,60}") {
            let rows = rows(&text);
            prop_assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0 || text.contains('"')), "{:?}", rows);
        }
    }
}
