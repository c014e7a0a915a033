//! The rows of a list of images, a file and a label each: names that stay in the folder they are looked for in.

use harness_core::text::{self, nfc};

/// What heads a column of files.
const FILES: [&str; 12] = [
    "filename",
    "file_name",
    "filenames",
    "file",
    "files",
    "image",
    "image_name",
    "images",
    "img",
    "path",
    "filepath",
    "name",
];
/// What heads a column of labels.
const LABELS: [&str; 11] =
    ["label", "labels", "class", "class_name", "classname", "category", "wnid", "synset", "target", "species", "tag"];

/// Line number, and file and label or what is wrong with the row.
pub(crate) type Row = (usize, Result<(String, String), String>);

/// Every row but the heading. Columns are found by their heading;
/// without one a row is file and label, after a column of numbers or without it.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let rows = text::rows(text);
    let heads = |known: &[&str], fields: &[String]| {
        let head = |field: &String| known.contains(&&*field.to_lowercase());
        fields.iter().position(head)
    };
    let first = rows.first().map_or(&[][..], |(_, fields)| fields);
    let columns = heads(&FILES, first).zip(heads(&LABELS, first)).filter(|(file, label)| file != label);
    let headed = columns.is_some() || first.first().is_some_and(|field| field.to_lowercase().starts_with("filename"));
    let one = |(number, fields): text::Row| {
        let number_first = fields.len() == 3 && (fields[0].is_empty() || fields[0].parse::<u64>().is_ok());
        let (file, label) = match columns {
            Some((file, label)) => (fields.get(file), fields.get(label)),
            None if number_first => (fields.get(1), fields.get(2)),
            None if fields.len() == 2 => (fields.first(), fields.get(1)),
            None => (None, None),
        };
        let plain = |name: &str| {
            !name.is_empty()
                && name.len() < 256
                && !name.starts_with('.')
                && !name.contains(['/', '\\'])
                && !name.contains(char::is_control)
        };
        let row = match (file, label) {
            (Some(file), Some(label)) if plain(file) && plain(label) => {
                Ok((nfc(file).into_owned(), nfc(label).into_owned()))
            }
            (Some(_), Some(_)) => Err("a file or label that is not a plain name".to_string()),
            _ => Err(format!("{} fields where filename,label belong", fields.len())),
        };
        (number, row)
    };
    rows.into_iter().skip(usize::from(headed)).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(file: &str, label: &str) -> (String, String) {
        (file.to_string(), label.to_string())
    }

    #[test]
    fn headings_and_empty_lines_are_no_rows() {
        let text = "filename,label\r\nn01.jpg,n01\r\n\r\n\"n02.jpg\", n02\n";
        let found: Vec<_> = rows(text).into_iter().map(|(number, row)| (number, row.unwrap())).collect();
        assert_eq!(found, [(2, row("n01.jpg", "n01")), (4, row("n02.jpg", "n02"))]);
    }

    #[test]
    fn the_same_list_from_every_program() {
        let wanted = [row("a.jpg", "cat"), row("Caf\u{e9}.jpg", "b\u{e4}r")];
        for text in [
            "a.jpg,cat\nCaf\u{e9}.jpg,b\u{e4}r\n",
            "\u{feff}filename;label\r\na.jpg;cat\r\nCafe\u{301}.jpg;ba\u{308}r\r\n",
            ",filename,label\n0,a.jpg,cat\n1,Caf\u{e9}.jpg,b\u{e4}r\n",
            "0,a.jpg,cat\n1,Caf\u{e9}.jpg,b\u{e4}r\n",
            "\"Label\",\"id\",\"Image\"\n\"cat\",\"7\",\"a.jpg\"\n\"b\u{e4}r\",\"8\",\"Caf\u{e9}.jpg\"\n",
            "path\tclass\ra.jpg\tcat\rCaf\u{e9}.jpg\tb\u{e4}r",
        ] {
            let found: Vec<_> = rows(text).into_iter().map(|(_, row)| row.unwrap()).collect();
            assert_eq!(found, wanted, "{text:?}");
        }
        let wrong = |text: &str| rows(text).into_iter().find_map(|(number, row)| Some((number, row.err()?))).unwrap();
        assert_eq!(wrong("filename,label\na.jpg,cat\nb.jpg\n"), (3, "1 fields where filename,label belong".into()));
        assert_eq!(wrong("a.jpg,cat,dog\n").1, "3 fields where filename,label belong");
        assert!(wrong("a.jpg,\"cat\nb.jpg,dog\n").1.contains("not a plain name"));
    }

    proptest! {
        #[test]
        fn a_name_never_leaves_its_folder(text in "([a./\\\\\"]{0,6}[,;\t]?[n0/.]{0,6}\n){0,4}") {
            for (_, row) in rows(&text) {
                if let Ok((file, label)) = row {
                    for name in [file, label] {
                        let path = std::path::Path::new("/folder").join(&name);
                        prop_assert_eq!(path.parent(), Some(std::path::Path::new("/folder")), "{}", name);
                    }
                }
            }
        }
    }
}
