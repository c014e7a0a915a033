//! What a command writes beside its answer takes nothing away that was there.

use std::fs;

use crate::{Own, TABLE, bytes};

#[test]
fn an_export_writes_over_no_file_of_a_run_and_of_nobody_else() {
    let own = Own::new();
    own.write("b.toml", TABLE);
    own.done("reproduce b.toml --method protonet --out out");
    let checkpoint = own.checkpoint("protonet");
    let before = bytes(&own.path(&checkpoint));
    for trim in ["--trim", ""] {
        own.run(&format!("export {checkpoint} {trim} --out {checkpoint}")).expect(2, "is a file of a run");
        let beside = checkpoint.replace("checkpoint-", "./checkpoint-");
        own.run(&format!("export {checkpoint} {trim} --out {beside}")).expect(2, "is a file of a run");
    }
    assert!(bytes(&own.path(&checkpoint)) == before);

    own.write("net.py", "mine");
    own.run(&format!("export {checkpoint} --out net.safetensors")).expect(2, "net.py: is there already");
    assert_eq!(own.read("net.py"), "mine");
    fs::remove_file(own.path("net.py")).unwrap();
    for _ in 0..2 {
        own.done(&format!("export {checkpoint} --out net.safetensors"));
    }
    // `a.b` would have the card and the module of `a`.
    own.run(&format!("export {checkpoint} --out net.b")).expect(2, "net.json: is there already");

    let eval = |more: &str| own.run(&format!("eval {checkpoint} b.toml {more}"));
    fs::create_dir(own.path("folder")).unwrap();
    let said = eval("--episodes-csv folder").expect(2, "folder: is a folder: name a file");
    assert!(!said.err.contains("episode 1"), "{}", said.err);
    eval("--episodes-csv one.csv --keep-queries one.csv").expect(2, "name one file");
    eval("--threads 100000").expect(2, "at most 1024");
}
