//! Parameters as an ordered map of names to tensors: what a model reads, Reptile interpolates and MAML differentiates.

use std::collections::BTreeMap;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor, Var};

use crate::error::{Error, Result};

/// Named tensors in the order of their names. Cloning is cheap: tensors are shared.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use harness_core::Params;
///
/// let at = |values: [f32; 2]| Ok::<_, harness_core::Error>(Params::from_iter([("w".into(), Tensor::new(&values, &Device::Cpu)?)]));
/// let (start, ends) = (at([0.0, 0.0])?, [at([1.0, 2.0])?, at([3.0, 2.0])?]);
/// // Reptile's outer step: halfway towards the mean of where the tasks ended.
/// let towards = Params::mean(&ends)?.sub(&start)?;
/// let moved = start.axpy(0.5, &towards)?;
/// assert_eq!(moved.get("w")?.to_vec1::<f32>()?, [1.0, 1.0]);
/// assert!(moved.get("W").is_err_and(|error| error.to_string().contains("did you mean \"w\"?")));
/// # Ok::<(), harness_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Params(BTreeMap<String, Tensor>);

impl Params {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces one tensor.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.0.insert(name.into(), tensor);
    }

    /// The tensor called `name`. Errors: [`Error::Usage`] with the nearest name there is.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.0.get(name).ok_or_else(|| crate::error::unknown("parameter", name, self.names()))
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Pairs in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of scalars in all tensors.
    pub fn count(&self) -> usize {
        self.0.values().map(Tensor::elem_count).sum()
    }

    /// The entries whose names `keep` accepts.
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Params {
        self.iter().filter(|(name, _)| keep(name)).map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect()
    }

    /// The same entries with `prefix` before every name: what a method learns beside a network, as a rate for each parameter, lives
    /// among the parameters under names of its own.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use harness_core::Params;
    ///
    /// let rates = Params::from_iter([("w".to_string(), Tensor::new(&[0.1f32], &Device::Cpu)?)]);
    /// let all = rates.prefixed("rate.");
    /// assert_eq!(all.names().collect::<Vec<_>>(), ["rate.w"]);
    /// assert!(all.stripped("rate.").same_bits(&rates)?);
    /// # Ok::<(), harness_core::Error>(())
    /// ```
    pub fn prefixed(&self, prefix: &str) -> Params {
        self.iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone())).collect()
    }

    /// The entries whose names begin with `prefix`, without it.
    pub fn stripped(&self, prefix: &str) -> Params {
        let own =
            self.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())));
        own.collect()
    }

    /// These entries with those of `other` added or put in their place.
    pub fn merged(&self, other: &Params) -> Params {
        let mut all = self.clone();
        all.0.extend(other.0.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
        all
    }

    /// Applies `f` to every tensor. Errors if `f` does, as all that follow where shapes or types do not fit.
    pub fn map(&self, f: impl Fn(&Tensor) -> candle_core::Result<Tensor>) -> Result<Params> {
        self.iter().map(|(name, tensor)| Ok((name.to_owned(), f(tensor)?))).collect()
    }

    /// Applies `f` to pairs of tensors of the same name. Errors: [`Error::Usage`] if a name is missing in `other`, as in all
    /// that take another map; names that only `other` has are passed over.
    pub fn zip(&self, other: &Params, f: impl Fn(&Tensor, &Tensor) -> candle_core::Result<Tensor>) -> Result<Params> {
        self.iter().map(|(name, tensor)| Ok((name.to_owned(), f(tensor, other.get(name)?)?))).collect()
    }

    /// `self + scale * other`.
    pub fn axpy(&self, scale: f64, other: &Params) -> Result<Params> {
        self.zip(other, |a, b| a + (b * scale)?)
    }

    /// `self - other`.
    pub fn sub(&self, other: &Params) -> Result<Params> {
        self.zip(other, |a, b| a - b)
    }

    /// All tensors times `factor`.
    pub fn scale(&self, factor: f64) -> Result<Params> {
        self.map(|tensor| tensor * factor)
    }

    /// Zeros of the same shapes.
    pub fn zeros_like(&self) -> Result<Params> {
        self.map(Tensor::zeros_like)
    }

    /// The mean of several maps with the same names, summed in the order given. Errors on an empty list.
    pub fn mean<'a>(all: impl IntoIterator<Item = &'a Params>) -> Result<Params> {
        let mut all = all.into_iter();
        let first = all.next().ok_or_else(|| Error::usage("the mean of no parameters"))?.clone();
        let (sum, n) =
            all.try_fold((first, 1usize), |(sum, n), next| Ok::<_, Error>((sum.zip(next, |a, b| a + b)?, n + 1)))?;
        sum.scale(1.0 / n as f64)
    }

    /// Fresh variables with these values, for candle's automatic differentiation.
    pub fn to_vars(&self) -> Result<Params> {
        self.map(|tensor| Ok(Var::from_tensor(tensor)?.as_tensor().clone()))
    }

    /// Values without their history.
    pub fn detach(&self) -> Params {
        self.iter().map(|(name, tensor)| (name.to_owned(), tensor.detach())).collect()
    }

    /// All tensors on `device` with `dtype`.
    pub fn to(&self, dtype: DType, device: &Device) -> Result<Params> {
        self.map(|tensor| tensor.to_dtype(dtype)?.to_device(device))
    }

    /// The inner product with `other` as a scalar tensor of rank 0, differentiable.
    pub fn dot(&self, other: &Params) -> Result<Tensor> {
        let mut sum: Option<Tensor> = None;
        for (name, tensor) in self.iter() {
            let term = (tensor * other.get(name)?)?.sum_all()?;
            sum = Some(match sum {
                Some(sum) => (sum + term)?,
                None => term,
            });
        }
        sum.ok_or_else(|| Error::usage("the inner product of no parameters"))
    }

    /// The name of a tensor that holds a NaN or an infinity, if any does.
    pub fn not_finite(&self) -> Result<Option<&str>> {
        for (name, tensor) in self.iter() {
            if !is_finite(tensor)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Same names, shapes, types and bits. Floats are compared as bits, so NaN equals itself and 0 differs from -0.
    pub fn same_bits(&self, other: &Params) -> Result<bool> {
        if self.len() != other.len() {
            return Ok(false);
        }
        for ((name, a), (other_name, b)) in self.iter().zip(other.iter()) {
            if name != other_name || a.shape() != b.shape() || a.dtype() != b.dtype() || bits(a)? != bits(b)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn bits(tensor: &Tensor) -> Result<Vec<u64>> {
    let flat = tensor.flatten_all()?;
    Ok(match tensor.dtype() {
        DType::F64 => flat.to_vec1::<f64>()?.into_iter().map(f64::to_bits).collect(),
        _ => flat.to_dtype(DType::F32)?.to_vec1::<f32>()?.into_iter().map(|x| u64::from(x.to_bits())).collect(),
    })
}

impl FromIterator<(String, Tensor)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(iter: I) -> Self {
        Params(iter.into_iter().collect())
    }
}

impl IntoIterator for Params {
    type Item = (String, Tensor);
    type IntoIter = std::collections::btree_map::IntoIter<String, Tensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Whether no value is NaN or infinite.
fn is_finite(tensor: &Tensor) -> Result<bool> {
    let (storage, layout) = tensor.storage_and_layout();
    if let (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) = (&*storage, layout.contiguous_offsets()) {
        // No early end, so that it runs at the speed of memory: after every iteration all values are looked at.
        return Ok(values[start..end].iter().fold(true, |all, value| all & value.is_finite()));
    }
    drop(storage);
    Ok(tensor.to_dtype(DType::F64)?.abs()?.sum_all()?.to_scalar::<f64>()?.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(a: f32, b: f32) -> Params {
        let tensor = |x: f32| Tensor::new(&[x, 2.0 * x], &Device::Cpu).unwrap();
        [("b".to_string(), tensor(b)), ("a".to_string(), tensor(a))].into_iter().collect()
    }

    #[test]
    fn arithmetic_by_name() {
        let sum = params(1.0, 10.0).axpy(0.5, &params(4.0, 8.0)).unwrap();
        assert!(sum.same_bits(&params(3.0, 14.0)).unwrap());
        let mean = Params::mean([&params(1.0, 2.0), &params(3.0, 6.0)]).unwrap();
        assert!(mean.same_bits(&params(2.0, 4.0)).unwrap());
        let dot = params(1.0, 2.0).dot(&params(3.0, 4.0)).unwrap().to_scalar::<f32>().unwrap();
        assert_eq!(dot, 5.0 * 3.0 + 5.0 * 8.0);
        assert_eq!(mean.names().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_nan_is_named() {
        assert_eq!(params(1.0, 2.0).not_finite().unwrap(), None);
        assert_eq!(params(1.0, f32::NAN).not_finite().unwrap(), Some("b"));
        assert_eq!(params(f32::INFINITY, 1.0).not_finite().unwrap(), Some("a"));
    }
}
