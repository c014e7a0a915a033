//! Memory that vector loads like.

use crate::simd::Real;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A reusable stretch of numbers that starts on a cache line, so that a register's load never straddles two; a long one lies on huge
/// pages where the system has them to give, since passes over megabytes otherwise wait for the table of pages.
pub(crate) struct Buffer<T> {
    at: NonNull<Line>,
    lines: usize,
    len: usize,
    kind: PhantomData<T>,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Bytes of a huge page; shorter buffers do without.
const HUGE: usize = 2 << 20;

// SAFETY: it owns its memory, as a vector does.
unsafe impl<T: Send> Send for Buffer<T> {}
// SAFETY: shared, it only gives shared slices.
unsafe impl<T: Sync> Sync for Buffer<T> {}

impl<T> std::fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self { at: NonNull::dangling(), lines: 0, len: 0, kind: PhantomData }
    }
}

impl<T> Buffer<T> {
    fn layout(lines: usize) -> Layout {
        let size = lines * size_of::<Line>();
        let align = if size < HUGE { align_of::<Line>() } else { HUGE };
        Layout::from_size_align(size, align).expect("a size that memory can have")
    }

    fn free(&mut self) {
        if self.lines > 0 {
            // SAFETY: allocated with this very layout.
            unsafe { dealloc(self.at.as_ptr().cast(), Self::layout(self.lines)) };
            self.lines = 0;
        }
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        self.free();
    }
}

impl<T: Real> Buffer<T> {
    /// Makes room for `len` numbers. They are what was there, or zero where the room was too small.
    pub fn fit(&mut self, len: usize) {
        let lines = (len * size_of::<T>()).div_ceil(size_of::<Line>());
        if lines > self.lines {
            self.free();
            self.at = zeros(Self::layout(lines));
            self.lines = lines;
        }
        self.len = len;
    }

    /// Makes room for `len` numbers of another type and gives it, with whatever is in it.
    pub fn cast<U: Real>(&mut self, len: usize) -> &mut [U] {
        self.fit((len * size_of::<U>()).div_ceil(size_of::<T>()));
        // SAFETY: there is room for them; any bits are valid f32 and f64, and a line is aligned for both.
        unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr().cast(), len) }
    }
}

fn zeros(layout: Layout) -> NonNull<Line> {
    #[cfg(target_os = "linux")]
    if layout.size() >= HUGE {
        // SAFETY: the size is not 0; advice changes no contents, and zeros are written before anyone reads.
        let at = unsafe { std::alloc::alloc(layout) };
        let Some(lines) = NonNull::new(at.cast()) else { handle_alloc_error(layout) };
        // SAFETY: the memory is ours and as long as the layout says.
        unsafe {
            // Before the first touch. Where it is refused, small pages serve.
            libc::madvise(at.cast(), layout.size() / HUGE * HUGE, libc::MADV_HUGEPAGE);
            at.write_bytes(0, layout.size());
        }
        return lines;
    }
    // SAFETY: the size is not 0.
    let at = unsafe { alloc_zeroed(layout) };
    NonNull::new(at.cast()).unwrap_or_else(|| handle_alloc_error(layout))
}

impl<T: Real> std::ops::Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `fit` made room for `len` numbers; any bits, zeros to begin with, are valid f32 and f64, and a line
        // is aligned for both.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr().cast(), self.len) }
    }
}

impl<T: Real> std::ops::DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_ones_grow_and_shrink() {
        let mut buffer = Buffer::<f32>::default();
        assert!(buffer.is_empty());
        for len in [1, 17, 3, 3 << 20, 100, 5 << 20] {
            buffer.fit(len);
            assert!(buffer.len() == len && buffer.as_ptr().addr().is_multiple_of(64));
            buffer.fill(1.0);
            assert_eq!(buffer.iter().sum::<f32>(), len as f32);
        }
        assert_eq!(buffer.cast::<f64>(7).len(), 7);
    }
}
