//! `harness predict`.

use std::collections::BTreeMap;
use std::fs;

use harness::runner::final_key;
use harness_core::sources::{ImageTasks, glyphs};
use harness_core::{Draw, Purpose, Split, Stream, TaskSource};
use image::codecs::png::PngEncoder;
use image::imageops::rotate270;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use serde_json::Value;

use crate::{Own, bytes, letters, tar};

/// The first test episode of the table as folders: `s/w0/0.png` … to learn from, `q/00.png` … to be told, in its order, and the
/// same by class in `known`. The ways of the queries.
fn episode(own: &Own) -> Vec<usize> {
    let source = ImageTasks::new(std::sync::Arc::new(glyphs::glyphs(0)), &glyphs::split()).unwrap();
    let mut rng = Stream::new(0, Purpose::EvalTask, final_key(Split::Test), 0);
    let draw = Draw::Episode { ways: None, shots: 2, queries: 3 };
    let bytes = source.identity(Split::Test, &draw, 5, &mut rng).unwrap();
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap()) as usize;
    let all: Vec<(usize, usize)> = bytes.chunks(16).map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect();
    let (support, query) = all.split_at(10);
    for (at, (image, way)) in support.iter().enumerate() {
        own.png(letters(), *image, &format!("s/w{way}/{}.png", at % 2));
    }
    for (at, (image, way)) in query.iter().enumerate() {
        own.png(letters(), *image, &format!("q/{at:02}.png"));
        own.png(letters(), *image, &format!("known/w{way}/{at:02}.png"));
    }
    query.iter().map(|(_, way)| *way).collect()
}

/// Class and prediction of the queries of episode 0, from a CSV file of `eval`.
fn evaluated(own: &Own, label: &str, mode: &str) -> Vec<(String, String)> {
    own.done(&format!(
        "eval {} b.toml --method {label} --eval-episodes 1 --keep-queries kept.csv",
        own.checkpoint(label)
    ));
    let text = own.read("kept.csv");
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    rows.filter(|row| row[1] == mode).map(|row| (row[3].to_owned(), row[4].to_owned())).collect()
}

#[test]
fn the_images_of_a_test_episode_get_the_answers_of_the_evaluation() {
    let own = Own::trained();
    let ways = episode(&own);
    // maml normalises all queries together in the table too; the others one of each class at a time.
    for (label, mode) in
        [("reptile", "inductive"), ("protonet", "inductive"), ("maml", "inductive"), ("maml", "transductive")]
    {
        let rows = evaluated(&own, label, mode);
        let way_of: BTreeMap<&str, usize> =
            rows.iter().zip(&ways).map(|((class, _), way)| (class.as_str(), *way)).collect();
        assert_eq!(way_of.len(), 5);
        let line = format!("predict {} --support s --query q --mode {mode} --format csv", own.checkpoint(label));
        let said = own.done(&line);
        let mut lines = said.out.lines();
        assert_eq!(lines.next(), Some("file,label,p(w0),p(w1),p(w2),p(w3),p(w4)"));
        let mut right = 0;
        for (at, (line, (class, prediction))) in lines.zip(&rows).enumerate() {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells[0], format!("{at:02}.png"));
            assert_eq!(cells[1], format!("w{}", way_of[prediction.as_str()]), "{label} {mode}, query {at}: {line}");
            let p: Vec<f64> = cells[2..].iter().map(|cell| cell.parse().unwrap()).collect();
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{line}");
            assert!(p.iter().all(|other| *other <= p[way_of[prediction.as_str()]]), "{line}");
            right += usize::from(class == prediction);
        }
        let known = own.done(&line.replace("--query q", "--query known").replace("csv", "json"));
        let json: Value = serde_json::from_str(&known.out).unwrap();
        // The order of the images is another one now, which an inductive answer does not depend on.
        if mode == "inductive" {
            assert!((json["accuracy"].as_f64().unwrap() - 100.0 * right as f64 / 15.0).abs() < 1e-9, "{label}: {json}");
        }
        assert_eq!(
            (json["ways"].as_u64(), json["shots"].as_u64(), json["mode"].as_str()),
            (Some(5), Some(2), Some(mode))
        );
        assert_eq!(json["predictions"][0]["class"], "w0");
    }
    // One folder for both: the first two of each class are learned from.
    let both = own.done(&format!("predict {} --support known --query known --shots 2", own.checkpoint("protonet")));
    let learned = "10 images are also in the support set, and count in no accuracy.";
    assert!(both.out.contains(" of 5 images).") && both.out.contains(learned), "{}", both.out);
    let table = own.done(&format!("predict {} --support s --query known", own.checkpoint("protonet")));
    for part in [
        "5 ways of 2 shots · inductive · b protonet seed 0 at meta-iteration 3",
        "accuracy ",
        " of 15 images)",
        "alone",
    ] {
        assert!(table.out.contains(part), "{part}: {}", table.out);
    }
    let transductive =
        own.done(&format!("predict {} --support s --query q --mode transductive", own.checkpoint("maml")));
    assert!(transductive.out.contains("normalised together: an answer depends on which others are there"));
    packed_alone(&own);
    a_photo_on_its_side(&own);
}

/// An archive of images needs no classes: it is answered as its folder is, whether or not packing left that around it.
fn packed_alone(own: &Own) {
    let packed = |folder: &str| {
        let file = |at: usize| (format!("{folder}{at:02}.png"), bytes(&own.path(&format!("q/{at:02}.png"))));
        tar((0..15).map(file))
    };
    own.write("flat.tar", packed(""));
    own.write("wrapped.tar", packed("new/"));
    let checkpoint = own.checkpoint("protonet");
    let predict = |query: &str| own.done(&format!("predict {checkpoint} --support s --format csv --query {query}"));
    let plain = predict("q").out;
    assert_eq!(predict("flat.tar").out, plain);
    let wrapped = predict("wrapped.tar");
    assert_eq!(wrapped.out.replace("new/", ""), plain);
    let told = "wrapped.tar: no folder in it, such as new, is called as a class of --support: no accuracy is counted";
    assert!(wrapped.err.contains(told), "{}", wrapped.err);
    own.run(&format!("predict {checkpoint} --support flat.tar --query q"))
        .expect(6, "flat.tar: holds 15 images and no folders of images, one a class");
    own.run(&format!("predict {checkpoint} --support s --query q/00.png"))
        .expect(6, "q/00.png: not a folder, .zip, .tar or .tar.gz; name a folder or an archive of images");
}

/// A support image as a camera that is held upright stores it is that image once it is turned.
fn a_photo_on_its_side(own: &Own) {
    let lying = rotate270(&image::open(own.path("s/w0/0.png")).unwrap().to_luma8());
    for (name, orientation) in [("turned", 6u8), ("lying", 1)] {
        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        let entry = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
        encoder.set_exif_metadata([&b"II*\0\x08\0\0\0\x01\0"[..], &entry].concat()).unwrap();
        encoder.write_image(&lying, 28, 28, ExtendedColorType::L8).unwrap();
        own.write(&format!("{name}/1.png"), png);
        let line = format!("predict {} --support s --query {name} --format json", own.checkpoint("protonet"));
        let json: Value = serde_json::from_str(&own.done(&line).out).unwrap();
        assert_eq!(json["predictions"][0]["in_support"], orientation == 6, "{name}");
    }
}

#[test]
fn what_does_not_fit_is_named_with_its_remedy() {
    let own = Own::trained();
    own.folder("three", 3, 3);
    own.folder("q", 3, 2);
    let [fixed, free] = ["reptile", "protonet"].map(|label| own.checkpoint(label));
    let predict = |checkpoint: &str, rest: &str| own.run(&format!("predict {checkpoint} {rest}"));
    predict(&fixed, "--support three --query q")
        .expect(2, "its head has an output for each of 5 ways and is fixed to them, and three has 3 classes: give 5, or a checkpoint");
    let said = predict(&free, "--support three --query q --format json").expect(0, "");
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((json["ways"].as_u64(), json["shots"].as_u64()), (Some(3), Some(3)));

    own.folder("unequal", 3, 3);
    fs::remove_file(own.path("unequal/c01/02.png")).unwrap();
    predict(&free, "--support unequal --query q")
        .expect(2, "2 of c01, 3 of c02: methods learn from as many of each; --shots 2");
    predict(&free, "--support unequal --query q --shots 2").expect(0, "");
    predict(&free, "--support unequal --query q --shots 3").expect(2, "--shots 3, but unequal has 2 of c01");

    own.folder("torn", 3, 2);
    own.write("torn/c01/00.png", &b"\x89PNG\r\n\x1a\n"[..]);
    predict(&free, "--support torn --query q").expect(6, "torn/c01/00.png");
    own.folder("gap", 3, 2);
    (0..2).for_each(|image| fs::remove_file(own.path(&format!("gap/c02/0{image}.png"))).unwrap());
    predict(&free, "--support gap --query q").expect(6, "gap/c02: no PNG or JPEG images are in it");
    predict(&free, "--support nowhere --query q").expect(6, "nowhere: no such folder");
    predict(&free, "--support three --query nowhere").expect(6, "nowhere: no such folder");

    own.folder("colour", 3, 2);
    RgbImage::from_pixel(28, 28, Rgb([250, 0, 0])).save(own.path("colour/c01/00.png")).unwrap();
    predict(&free, "--support colour --query q")
        .expect(2, "colour/c01/00.png: is in colour, three channels, and grey images");
    predict(&free, "--support three --query colour").expect(2, "colour/c01/00.png: is in colour");

    fs::rename(own.path("q/c02"), own.path("q/c03")).unwrap();
    predict(&free, "--support three --query q").expect(2, "unknown class \"c03\"");
    predict(&free, "--support three/c00 --query q").expect(6, "put each class into a folder of its own");
    own.done("reproduce sine --method untrained --eval-episodes 2 --out waves");
    let waves = fs::read_dir(own.path("waves"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.is_dir())
        .unwrap();
    let waves = waves.join("sine/untrained/seed-0/checkpoint-0.safetensors");
    predict(waves.to_str().unwrap(), "--support three --query q").expect(2, "was trained on sine, which has no images");
}
