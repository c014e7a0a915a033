//! Tables at several widths, and without a terminal.

use insta::assert_snapshot;

use crate::binary::Place;

#[test]
fn list_at_three_widths() {
    let place = Place::new();
    for columns in ["60", "80", "120"] {
        let output = place.command("list").env("COLUMNS", columns).output().unwrap();
        let said = crate::binary::Said::new(output, place.dir.path());
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let most: usize = columns.parse().unwrap();
        // The folder's name is masked after the table was laid out.
        for line in said.out.lines().filter(|line| !line.contains("[HOME]")) {
            assert!(line.chars().count() <= most, "{columns}: {line}");
        }
        assert!(!said.out.contains('\u{1b}'), "colour without a terminal");
        assert_snapshot!(format!("list-{columns}"), said.out);
    }
}

#[test]
fn too_narrow_a_terminal_gets_forty_columns_and_a_wrong_variable_none() {
    let place = Place::new();
    let at = |columns: &str| place.command("list").env("COLUMNS", columns).output().unwrap().stdout;
    assert_eq!(at("20"), at("40"));
    assert_eq!(at("wide"), at("120"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut child = place.command("completions bash").stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
