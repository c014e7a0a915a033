//! `[figure]`: a benchmark whose runs are the curves or points of a published figure instead of the rows of a table.

use harness_core::error::unknown;
use harness_core::{Error, Result, Split};
use serde::{Deserialize, Serialize};
use toml::Value;

use super::validate::one_line;
use super::{MethodSpec, Spec};

/// The x axis of a figure of learning curves; any other is the name of a setting.
pub const META_ITERATIONS: &str = "meta-iterations";

/// What the figure is and how runs become lines in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureSpec {
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

impl FigureSpec {
    /// Words beneath the x axis.
    pub fn x_label(&self) -> String {
        self.x_label.clone().unwrap_or_else(|| self.x.replace('_', " "))
    }

    /// Where a row stands on the x axis; None where the row is a whole curve.
    pub fn x_of(&self, method: &MethodSpec) -> Option<f64> {
        match method.settings.get(&self.x)? {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The line that a row is, or is a point of.
    pub fn line_of<'a>(&self, method: &'a MethodSpec) -> &'a str {
        let series = method.series.as_deref().filter(|_| self.x != META_ITERATIONS);
        series.unwrap_or(&method.label)
    }

    /// The line in the legend's words.
    pub fn legend_of<'a>(&self, method: &'a MethodSpec) -> &'a str {
        method.legend.as_deref().unwrap_or_else(|| self.line_of(method))
    }

    /// Checks that every row has a place in the figure.
    pub(super) fn validate(&self, spec: &Spec) -> Result<()> {
        one_line("figure.number", &self.number)?;
        if let Some(label) = &self.x_label {
            one_line("figure.x_label", label)?;
        }
        let settings = |method: &MethodSpec| method.settings.keys().cloned().collect::<Vec<_>>();
        for method in &spec.methods {
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
            if spec.eval.curve_splits.as_ref().is_some_and(|splits| !splits.contains(&Split::Test)) {
                return Err(Error::usage("eval.curve_splits: the figure's curves are on \"test\": add it"));
            }
            return self.each_its_own(spec, |method| self.legend_of(method).to_owned());
        }
        if let Some(method) = spec.methods.iter().find(|method| self.x_log && self.x_of(method) <= Some(0.0)) {
            let label = &method.label;
            return Err(Error::usage(format!("figure.x_log: method.{label}.{} must be above 0", self.x)));
        }
        self.each_its_own(spec, |method| {
            format!("{} at {} = {}", self.line_of(method), self.x, self.x_of(method).unwrap_or(f64::NAN))
        })
    }

    /// No two rows may be the same curve or point.
    fn each_its_own(&self, spec: &Spec, what: impl Fn(&MethodSpec) -> String) -> Result<()> {
        for (index, method) in spec.methods.iter().enumerate() {
            let same = spec.methods[..index].iter().find(|other| what(other) == what(method));
            if let Some(other) = same {
                let (a, b) = (&other.label, &method.label);
                return Err(Error::usage(format!("figure: method.{a} and method.{b} are both {}", what(method))));
            }
        }
        Ok(())
    }
}
