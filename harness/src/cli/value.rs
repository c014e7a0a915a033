//! How the values of options are read.

use candle_core::Device;
use harness_core::{Mode, Split};
use harness_kernels::Cap;

use crate::results::metric;

/// `cpu`, `cuda`, `cuda:N` or `metal`.
pub fn device(text: &str) -> Result<Device, String> {
    let (kind, index) = text.split_once(':').unwrap_or((text, "0"));
    let index: usize = index.parse().map_err(|_| format!("{index} is no device number: write cuda:0"))?;
    let one_line = |error: candle_core::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    match kind {
        "cpu" => Ok(Device::Cpu),
        "cuda" if !cfg!(feature = "cuda") => Err("built without cuda: add --features cuda to cargo run".into()),
        "metal" if !cfg!(feature = "metal") => Err("built without metal: add --features metal to cargo run".into()),
        "cuda" => Device::new_cuda(index).map_err(one_line),
        "metal" => Device::new_metal(index).map_err(one_line),
        _ => Err("one of cpu, cuda:N, metal".into()),
    }
}

/// A set of instructions that this machine has.
pub fn instruction_set(text: &str) -> Result<Cap, String> {
    let names = || Cap::here().map(Cap::name).collect::<Vec<_>>().join(", ");
    let set = Cap::ALL.into_iter().find(|set| set.name() == text);
    let set = set.ok_or_else(|| format!("no such set; this machine has {}", names()))?;
    match Cap::here().any(|here| here == set) {
        true => Ok(set),
        false => Err(format!("this machine has no {text}; it has {}", names())),
    }
}

/// Splits `path=value` at the first `=`.
pub fn assignment(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("write it as path=value, such as protocol.ways=10")?;
    Ok((path.trim().to_string(), value.trim().to_string()))
}

pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// Threads: 1 to [`MOST_THREADS`].
pub fn threads(text: &str) -> Result<usize, String> {
    match positive(text)? {
        many if many > MOST_THREADS => Err(format!("at most {MOST_THREADS}")),
        some => Ok(some),
    }
}

/// More would be a slip of the key: each thread has buffers of its own.
const MOST_THREADS: usize = 1024;

/// Seconds that a [`Duration`](std::time::Duration) can hold, 0 or more.
pub fn seconds(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if !(0.0..=1e9).contains(&number) {
        return Err("seconds, from 0 to 1000000000".into());
    }
    Ok(number)
}

/// A number that is 0 or more.
pub fn margin(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if number.is_finite() && number >= 0.0 { Ok(number) } else { Err("0 or more".into()) }
}

/// `train`, `val` or `test`.
pub fn split(text: &str) -> Result<Split, String> {
    metric::split(text).ok_or_else(|| "one of train, val, test".to_owned())
}

/// `inductive` or `transductive`.
pub fn mode(text: &str) -> Result<Mode, String> {
    let found = metric::mode(text).filter(|mode| *mode != Mode::Pointwise);
    found.ok_or_else(|| "one of inductive, transductive".to_owned())
}
