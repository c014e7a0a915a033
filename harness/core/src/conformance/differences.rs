//! Derivatives by central differences, for a gradient to agree with.

use candle_core::{Device, Tensor};

use crate::params::Params;

/// In f64, where it leaves ten digits or so.
const STEP: f64 = 1e-5;

/// The derivatives of a value by entries of parameters.
pub struct Differences(Vec<(String, usize, f64)>);

impl Differences {
    /// Of `value` at `start`, f64, by at most so many entries of each parameter: every one for `usize::MAX`.
    pub fn new(start: &Params, entries: usize, value: impl Fn(&Params) -> f64) -> Self {
        let mut found = Vec::new();
        for (name, tensor) in start.iter() {
            let values = flat(tensor);
            // One more than their share, so that not all lie in one column.
            for index in (0..values.len()).step_by(1 + values.len() / entries) {
                let at = |by: f64| {
                    let mut moved = values.clone();
                    moved[index] += by;
                    let mut params = start.clone();
                    params.insert(name, Tensor::from_vec(moved, tensor.shape(), &Device::Cpu).expect("as many"));
                    value(&params)
                };
                found.push((name.to_owned(), index, (at(STEP) - at(-STEP)) / (2.0 * STEP)));
            }
        }
        Differences(found)
    }

    /// The largest of them, without its sign.
    pub fn largest(&self) -> f64 {
        largest(self.0.iter().map(|(_, _, want)| want.abs()))
    }

    /// The largest difference from `gradient`; NaN if that has one.
    pub fn gap(&self, gradient: &Params) -> f64 {
        let entry = |name: &str, index: usize| flat(gradient.get(name).expect("a gradient by every parameter"))[index];
        largest(self.0.iter().map(|(name, index, want)| (entry(name, *index) - want).abs()))
    }
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("parameters in f64")
}

/// `f64::max` would pass over NaN.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.max_by(f64::total_cmp).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(values: [f64; 2]) -> Params {
        Params::from_iter([("x".to_owned(), Tensor::new(&values, &Device::Cpu).unwrap())])
    }

    /// x² + 3y at (2, 5) has the derivatives 4 and 3.
    #[test]
    fn a_wrong_gradient_is_as_far_away_as_it_is() {
        let value = |params: &Params| {
            let x = flat(params.get("x").unwrap());
            x[0] * x[0] + 3.0 * x[1]
        };
        let found = Differences::new(&params([2.0, 5.0]), usize::MAX, value);
        let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-8, "{got}, not {want}");
        near(found.largest(), 4.0);
        near(found.gap(&params([4.0, 3.0])), 0.0);
        near(found.gap(&params([4.0, 2.5])), 0.5);
        assert!(found.gap(&params([f64::NAN, 3.0])).is_nan());
        near(Differences::new(&params([2.0, 5.0]), 1, value).gap(&params([4.0, 9.0])), 0.0);
    }
}
