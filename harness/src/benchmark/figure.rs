//! `[figure]`: a benchmark whose runs are the curves or points of a published figure instead of the rows of a table.

use harness_core::error::unknown;
use harness_core::{Error, Result, Split};
use serde::{Deserialize, Serialize};
use toml::Value;

use super::validate::one_line;
use super::{Benchmark, MethodBlock};

/// The x axis of a figure of learning curves; any other is the name of a setting.
pub const META_ITERATIONS: &str = "meta-iterations";

/// What the figure is and how runs become lines in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureBlock {
    /// As the paper counts: `3`, `4a`.
    pub number: String,
    /// [`META_ITERATIONS`]: every row is a learning curve on test classes. A setting: every row is a point, its final
    /// accuracy over the row's value of that setting; points of one series make a line.
    pub x: String,
    /// Words beneath the x axis, where the name of the setting is not good enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_label: Option<String>,
    /// Logarithmic x axis.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub x_log: bool,
    /// A setting: lines that agree in it share a colour and differ in dash and marker. Without it every line has a
    /// colour of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
}

impl FigureBlock {
    /// Words beneath the x axis.
    pub fn x_label(&self) -> String {
        self.x_label.clone().unwrap_or_else(|| self.x.replace('_', " "))
    }

    /// Where a row stands on the x axis; None where the row is a whole curve.
    pub fn x_of(&self, method: &MethodBlock) -> Option<f64> {
        match method.settings.get(&self.x)? {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The line that a row is, or is a point of.
    pub fn line_of<'a>(&self, method: &'a MethodBlock) -> &'a str {
        let series = method.series.as_deref().filter(|_| self.x != META_ITERATIONS);
        series.unwrap_or(&method.label)
    }

    /// The line in the legend's words.
    pub fn legend_of<'a>(&self, method: &'a MethodBlock) -> &'a str {
        method.legend.as_deref().unwrap_or_else(|| self.line_of(method))
    }

    /// Checks that every row has a place in the figure.
    pub(super) fn validate(&self, benchmark: &Benchmark) -> Result<()> {
        one_line("figure.number", &self.number)?;
        if let Some(label) = &self.x_label {
            one_line("figure.x_label", label)?;
        }
        let settings = |method: &MethodBlock| method.settings.keys().cloned().collect::<Vec<_>>();
        for method in &benchmark.methods {
            let lacks = |key: &str, name: &str, what: &str, others: Option<&str>| {
                let known = settings(method);
                let hint = unknown(what, name, known.iter().map(String::as_str).chain(others));
                Error::usage(format!("figure.{key}: method.{}: {hint}", method.label))
            };
            if self.x != META_ITERATIONS && self.x_of(method).is_none_or(|x| !x.is_finite()) {
                return Err(lacks("x", &self.x, "number", Some(META_ITERATIONS)));
            }
            if let Some(colour) = self.colour.as_deref().filter(|key| !method.settings.contains_key(*key)) {
                return Err(lacks("colour", colour, "setting", None));
            }
        }
        if self.x == META_ITERATIONS {
            if benchmark.eval.curve_splits.as_ref().is_some_and(|splits| !splits.contains(&Split::Test)) {
                return Err(Error::usage("eval.curve_splits: the figure's curves are on \"test\": add it"));
            }
            return self.each_its_own(benchmark, |method| self.legend_of(method).to_owned());
        }
        if let Some(method) = benchmark.methods.iter().find(|method| self.x_log && self.x_of(method) <= Some(0.0)) {
            let label = &method.label;
            return Err(Error::usage(format!("figure.x_log: method.{label}.{} must be above 0", self.x)));
        }
        self.each_its_own(benchmark, |method| {
            format!("{} at {} = {}", self.line_of(method), self.x, self.x_of(method).unwrap_or(f64::NAN))
        })
    }

    /// No two rows may be the same curve or point.
    fn each_its_own(&self, benchmark: &Benchmark, what: impl Fn(&MethodBlock) -> String) -> Result<()> {
        for (index, method) in benchmark.methods.iter().enumerate() {
            let same = benchmark.methods[..index].iter().find(|other| what(other) == what(method));
            if let Some(other) = same {
                let (a, b) = (&other.label, &method.label);
                return Err(Error::usage(format!("figure: method.{a} and method.{b} are both {}", what(method))));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWEPT: &str = r#"
title = "Toy"
[figure]
number = "4x"
x = "inner_iters"
[data]
dataset = "glyphs"
[model]
network = "reptile-omniglot"
[protocol]
ways = 5
shots = 1
queries = 1
[eval]
episodes = 10
modes = ["inductive"]
[method.reptile]
meta_iters = 3
lr = 0.5
sweep = { inner_iters = [1, 4], train_shots = [5, 20] }
[method.last]
like = "reptile"
algorithm = "fomaml"
legend = "the last one"
sweep = { inner_iters = [2] }
"#;

    fn parsed(from: &str, to: &str) -> Result<Benchmark, String> {
        assert!(SWEPT.contains(from), "{from}");
        Benchmark::parse(&SWEPT.replacen(from, to, 1), "toy.toml").map_err(|error| error.to_string())
    }

    #[test]
    fn a_sweep_is_rows_of_one_line() {
        let benchmark = parsed("Toy", "Toy").unwrap();
        let figure = benchmark.figure.as_ref().unwrap();
        let row =
            |m: &MethodBlock| (m.label.clone(), m.algorithm.clone(), figure.x_of(m), figure.legend_of(m).to_owned());
        let rows: Vec<_> = benchmark.methods.iter().map(row).collect();
        let want =
            |label: &str, algorithm: &str, x, legend: &str| (label.into(), algorithm.into(), Some(x), legend.into());
        assert_eq!(
            rows,
            [
                want("reptile-1", "reptile", 1.0, "reptile"),
                want("reptile-4", "reptile", 4.0, "reptile"),
                want("last-2", "fomaml", 2.0, "the last one"),
            ]
        );
        assert_eq!(benchmark.methods[1].settings["train_shots"].as_integer(), Some(20));
        assert_eq!((figure.x_label().as_str(), figure.line_of(&benchmark.methods[2])), ("inner iters", "last"));
        let again = Benchmark::parse(&benchmark.canonical().unwrap(), "toy.toml").unwrap();
        assert_eq!(again, benchmark, "{}", benchmark.canonical().unwrap());
    }

    #[test]
    fn what_has_no_place_in_the_figure_is_named() {
        for (from, to, parts) in [
            (
                "x = \"inner_iters\"",
                "x = \"inner_iter\"",
                &["figure.x: method.reptile-1", "did you mean \"inner_iters\"?"][..],
            ),
            ("x = \"inner_iters\"", "x = \"meta-iteration\"", &["did you mean \"meta-iterations\"?"]),
            ("number", "nummer", &["toy.toml: figure: unknown key \"nummer\"", "did you mean \"number\"?"]),
            ("\"4x\"", "\"\"", &["figure.number: must be one line"]),
            (
                "x = \"inner_iters\"",
                "x = \"lr\"",
                &["method.reptile-1 and method.reptile-4 are both reptile at lr = 0.5"],
            ),
            (
                "x = \"inner_iters\"",
                "x = \"inner_iters\"\ncolour = \"lrr\"",
                &["figure.colour: method.reptile-1", "\"lr\"?"],
            ),
            ("x = \"inner_iters\"", "x = \"inner_iters\"\nx_log = true\nx_label = \" \"", &["figure.x_label: must be"]),
            (
                "train_shots = [5, 20]",
                "train_shots = [5]",
                &["method.reptile.sweep: inner_iters has 2 values, train_shots has 1"],
            ),
            ("train_shots = [5, 20]", "train_shots = 5", &["method.reptile.sweep.train_shots: must be a list"]),
            ("[1, 4]", "[1, 1]", &["method.reptile: a second row called \"reptile-1\""]),
            ("[1, 4]", "[1, \"a b\"]", &["method.reptile-a b", "must be 1 to 64 letters"]),
            ("lr = 0.5", "series = \"a b\"", &["series", "must be 1 to 64 letters"]),
            ("episodes = 10", "episodes = 10\ncurve_splits = []", &["eval.curve_splits: of \"train\""]),
            (
                "episodes = 10",
                "episodes = 10\ncurve_splits = [\"tset\"]",
                &["eval.curve_splits", "did you mean \"test\"?"],
            ),
            (
                "episodes = 10",
                "episodes = 10\ncurve_points = { quick = 1, short = 2, paper = 3 }",
                &["eval.curve_points"],
            ),
        ] {
            let error = parsed(from, to).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)) && !error.contains('\n'), "{to}: {error}");
        }
        let zero = SWEPT.replacen("[1, 4]", "[0, 4]", 1).replacen("number", "x_log = true\nnumber", 1);
        let error = Benchmark::parse(&zero, "toy.toml").unwrap_err().to_string();
        assert!(error.contains("figure.x_log: method.reptile-0.inner_iters must be above 0"), "{error}");
    }

    #[test]
    fn curves_need_test_classes_and_names_of_their_own() {
        let curves = |extra: &str, legend: &str| {
            let text = SWEPT.replacen("x = \"inner_iters\"", "x = \"meta-iterations\"", 1);
            let text = text.replacen("the last one", legend, 1).replacen("episodes = 10", extra, 1);
            Benchmark::parse(&text, "toy.toml").map_err(|error| error.to_string())
        };
        let benchmark = curves("episodes = 10", "g2").unwrap();
        let figure = benchmark.figure.as_ref().unwrap();
        let lines: Vec<&str> = benchmark.methods.iter().map(|method| figure.legend_of(method)).collect();
        assert_eq!(lines, ["reptile-1", "reptile-4", "g2"], "rows of a sweep are curves of their own");
        assert_eq!(figure.x_of(&benchmark.methods[0]), None);
        let error = curves("episodes = 10\ncurve_splits = [\"train\"]", "g2").unwrap_err();
        assert!(error.contains("curves are on \"test\""), "{error}");
        let error = curves("episodes = 10", "reptile-4").unwrap_err();
        assert!(error.contains("method.reptile-4 and method.last-2 are both reptile-4"), "{error}");
    }

    /// openai/supervised-reptile's README has ten commands; what they change is these four settings.
    #[test]
    fn figure_3_is_the_ten_commands() {
        let benchmark = Benchmark::find("figure-3", &[]).unwrap();
        let row = |method: &MethodBlock| {
            let integer = |key: &str| method.settings[key].as_integer().unwrap();
            let last = method.settings.get("variant").is_some_and(|variant| variant.as_str() == Some("last-step"));
            assert_eq!(method.algorithm == "fomaml", last, "{}", method.label);
            let common = ["inner_batch", "meta_batch", "eval_batch", "eval_iters"].map(integer);
            assert_eq!(common, [25, 1, 25, 5], "{}", method.label);
            assert_eq!((method.settings["lr"].as_float(), method.meta_iters.paper), (Some(0.003), 40_000));
            assert_eq!(["optimizer", "reduction"].map(|key| method.settings[key].as_str()), [Some("sgd"), Some("sum")]);
            (integer("inner_iters"), integer("train_shots"), last, method.settings["meta_step"].as_float().unwrap())
        };
        let rows: Vec<_> = benchmark.methods.iter().map(row).collect();
        let mut want = vec![(1, 5, false, 0.25)];
        for (k, mean) in [(2, 0.125), (3, 0.08325), (4, 0.0625)] {
            want.extend([(k, 5 * k, false, 0.25), (k, 5 * k, false, mean), (k, 5 * k, true, 0.25)]);
        }
        assert_eq!(rows, want);
        let figure = benchmark.figure.as_ref().unwrap();
        let lines: Vec<&str> = benchmark.methods.iter().map(|method| figure.legend_of(method)).collect();
        assert_eq!(lines[..4], ["g1", "g1+g2", "(g1+g2)/2", "g2"]);
        assert_eq!((benchmark.eval.curve_points.paper, benchmark.eval.curve_episodes.paper), (201, 100));
    }

    #[test]
    fn figure_4_sweeps_what_each_panel_is_over() {
        for (name, x, lines) in
            [("figure-4a", "inner_iters", 4), ("figure-4b", "inner_batch", 4), ("figure-4c", "meta_step", 3)]
        {
            let benchmark = Benchmark::find(name, &[]).unwrap();
            let figure = benchmark.figure.as_ref().unwrap();
            let mut names: Vec<&str> = benchmark.methods.iter().map(|method| figure.line_of(method)).collect();
            names.dedup();
            assert_eq!((figure.x.as_str(), names.len(), names[0]), (x, lines, "reptile"));
            for method in &benchmark.methods {
                // Nobody's pool is larger than a character's 20 drawings, and the last mini-batch is set aside or not.
                assert_eq!(method.settings["train_shots"].as_integer(), Some(20), "{}", method.label);
                assert_eq!(method.settings.contains_key("tail_shots"), method.label.starts_with("separate"));
                assert_eq!(method.meta_iters.values(), [40, 400, 4000]);
            }
        }
    }
}
