//! A few registers side by side: how the kernels walk over channels.
//!
//! Channels are last, so a pixel's channels are contiguous. They are cut into groups of 4, 2 or 1 full registers and at
//! most one partly filled register at the end; a kernel is written once for a group of `NV` registers.

use crate::simd::Real;
use pulp::Simd;

/// Loads and stores of `NV` neighbouring registers; with `PART` only some lanes of the last one count.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<T: Real, S: Simd, const NV: usize, const PART: bool> {
    pub s: S,
    mask: T::M<S>,
}

impl<T: Real, S: Simd, const NV: usize, const PART: bool> Lanes<T, S, NV, PART> {
    /// `last`: how many lanes of the last register count.
    #[inline(always)]
    pub fn new(s: S, last: usize) -> Self {
        let mask = T::mask(s, last);
        Self { s, mask }
    }

    /// The last register alone.
    #[inline(always)]
    pub fn one(&self) -> Lanes<T, S, 1, PART> {
        Lanes { s: self.s, mask: self.mask }
    }

    #[inline(always)]
    pub fn splat(&self, x: T) -> [T::V<S>; NV] {
        [T::splat(self.s, x); NV]
    }

    /// # Safety
    /// All lanes that count are readable.
    #[inline(always)]
    pub unsafe fn load(&self, p: *const T) -> [T::V<S>; NV] {
        let mut v = self.splat(T::default());
        for (j, v) in v.iter_mut().enumerate() {
            let q = p.wrapping_add(j * T::lanes::<S>());
            // SAFETY: the caller's promise; a register that counts in part is read in part.
            *v = unsafe { if PART && j + 1 == NV { T::load_part(self.s, q, self.mask) } else { T::load(self.s, q) } };
        }
        v
    }

    /// # Safety
    /// All lanes that count are writable.
    #[inline(always)]
    pub unsafe fn store(&self, p: *mut T, v: [T::V<S>; NV]) {
        for (j, v) in v.into_iter().enumerate() {
            let q = p.wrapping_add(j * T::lanes::<S>());
            // SAFETY: the caller's promise; a register that counts in part is written in part.
            unsafe { if PART && j + 1 == NV { T::store_part(self.s, q, v, self.mask) } else { T::store(self.s, q, v) } }
        }
    }

    /// One result a register.
    #[inline(always)]
    pub fn map(&self, f: impl Fn(usize) -> T::V<S>) -> [T::V<S>; NV] {
        let mut v = self.splat(T::default());
        for (j, v) in v.iter_mut().enumerate() {
            *v = f(j);
        }
        v
    }
}

/// Something done for each group of channels.
pub(crate) trait OverChannels<T: Real> {
    /// # Safety
    /// The channels of the group, from `first` on, exist in all buffers.
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize);
}

/// Calls `kernel` for each group of `channels`.
///
/// # Safety
/// As [`OverChannels::group`].
#[inline(always)]
pub(crate) unsafe fn over_channels<T: Real, S: Simd>(s: S, channels: usize, kernel: &mut impl OverChannels<T>) {
    // SAFETY: the caller's promise.
    unsafe { over(s, channels, true, kernel) }
}

/// As [`over_channels`], with at most two registers in a group where the machine has 16: for kernels that hold many numbers of a channel,
/// which four would spill.
///
/// # Safety
/// As [`OverChannels::group`].
#[inline(always)]
pub(crate) unsafe fn over_narrow<T: Real, S: Simd>(s: S, channels: usize, kernel: &mut impl OverChannels<T>) {
    // SAFETY: the caller's promise.
    unsafe { over(s, channels, S::REGISTER_COUNT >= 32, kernel) }
}

#[inline(always)]
unsafe fn over<T: Real, S: Simd>(s: S, channels: usize, wide: bool, kernel: &mut impl OverChannels<T>) {
    let lanes = T::lanes::<S>();
    let mut c = 0;
    // SAFETY: the groups cover `channels` and nothing beyond.
    unsafe {
        while wide && channels - c >= 4 * lanes {
            kernel.group(Lanes::<T, S, 4, false>::new(s, lanes), c);
            c += 4 * lanes;
        }
        while channels - c >= 2 * lanes {
            kernel.group(Lanes::<T, S, 2, false>::new(s, lanes), c);
            c += 2 * lanes;
        }
        if channels - c >= lanes {
            kernel.group(Lanes::<T, S, 1, false>::new(s, lanes), c);
            c += lanes;
        }
        if c < channels {
            kernel.group(Lanes::<T, S, 1, true>::new(s, channels - c), c);
        }
    }
}

/// As [`over_channels`], a register at a time: for kernels that hold many values of a channel.
///
/// # Safety
/// As [`OverChannels::group`].
#[inline(always)]
pub(crate) unsafe fn by_register<T: Real, S: Simd>(s: S, channels: usize, kernel: &mut impl OverChannels<T>) {
    let lanes = T::lanes::<S>();
    let full = channels / lanes * lanes;
    // SAFETY: the groups cover `channels` and nothing beyond.
    unsafe {
        for c in (0..full).step_by(lanes) {
            kernel.group(Lanes::<T, S, 1, false>::new(s, lanes), c);
        }
        if full < channels {
            kernel.group(Lanes::<T, S, 1, true>::new(s, channels - full), full);
        }
    }
}

/// The columns of a product that one tile covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Columns {
    pub first: usize,
    /// Registers side by side: 4, 2 or 1.
    pub vectors: usize,
    /// Lanes of the last register that count.
    pub last: usize,
}

/// Cuts `columns` into tiles of at most `widest` registers (4, 2 or 1).
pub(crate) fn columns(columns: usize, lanes: usize, widest: usize) -> impl Iterator<Item = Columns> + Clone {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = columns - first;
        if left == 0 {
            return None;
        }
        let (vectors, last) = match left / lanes {
            0 => (1, left),
            full => ([4, 2, 1].into_iter().find(|&v| v <= full.min(widest))?, lanes),
        };
        let tile = Columns { first, vectors, last };
        first += if last < lanes { left } else { vectors * lanes };
        Some(tile)
    })
}

/// Cuts `rows` into the fewest tiles of at most `most` rows, as even as possible: (first, count).
pub(crate) fn rows(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let tiles = rows.div_ceil(most);
    (0..tiles).map(move |i| {
        let first = i * rows / tiles;
        (first, (i + 1) * rows / tiles - first)
    })
}

/// The widest tile and its most rows that fit the registers, for `rows` rows: accumulators, one row of weights and one
/// broadcast value.
pub(crate) fn tile_shape<S: Simd>(rows: usize) -> (usize, usize) {
    match (S::REGISTER_COUNT >= 32, rows) {
        // 24 accumulators either way. Wide tiles keep the pipes full with few rows, narrow ones read weights less often.
        (true, ..=6) => (4, 6),
        (true, _) => (2, 12),
        (false, _) => (2, 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_cover_everything_once() {
        for n in 1..200 {
            for (lanes, widest) in [(16, 4), (16, 2), (8, 2), (4, 4), (1, 2)] {
                let mut next = 0;
                for tile in columns(n, lanes, widest) {
                    assert_eq!(tile.first, next);
                    next += (tile.vectors - 1) * lanes + tile.last;
                }
                assert_eq!(next, n);
            }
        }
    }

    #[test]
    fn rows_are_even() {
        let sizes: Vec<_> = rows(26, 6).collect();
        assert_eq!(sizes, [(0, 5), (5, 5), (10, 5), (15, 5), (20, 6)]);
        assert_eq!(rows(0, 6).count(), 0);
    }
}
