//! `harness new-benchmark`, and `--folds` without a split.

use std::fs;

use harness::benchmark::Benchmark;
use harness_core::ClassSplit;

use crate::Own;

/// So little that every row of a file runs in seconds.
const SMALL: &str =
    "--meta-iters 1 --eval-episodes 2 --offline --out out --set eval.curve_points=2 --set eval.curve_episodes=1";

#[test]
fn a_folder_without_parts_becomes_a_benchmark_that_runs() {
    let own = Own::new();
    own.folder("My Glyphs", 12, 8);
    let mut command = own.command("new-benchmark");
    let said = crate::Said::from(command.arg("My Glyphs").output().unwrap()).expect(0, "");
    assert!(said.out.contains("wrote my-glyphs-split.txt\nwrote my-glyphs-5w1s.toml\n"), "{}", said.out);
    assert!(said.out.contains("harness reproduce my-glyphs-5w1s.toml"), "{}", said.out);
    let (text, list) = (own.read("my-glyphs-5w1s.toml"), own.read("my-glyphs-split.txt"));
    for part in [
        "base = \"cifar-fs-5w1s\"",
        "# my-glyphs: 12 classes, 96 images.",
        "# `harness reproduce FILE --folds 5` tests every class once: ",
        "96 images that were looked at: 28 × 28 pixels, grey.",
        "[method.untrained]         # random initialisation",
        "side = 28 ",
        "channels = 1 ",
        "7 / 0 / 5 classes for train / val / test, dealt by seed 0",
        "[method.protonet]",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let split = ClassSplit::parse(&list).unwrap();
    assert_eq!((split.train.len(), split.val.len(), split.test.len()), (7, 0, 5));

    let ran = own.done(&format!("reproduce my-glyphs-5w1s.toml {SMALL} --keep-queries"));
    // Five test classes: the page has the whole matrix, with the names of the folders.
    let page = own.read("out/report.html");
    for part in ["Rows: the class; columns: what it was taken for", "On the diagonal", "<th scope=\"row\">c0"] {
        assert!(page.contains(part), "{part}");
    }
    let file = Benchmark::find(own.path("my-glyphs-5w1s.toml").to_str().unwrap(), &[]).unwrap();
    let base = Benchmark::find("cifar-fs-5w1s", &[]).unwrap();
    let labels =
        |benchmark: &Benchmark| benchmark.methods.iter().map(|method| method.label.clone()).collect::<Vec<_>>();
    assert_eq!(labels(&file), labels(&base));
    assert!(labels(&file).iter().all(|label| ran.out.contains(label.as_str())), "{}", ran.out);

    // Nothing is written over; another seed deals other classes.
    let again = crate::Said::from(own.command("new-benchmark").arg("My Glyphs").output().unwrap());
    again.expect(2, "my-glyphs-5w1s.toml: is there already");
    // A second table of the folder has the list of the first, or a folder of its own.
    let more =
        |more: &[&str]| crate::Said::from(own.command("new-benchmark").arg("My Glyphs").args(more).output().unwrap());
    let second = more(&["--shots", "2"]).expect(0, "").out;
    assert!(second.starts_with("my-glyphs-split.txt is there already and stays"), "{second}");
    assert!(second.contains("\nwrote my-glyphs-5w2s.toml\n"), "{second}");
    assert!(own.read("my-glyphs-5w2s.toml").contains("split = \"my-glyphs-split.txt\""));
    more(&["--shots", "3", "--seed", "1"])
        .expect(2, "my-glyphs-split.txt: is there already and deals the classes otherwise");
    more(&["--shots", "3", "--seed", "1", "--out", "other/b.toml"]).expect(0, "");
    assert!(own.read("my-glyphs-split.txt") == list && own.read("other/my-glyphs-split.txt") != list);
    assert!(!own.path("my-glyphs-5w3s.toml").exists());
    fs::remove_file(own.path("my-glyphs-5w1s.toml")).unwrap();
    fs::remove_file(own.path("my-glyphs-split.txt")).unwrap();
    let seeded = own.command("new-benchmark").arg("My Glyphs").args(["--seed", "1"]).output().unwrap();
    assert!(seeded.status.success());
    assert_ne!(own.read("my-glyphs-split.txt"), list);
    assert!(own.read("my-glyphs-5w1s.toml").contains("dealt by seed 1"));
}

#[test]
fn a_split_that_was_dealt_again_is_not_gone_on_with() {
    let own = Own::new();
    own.folder("birds", 12, 8);
    own.done("new-benchmark birds");
    let line = format!("reproduce birds-5w1s.toml --method reptile {SMALL}");
    own.done(&line);
    let again = own.done(&line);
    assert!(again.err.contains("1 complete"), "the classes are the same: {}", again.err);
    images_were_changed(&own, &line);
    for file in ["birds-5w1s.toml", "birds-split.txt"] {
        fs::remove_file(own.path(file)).unwrap();
    }
    own.done("new-benchmark birds --seed 1");
    let refused = crate::Said::from(own.command(&line).output().unwrap());
    refused.expect(2, "the split of its classes has changed since");
}

/// Other images in the folder are told as such, and not as another split.
fn images_were_changed(own: &Own, line: &str) {
    let copy = |from: &str, to: &str| {
        fs::copy(own.path(from), own.path(to)).unwrap();
    };
    let refused = |what: &str| {
        let said = own.run(line).expect(2, "birds-5w1s/reptile/seed-0 was made by another run (data digest: ");
        let told = format!(" here; {what}): restore the images, choose another --out, or start over with --fresh\n");
        assert!(said.err.contains(&told), "{told} is not in: {}", said.err);
    };
    copy("birds/c03/00.png", "birds/c03/99.png");
    refused("class c03 has another number of images: 8 there, 9 here");
    // A state may have seen what is a test class by now.
    let budgets = fs::read_dir(own.path("out")).unwrap().flatten().map(|entry| entry.path().join("birds-5w1s"));
    let state = budgets.map(|table| table.join("reptile/seed-0/checkpoint-1.safetensors")).find(|state| state.exists());
    let state = state.unwrap();
    let eval = format!("eval {} birds-5w1s.toml --eval-episodes 2", state.display());
    // What it noted of its classes tells that it has not.
    own.done(&eval);
    fs::remove_file(state.with_file_name("classes.json")).unwrap();
    own.run(&eval).expect(2, "the images have changed since it was trained, and no classes.json beside it tells");
    fs::remove_file(own.path("birds/c03/99.png")).unwrap();

    copy("birds/c05/00.png", "kept.png");
    copy("birds/c04/00.png", "birds/c05/00.png");
    refused("class c05 has other pixels");
    // Nothing tells what was where decoded images are not kept.
    for cache in [".cache", "Library"] {
        let _ = fs::remove_dir_all(own.path(cache));
    }
    refused("images were added, removed or changed");
    copy("kept.png", "birds/c05/00.png");
}

#[test]
fn the_parts_of_a_folder_are_its_split() {
    let own = Own::new();
    own.folder("all", 9, 6);
    for (part, classes) in [("train", 0..5), ("test", 5..9)] {
        fs::create_dir_all(own.path(&format!("pics/{part}"))).unwrap();
        for class in classes {
            fs::rename(own.path(&format!("all/c{class:02}")), own.path(&format!("pics/{part}/c{class:02}"))).unwrap();
        }
    }
    let line = "new-benchmark pics --shots 2 --out files/mine.toml --base mini-imagenet-5w1s";
    let said = own.done(line);
    assert_eq!(said.out.lines().next(), Some("wrote files/mine.toml"), "no list is needed: {}", said.out);
    let text = own.read("files/mine.toml");
    for part in [
        "unset = [\"split\"]",
        "5 / 0 / 4 classes",
        "ways = 4 ",
        "shots = 2 ",
        "unset = [\"select\"]",
        "train_ways = 5",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    own.done(&format!("reproduce files/mine.toml {SMALL} --method protonet --method reptile"));
    own.run("new-benchmark pics --ways 5 --out w.toml").expect(2, "--ways 5, but the part test of pics has 4 classes");
    own.run("new-benchmark pics --shots 4 --out s.toml")
        .expect(2, "class c00 has 6 images, and 4 shots with as many queries need 8");
    own.run("new-benchmark pics --base sine --out b.toml").expect(2, "--base sine: sine has no images");
    own.run("new-benchmark pics --base omniglt-5w1s --out b.toml").expect(2, "omniglot-5w1s");
    own.run("new-benchmark nowhere").expect(6, "nowhere: no such folder");
    fs::remove_dir_all(own.path("pics/test")).unwrap();
    own.run("new-benchmark pics --out t.toml").expect(2, "pics: has parts and no test");
    for name in ["w.toml", "s.toml", "b.toml", "t.toml"] {
        assert!(!own.path(name).exists(), "{name}");
    }
}

#[test]
fn folds_need_no_split() {
    let own = Own::new();
    own.folder("pics", 6, 4);
    own.write(
        "f.toml",
        r#"
title = "A folder without parts"
data = { dataset = "folder", path = "pics", side = 28, channels = 1 }
model = { network = "reptile-omniglot", filters = 2 }
protocol = { ways = 2, shots = 1, queries = 1 }
eval = { episodes = 4, modes = ["inductive"], curve_points = 2, curve_episodes = 2 }
method.protonet = { meta_iters = 1, train_ways = 3, train_queries = 1 }
"#,
    );
    own.run("reproduce f.toml --out out").expect(2, "carries no split of its classes");
    let said = own.done("reproduce f.toml --folds 3 --out out");
    assert!(said.out.contains("mean over 3 folds"), "{}", said.out);
    let mut tested = Vec::new();
    for fold in 1..=3 {
        let record = own.read(&format!("out/quick/f@fold-{fold}of3/protonet/seed-0/run.json"));
        tested.push(serde_json::from_str::<serde_json::Value>(&record).unwrap()["episode_hash"].to_string());
    }
    tested.dedup();
    assert_eq!(tested.len(), 3, "each fold has classes of its own");
}
