//! The rows of a list of images, a file and a label each: paths that stay in the folder they are looked for in.

use std::collections::HashMap;

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
/// Where two columns of labels contradict one another, that is the only row, at the line of the heading.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let rows = text::rows(text);
    let heads = |known: &[&str], fields: &[String]| -> Vec<usize> {
        let head = |column: &usize| known.contains(&&*fields[*column].to_lowercase());
        (0..fields.len()).filter(head).collect()
    };
    let first = rows.first().map_or(&[][..], |(_, fields)| fields);
    let labels = heads(&LABELS, first);
    let columns = heads(&FILES, first).first().copied().zip(labels.first().copied());
    if let (Some(_), Some((one, other))) = (columns, contradiction(&labels, rows.get(1..).unwrap_or_default())) {
        let (one, other) = (&first[one], &first[other]);
        return vec![(
            rows[0].0,
            Err(format!("the columns {one} and {other} make different classes of the rows; remove one of them")),
        )];
    }
    let headed = columns.is_some() || first.first().is_some_and(|field| field.to_lowercase().starts_with("filename"));
    let one = |(number, fields): text::Row| {
        let number_first = fields.len() == 3 && (fields[0].is_empty() || fields[0].parse::<u64>().is_ok());
        let (file, label) = match columns {
            Some((file, label)) => (fields.get(file), fields.get(label)),
            None if number_first => (fields.get(1), fields.get(2)),
            None if fields.len() == 2 => (fields.first(), fields.get(1)),
            None => (None, None),
        };
        let row = match (file, label) {
            (Some(file), Some(label)) => below(file)
                .filter(|_| plain(label))
                .map(|file| (file, nfc(label).into_owned()))
                .ok_or("a file that is not below its folder, or a label that is not a plain name".to_string()),
            _ => Err(format!("{} fields where filename,label belong", fields.len())),
        };
        (number, row)
    };
    rows.into_iter().skip(usize::from(headed)).map(one).collect()
}

fn plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 256
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.contains(char::is_control)
}

/// A file's path below the folder: plain names with `/` between them, on whatever system the list was written.
fn below(file: &str) -> Option<String> {
    let file = file.replace('\\', "/");
    let file = file.trim_start_matches("./");
    // With a colon the name of a folder may be a drive's.
    let drive = file.rsplit_once('/').is_some_and(|(folders, _)| folders.contains(':'));
    (!drive && file.split('/').all(plain)).then(|| nfc(file).into_owned())
}

/// The first column of labels, and one after it that parts the rows otherwise.
fn contradiction(labels: &[usize], rows: &[text::Row]) -> Option<(usize, usize)> {
    let (first, others) = labels.split_first()?;
    others.iter().find(|other| !same_classes(rows, *first, **other)).map(|other| (*first, *other))
}

/// Whether rows that are equal in one column are equal in the other. A row that lacks one of them is not asked.
fn same_classes(rows: &[text::Row], one: usize, other: usize) -> bool {
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    rows.iter().all(|(_, fields)| {
        let (Some(one), Some(other)) = (fields.get(one), fields.get(other)) else { return true };
        let (one, other) = (nfc(one), nfc(other));
        *there.entry(one.clone()).or_insert_with(|| other.clone()) == other
            && *back.entry(other).or_insert_with(|| one.clone()) == one
    })
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
            "./a.jpg,cat\n.\\Cafe\u{301}.jpg,b\u{e4}r\n",
        ] {
            let found: Vec<_> = rows(text).into_iter().map(|(_, row)| row.unwrap()).collect();
            assert_eq!(found, wanted, "{text:?}");
        }
        let wrong = |text: &str| rows(text).into_iter().find_map(|(number, row)| Some((number, row.err()?))).unwrap();
        assert_eq!(wrong("filename,label\na.jpg,cat\nb.jpg\n"), (3, "1 fields where filename,label belong".into()));
        assert_eq!(wrong("a.jpg,cat,dog\n").1, "3 fields where filename,label belong");
        assert!(wrong("a.jpg,\"cat\nb.jpg,dog\n").1.contains("not a plain name"));
        for file in ["../a.jpg", "/a.jpg", "b/../a.jpg", "b//a.jpg", "b/", "C:\\a.jpg", "b/.a.jpg", "./"] {
            assert!(wrong(&format!("{file},cat\n")).1.contains("not below its folder"), "{file}");
        }
    }

    #[test]
    fn a_file_may_lie_in_folders_of_the_folder() {
        let found: Vec<_> =
            rows("cat/a.jpg,cat\ndog\\small\\b.jpg,dog\n").into_iter().map(|(_, row)| row.unwrap()).collect();
        assert_eq!(found, [row("cat/a.jpg", "cat"), row("dog/small/b.jpg", "dog")]);
    }

    #[test]
    fn two_columns_of_labels_must_make_the_same_classes() {
        let found = |text: &str| -> Vec<_> { rows(text).into_iter().map(|(_, row)| row.unwrap()).collect() };
        let wanted = [row("a.jpg", "n1"), row("b.jpg", "n2"), row("c.jpg", "n1")];
        // The same classes by other names, once with an accent as a sign of its own.
        assert_eq!(found("filename,wnid,Class\na.jpg,n1,b\u{e4}r\nb.jpg,n2,cat\nc.jpg,n1,ba\u{308}r\n"), wanted);
        assert_eq!(found("label,file,tag\nn1,a.jpg,x\nn2,b.jpg,y\nn1,c.jpg,x\n"), wanted);
        // A column of no label may say anything.
        assert_eq!(found("filename,wnid,place\na.jpg,n1,x\nb.jpg,n2,x\nc.jpg,n1,y\n"), wanted);
        for text in [
            // Finer, coarser, across.
            "filename,class,species\na.jpg,bird,wren\nb.jpg,bird,robin\n",
            "filename,class,species\na.jpg,wren,bird\nb.jpg,robin,bird\n",
            "filename,class,species\na.jpg,x,1\nb.jpg,x,2\nc.jpg,y,1\nd.jpg,y,2\n",
        ] {
            let what = "the columns class and species make different classes of the rows; remove one of them";
            assert_eq!(rows(text), [(1, Err(what.to_string()))], "{text:?}");
        }
        // The third column contradicts the first.
        let third = &rows("\nfile,label,wnid,Tag\na.jpg,1,n1,x\nb.jpg,2,n2,x\n")[0];
        assert!(third.0 == 2 && third.1.as_ref().unwrap_err().contains("columns label and Tag make"), "{third:?}");
    }

    proptest! {
        #[test]
        fn a_name_never_leaves_its_folder(text in "([a./\\\\\"]{0,6}[,;\t]?[n0/.]{0,6}\n){0,4}") {
            for (_, row) in rows(&text) {
                if let Ok((file, label)) = row {
                    let folder = std::path::Path::new("/folder");
                    let (named, path) = (folder.join(&label), folder.join(&file));
                    prop_assert_eq!(named.parent(), Some(folder), "{}", label);
                    let steps = path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).count();
                    prop_assert!(path.starts_with(folder) && steps == 2 + file.matches('/').count(), "{}", file);
                }
            }
        }
    }
}
