//! Memory that a kernel needs while it runs and leaves nothing in.
//!
//! One stretch a thread, not one a workspace: it stays in the nearest caches whatever network runs next, and the operations on
//! tensors, which have no workspace, need not ask the system for it each time.

use crate::buffer::Buffer;
use crate::simd::Real;
use std::cell::Cell;

thread_local! {
    /// In bytes' stead f64: a buffer's lines are aligned for every type.
    static ROOM: Cell<Buffer<f64>> = Cell::new(Buffer::default());
}

/// `f` with `len` numbers, of any value, that start on a cache line.
pub(crate) fn with<T: Real, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
    let mut room = ROOM.take();
    let result = f(room.cast(len));
    ROOM.set(room);
    result
}
