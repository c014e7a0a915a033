//! `harness data`.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;

use serde_json::Value;

use crate::{Own, Said, bytes};

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
