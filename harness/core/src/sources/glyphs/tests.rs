//! What a benchmark relies on: the bytes of a seed, the difficulty, the look of ink on paper.

use super::*;

/// Digest of the glyphs of seed 0.
const GOLDEN: &str = "749eeb5e647e64398377fc8a1c80194b6caffd5506c35f833d24e18bd0198657";

/// Nearest neighbour on pixels over `episodes` of 5-way 1-shot, one query a class: percent right.
fn nearest_neighbour(set: &ImageSet, episodes: u64) -> f64 {
    let mut right = 0;
    for episode in 0..episodes {
        let mut rng = Stream::new(0, Purpose::EvalTask, 0, episode);
        let classes = rng.choose(CLASSES - TRAIN_CLASSES, 5);
        let pairs: Vec<(&[u8], &[u8])> = classes
            .iter()
            .map(|class| {
                let first = set.classes[TRAIN_CLASSES + class].images.start;
                let picked = rng.choose(DRAWINGS, 2);
                (set.image(first + picked[0]), set.image(first + picked[1]))
            })
            .collect();
        for (i, (_, query)) in pairs.iter().enumerate() {
            let distance = |support: &[u8]| support.iter().zip(*query).filter(|(a, b)| a != b).count();
            let nearest = (0..5).min_by_key(|j| distance(pairs[*j].0)).unwrap();
            right += usize::from(nearest == i);
        }
    }
    100.0 * right as f64 / (5 * episodes) as f64
}

#[test]
fn pixels_alone_rank_neither_at_chance_nor_at_the_ceiling() {
    let accuracy = nearest_neighbour(&glyphs(0), 500);
    println!("nearest neighbour on pixels, 5-way 1-shot: {accuracy:.1} %");
    assert!((35.0..=75.0).contains(&accuracy), "{accuracy}");
}

#[test]
fn a_seed_names_its_bytes_whatever_the_threads() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| glyphs(0)).digest
    };
    assert_eq!(on(1), on(3));
    assert_eq!(on(1), GOLDEN, "the glyphs of seed 0 changed: results on them are no longer comparable");
    assert_ne!(glyphs(1).digest, GOLDEN);
}

#[test]
fn drawings_are_thin_dark_strokes_on_white_paper() {
    let set = glyphs(0);
    assert_eq!((set.len(), set.classes.len(), set.height, set.channels), (32_460, 1623, 28, 1));
    let mut total = 0;
    for index in 0..set.len() {
        let image = set.image(index);
        assert!(image.iter().all(|v| matches!(v, 0 | 255)));
        let ink = image.iter().filter(|v| **v == 0).count();
        assert!((12..=250).contains(&ink), "image {index} has {ink} pixels of ink");
        total += ink;
    }
    // Omniglot's mean is 0.073 of the image.
    let share = total as f64 / (set.len() * SIDE * SIDE) as f64;
    assert!((0.05..0.11).contains(&share), "{share}");
}

#[test]
fn the_split_names_the_classes() {
    let (set, split) = (glyphs(0), split());
    let indices = split.indices(&set).unwrap();
    assert_eq!(indices.train, (0..1200).collect::<Vec<_>>());
    assert_eq!(indices.test, (1200..1623).collect::<Vec<_>>());
    assert_eq!(split.test[422], "Glyphs/character1623");
}
