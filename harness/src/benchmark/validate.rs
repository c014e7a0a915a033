//! What serde cannot check: values that are out of range or contradict each other. Ways and images that the data lacks
//! are found later, by the task source, which knows the data.

use harness_core::error::unknown;
use harness_core::{Error, Mode, ModelSpec, Result, Split, View};

use super::{Benchmark, MethodBlock, PublishedValue};

/// Names that results already use beside the benchmarks' folders.
const RESERVED: [&str; 3] = ["plots", "summary", "tensorboard"];

impl Benchmark {
    /// Checks what the types allow but no run could mean.
    pub fn validate(&self) -> Result<()> {
        name("name", &self.name)?;
        if RESERVED.contains(&self.name.as_str()) {
            return wrong(format!("name: \"{}\" is kept for results: choose another", self.name));
        }
        one_line("title", &self.title)?;
        self.check_data()?;
        self.check_protocol()?;
        self.check_eval()?;
        self.check_model("model", &self.model)?;
        if self.methods.is_empty() {
            return wrong("method: no method to run: add a [method.<label>] block");
        }
        self.methods.iter().try_for_each(|method| self.check_method(method))?;
        if let Some(figure) = &self.figure {
            figure.validate(self)?;
        }
        let rows = &self.published;
        rows.iter().enumerate().try_for_each(|(index, row)| self.check_published(row, &rows[..index]))
    }

    fn check_data(&self) -> Result<()> {
        let data = &self.data;
        let known = || harness_data::SETS.iter().map(|set| set.name);
        if !known().any(|name| name == data.dataset) {
            return wrong(format!("data.dataset: {}", unknown("data set", &data.dataset, known())));
        }
        if data.is_regression() && (data.side.is_some() || data.split.is_some() || data.holdout > 0) {
            return wrong(format!("data: side, split and holdout are for images, not for {}", data.dataset));
        }
        if data.side.is_some_and(|side| !(1..=1024).contains(&side)) {
            return wrong("data.side: must be 1 to 1024 pixels");
        }
        Ok(())
    }

    fn check_protocol(&self) -> Result<()> {
        let protocol = self.protocol;
        if protocol.shots == 0 || protocol.queries == 0 {
            return wrong("protocol: shots and queries must be at least 1");
        }
        match (self.data.is_regression(), protocol.ways) {
            (true, 1) | (false, 2..) => Ok(()),
            (true, ways) => {
                let dataset = &self.data.dataset;
                wrong(format!("protocol.ways: {ways}, but {dataset} has one output: set it to 1"))
            }
            (false, ways) => wrong(format!("protocol.ways: {ways}, but telling classes apart needs at least 2")),
        }
    }

    fn check_eval(&self) -> Result<()> {
        let eval = &self.eval;
        if eval.episodes.values().contains(&0) || eval.curve_episodes.values().contains(&0) {
            return wrong("eval: episodes and curve_episodes must be at least 1");
        }
        if eval.curve_points.values().iter().any(|points| *points < 2) {
            return wrong("eval.curve_points: at least 2, the start and the end of a run");
        }
        let splits = eval.curve_splits.as_deref();
        let again = |splits: &[Split]| (1..splits.len()).any(|index| splits[..index].contains(&splits[index]));
        if splits.is_some_and(|splits| splits.is_empty() || again(splits)) {
            return wrong("eval.curve_splits: of \"train\", \"val\" and \"test\", each at most once, at least one");
        }
        let known = if self.data.is_regression() { "[\"-\"]" } else { "\"transductive\" and \"inductive\"" };
        let fits = |mode: &Mode| (*mode == Mode::Pointwise) == self.data.is_regression();
        let twice = |(index, mode): (usize, &Mode)| eval.modes[..index].contains(mode);
        if eval.modes.is_empty() || !eval.modes.iter().all(fits) || eval.modes.iter().enumerate().any(twice) {
            return wrong(format!("eval.modes: of {known}, each at most once, at least one"));
        }
        Ok(())
    }

    fn check_model(&self, path: &str, model: &ModelSpec) -> Result<()> {
        let sizes = match model {
            ModelSpec::ReptileOmniglot { filters }
            | ModelSpec::ReptileMini { filters }
            | ModelSpec::FinnOmniglot { filters }
            | ModelSpec::FinnMini { filters }
            | ModelSpec::Conv4 { filters } => std::slice::from_ref(filters),
            ModelSpec::Mlp { hidden, .. } => hidden,
        };
        if sizes.contains(&0) {
            return wrong(format!("{path}: a layer needs at least one unit"));
        }
        if matches!(model, ModelSpec::Mlp { .. }) != self.data.is_regression() {
            let dataset = &self.data.dataset;
            return wrong(format!(
                "{path}.network: mlp is for sine and quadratic, the convolution nets for images; this is {dataset}"
            ));
        }
        Ok(())
    }

    fn check_method(&self, method: &MethodBlock) -> Result<()> {
        let label = &method.label;
        name(&format!("method.{label}"), label)?;
        if let Some(note) = &method.note {
            one_line(&format!("method.{label}.note"), note)?;
        }
        if let Some(series) = &method.series {
            name(&format!("method.{label}.series"), series)?;
        }
        if let Some(legend) = &method.legend {
            one_line(&format!("method.{label}.legend"), legend)?;
        }
        if let Some(model) = &method.model {
            self.check_model(&format!("method.{label}.model"), model)?;
        }
        if self.data.is_regression() && method.view != View::default() {
            return wrong(format!("method.{label}.view: is for images, not for {}", self.data.dataset));
        }
        if let Some(select) = method.select
            && (select != Split::Val || self.data.is_regression())
        {
            return wrong(format!(
                "method.{label}.select: \"{}\"; a state is chosen on \"val\", the validation classes of images, or not at all",
                select.as_str()
            ));
        }
        if method.split.is_some() && self.data.is_regression() {
            return wrong(format!("method.{label}.split: is for images, not for {}", self.data.dataset));
        }
        if method.seeds.values().contains(&0) {
            return wrong(format!("method.{label}.seeds: must be at least 1"));
        }
        Ok(())
    }

    fn check_published(&self, row: &PublishedValue, before: &[PublishedValue]) -> Result<()> {
        let path = format!("published {} {}", row.label, row.mode.as_str());
        name(&path, &row.label)?;
        one_line(&format!("{path}: source"), &row.source)?;
        if let Some(meaning) = &row.ci_meaning {
            one_line(&format!("{path}: ci_meaning"), meaning)?;
        }
        if before.iter().any(|other| (&other.label, other.mode) == (&row.label, row.mode)) {
            return wrong(format!("{path}: a second row for the same method and mode"));
        }
        let labels = || self.methods.iter().map(|method| method.label.as_str());
        if !labels().any(|label| label == row.label) {
            return wrong(format!("{path}: {}", unknown("method", &row.label, labels())));
        }
        if !self.eval.modes.contains(&row.mode) {
            let modes: Vec<&str> = self.eval.modes.iter().map(|mode| mode.as_str()).collect();
            return wrong(format!("{path}: eval.modes does not measure this mode, but {}", modes.join(", ")));
        }
        let most = if self.data.is_regression() { f64::MAX } else { 100.0 };
        if !(0.0..=most).contains(&row.value) {
            return wrong(format!("{path}: value {} is out of range (accuracy is in percent)", row.value));
        }
        if !(0.0..=most).contains(&row.ci.unwrap_or(0.0)) || !(0.0..=most).contains(&row.tolerance) {
            return wrong(format!("{path}: ci and tolerance must not be negative"));
        }
        if row.comparable && row.tolerance == 0.0 {
            return wrong(format!("{path}: a comparable row needs a tolerance above 0"));
        }
        Ok(())
    }
}

fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::usage(message))
}

/// Names become folders, columns and segments of `--set` paths.
fn name(path: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty()
        || name.len() > 64
        || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.chars().all(plain)
    {
        return wrong(format!("{path}: \"{}\" must be 1 to 64 letters, digits, - or _", name.escape_debug()));
    }
    Ok(())
}

/// Text that lands in a table's cell.
pub(super) fn one_line(path: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() || text.contains(char::is_control) {
        return wrong(format!("{path}: must be one line of text"));
    }
    Ok(())
}
