//! The data sets that a benchmark can name: what each is, how large, under which licence, and where to get it.

use serde::Serialize;

/// A value of `data.dataset`, described for `harness list datasets`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Dataset {
    pub name: &'static str,
    pub contents: &'static str,
    /// To download.
    pub size: &'static str,
    pub licence: &'static str,
    /// How to bring it, as one sentence.
    pub get: &'static str,
}

/// Whether tasks of the data set are functions to be fitted, not images to be told apart.
pub fn is_regression(dataset: &str) -> bool {
    matches!(dataset, "sine" | "quadratic")
}

/// All of them, built-in ones first.
pub const DATASETS: [Dataset; 6] = [
    Dataset {
        name: "sine",
        contents: "waves a·sin(x + b) on 50 points of [-5, 5]",
        size: "0",
        licence: "ours",
        get: "built in",
    },
    Dataset {
        name: "quadratic",
        contents: "bowls ½(θ − c)ᵀA(θ − c) of two weights and a bias, where methods have closed forms",
        size: "0",
        licence: "ours",
        get: "built in",
    },
    Dataset {
        name: "glyphs",
        contents: "1,623 invented characters, 20 drawings each, 28 × 28, drawn from a seed",
        size: "0",
        licence: "ours",
        get: "built in",
    },
    Dataset {
        name: "omniglot",
        contents: "1,623 characters of 50 alphabets, 20 drawings each, 105 × 105, 1 bit",
        size: "15 MB",
        licence: "MIT (Brenden Lake)",
        get: "harness data fetch omniglot; or images_background.zip and images_evaluation.zip of \
              github.com/brendenlake/omniglot (folder python), zipped or extracted, in DIR/omniglot with --data-dir DIR",
    },
    Dataset {
        name: "mini-imagenet",
        contents: "100 classes of 600 images, 84 × 84, split 64/16/20",
        size: "3.9 GB",
        licence: "ImageNet: research use, no redistribution",
        get: "harness data fetch mini-imagenet; or your own copy in DIR/mini-imagenet with --data-dir DIR",
    },
    Dataset {
        name: "folder",
        contents: "your images, one folder a class",
        size: "yours",
        licence: "yours",
        get: "a benchmark file with dataset = \"folder\" and path = \"…\", and a class split or folders train, val, test",
    },
];
