//! The main mistakes at a keyboard, each with what is said to it: the thing, the remedy, the nearest right name.

use std::fs;

use insta::assert_snapshot;

use crate::binary::{Place, Said};

#[test]
fn mistakes_are_answered_with_the_thing_and_the_remedy() {
    let place = Place::new();
    fs::write(place.dir.path().join("file"), "x").unwrap();
    fs::write(place.dir.path().join("wrong.toml"), "titel = \"x\"\n").unwrap();
    let sine = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../benchmarks/sine.toml")).unwrap();
    fs::write(place.dir.path().join("mine.toml"), sine.replace("[protocol]", "[protocl]")).unwrap();
    let row = "label = \"reptle\", mode = \"-\", value = 1.0, tolerance = 1.0, source = \"S\"";
    for (name, text) in
        [("target.toml", &*format!("published = [{{ {row} }}]")), ("gone.toml", "[method]\nunset = [\"reptile\"]")]
    {
        fs::write(place.dir.path().join(name), format!("base = \"sine\"\ntitle = \"T\"\n{text}\n")).unwrap();
    }
    let lines = [
        // Names.
        "reprodce",
        "reproduce omniglot-5w1",
        "reproduce sine.toml",
        "reproduce sine --method reptle",
        "reproduce sine --buget paper",
        "reproduce sine --budget papr",
        "list benchmark",
        "list benchmarks figures",
        "list benchmarks figure",
        "list --format jsn",
        "data fetch omnigloot",
        "data fetsh omniglot",
        "completions bsh",
        // Keys.
        "reproduce sine --set protocl.ways=2",
        "reproduce sine --set protocol.way=2",
        "reproduce sine --set method.reptil.lr=1",
        "reproduce sine --set method.reptile.inner_iter=1",
        "reproduce sine quadratic --set method.transfer.tune_lr=0.1",
        "reproduce sine --set protocol.shots=2 --set protocol.shots=3",
        "reproduce sine --set method.reptile.optimizer=sgdd",
        "reproduce sine --set method.reptile.algorithm=reptil",
        "reproduce sine --set data.dataset=omnigloot",
        "reproduce sine --set model.network=mpl",
        "reproduce sine --set model.activation=relo",
        "reproduce glyphs-5w1s --set method.reptile.view.rotations=per-drawn",
        "reproduce omniglot-5w1s --set data.split=omniglott --offline",
        "reproduce sine --set ways",
        "reproduce wrong.toml",
        "reproduce mine.toml",
        "reproduce target.toml",
        "reproduce gone.toml",
        // Values, files, data.
        "reproduce sine --threads 0",
        "reproduce sine --device tpu",
        "reproduce sine --meta-iters 1 --out file",
        "reproduce omniglot-5w1s --offline",
        "report nowhere",
        "eval nowhere.safetensors sine",
        "data fetch",
        "data verify",
    ];
    let mut all = String::new();
    for line in lines {
        let said = place.run(line);
        assert_eq!(said.out, "", "{line}");
        assert!([2, 4, 6].contains(&said.code), "{line}: {}", said.code);
        all += &format!("$ harness {line}\n{}exit code {}\n\n", said.err, said.code);
    }
    assert_snapshot!("mistakes", all);
}

#[test]
fn a_variable_that_cannot_be_read_is_named() {
    let place = Place::new();
    let output = place.command("list").env("RUST_LOG", "harness=loud").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.starts_with("error: RUST_LOG=harness=loud: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_bug_of_the_harness_is_an_internal_error() {
    let place = Place::new();
    let mut list = place.command("list");
    list.env("HARNESS_TEST_PANIC", "a table of nothing").env_remove("RUST_BACKTRACE");
    let said = Said::new(list.output().unwrap(), place.dir.path());
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
    assert_eq!(said.err, "internal error: a table of nothing; RUST_BACKTRACE=1 says where\n");
}
