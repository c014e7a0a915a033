//! `harness across`.

use std::process::Command;

use serde_json::Value;

use crate::{Own, TABLE};

/// The small table on a folder of glyphs.
pub(super) fn on_folder(own: &Own) {
    own.folder("pics/train", 6, 20);
    own.folder("pics/test", 6, 20);
    for class in 0..6 {
        let [from, to] = ["c", "d"].map(|letter| own.path(&format!("pics/test/{letter}{class:02}")));
        std::fs::rename(from, to).unwrap();
    }
    let data = "data = { dataset = \"folder\", path = \"pics\", side = 28, channels = 1 }";
    own.write(
        "mine.toml",
        TABLE.replace("data = { dataset = \"glyphs\" }", data).replace("train_ways = 10", "train_ways = 5"),
    );
}

#[test]
fn runs_are_evaluated_on_other_data_as_eval_does_it_and_kept() {
    let own = Own::trained();
    on_folder(&own);
    own.write("colour.toml", own.read("mine.toml").replace("channels = 1", "channels = 3"));
    own.write("large.toml", own.read("mine.toml").replace("side = 28", "side = 40"));
    let line = "across out --to mine.toml --to colour.toml --to large.toml --to glyphs --eval-episodes 7";
    let said = own.done(line);
    for part in [
        "quick · 5-way 2-shot · inductive · accuracy, % · 7 test episodes",
        "left out b → colour: trained on grey images, one channel, and these have 3 channels",
        "left out b reptile → large at 40 pixels: its network reads 28 × 28 pixels alone (",
        "±: 95 % over episodes, one seed",
    ] {
        assert!(said.out.contains(part), "{part} is not in:\n{}", said.out);
    }
    assert!(!said.out.contains("→ glyphs"), "its own data set: {}", said.out);
    assert!(said.out.contains("left out b maml → large at 40"), "{}", said.out);
    assert!(!said.out.contains("left out b protonet"), "a head that is made from the support set fits: {}", said.out);

    // The very number of `eval` on a table that is alike but for its data.
    let cells: Value = serde_json::from_str(&own.done(&format!("{line} --format json")).out).unwrap();
    let cells = cells.as_array().unwrap();
    // Three methods at the size of their training, and one at 40 pixels too, in two modes; large at 28 as well.
    assert_eq!(cells.len(), 2 * (3 + 3 + 1), "{cells:?}");
    for label in ["reptile", "maml", "protonet"] {
        let eval = own.done(&format!(
            "eval {} mine.toml --method {label} --eval-episodes 7 --format json",
            own.checkpoint(label)
        ));
        for row in serde_json::from_str::<Value>(&eval.out).unwrap().as_array().unwrap() {
            let same = |cell: &&Value| cell["method"] == label && cell["to"] == "mine" && cell["mode"] == row["mode"];
            let cell = cells.iter().find(same).unwrap();
            assert_eq!((&cell["value"], &cell["ci95_episodes"]), (&row["value"], &row["ci95_episodes"]), "{label}");
            assert_eq!((&cell["episodes"], &cell["seeds"], &cell["side"]), (&7.into(), &1.into(), &28.into()));
        }
    }

    // A run whose state lies with the run that trained it has that one's numbers.
    let file = own.read("out/across.csv");
    let mut twin: Value = serde_json::from_str(&own.read("out/quick/b/protonet/seed-0/run.json")).unwrap();
    (twin["label"], twin["trained_by"]) = ("twin".into(), "b protonet seed 0".into());
    twin["config"]["label"] = "twin".into();
    own.write("out/quick/b/twin/seed-0/run.json", twin.to_string());
    own.done("across out --method twin --to mine.toml --eval-episodes 7");
    let of = |text: &str, label: &str| -> Vec<String> {
        let rows = text.lines().filter(|line| line.contains(&format!(",{label},")) && line.contains(",mine,"));
        rows.map(|line| line.replace(label, "x")).collect()
    };
    assert_eq!((of(&own.read("out/across.csv"), "twin"), of(&file, "protonet").len()), (of(&file, "protonet"), 2));
    own.write("out/quick/b/twin/seed-0/run.json", twin.to_string().replace("b protonet", "b nobody"));
    own.write("out/across.csv", &file);
    own.run("across out --method twin --to mine.toml --eval-episodes 7")
        .expect(4, "left out b twin seed 0: its state is not here");
    std::fs::remove_dir_all(own.path("out/quick/b/twin")).unwrap();

    // Nothing is evaluated twice, and without the data the table is the same.
    let again = own.done(line);
    assert!(again.out == said.out && !again.err.contains("episode"), "{}", again.err);
    std::fs::remove_dir_all(own.path("pics")).unwrap();
    let kept = own.done("across out --kept --format markdown");
    assert!(kept.out.contains("| method | b → mine, 28 px | b → large, 28 px | b → large, 40 px |"), "{}", kept.out);
    let latex = own.done("across out --kept --method protonet --to mine.toml --format latex").out;
    assert!(latex.contains("\\toprule") && !latex.contains("reptile"), "{latex}");
    let csv = own.done("across out --kept --format csv").out;
    assert_eq!(csv, own.read("out/across.csv"));
    assert_eq!(csv.lines().count(), 1 + cells.len());

    // Of several folders the last column says which one a row is of; a folder counts once.
    let copied = Command::new("cp").args(["-r", "out", "o,2"]).current_dir(own.dir.path()).status().unwrap();
    assert!(copied.success());
    let rows = |out: &str| csv.lines().skip(1).map(|row| format!("{row},{out}\n")).collect::<String>();
    let of_both = format!("{},out\n{}{}", csv.lines().next().unwrap(), rows("out"), rows("\"o,2\""));
    assert_eq!(own.done("across out o,2 --kept --format csv").out, of_both);
    assert_eq!(own.done("across out out/ --kept --format csv").out, csv);

    // A run that is gone has no number any more.
    std::fs::rename(own.path("out/quick/b/maml"), own.path("maml")).unwrap();
    let kept = own.done("across out --kept").out;
    assert!(
        kept.contains("left out b maml seed 0 → mine: the run is not there as it was when it was tested"),
        "{kept}"
    );
    assert!(!kept.contains("\nmaml ") && kept.contains("\nprotonet "), "{kept}");
    std::fs::rename(own.path("maml"), own.path("out/quick/b/maml")).unwrap();
    assert_eq!(own.done("across out --kept --format csv").out, csv);

    // A state that was trained on other images, or is another one, has no number either; other test images are tested anew.
    let run = own.read("out/quick/b/protonet/seed-0/run.json");
    let mut other: Value = serde_json::from_str(&run).unwrap();
    other["data_digest"] = "0".repeat(64).into();
    own.write("out/quick/b/protonet/seed-0/run.json", other.to_string());
    let kept = own.done("across out --kept").out;
    assert!(kept.contains("left out b protonet seed 0 → mine: the run is not there as it was"), "{kept}");
    own.write("out/quick/b/protonet/seed-0/run.json", &run);
    on_folder(&own);
    assert_eq!(own.done("across out --kept --format csv").out, csv);
    own.done("across out --method protonet --to mine.toml --eval-episodes 7");
    assert_eq!(own.read("out/across.csv"), csv, "the same images");
    std::fs::copy(own.path("pics/test/d00/00.png"), own.path("pics/test/d01/99.png")).unwrap();
    own.done("across out --method protonet --to mine.toml --eval-episodes 7");
    let digest = |text: &str| -> Vec<String> {
        let rows = text.lines().filter(|line| line.contains(",protonet,") && line.contains(",mine,"));
        rows.map(|line| line.split(',').nth(16).unwrap().to_owned()).collect()
    };
    assert_ne!(digest(&own.read("out/across.csv")), digest(&csv));
    std::fs::remove_dir_all(own.path("pics")).unwrap();

    // Other numbers of episodes are other rows; a folder that is gone is named.
    own.run("across out --to mine.toml --eval-episodes 3").expect(4, "no such folder");
    own.run("across out --kept --eval-episodes 5").expect(4, "across.csv holds no such row");
    let typo = "unknown method \"repitle\"; did you mean \"reptile\"? known: maml, protonet, reptile";
    own.run("across out --kept --method protonet --method repitle").expect(2, typo);
    own.run("across nowhere").expect(2, "no results folder nowhere");
    own.run("across out --to sine").expect(2, "--to: unknown data set \"sine\"");
    own.write("out/across.csv", own.read("out/across.csv").replace("inductive", "both"));
    own.run("across out --kept")
        .expect(6, "across.csv:3: unknown mode \"both\"; delete it, and `harness across` evaluates again");
}
