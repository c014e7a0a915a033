//! Memory that vector loads like.

use crate::simd::Real;

/// A reusable stretch of numbers that starts on a cache line, so that a register's load never straddles two.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    lines: Vec<Line>,
    len: usize,
    kind: std::marker::PhantomData<T>,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self { lines: Vec::new(), len: 0, kind: std::marker::PhantomData }
    }
}

impl<T: Real> Buffer<T> {
    /// Makes room for `len` numbers. What was in it stays only as far as memory was reused; new numbers are zero.
    pub fn fit(&mut self, len: usize) {
        let lines = (len * size_of::<T>()).div_ceil(size_of::<Line>());
        if lines > self.lines.len() {
            self.lines.resize(lines, Line([0; 64]));
        }
        self.len = len;
    }

    /// Makes room for `len` numbers of another type and gives it, with whatever is in it.
    pub fn cast<U: Real>(&mut self, len: usize) -> &mut [U] {
        self.fit((len * size_of::<U>()).div_ceil(size_of::<T>()));
        // SAFETY: there is room for them; any bits are valid f32 and f64, and a line is aligned for both.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), len) }
    }
}

impl<T: Real> std::ops::Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `fit` made room for `len` numbers; any bits, zeros to begin with, are valid f32 and f64, and a line
        // is aligned for both.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Real> std::ops::DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
