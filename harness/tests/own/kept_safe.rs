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

#[test]
fn what_belongs_to_another_run_is_neither_state_nor_number_and_no_record_is_lost() {
    let own = Own::new();
    own.write("b.toml", TABLE);
    let line = "reproduce b.toml --method protonet --seeds 2 --out out";
    own.done(line);
    let at = |seed: u64, name: &str| own.path(&format!("out/quick/b/protonet/seed-{seed}/{name}"));
    let state = "checkpoint-3.safetensors";
    let kept = bytes(&at(0, state));
    fs::copy(at(1, state), at(0, state)).unwrap();
    crate::across::on_folder(&own);
    let said = own.done("across out --to mine.toml --eval-episodes 2");
    assert!(said.out.contains("not the state that the run beside it reports: put back the file"), "{}", said.out);
    fs::write(at(0, state), kept).unwrap();

    let metrics = fs::read_to_string(at(0, "metrics.csv")).unwrap();
    let last = metrics.lines().rfind(|line| line.contains(",test,inductive,accuracy,")).unwrap();
    let mut cells: Vec<&str> = last.split(',').collect();
    cells[7] = "1.5";
    fs::write(at(0, "metrics.csv"), metrics.replace(last, &cells.join(","))).unwrap();
    own.run("report out").expect(6, "has accuracy 1.5 on test and episodes.parquet has ");
    fs::write(at(0, "metrics.csv"), metrics).unwrap();
    own.done("report out");

    // Who cannot lock a run has no word in its record.
    let record = bytes(&at(0, "run.json"));
    fs::remove_file(at(0, "run.lock")).unwrap();
    fs::create_dir(at(0, "run.lock")).unwrap();
    assert_ne!(own.run(line).code, Some(0));
    assert!(bytes(&at(0, "run.json")) == record);
    fs::remove_dir(at(0, "run.lock")).unwrap();
    // A whole evaluation without its record may be all that there is: nothing is begun over it.
    let episodes = bytes(&at(0, "episodes.parquet"));
    fs::write(at(0, "run.json"), "{").unwrap();
    fs::remove_file(at(0, state)).unwrap();
    own.run(line).expect(6, "run.json: not a run record");
    assert!(bytes(&at(0, "episodes.parquet")) == episodes);
}
