//! `harness predict CHECKPOINT --support DIR --query DIR`: a trained state adapts to classes of one's own, and says of each
//! image which class it shows.

mod print;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use candle_core::{D, DType, Device, Tensor};
use clap::Args;
use harness_core::error::unknown;
use harness_core::{
    Algorithm, Entry, Error, ImageSet, Labeled, Mode, Protocol, Purpose, Result, Split, Stream, Targets,
};
use harness_data::{Layout, Pictures, Size, pictures};

use self::print::{Prediction, Said};
use super::trained::Trained;
use crate::cli::Sheet;
use crate::cli::value::{mode, positive};
use crate::console;
use crate::exit::Exit;
use crate::results::checkpoint::Checkpoint;
use crate::runner::{self, Misfit};

const EXAMPLES: &str = "\
Examples:
  # A few examples of each class, images to be told apart
  harness predict checkpoint-100000.safetensors \\
      --support known --query new

  # The same as a file of rows
  harness predict checkpoint-100000.safetensors \\
      --support known --query new --format csv > new.csv";

/// Adapts a trained state to the classes of a folder of support images, one folder a class, and prints for each query image the
/// class it shows, with the probability of every class. Images are read and resized as the data set's that the state was
/// trained on. Where the query folder holds class folders too, accuracy is printed; images that are also in the support set do
/// not count in it.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Predict {
    /// A checkpoint-STEP.safetensors of a run on images
    #[arg(value_name = "CHECKPOINT")]
    pub checkpoint: PathBuf,

    /// Folder or archive with one folder of images a class: its classes are the ways, its images the shots
    #[arg(long, value_name = "DIR")]
    pub support: PathBuf,

    /// Folder or archive with the images to be told apart, or with folders of them named as those of --support
    #[arg(long, value_name = "DIR")]
    pub query: PathBuf,

    /// Take the first N images of each class, by name, where classes have more
    #[arg(long, value_name = "N", value_parser = positive)]
    pub shots: Option<usize>,

    /// inductive: each image is answered alone with the support images; transductive: all images are normalised together,
    /// so that an answer depends on which others are there
    #[arg(long, value_name = "MODE", value_parser = mode, default_value = "inductive")]
    pub mode: Mode,

    /// How to print the answers
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    pub format: Sheet,
}

/// Inductive answers depend on no other query, so that so many are asked for at a time whatever memory there is.
const AT_A_TIME: usize = 64;

/// Adapts, asks and prints.
pub fn run(args: &Predict, algorithms: &[Entry]) -> Result<Exit> {
    let checkpoint = Checkpoint::named(&args.checkpoint)?;
    let trained = Trained::read(&checkpoint.meta.config, &args.checkpoint)?;
    let support = support(args, &trained)?;
    let query = read(&args.query, &trained, Layout::Any)?;
    let classes: Vec<String> = support.images.classes.iter().map(|class| class.name.clone()).collect();
    let truth = truth(args, &query, &classes)?;
    let shots = args.shots.unwrap_or(support.images.classes[0].images.len());
    let protocol = Protocol { ways: classes.len(), shots, queries: 1 };

    let entry = trained.entry(algorithms)?;
    super::eval::note(&checkpoint, algorithms);
    super::reported::note(&checkpoint, &args.checkpoint);
    let algorithm = trained.build(entry, &trained.input, protocol)?;
    fits(args, algorithm.as_ref(), &checkpoint, classes.len())?;

    let shown = |images: &ImageSet, picked: &[(usize, u32)]| labeled(images, picked, trained.view.invert);
    let known = shown(&support.images, &picked(&support, shots))?;
    let asked: Vec<(usize, u32)> = (0..query.images.len()).map(|image| (image, 0)).collect();
    let asked = shown(&query.images, &asked)?.x;
    let logits = answers(algorithm.as_ref(), &checkpoint, &known, &asked, args.mode, trained.episodes_seed)?;
    let mut predictions = predictions(&logits, &query.files, truth.as_deref())?;
    let learned: HashSet<&[u8]> =
        picked(&support, shots).into_iter().map(|(image, _)| support.images.image(image)).collect();
    for (image, prediction) in predictions.iter_mut().enumerate() {
        prediction.in_support = learned.contains(query.images.image(image));
    }
    let step = checkpoint.state.step;
    let said =
        Said { trained: &trained.name(), step, mode: args.mode, classes: &classes, shots, predictions: &predictions };
    if args.format == Sheet::Csv {
        said.accuracy().into_iter().chain(said.learned()).for_each(|line| tracing::info!("{line}"));
    }
    console::print(&said.print(args.format)).map(|()| Exit::Done)
}

/// The images of a folder as those that the state was trained on.
fn read(path: &Path, trained: &Trained, layout: Layout) -> Result<Pictures> {
    let (side, channels) = (trained.input[0], trained.input[2]);
    let found = pictures(path, Size { side, channels, greyed: trained.data.is_folder() }, layout)?;
    found.left_out.iter().for_each(|left| tracing::warn!("{left}"));
    Ok(found)
}

/// The support images. Errors where there are no two classes, or not so many images of each.
fn support(args: &Predict, trained: &Trained) -> Result<Pictures> {
    let support = read(&args.support, trained, Layout::Classes)?;
    let at = args.support.display();
    let classes = &support.images.classes;
    if classes.len() < 2 {
        return Err(Error::usage(format!("{at}: one class, {}: at least 2 can be told apart", classes[0].name)));
    }
    let fewest = classes.iter().min_by_key(|class| class.images.len()).expect("there are two");
    let most = classes.iter().max_by_key(|class| class.images.len()).expect("there are two");
    let (few, many) = (fewest.images.len(), most.images.len());
    match args.shots {
        Some(shots) if shots > few => Err(Error::usage(format!(
            "--shots {shots}, but {at} has {few} of {}: add images, or say --shots {few}",
            fewest.name
        ))),
        None if few != many => Err(Error::usage(format!(
            "{at}: {few} of {}, {many} of {}: methods learn from as many of each; --shots {few} takes the first {few}",
            fewest.name, most.name
        ))),
        _ => Ok(support),
    }
}

/// Which images are learned from, class by class, with their labels.
fn picked(support: &Pictures, shots: usize) -> Vec<(usize, u32)> {
    let classes = (0..).zip(&support.images.classes);
    classes.flat_map(|(label, class)| class.images.clone().take(shots).map(move |image| (image, label))).collect()
}

/// The class of each query, where its folder says it: folders of which none is called as one of `classes` say nothing.
/// Errors on one that is none of the support's beside others that are.
fn truth(args: &Predict, query: &Pictures, classes: &[String]) -> Result<Option<Vec<u32>>> {
    if query.flat() {
        return Ok(None);
    }
    let folders = &query.images.classes;
    if !folders.iter().any(|folder| classes.contains(&folder.name)) {
        let (at, first) = (args.query.display(), &folders[0].name);
        tracing::warn!(
            "{at}: no folder in it, such as {first}, is called as a class of --support: no accuracy is counted"
        );
        return Ok(None);
    }
    let mut truth = Vec::new();
    for class in &query.images.classes {
        let label = classes.iter().position(|known| *known == class.name).ok_or_else(|| {
            let unknown = unknown("class", &class.name, classes.iter().map(String::as_str));
            Error::usage(format!("{}: {unknown}; the classes are the folders of --support", args.query.display()))
        })?;
        truth.extend(class.images.clone().map(|_| label as u32));
    }
    Ok(Some(truth))
}

/// Errors where the method cannot read the state for so many ways.
fn fits(args: &Predict, algorithm: &dyn Algorithm, checkpoint: &Checkpoint, ways: usize) -> Result<()> {
    let at = args.checkpoint.display();
    match runner::misfit(algorithm, Some(ways), &checkpoint.state)? {
        None => Ok(()),
        Some(Misfit::Head { there, here }) => Err(Error::usage(format!(
            "{at}: its head has an output for each of {there} ways and is fixed to them, and {} has {here} classes: give {there}, \
             or a checkpoint whose method makes its head from the support set, such as protonet",
            args.support.display()
        ))),
        Some(Misfit::Tensor { name, there, here }) => {
            Err(Error::usage(format!("{at}: {name} is {there} there, {here} here: use the build that wrote it")))
        }
    }
}

/// Images as a method sees them, 0..1, or 1..0 where its view inverts.
fn labeled(images: &ImageSet, picked: &[(usize, u32)], invert: bool) -> Result<Labeled> {
    let unit = |byte: &u8| {
        let unit = f32::from(*byte) / 255.0;
        if invert { 1.0 - unit } else { unit }
    };
    let pixels: Vec<f32> = picked.iter().flat_map(|(image, _)| images.image(*image).iter().map(unit)).collect();
    let shape = (picked.len(), images.height, images.width, images.channels);
    let x = Tensor::from_vec(pixels, shape, &Device::Cpu)?;
    Labeled::new(x, Targets::Classes(picked.iter().map(|(_, label)| *label).collect()))
}

/// Logits `[queries, ways]`. What the method draws is what it draws in the first test episode, so that the images of that
/// one get its answers.
fn answers(
    algorithm: &dyn Algorithm,
    checkpoint: &Checkpoint,
    support: &Labeled,
    query: &Tensor,
    mode: Mode,
    seed: u64,
) -> Result<Tensor> {
    let mut rng = Stream::new(seed, Purpose::EvalMethod, runner::final_key(Split::Test), 0);
    let adapted = algorithm.adapt(&checkpoint.state, support, &[algorithm.test_steps()], &mut rng)?;
    let n = query.dim(0)?;
    let each = if mode == Mode::Inductive { AT_A_TIME } else { n };
    let some = |start| algorithm.score(&adapted[0], support, &query.narrow(0, start, each.min(n - start))?, mode);
    Ok(Tensor::cat(&(0..n).step_by(each).map(some).collect::<Result<Vec<_>>>()?, 0)?)
}

/// Softmax of the logits, and the class that has most of it.
fn predictions(logits: &Tensor, files: &[String], truth: Option<&[u32]>) -> Result<Vec<Prediction>> {
    let rows = softmax(&logits.to_dtype(DType::F64)?)?.to_vec2::<f64>()?;
    // An argmax of the logits, as evaluation has it.
    let labels = logits.argmax(D::Minus1)?.to_vec1::<u32>()?;
    if let Some(at) = rows.iter().position(|row| row.iter().any(|p| !p.is_finite())) {
        return Err(Error::Diverged(format!(
            "{}: the answer is no number: the state diverged, or its step sizes at test are too large",
            files[at]
        )));
    }
    let all = rows.into_iter().zip(labels).zip(files).enumerate();
    let one = |(at, ((probabilities, label), file)): (usize, ((Vec<f64>, u32), &String))| Prediction {
        file: file.clone(),
        class: truth.map(|truth| truth[at] as usize),
        label: label as usize,
        probabilities,
        in_support: false,
    };
    Ok(all.map(one).collect())
}

/// exp(x − max) over its sum, row by row.
fn softmax(logits: &Tensor) -> Result<Tensor> {
    let most = logits.max_keepdim(D::Minus1)?;
    let powers = logits.broadcast_sub(&most)?.exp()?;
    Ok(powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_the_softmax_of_the_logits() {
        // e^0 : e^ln2 : e^ln5 = 1 : 2 : 5, and a row whose powers alone would overflow.
        let logits = Tensor::new(&[[0f64, 2f64.ln(), 5f64.ln()], [1000.0, 1000.0, -1000.0]], &Device::Cpu).unwrap();
        let files = ["a.png".to_owned(), "b.png".to_owned()];
        let found = predictions(&logits, &files, Some(&[2, 1])).unwrap();
        for (p, want) in found[0].probabilities.iter().zip([0.125, 0.25, 0.625]) {
            assert!((p - want).abs() < 1e-12, "{found:?}");
        }
        assert_eq!((found[0].label, found[0].class), (2, Some(2)));
        assert_eq!((found[1].label, &found[1].probabilities[..]), (0, &[0.5, 0.5, 0.0][..]));
        let lost = Tensor::new(&[[f64::NAN, 0.0]], &Device::Cpu).unwrap();
        let error = predictions(&lost, &files[..1], None).unwrap_err();
        assert!(matches!(&error, Error::Diverged(why) if why.starts_with("a.png: ")), "{error}");
    }

    #[test]
    fn images_are_shown_in_units_and_inverted_where_the_method_wants_it() {
        let class = harness_core::ImageClass { name: "a".into(), images: 0..2 };
        let set = ImageSet::new("toy", [1, 2, 1], vec![class], Box::new(vec![0u8, 51, 255, 102])).unwrap();
        let values = |invert| labeled(&set, &[(1, 3), (0, 1)], invert).unwrap();
        let pixels = |invert| values(invert).x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(pixels(false), [1.0, 0.4, 0.0, 0.2]);
        assert_eq!(pixels(true), [0.0, 0.6, 1.0, 0.8]);
        assert_eq!(values(true).classes().unwrap(), [3, 1]);
    }
}
