//! `harness data`.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use crate::{Own, Said, bytes, tar};

#[test]
fn a_folder_of_images_is_verified_and_one_that_is_cut_is_named() {
    let own = Own::new();
    own.folder("pics", 2, 3);
    let found = |code: i32| {
        let (text, json) = (own.run("data verify pics"), own.run("data verify pics --format json"));
        assert_eq!((text.code, json.code), (Some(code), Some(code)), "{text:?} {json:?}");
        let rows: Vec<Value> = serde_json::from_str(&json.out).unwrap();
        let [row] = &rows[..] else { panic!("{}", json.out) };
        assert_eq!((&row["dataset"], &row["classes"], &row["images"]), (&"folder pics".into(), &2.into(), &6.into()));
        (text.out, row.clone())
    };
    let (text, row) = found(0);
    assert!(text.starts_with("folder pics: sound\n") && text.contains(" 2 of 3 images, 6 in all\n"), "{text}");
    let digest = row["digest"].as_str().unwrap();
    assert!(digest.len() == 64 && text.ends_with(&format!(" {digest}\n")), "{digest} in {text}");
    assert_eq!((&row["sound"], &row["undecodable"]), (&true.into(), &Value::Array(Vec::new())));

    let path = own.path("pics/c01/02.png");
    let png = bytes(&path);
    fs::write(&path, &png[..png.len() / 2]).unwrap();
    let (text, row) = found(6);
    assert!(text.starts_with("folder pics: NOT SOUND\n"), "{text}");
    assert!(text.contains("pics/c01/02.png does not decode") && text.contains("digest       none"), "{text}");
    let broken = row["undecodable"].as_array().unwrap();
    assert_eq!((&row["sound"], &row["digest"], broken.len()), (&false.into(), &Value::Null, 1));
    assert_eq!(broken[0]["image"], "pics/c01/02.png");
}

#[test]
fn the_variable_names_the_folder_that_a_data_set_lies_in() {
    let own = Own::new();
    let path = || Said::from(own.command("data path omniglot").env("HARNESS_DATA_DIR", "x").output().unwrap());
    assert_eq!(path().expect(6, "/x/omniglot (HARNESS_DATA_DIR, no such folder)").out, "");
    for half in ["background", "evaluation"] {
        own.write(&format!("x/omniglot/images_{half}.zip"), "");
    }
    let said = path().expect(0, "").out;
    assert!(said.starts_with("omniglot: ") && said.ends_with("/x/omniglot/images_evaluation.zip (zip)\n"), "{said}");
    own.run("data path omniglot").expect(6, "omniglot is not here");
}

#[test]
fn nothing_is_fetched_where_the_variable_of_the_hub_says_so() {
    let own = Own::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let mut fetch = own.command("data fetch omniglot");
    fetch.env("HF_HUB_OFFLINE", "1").env("HF_ENDPOINT", format!("http://{}", server.local_addr().unwrap()));
    let said = Said::from(fetch.output().unwrap()).expect(6, "HF_HUB_OFFLINE is set");
    assert_eq!(said.out, "");
    assert_eq!(server.accept().map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock), "it was asked");
}

/// An archive of half of Omniglot: as many drawings as there are, all empty.
fn half(name: &str, characters: Range<usize>) -> Vec<u8> {
    let drawing = |at: usize| (format!("images_{name}/A/{:04}/{:02}.png", at / 20, at % 20), Vec::new());
    tar((characters.start * 20..characters.end * 20).map(drawing))
}

#[test]
fn what_is_here_already_is_not_fetched_unless_a_folder_is_named() {
    let own = Own::new();
    own.write("x/omniglot/images_background.tar", half("background", 0..964));
    own.write("x/omniglot/images_evaluation.tar", half("evaluation", 964..1623));
    let fetch = |more: &str, here: &str| {
        let mut command = own.command(&format!("data fetch omniglot {more}"));
        command.env("HARNESS_DATA_DIR", here).env("HF_HUB_OFFLINE", "1");
        Said::from(command.output().unwrap())
    };
    let said = fetch("", "x").expect(0, "").out;
    assert!(said.starts_with("omniglot is here already, so that nothing is fetched: "), "{said}");
    assert!(
        said.contains("/x/omniglot/images_evaluation.tar (tar); `harness data verify omniglot` checks it"),
        "{said}"
    );
    fetch("--data-dir y", "x").expect(6, "omniglot is not fetched: --offline or HF_HUB_OFFLINE is set");

    // What is not whole would hide what is fetched.
    own.write("z/omniglot/images_background.tar", half("background", 0..2));
    own.write("z/omniglot/images_evaluation.tar", half("evaluation", 2..3));
    let said = fetch("--data-dir z", "").expect(6, "omniglot: 3 characters where 1623 belong");
    assert!(said.err.contains("remove it, or fetch into another folder with --data-dir DIR"), "{}", said.err);
}

#[test]
fn the_form_is_the_same_word_for_people_and_for_programs() {
    let own = Own::new();
    own.write("x/omniglot/images_background.zip", "");
    own.write("x/omniglot/images_evaluation/readme", "");
    let said = own.done("data path omniglot --data-dir x").out;
    assert!(said.ends_with("/x/omniglot/images_evaluation (zip and folders)\n"), "{said}");
    let rows: Value = serde_json::from_str(&own.done("data path omniglot --data-dir x --format json").out).unwrap();
    assert_eq!(rows[0]["form"], "zip and folders");
    own.run("data path folder").expect(2, "folder stands for images of your own: give the path of their folder");
}

#[test]
fn a_path_that_is_no_utf_8_is_shown_as_far_as_it_is_text() {
    let own = Own::new();
    let name = OsStr::from_bytes(b"x\xff");
    let home = own.dir.path().join(name).join("omniglot");
    fs::create_dir_all(&home).unwrap();
    for half in ["images_background.zip", "images_evaluation.zip"] {
        fs::write(home.join(half), "").unwrap();
    }
    let path = |line: &str| Said::from(own.command(line).arg(name).output().unwrap());
    let said = path("data path omniglot --data-dir").expect(0, "").out;
    assert!(said.ends_with("/x\u{fffd}/omniglot/images_evaluation.zip (zip)\n"), "{said}");
    let rows: Value =
        serde_json::from_str(&path("data path omniglot --format json --data-dir").expect(0, "").out).unwrap();
    assert!(rows[0]["paths"][0].as_str().unwrap().ends_with("/x\u{fffd}/omniglot/images_background.zip"), "{rows}");

    // A benchmark's file could not say where it is.
    own.folder("pics", 12, 2);
    fs::rename(own.path("pics"), home.join("pics")).unwrap();
    let said = Said::from(own.command("new-benchmark").arg(home.join("pics")).output().unwrap());
    said.expect(2, "a benchmark's file is UTF-8, and this name is not: rename the folder");
}
