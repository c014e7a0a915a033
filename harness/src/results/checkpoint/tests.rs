use candle_core::{Device, Tensor};
use harness_core::rng::{Purpose, Stream};

use super::*;
use crate::results::episodes::Outcome;

fn checkpoint(step: u64) -> Checkpoint {
    let tensor = Tensor::new(&[[1f32, -0.5], [f32::MIN_POSITIVE, 3.0]], &Device::Cpu).unwrap();
    let mut state = State::new([("w".to_string(), tensor)].into_iter().collect());
    state.slots.insert("adam.second".into(), state.params.clone());
    state.step = step;
    let meta = Meta {
        format: FORMAT,
        step,
        config: serde_json::json!({"lr": 0.001}),
        config_hash: "abc".into(),
        data_digest: "def".into(),
        classes: "ghi".into(),
        chosen_by: Some(Mode::Inductive),
        metrics_len: 120,
        measured: Some(step / 2),
        elapsed_s: 1.5,
        seen: Some(step / 2),
        missing: vec![1],
        trained_by: Some("b reptile seed 0".into()),
        joined: Some(3),
        segments: vec![Segment::now(&Identity { training: "12".into(), evaluation: "34".into() }, 0)],
    };
    let outcome = Outcome { correct: 4, n: 5, loss: 0.25 };
    let log = Log([("loss".to_owned(), vec![(1, 0.1), (step, 1.0 / 3.0)])].into());
    let (outcomes, last) = (vec![(Mode::Inductive, vec![outcome; 3])], vec![(Mode::Transductive, vec![outcome; 2])]);
    Checkpoint { state, log, outcomes, last, choice: vec![(1, 55.5)], meta }
}

#[test]
fn what_is_saved_is_what_is_loaded_and_two_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    for step in [1, 2, 30] {
        checkpoint(step).save(dir.path()).unwrap();
    }
    assert_eq!(steps(dir.path()), [30, 2]);
    assert_same(&Checkpoint::load(&path(dir.path(), 30)).unwrap(), &checkpoint(30), "loaded");
}

/// That all of `read` is as it was saved.
#[track_caller]
fn assert_same(read: &Checkpoint, saved: &Checkpoint, what: &str) {
    assert!(read.state.same_bits(&saved.state).unwrap(), "{what}: another state");
    assert_eq!(read.meta, saved.meta, "{what}");
    assert_eq!((&read.outcomes, &read.last), (&saved.outcomes, &saved.last), "{what}");
    assert_eq!((&read.log, &read.choice), (&saved.log, &saved.choice), "{what}");
}

#[test]
fn any_cut_and_any_flipped_bit_is_found() {
    let bytes = checkpoint(7).to_bytes().unwrap();
    for percent in 0..100 {
        assert!(Checkpoint::from_bytes(&bytes[..bytes.len() * percent / 100]).is_err(), "cut at {percent} %");
    }
    let mut unnoticed = 0;
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        // A flip in the header's padding or white space may leave every value as it was; that is no damage.
        if let Ok(read) = Checkpoint::from_bytes(&flipped) {
            assert_same(&read, &checkpoint(7), &format!("bit {at}"));
            unnoticed += 1;
        }
    }
    assert!(unnoticed < 64, "{unnoticed} flipped bits went unnoticed");
}

#[test]
fn another_format_is_named_and_is_no_damage() {
    let bytes = checkpoint(7).to_bytes().unwrap();
    let at = bytes.windows(12).position(|window| window == b"\"format\":\"2\"").expect("the format is in the header");
    let mut newer = bytes.clone();
    newer[at + 10] = b'9';
    let Err(Unusable::Format(why)) = Checkpoint::from_bytes(&newer) else { panic!("it must be refused") };
    assert_eq!(why, "checkpoint format 9, this build reads 1 and 2: use the build that wrote it");
}

/// Blind damage of several kinds at once, many times over. `HARNESS_TEST_SECONDS` sets how long.
#[test]
fn arbitrary_damage_never_panics_and_changes_nothing_unnoticed() {
    let saved = checkpoint(7);
    let whole = saved.to_bytes().unwrap();
    let seconds = std::env::var("HARNESS_TEST_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0.5);
    let began = std::time::Instant::now();
    let mut rng = Stream::new(7, Purpose::Data, 0, 0);
    let (mut tries, mut read) = (0u64, 0u64);
    while began.elapsed().as_secs_f64() < seconds {
        let mut bytes = whole.clone();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len());
            match rng.below(4) {
                0 => bytes[at] = rng.bits() as u8,
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b"0\"{}[],:-"[rng.below(9)]),
                _ => drop(bytes.splice(at..(at + rng.below(16)).min(bytes.len()), whole.iter().copied().take(8))),
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        match Checkpoint::from_bytes(&bytes) {
            Ok(found) => {
                assert_same(&found, &saved, &format!("file {tries}"));
                read += 1;
            }
            Err(why) => assert!(!why.to_string().contains('\n'), "{why}"),
        }
        tries += 1;
    }
    println!("{tries} damaged files in {seconds} s, {read} read as they were");
    assert!(tries > 100);
}

/// Files that a build from before trainings were shared wrote.
#[test]
fn a_checkpoint_of_the_first_format_is_read_and_its_log_stands_in_the_runs_rows() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/survive/format-1");
    let found = Checkpoint::load(&path(&dir, 351)).unwrap();
    assert_eq!((found.meta.format, found.meta.step, found.state.step), (FIRST_FORMAT, 351, 351));
    assert!(found.log.is_empty() && found.last.is_empty() && found.choice.is_empty());
    assert_eq!((found.meta.seen, found.meta.trained_by.as_deref()), (None, None));
    let log = crate::results::metrics::scalars(&dir.join("metrics.csv"), found.meta.metrics_len, 351).unwrap();
    let (loss, step) = (&log.0["loss"], &log.0["meta_step"]);
    assert_eq!((log.0.len(), loss.len(), step.len()), (2, 175, 175));
    assert_eq!((loss[0].0, loss[174].0, step[0]), (2, 350, (2, 0.9975)));
}
