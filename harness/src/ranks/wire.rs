//! What crosses from rank to rank as bytes, and back to the same bits.

use std::fmt::Display;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};
use harness_core::{Error, Result, State, Update};

use crate::results::episodes::Outcome;

/// Something that crosses: writing and reading back gives the same bits, not-a-numbers and signed zeros included.
pub trait Wire: Sized {
    /// Appends its bytes.
    fn write(&self, out: &mut Vec<u8>) -> Result<()>;

    /// The inverse; tensors are put on `device`. Errors: [`Error::Data`] on bytes that nobody wrote so.
    fn read(bytes: &[u8], device: &Device) -> Result<Self>;
}

fn broken(why: impl Display) -> Error {
    Error::data(format!("a message between ranks cannot be read ({why}): start the same binary on every rank"))
}

/// Takes so many bytes off the front.
pub(super) fn take<'a>(from: &mut &'a [u8], bytes: usize) -> Result<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(bytes).ok_or_else(|| broken("it is cut short"))?;
    *from = rest;
    Ok(taken)
}

pub(super) fn take_u64(from: &mut &[u8]) -> Result<u64> {
    Ok(u64::from_le_bytes(take(from, 8)?.try_into().expect("eight bytes")))
}

/// Its length, then the bytes.
pub(super) fn put_framed(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let at = out.len();
    out.extend([0; 8]);
    write(out)?;
    let length = (out.len() - at - 8) as u64;
    out[at..at + 8].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// These bytes, with their length before them.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}

pub(super) fn take_framed<'a>(from: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = take_u64(from)?;
    take(from, length as usize)
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        self.iter().try_for_each(|one| put_framed(out, |out| one.write(out)))
    }

    fn read(mut bytes: &[u8], device: &Device) -> Result<Self> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            all.push(T::read(take_framed(&mut bytes)?, device)?);
        }
        Ok(all)
    }
}

/// None is of no bytes, and nothing else is.
impl Wire for Option<Vec<Outcome>> {
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(outcomes) = self {
            out.push(1);
            for Outcome { correct, n, loss } in outcomes {
                out.extend(correct.to_le_bytes());
                out.extend(n.to_le_bytes());
                out.extend(loss.to_bits().to_le_bytes());
            }
        }
        Ok(())
    }

    fn read(bytes: &[u8], _: &Device) -> Result<Self> {
        let Some((_, rows)) = bytes.split_first() else { return Ok(None) };
        let (rows, []) = rows.as_chunks::<16>() else { return Err(broken("an outcome is cut short")) };
        let outcome = |row: &[u8; 16]| {
            let number = |at: usize| u32::from_le_bytes(row[at..at + 4].try_into().expect("four bytes"));
            let loss = u64::from_le_bytes(row[8..].try_into().expect("eight bytes"));
            Outcome { correct: number(0), n: number(4), loss: f64::from_bits(loss) }
        };
        Ok(Some(rows.iter().map(outcome).collect()))
    }
}

/// Counts, then names with what they name; numbers as their bits.
impl Wire for Update {
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        out.reserve(self.bytes() + 128 * self.tensors.values().map(|params| 1 + params.len()).sum::<usize>() + 1024);
        put_u64(out, self.tensors.len());
        for (role, params) in &self.tensors {
            put_bytes(out, role.as_bytes());
            put_tensors(out, params.len(), params.iter())?;
        }
        put_u64(out, self.scalars.len());
        for (name, value) in &self.scalars {
            put_bytes(out, name.as_bytes());
            out.extend(value.to_bits().to_le_bytes());
        }
        put_u64(out, self.keys.len());
        self.keys.iter().for_each(|key| out.extend(key.to_le_bytes()));
        Ok(())
    }

    fn read(mut bytes: &[u8], device: &Device) -> Result<Self> {
        let bytes = &mut bytes;
        let mut update = Update::default();
        for _ in 0..take_u64(bytes)? {
            let role = take_name(bytes)?;
            update.tensors.insert(role, take_tensors(bytes, device)?.into_iter().collect());
        }
        for _ in 0..take_u64(bytes)? {
            update.scalars.insert(take_name(bytes)?, f64::from_bits(take_u64(bytes)?));
        }
        for _ in 0..take_u64(bytes)? {
            update.keys.push(take_u64(bytes)?);
        }
        Ok(update)
    }
}

impl Wire for State {
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        out.extend(self.step.to_le_bytes());
        let tensors = self.to_tensors();
        put_tensors(out, tensors.len(), tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)))
    }

    fn read(mut bytes: &[u8], device: &Device) -> Result<Self> {
        let step = take_u64(&mut bytes)?;
        State::from_tensors(take_tensors(&mut bytes, device)?, step)
    }
}

/// So many tensors by name: the type, the shape, and the elements as they lie in memory. Ranks of one job are of one
/// kind of machine.
fn put_tensors<'a>(out: &mut Vec<u8>, many: usize, tensors: impl Iterator<Item = (&'a str, &'a Tensor)>) -> Result<()> {
    put_u64(out, many);
    for (name, tensor) in tensors {
        put_bytes(out, name.as_bytes());
        put_bytes(out, tensor.dtype().as_str().as_bytes());
        put_u64(out, tensor.rank());
        tensor.dims().iter().for_each(|side| put_u64(out, *side));
        let tensor = tensor.to_device(&Device::Cpu)?.contiguous()?;
        let (storage, layout) = tensor.storage_and_layout();
        let (first, end) = layout.contiguous_offsets().expect("it was made so");
        let elements: &[u8] = match &*storage {
            Storage::Cpu(CpuStorage::F32(all)) => bytemuck::cast_slice(&all[first..end]),
            Storage::Cpu(CpuStorage::F64(all)) => bytemuck::cast_slice(&all[first..end]),
            Storage::Cpu(CpuStorage::U8(all)) => &all[first..end],
            Storage::Cpu(CpuStorage::U32(all)) => bytemuck::cast_slice(&all[first..end]),
            Storage::Cpu(CpuStorage::I64(all)) => bytemuck::cast_slice(&all[first..end]),
            _ => {
                let what = tensor.dtype().as_str();
                return Err(Error::usage(format!("{name}: a tensor of {what} does not cross between ranks")));
            }
        };
        put_bytes(out, elements);
    }
    Ok(())
}

fn take_tensors(from: &mut &[u8], device: &Device) -> Result<Vec<(String, Tensor)>> {
    let one = |from: &mut &[u8]| -> Result<(String, Tensor)> {
        let name = take_name(from)?;
        let dtype: DType = take_name(from)?.parse().map_err(broken)?;
        let rank = take_u64(from)?;
        let shape = (0..rank).map(|_| Ok(take_u64(from)? as usize)).collect::<Result<Vec<_>>>()?;
        let elements = take_framed(from)?;
        let bytes = shape.iter().try_fold(dtype.size_in_bytes(), |all, side| all.checked_mul(*side));
        if bytes != Some(elements.len()) {
            return Err(broken(format!("{name} has {} bytes for its shape {shape:?}", elements.len())));
        }
        Ok((name, Tensor::from_raw_buffer(elements, dtype, &shape, device)?))
    };
    (0..take_u64(from)?).map(|_| one(from)).collect()
}

fn put_u64(out: &mut Vec<u8>, number: usize) {
    out.extend((number as u64).to_le_bytes());
}

fn take_name(from: &mut &[u8]) -> Result<String> {
    String::from_utf8(take_framed(from)?.to_vec()).map_err(broken)
}

/// An error that crosses keeps its kind, which is its exit code, and its words.
pub(super) fn error_to_bytes(error: &Error) -> Vec<u8> {
    let kind = match error {
        Error::Usage(_) | Error::Network(_) | Error::Io { .. } => 0,
        Error::Data(_) => 1,
        Error::Diverged(_) => 2,
        Error::Panicked(_) => 3,
        Error::Tensor(_) => 4,
    };
    let words = match error {
        Error::Panicked(words) => words.clone(),
        Error::Tensor(inner) => inner.to_string(),
        other => other.to_string(),
    };
    [&[kind], words.as_bytes()].concat()
}

pub(super) fn error_of_bytes(bytes: &[u8]) -> Error {
    let (kind, words) = bytes.split_first().map_or((&0, &[][..]), |split| split);
    let words = String::from_utf8_lossy(words).into_owned();
    match kind {
        1 => Error::Data(words),
        2 => Error::Diverged(words),
        3 => Error::Panicked(words),
        4 => Error::Tensor(candle_core::Error::Msg(words)),
        _ => Error::Usage(words),
    }
}

#[cfg(test)]
mod tests {
    use harness_core::Params;

    use super::*;

    fn back<T: Wire>(value: &T) -> T {
        let mut bytes = Vec::new();
        value.write(&mut bytes).unwrap();
        T::read(&bytes, &Device::Cpu).unwrap()
    }

    fn params(values: &[f32]) -> Params {
        let tensor = Tensor::new(values, &Device::Cpu).unwrap();
        let square = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu).unwrap();
        // Not laid out in the order of its elements.
        [("a/b".to_owned(), tensor), ("t".to_owned(), square.t().unwrap())].into_iter().collect()
    }

    #[test]
    fn an_update_crosses_bit_by_bit() {
        let odd = [f32::from_bits(0x7fc0_1234), -0.0, f32::MIN_POSITIVE / 2.0, f32::INFINITY, 0.1];
        let double = Tensor::new(&[f64::from_bits(0x7ff8_0000_0000_0007), 1e-320], &Device::Cpu).unwrap();
        let mut update = Update::default()
            .with("delta", params(&odd))
            .with("empty", Params::new())
            .with("wide", [("x".to_owned(), double)].into_iter().collect())
            .scalar("loss", f64::from_bits(0xfff8_0000_0000_0001))
            .scalar("none", -0.0);
        update.keys = vec![u64::MAX, 0, 7];
        let there = back(&vec![update.clone(), Update::default()]);
        assert_eq!(there.len(), 2);
        let same = &there[0];
        assert_eq!(same.keys, update.keys);
        let bits = |update: &Update| -> Vec<(String, u64)> {
            update.scalars.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect()
        };
        assert_eq!(bits(same), bits(&update));
        assert_eq!(same.tensors.keys().collect::<Vec<_>>(), update.tensors.keys().collect::<Vec<_>>());
        for (role, params) in &update.tensors {
            assert!(same.tensors[role].same_bits(params).unwrap(), "{role}");
        }
        assert_eq!(same.tensors["wide"].get("x").unwrap().dtype(), DType::F64);
        assert!(there[1].tensors.is_empty() && there[1].scalars.is_empty());
    }

    #[test]
    fn a_role_may_have_a_slash() {
        let there = back(&Update::default().with("a/b", params(&[1.0])).with("a", params(&[2.0])));
        assert_eq!(there.tensors.keys().collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(there.role("a/b").unwrap().same_bits(&params(&[1.0])).unwrap());
    }

    #[test]
    fn outcomes_and_their_absence_cross() {
        let outcomes = vec![Outcome { correct: 3, n: 5, loss: 0.1 }, Outcome { correct: 0, n: 5, loss: f64::NAN }];
        let there = back(&Some(outcomes.clone())).unwrap();
        assert_eq!(there[0], outcomes[0]);
        assert!(there[1].loss.to_bits() == f64::NAN.to_bits() && there.len() == 2);
        assert_eq!(back(&Some(Vec::new())), Some(Vec::new()));
        assert_eq!(back(&None::<Vec<Outcome>>), None);
    }

    #[test]
    fn a_state_crosses_with_its_slots_and_its_step() {
        let mut state = State::new(params(&[1.0, f32::NAN]));
        state.slots.insert("adam.second".into(), params(&[2.0]));
        state.buffers = params(&[3.0]);
        state.step = u64::MAX;
        assert!(back(&state).same_bits(&state).unwrap());
    }

    #[test]
    fn an_error_keeps_its_kind_and_its_words() {
        let errors = [
            Error::usage("a"),
            Error::data("b"),
            Error::Diverged("c".into()),
            Error::Panicked("d".into()),
            Error::Tensor(candle_core::Error::Msg("e".into())),
        ];
        for error in errors {
            let there = error_of_bytes(&error_to_bytes(&error));
            assert_eq!(there.to_string(), error.to_string());
            assert_eq!(crate::exit::Exit::of(&there), crate::exit::Exit::of(&error));
        }
    }

    #[test]
    fn bytes_that_nobody_wrote_are_an_error_with_a_remedy() {
        for bytes in [&[1u8, 2, 3][..], &[255; 40]] {
            let error = Vec::<Update>::read(bytes, &Device::Cpu).unwrap_err();
            assert!(error.to_string().contains("the same binary"), "{error}");
        }
        assert!(Option::<Vec<Outcome>>::read(&[1, 2], &Device::Cpu).is_err());
    }
}
