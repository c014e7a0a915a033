//! The lines of a list, `filename,label` each: names that stay in the folder they are looked for in.

/// Line number, and file and label or what is wrong, of every line but the heading and empty ones.
pub(super) fn rows(text: &str) -> impl Iterator<Item = (usize, Result<(String, String), String>)> {
    let lines = (1..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
    let heading = |number: usize, line: &str| number == 1 && line.starts_with("filename");
    lines.filter(move |(number, line)| !line.is_empty() && !heading(*number, line)).map(|(number, line)| {
        let fields: Vec<&str> = line.split(',').map(|field| field.trim().trim_matches('"')).collect();
        let plain = |name: &str| {
            !name.is_empty() && name.len() < 256 && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
        };
        let row = match fields[..] {
            [file, label] if plain(file) && plain(label) => Ok((file.to_string(), label.to_string())),
            [_, _] => Err("a file or label that is not a plain name".to_string()),
            _ => Err(format!("{} fields where filename,label belong", fields.len())),
        };
        (number, row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headings_and_empty_lines_are_no_rows() {
        let text = "filename,label\r\nn01.jpg,n01\r\n\r\n\"n02.jpg\", n02\n";
        let found: Vec<_> = rows(text).map(|(number, row)| (number, row.unwrap())).collect();
        let row = |file: &str, label: &str| (file.to_string(), label.to_string());
        assert_eq!(found, [(2, row("n01.jpg", "n01")), (4, row("n02.jpg", "n02"))]);
    }

    proptest! {
        #[test]
        fn a_name_never_leaves_its_folder(text in "([a./\\\\\"]{0,6},?[n0/.]{0,6}\n){0,4}") {
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
