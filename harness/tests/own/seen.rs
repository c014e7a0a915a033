//! `harness eval` on images of one's own that changed since a state was trained on them.

use std::fs;

use crate::{Own, TABLE, letters};

/// The table on a folder, by a list of classes.
fn table(path: &str, list: &str) -> String {
    let data = format!("{{ dataset = \"folder\", path = \"{path}\", side = 28, channels = 1, split = \"{list}\" }}");
    let text = TABLE.replace("{ dataset = \"glyphs\" }", &data).replace("train_ways = 10", "train_ways = 5");
    assert!(text.contains(path) && text.contains("train_ways = 5"));
    text
}

/// The classes of a folder that are trained on, and those that test.
fn list(letter: &str, train: std::ops::Range<usize>, test: std::ops::Range<usize>) -> String {
    let lines = |part: &str, range: std::ops::Range<usize>| -> String {
        range.map(|class| format!("{part} {letter}{class:02}\n")).collect()
    };
    lines("train", train) + &lines("test", test)
}

#[test]
fn no_class_of_the_training_is_tested_whatever_became_of_its_images() {
    let own = Own::new();
    own.folder("pics", 12, 20);
    own.write("list.txt", list("c", 0..6, 6..12));
    own.write("b.toml", table("pics", "list.txt"));
    own.done("reproduce b.toml --method protonet --out out --threads 2");
    let checkpoint = own.checkpoint("protonet");
    let eval = |file: &str, code: i32, part: &str| {
        own.run(&format!("eval {checkpoint} {file} --method protonet --eval-episodes 2")).expect(code, part)
    };
    eval("b.toml", 0, "");

    // One image more in a test class, and it is as new as before.
    own.png(letters(), 0, "pics/c07/20.png");
    eval("b.toml", 0, "");
    own.write("other.txt", list("c", 6..12, 0..6));
    own.write("other.toml", table("pics", "other.txt"));
    eval(
        "other.toml",
        2,
        "it was trained on other classes, and so on test classes of other, such as c00: name a benchmark",
    );

    // A copy under other names, an image short.
    fs::create_dir(own.path("copy")).unwrap();
    for class in 0..12 {
        fs::rename(own.path(&format!("pics/c{class:02}")), own.path(&format!("copy/d{class:02}"))).unwrap();
        fs::remove_file(own.path(&format!("copy/d{class:02}/00.png"))).unwrap();
    }
    own.write("copied.txt", list("d", 6..12, 0..6));
    own.write("copied.toml", table("copy", "copied.txt"));
    eval("copied.toml", 2, "and so on test classes of copied, such as d00, which has images of c00: name a benchmark");
    own.write("same.txt", list("d", 0..6, 6..12));
    own.write("same.toml", table("copy", "same.txt"));
    eval("same.toml", 0, "");

    // Other letters of the same names elsewhere are other classes.
    for class in 0..12 {
        let first = letters().classes[class].images.start;
        (0..20).for_each(|image| own.png(letters(), first + image, &format!("else/c{class:02}/{image:02}.png")));
    }
    own.write("else.toml", table("else", "other.txt"));
    eval("else.toml", 0, "");

    // Without the run's note nobody knows what the folder was.
    fs::remove_file(own.path("out/quick/b/protonet/seed-0/classes.json")).unwrap();
    fs::rename(own.path("else"), own.path("pics.new")).unwrap();
    fs::remove_dir_all(own.path("pics")).unwrap();
    fs::rename(own.path("pics.new"), own.path("pics")).unwrap();
    eval(
        "b.toml",
        2,
        "the images have changed since it was trained, and no classes.json beside it tells on which classes",
    );
    eval("same.toml", 0, "");
    own.run(&format!("eval {checkpoint} b.toml --split train --eval-episodes 2")).expect(0, "");
}
