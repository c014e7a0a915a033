//! Which data sets a state can be tested on, at which size, and why not on others.

use std::path::Path;

use harness_core::error::unknown;
use harness_core::{Error, Result, Split};
use harness_data::{Open, SETS, find};

use crate::benchmark::{Benchmark, DataBlock};
use crate::commands::seen;
use crate::commands::trained::Trained;

/// Where a state is tested.
#[derive(Clone, Debug)]
pub struct Target {
    /// The data set, or the name of the benchmark file whose data it is.
    pub name: String,
    pub data: DataBlock,
    /// Height and width that papers use, or that the file says.
    side: usize,
    channels: usize,
}

/// A target at one size.
#[derive(Debug)]
pub struct Pair<'a> {
    pub target: &'a Target,
    pub side: usize,
}

impl Pair<'_> {
    /// The target's data at this size.
    pub fn data(&self) -> DataBlock {
        DataBlock { side: Some(self.side), ..self.target.data.clone() }
    }
}

/// What was asked for, or every set of images that lies in files. Errors on a name that is neither, on a set without images,
/// and on two of one name.
pub fn targets(asked: &[String]) -> Result<Vec<Target>> {
    if asked.is_empty() {
        return SETS.iter().filter(|set| set.files().is_some()).map(|set| known(set.name)).collect();
    }
    let mut all: Vec<Target> = Vec::new();
    for word in asked {
        let target = if Path::new(word).is_file() { own(word)? } else { known(word)? };
        if let Some(other) = all.iter().find(|other| other.name == target.name) {
            return Err(Error::usage(format!(
                "--to {word}: another --to is called {} too, and their numbers would share a column: name it once, or give the \
                 file a name of its own (name = \"…\")",
                other.name
            )));
        }
        all.push(target);
    }
    Ok(all)
}

/// A set of the table, with the class split that papers use.
fn known(name: &str) -> Result<Target> {
    let sets =
        || SETS.iter().filter(|set| !set.is_regression() && !matches!(set.open, Open::Folder)).map(|set| set.name);
    let set = find(name).filter(|set| sets().any(|known| known == set.name));
    let set = set.ok_or_else(|| {
        Error::usage(format!("--to: {}, or the path of a benchmark file", unknown("data set", name, sets())))
    })?;
    let (side, channels) = match (set.files(), &set.open) {
        (Some(files), _) => (files.side, files.channels),
        (None, Open::Drawn(make)) => {
            let images = make().0;
            (images.height, images.channels)
        }
        (None, _) => unreachable!("sets without images are not among them"),
    };
    let data = DataBlock {
        dataset: set.name.into(),
        side: None,
        split: set.split.map(str::to_owned),
        path: None,
        channels: None,
        holdout: 0,
        fold: None,
        folder: Default::default(),
    };
    Ok(Target { name: set.name.into(), data, side, channels })
}

/// The data of a benchmark file.
fn own(path: &str) -> Result<Target> {
    let benchmark = Benchmark::find(path, &[])?;
    let data = benchmark.data;
    if !data.is_folder() {
        let target = known(&data.dataset)?;
        let side = data.side.unwrap_or(target.side);
        return Ok(Target { name: benchmark.name, side, data, ..target });
    }
    let (side, channels) = (data.side.unwrap_or(84), data.channels.unwrap_or(3));
    Ok(Target { name: benchmark.name, side, channels, data })
}

/// The sizes at which a state is tested there: the one that it was trained on, and the set's own where that is larger. None
/// where it is the set that it was trained on. The error says why the pair makes no sense, in one line.
pub fn pairs<'a>(trained: &Trained, target: &'a Target) -> Result<Vec<Pair<'a>>, String> {
    let same_file = trained.data.path == target.data.path || trained.benchmark == target.name;
    if trained.data.dataset == target.data.dataset && (!target.data.is_folder() || same_file) {
        return Ok(Vec::new());
    }
    let channels = trained.input[2];
    if channels != target.channels {
        let of = |n: usize| if n == 1 { "grey images, one channel".to_owned() } else { format!("{n} channels") };
        return Err(format!("trained on {}, and these have {}", of(channels), of(target.channels)));
    }
    if let Some(classes) = seen::classes(trained, &target.data, Split::Test).map_err(|error| error.to_string())? {
        return Err(format!("both are of the same pictures, and it was trained on test classes, {classes}"));
    }
    let own = trained.input[0];
    let sides = [Some(own), Some(target.side).filter(|side| *side > own)];
    Ok(sides.into_iter().flatten().map(|side| Pair { target, side }).collect())
}

#[cfg(test)]
mod tests {
    use harness_core::{ModelSpec, Protocol};

    use super::*;

    fn trained(dataset: &str, side: usize, channels: usize) -> Trained {
        let data = known(dataset).unwrap().data;
        let model: ModelSpec = toml::from_str("network = \"reptile-mini\"").unwrap();
        Trained {
            benchmark: format!("{dataset}-5w1s"),
            label: "reptile".into(),
            seed: 0,
            algorithm: "reptile".into(),
            settings: Default::default(),
            model,
            view: Default::default(),
            input: vec![side, side, channels],
            data,
            folded: false,
            protocol: Protocol { ways: 5, shots: 1, queries: 1 },
            modes: Vec::new(),
            episodes_seed: 0,
        }
    }

    /// The sizes, or why not.
    fn sides(from: &Trained, to: &str) -> Result<Vec<usize>, String> {
        let target = known(to).unwrap();
        pairs(from, &target).map(|pairs| pairs.iter().map(|pair| pair.side).collect())
    }

    #[test]
    fn each_set_has_its_columns_and_senseless_pairs_their_reason() {
        let (mini, cifar) = (trained("mini-imagenet", 84, 3), trained("cifar-fs", 32, 3));
        assert_eq!((sides(&mini, "cifar-fs"), sides(&mini, "fc100")), (Ok(vec![84]), Ok(vec![84])));
        assert_eq!(sides(&cifar, "mini-imagenet"), Ok(vec![32, 84]));
        assert_eq!(sides(&cifar, "cifar-fs"), Ok(vec![]), "its own set");
        let grey = sides(&trained("omniglot", 28, 1), "mini-imagenet").unwrap_err();
        assert_eq!(grey, "trained on grey images, one channel, and these have 3 channels");
        let both = sides(&cifar, "fc100").unwrap_err();
        assert!(both.contains("of the same pictures") && both.contains("such as "), "{both}");
        assert!(sides(&trained("fc100", 32, 3), "cifar-fs").is_err());
        assert_eq!(sides(&trained("omniglot", 28, 1), "glyphs"), Ok(vec![28]));
        assert!(targets(&["sine".into()]).unwrap_err().to_string().contains("--to: unknown data set \"sine\""));
        let twice = targets(&["glyphs".into(), "glyphs".into()]).unwrap_err().to_string();
        assert!(twice.contains("--to glyphs: another --to is called glyphs too"), "{twice}");
        let names: Vec<String> = targets(&[]).unwrap().into_iter().map(|target| target.name).collect();
        assert_eq!(names, ["omniglot", "mini-imagenet", "cifar-fs", "fc100"]);
    }
}
