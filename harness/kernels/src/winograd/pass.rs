//! The passes: transform a block of tiles, multiply at each point, transform back, while the block stays in the second-level cache.
//!
//! At one point the values of all tiles and channels are a matrix, and what is left of the convolution is its product with that of the
//! weights: the micro-kernels of the direct passes, [`sweep`] and [`accumulate`]. A tile's outputs depend on its own data alone, in an
//! order that does not depend on its place in the block: an image gives the same bits in any batch.
//!
//! A sum of convolutions is one of an image that has the channels of all of them: their products are summed at the points, before the one
//! way back to pixels.

use super::Terms;
use super::tiles::{Data, Gradients, Outputs, Points, WeightGradients, Weights, Window};
use crate::geometry::Geometry;
use crate::lanes::{by_register, columns, rows, tile_shape};
use crate::outer::{Outer, Positions, accumulate};
use crate::product::{Panel, Stack, sweep};
use crate::simd::Real;
use pulp::{Simd, WithSimd};

/// Bytes of a block's data and products.
const BLOCK_BYTES: usize = 224 << 10;
/// Most rows of a register tile: a block is a multiple.
const ROWS: usize = 12;

/// The tiles of a batch and the memory of a pass: what its places are and how long they are.
#[derive(Clone, Copy)]
pub(super) struct Layout<const M: usize> {
    h: usize,
    w: usize,
    /// Channels of an operand, and of all of a sum.
    cin: usize,
    all: usize,
    cout: usize,
    batch: usize,
    /// Tiles of a column and of a row of an image.
    down: usize,
    across: usize,
    /// Tiles of a block.
    block: usize,
    /// Numbers from one point to the next in data, products and weights: not a power of two, or all points would share the same few
    /// places of the first-level cache.
    data: usize,
    product: usize,
    weights: usize,
}

impl<const M: usize> Layout<M> {
    const POINTS: usize = (M + 2) * (M + 2);

    /// Of a batch of images of `g`, a sum of `terms` convolutions from `cin` to `cout` channels.
    pub fn new<T>(g: &Geometry, terms: usize, cin: usize, cout: usize, batch: usize) -> Self {
        let (down, across) = (g.h.div_ceil(M), g.w.div_ceil(M));
        let all = terms * cin;
        let of_tile = Self::POINTS * (all + cout) * size_of::<T>();
        let block = (BLOCK_BYTES / of_tile / ROWS * ROWS).clamp(ROWS, 8 * ROWS);
        let block = block.min((batch * down * across).next_multiple_of(ROWS));
        let line = 64 / size_of::<T>();
        let apart = |len: usize| len.next_multiple_of(line) + line;
        Self {
            h: g.h,
            w: g.w,
            cin,
            all,
            cout,
            batch,
            down,
            across,
            block,
            data: apart(block * all),
            product: apart(block * cout),
            weights: apart(all * cout),
        }
    }

    /// Numbers that a pass needs room for.
    pub fn room(&self) -> usize {
        Self::POINTS * (self.data + self.product + self.weights) + self.cin.max(self.cout)
    }

    /// That room's parts: data, products, weights, and zeros.
    fn parts<T: Real>(&self, room: &mut [T]) -> Room<T> {
        assert!(room.len() == self.room());
        let (data, rest) = room.split_at_mut(Self::POINTS * self.data);
        let (product, rest) = rest.split_at_mut(Self::POINTS * self.product);
        let (weights, zero) = rest.split_at_mut(Self::POINTS * self.weights);
        zero.fill(T::default());
        Room {
            data: Points { at: data.as_mut_ptr(), stride: self.data },
            product: Points { at: product.as_mut_ptr(), stride: self.product },
            weights: Points { at: weights.as_mut_ptr(), stride: self.weights },
            zero: zero.as_ptr(),
        }
    }

    /// First tile and number of tiles of each block.
    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<M> {
        let (block, tiles) = (self.block, self.batch * self.down * self.across);
        (0..tiles).step_by(block).map(move |first| (first, block.min(tiles - first)))
    }

    /// Image, first row and first column of a tile's outputs.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (image, tile) = (tile / (self.down * self.across), tile % (self.down * self.across));
        (image, tile / self.across * M, tile % self.across * M)
    }
}

struct Room<T> {
    data: Points<T>,
    product: Points<T>,
    weights: Points<T>,
    zero: *const T,
}

impl<T> Points<T> {
    #[inline(always)]
    fn skip(&self, by: usize) -> Self {
        Self { at: self.at.wrapping_add(by), stride: self.stride }
    }
}

/// out = Σ x ∗ w + bias over some (x, w). All slices and pointers are of buffers as long as the layout says.
pub(super) struct Forward<'a, T, const M: usize> {
    pub layout: Layout<M>,
    pub terms: &'a Terms<'a, T>,
    /// Null for none.
    pub bias: *const T,
    pub out: *mut T,
    pub room: &'a mut [T],
}

impl<T: Real, const M: usize> WithSimd for Forward<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let l = self.layout;
        let room = l.parts(self.room);
        // SAFETY: tiles lie in the images, blocks in the room.
        unsafe {
            let tap = l.cin * l.cout;
            for (term, (_, w)) in self.terms.iter().enumerate() {
                let to = room.weights.skip(term * tap);
                by_register(s, tap, &mut Weights::<T, M> { from: w.as_ptr(), tap, to });
            }
            for (first, count) in l.blocks() {
                for (term, (x, _)) in self.terms.iter().enumerate() {
                    data_of(s, &l, x.as_ptr(), room.data.skip(term * l.cin), room.zero, first, count);
                }
                products(s, &l, &room, count);
                for tile in 0..count {
                    let (image, y, x) = l.place(first + tile);
                    let mut outputs = Outputs::<T, M> {
                        from: room.product.skip(tile * l.cout),
                        to: self.out.wrapping_add(((image * l.h + y) * l.w + x) * l.cout),
                        line: l.w * l.cout,
                        channels: l.cout,
                        rows: M.min(l.h - y),
                        columns: M.min(l.w - x),
                        bias: self.bias,
                    };
                    by_register(s, l.cout, &mut outputs);
                }
            }
        }
    }
}

/// dw = Σ over some (x, d), d the gradient of the output.
pub(super) struct WeightGrad<'a, T, const M: usize> {
    /// Of one of them.
    pub layout: Layout<M>,
    pub terms: &'a Terms<'a, T>,
    pub dw: *mut T,
    pub room: &'a mut [T],
}

impl<T: Real, const M: usize> WithSimd for WeightGrad<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let l = self.layout;
        let room = l.parts(self.room);
        // SAFETY: tiles lie in the images, blocks in the room.
        unsafe {
            std::slice::from_raw_parts_mut(room.weights.at, Layout::<M>::POINTS * l.weights).fill(T::default());
            for (x, d) in self.terms {
                for (first, count) in l.blocks() {
                    data_of(s, &l, x.as_ptr(), room.data, room.zero, first, count);
                    for tile in 0..count {
                        let (image, y, x) = l.place(first + tile);
                        let from = Window {
                            image: d.as_ptr().wrapping_add(image * l.h * l.w * l.cout),
                            h: l.h,
                            w: l.w,
                            channels: l.cout,
                            y: y as isize,
                            x: x as isize,
                            zero: room.zero,
                        };
                        let mut gradients = Gradients::<T, M> { from, to: room.product.skip(tile * l.cout) };
                        by_register(s, l.cout, &mut gradients);
                    }
                    sums(s, &l, &room, count);
                }
            }
            let tap = l.cin * l.cout;
            by_register(s, tap, &mut WeightGradients::<T, M> { from: room.weights, to: self.dw, tap });
        }
    }
}

/// The data of a block of tiles, of one operand.
#[inline(always)]
unsafe fn data_of<T: Real, S: Simd, const M: usize>(
    s: S,
    l: &Layout<M>,
    x: *const T,
    to: Points<T>,
    zero: *const T,
    first: usize,
    count: usize,
) {
    for tile in 0..count {
        let (image, row, column) = l.place(first + tile);
        let from = Window {
            image: x.wrapping_add(image * l.h * l.w * l.cin),
            h: l.h,
            w: l.w,
            channels: l.cin,
            y: row as isize - 1,
            x: column as isize - 1,
            zero,
        };
        let mut data = Data::<T, M> { from, to: to.skip(tile * l.all) };
        // SAFETY: the room has data of `count` tiles, and a pixel outside the image is one of zeros.
        unsafe { by_register(s, l.cin, &mut data) };
    }
}

/// At each point the products of the data with the weights.
#[inline(always)]
unsafe fn products<T: Real, S: Simd, const M: usize>(s: S, l: &Layout<M>, room: &Room<T>, tiles: usize) {
    let (widest, most) = tile_shape::<S>(tiles);
    // The last tile may have rows that mean nothing and that no one reads; a block has room for them.
    let count = tiles.div_ceil(most);
    let rows = tiles.div_ceil(count);
    let stack = Stack { count, x: rows * l.all, out: rows * l.cout, len: l.all };
    for point in 0..Layout::<M>::POINTS {
        for c in columns(l.cout, T::lanes::<S>(), widest) {
            let panel = Panel {
                x: room.data.at.wrapping_add(point * l.data),
                x_stride: l.all,
                w: room.weights.at.wrapping_add(point * l.weights + c.first),
                w_stride: l.cout,
                bias: std::ptr::null(),
                out: room.product.at.wrapping_add(point * l.product + c.first),
                out_stride: l.cout,
                rows,
                vectors: c.vectors,
                last: c.last,
            };
            // SAFETY: the room has data and products of a block's tiles, with room for one row of tiles more.
            unsafe { sweep(s, &panel, &stack) };
        }
    }
}

/// At each point the products of data and gradients, summed over a block's tiles and added to the weights'. A sum a block, then their
/// sum: one long sum would have three times the error.
#[inline(always)]
unsafe fn sums<T: Real, S: Simd, const M: usize>(s: S, l: &Layout<M>, room: &Room<T>, tiles: usize) {
    let (widest, most) = tile_shape::<S>(l.cin);
    let positions = Positions { count: [1, 1, tiles], x: [0, 0, l.cin], d: [0, 0, l.cout] };
    for point in 0..Layout::<M>::POINTS {
        for c in columns(l.cout, T::lanes::<S>(), widest) {
            for (first, rows) in rows(l.cin, most) {
                let outer = Outer {
                    x: room.data.at.wrapping_add(point * l.data + first),
                    d: room.product.at.wrapping_add(point * l.product + c.first),
                    out: room.weights.at.wrapping_add(point * l.weights + first * l.cout + c.first),
                    out_stride: l.cout,
                    rows,
                    vectors: c.vectors,
                    last: c.last,
                    positions,
                };
                // SAFETY: the room has data, gradients and sums of a block's tiles.
                unsafe { accumulate(s, &outer) };
            }
        }
    }
}
