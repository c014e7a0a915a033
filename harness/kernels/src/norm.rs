//! Normalisation, scale and shift of each channel, with the ReLU that follows it: forward.
//!
//! y = relu(γ·(x − μ)/σ + β). A pool comes before it, on raw values ([`windows`](crate::windows)): norm, ReLU and max pool commute,
//! in value and in gradient.

use crate::lanes::{Lanes, OverChannels, over_channels};
use crate::simd::{Real, dispatch};
use pulp::{Simd, WithSimd};

/// What a channel is normalised with: `(x − mean)·scale + shift`, scale = γ/√(var + ε), shift = β.
#[derive(Clone, Copy)]
pub(crate) struct Affine<'a, T> {
    pub mean: &'a [T],
    pub scale: &'a [T],
    pub shift: &'a [T],
}

/// y from x, both `[rows, C]`.
pub(crate) fn forward<T: Real>(affine: Affine<T>, relu: bool, x: &[T], y: &mut [T]) {
    let channels = affine.mean.len();
    assert!(affine.scale.len() == channels && affine.shift.len() == channels);
    assert!(x.len() == y.len() && x.len().is_multiple_of(channels));
    let rows = x.len() / channels;
    dispatch(Forward { affine, relu, rows, x: x.as_ptr(), y: y.as_mut_ptr() });
}

struct Forward<'a, T> {
    affine: Affine<'a, T>,
    relu: bool,
    rows: usize,
    x: *const T,
    y: *mut T,
}

impl<T: Real> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `forward` checked the lengths.
        unsafe { over_channels(s, self.affine.mean.len(), &mut self) }
    }
}

/// The numbers of [`Affine`] for one group of channels, in registers.
///
/// Methods, not closures: only a function can be told to be inlined, and outside the kernel there are no wide registers.
#[derive(Clone, Copy)]
pub(crate) struct Group<T: Real, S: Simd, const NV: usize, const PART: bool> {
    pub lanes: Lanes<T, S, NV, PART>,
    pub mean: [T::V<S>; NV],
    pub scale: [T::V<S>; NV],
    shift: [T::V<S>; NV],
    relu: bool,
}

impl<T: Real, S: Simd, const NV: usize, const PART: bool> Group<T, S, NV, PART> {
    /// # Safety
    /// The channels of the group exist.
    #[inline(always)]
    pub unsafe fn new(lanes: Lanes<T, S, NV, PART>, affine: Affine<T>, relu: bool, first: usize) -> Self {
        let Affine { mean, scale, shift } = affine;
        // SAFETY: the caller's promise; all three slices have a number a channel.
        let (mean, scale, shift) = unsafe {
            (
                lanes.load(mean.as_ptr().add(first)),
                lanes.load(scale.as_ptr().add(first)),
                lanes.load(shift.as_ptr().add(first)),
            )
        };
        Self { lanes, mean, scale, shift, relu }
    }

    /// (x − mean)·scale + shift, of register j.
    #[inline(always)]
    pub fn value(&self, x: T::V<S>, j: usize) -> T::V<S> {
        let s = self.lanes.s;
        T::fma(s, T::vsub(s, x, self.mean[j]), self.scale[j], self.shift[j])
    }

    /// # Safety
    /// The lanes that count are readable.
    #[inline(always)]
    unsafe fn value_at(&self, x: *const T) -> [T::V<S>; NV] {
        // SAFETY: the caller's promise.
        let x = unsafe { self.lanes.load(x) };
        self.lanes.map(|j| self.value(x[j], j))
    }

    /// The ReLU, if there is one.
    #[inline(always)]
    fn clip(&self, v: [T::V<S>; NV]) -> [T::V<S>; NV] {
        let s = self.lanes.s;
        if self.relu { self.lanes.map(|j| T::relu(s, v[j])) } else { v }
    }

    /// The gradient behind the ReLU, if there is one, for the value v before it.
    #[inline(always)]
    pub fn open(&self, v: T::V<S>, g: T::V<S>) -> T::V<S> {
        let (s, zero) = (self.lanes.s, T::splat(self.lanes.s, T::default()));
        if self.relu { T::pick_gt(s, v, zero, g, zero) } else { g }
    }
}

impl<T: Real> OverChannels<T> for Forward<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); `forward` checked the rows.
        unsafe {
            let group = Group::new(lanes, self.affine, self.relu, first);
            let channels = self.affine.mean.len();
            for i in 0..self.rows {
                let at = i * channels + first;
                lanes.store(self.y.add(at), group.clip(group.value_at(self.x.add(at))));
            }
        }
    }
}
