//! A benchmark as so many cross-validated ones: `NAME@fold-IofK`, and the name under which their mean is reported.

use harness_core::{Error, Fold, Result};

use super::Benchmark;

impl Benchmark {
    /// This benchmark once for each of `of` folds of its classes. Nothing was published for any of them.
    ///
    /// # Errors
    /// Usage: a regression has no classes.
    pub fn folds(&self, of: usize) -> Result<Vec<Benchmark>> {
        if self.data.is_regression() {
            return Err(Error::usage(format!(
                "{}: {} has no classes to deal into folds",
                self.name, self.data.dataset
            )));
        }
        let fold = |index| {
            let mut benchmark = self.clone();
            benchmark.name = fold_name(&self.name, index, of);
            benchmark.title = format!("{}, fold {index} of {of}", self.title);
            benchmark.data.fold = Some(Fold { index, of, seed: self.eval.seed });
            benchmark.published.clear();
            // A fold trains on all classes that it does not test: none are left to choose a state by.
            for method in &mut benchmark.methods {
                (method.select, method.split) = (None, None);
            }
            benchmark
        };
        Ok((1..=of).map(fold).collect())
    }
}

/// What the fold `index` of so many is called.
pub fn fold_name(benchmark: &str, index: usize, of: usize) -> String {
    format!("{benchmark}@fold-{index}of{of}")
}

/// The benchmark and the number of folds behind a name that [`Benchmark::folds`] made.
pub fn of_name(name: &str) -> Option<(&str, usize)> {
    let (benchmark, fold) = name.split_once("@fold-")?;
    let (index, of) = fold.split_once("of")?;
    index.parse::<usize>().ok()?;
    Some((benchmark, of.parse().ok()?))
}

/// Where the mean over the folds of a benchmark stands.
pub fn mean_name((benchmark, of): (&str, usize)) -> String {
    format!("{benchmark}@folds-{of}")
}

/// Whether a row of this benchmark name is such a mean.
pub fn is_mean(name: &str) -> bool {
    name.rsplit_once("@folds-").is_some_and(|(_, of)| of.parse::<usize>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_there_and_back() {
        let glyphs = Benchmark::find("glyphs-5w1s", &[]).unwrap();
        let folds = glyphs.folds(3).unwrap();
        assert_eq!(folds[1].name, "glyphs-5w1s@fold-2of3");
        assert_eq!(of_name(&folds[1].name), Some(("glyphs-5w1s", 3)));
        assert_eq!(mean_name(("glyphs-5w1s", 3)), "glyphs-5w1s@folds-3");
        assert!(is_mean("glyphs-5w1s@folds-3") && !is_mean("glyphs-5w1s@fold-2of3") && !is_mean("a@folds-x"));
        assert_eq!((of_name("glyphs-5w1s"), of_name("a@folds-3"), of_name("a@fold-xof3")), (None, None, None));
        assert!(folds.iter().all(|fold| fold.published.is_empty() && fold.data != glyphs.data));
        assert_ne!(folds[0].hash().unwrap(), folds[1].hash().unwrap());
    }

    #[test]
    fn waves_have_no_classes() {
        let error = Benchmark::find("sine", &[]).unwrap().folds(2).unwrap_err().to_string();
        assert_eq!(error, "sine: sine has no classes to deal into folds");
    }
}
