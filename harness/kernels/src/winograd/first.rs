//! The first layer: a convolution from few channels whose output is never stored.
//!
//! Its output is the largest array of a network, and what follows, a norm with a pool, needs of it only statistics and winners. So the way
//! forward gathers those from each tile of F(4×4, 3×3) as it comes, and the way back computes the tile again, takes its gradient through
//! pool, ReLU and norm, and sums the weights' from it: 30 more products a pixel and channel in place of four passes over the array.
//!
//! With three channels in a register of 8 or 16, transforms go over lines: downwards over all numbers of a line at once, then across
//! with whole registers, of which the first three count and the next tile overwrites the others.

use super::tiles::{Points, WeightGradients, Weights};
use super::transform::{data, gradients, outputs};
use crate::geometry::Geometry;
use crate::lanes::{Lanes, OverChannels, by_register, columns, rows, tile_shape};
use crate::norm_grad::{Grad, NormGrad};
use crate::outer::{Outer, Positions, accumulate};
use crate::pool::PoolShape;
use crate::product::{Panel, Pixels, Run, sweep};
use crate::scratch;
use crate::simd::{Real, dispatch};
use crate::statistics::Spread;
use pulp::{Simd, WithSimd};

/// Outputs of a tile in a row and in a column; points.
const M: usize = 4;
const POINTS: usize = 36;
/// Tiles whose products are computed together: they stay in the first-level cache.
const TOGETHER: usize = 3;
/// More channels than this go better through the passes of any other layer.
const CHANNELS: usize = 4;

/// Whether a convolution is one of these. It depends on shapes alone.
pub(crate) fn fits(g: &Geometry) -> bool {
    #[cfg(test)]
    if super::tests::OFF.get() {
        return false;
    }
    g.kernel == 3 && g.stride == 1 && g.cin <= CHANNELS && g.cout >= super::CHANNELS && g.h.min(g.w) >= M
}

/// A convolution with the pool that follows its norm, and a batch.
#[derive(Clone, Copy)]
pub(crate) struct First<'a, T> {
    pub g: &'a Geometry,
    pub pool: &'a PoolShape,
    pub batch: usize,
    pub x: &'a [T],
    pub w: &'a [T],
    pub bias: &'a [T],
}

impl<T: Real> First<'_, T> {
    /// Merges the output into `mean` and `m2`, which hold `seen` images already, and writes the raw winners of the pool's windows; see
    /// [`merge_and_winners`](crate::windows::merge_and_winners).
    pub fn gather(&self, gamma: Option<&[T]>, seen: usize, mean: &mut [T], m2: &mut [T], winners: &mut [T]) {
        let c = self.g.cout;
        self.check(winners);
        assert!(mean.len() == c && m2.len() == c && gamma.is_none_or(|gamma| gamma.len() == c));
        let gamma = gamma.map_or(std::ptr::null(), <[T]>::as_ptr);
        let totals = [mean.as_mut_ptr(), m2.as_mut_ptr()];
        let winners = winners.as_mut_ptr();
        scratch::with(Room::<T>::len(self.g), |room| {
            dispatch(Gather { first: *self, gamma, seen: seen * self.g.h * self.g.w, totals, winners, room });
        });
    }

    /// dw from the gradient of the pool's output, whose way back through norm and ReLU `back` has; its sums as
    /// [`NormGrad::sums`] gave them.
    pub fn weight_grad(&self, winners: &[T], back: &NormGrad<T>, dbeta: &[T], dgamma: &[T], dw: &mut [T]) {
        self.check(winners);
        back.check(dbeta, dgamma);
        assert!(back.dy.len() == winners.len() && dbeta.len() == self.g.cout && dw.len() == self.w.len());
        let winners = winners.as_ptr();
        scratch::with(Room::<T>::len(self.g), |room| {
            dispatch(WeightGrad { first: *self, winners, back, dbeta, dgamma, dw: dw.as_mut_ptr(), room });
        });
    }

    fn check(&self, winners: &[T]) {
        let (g, pool) = (self.g, self.pool);
        assert!(fits(g) && (pool.h, pool.w, pool.c) == (g.h, g.w, g.cout));
        assert!(self.x.len() == self.batch * g.input_len() && winners.len() == self.batch * pool.output_len());
        assert!(self.w.len() == g.weight_len() && self.bias.len() == g.cout);
    }

    #[inline(always)]
    fn across(&self) -> usize {
        self.g.w.div_ceil(M)
    }
}

/// Memory of a pass.
struct Room<T> {
    /// Six lines, transformed downwards, with zeros left and right; their distance.
    lines: *mut T,
    line: usize,
    /// A line of zeros.
    zero: *const T,
    /// A line of tiles: data.
    data: Points<T>,
    /// Products of some tiles.
    products: *mut T,
    weights: Points<T>,
    /// A line of tiles: gradients.
    gradients: Points<T>,
    /// Their sums.
    sums: Points<T>,
    /// Mean and sum of squares of a line of tiles.
    statistics: [*mut T; 2],
}

impl<T: Real> Room<T> {
    /// Lengths of the parts, in the order of [`Room::new`].
    fn parts(g: &Geometry) -> [usize; 9] {
        let spare = 64 / size_of::<T>();
        let apart = |len: usize| len.next_multiple_of(spare) + spare;
        let across = g.w.div_ceil(M);
        let (line, weights) = (apart((M * across + 2) * g.cin), apart(POINTS * g.cin * g.cout));
        let (data, gradients) = (apart(across * g.cin), apart(across * g.cout));
        let products = POINTS * TOGETHER * g.cout;
        let statistics = apart(g.cout);
        [6 * line, line, POINTS * data, products, weights, POINTS * gradients, weights, statistics, statistics]
    }

    fn len(g: &Geometry) -> usize {
        Self::parts(g).iter().sum()
    }

    /// Lines and sums are zero, the rest is anything.
    fn new(g: &Geometry, mut room: &mut [T]) -> Self {
        let mut at = [std::ptr::null_mut(); 9];
        let parts = Self::parts(g);
        for (at, len) in at.iter_mut().zip(parts) {
            let (own, rest) = std::mem::take(&mut room).split_at_mut(len);
            own.fill(T::default());
            (*at, room) = (own.as_mut_ptr(), rest);
        }
        let [lines, zero, data, products, weights, gradients, sums, mean, m2] = at;
        let of_point = |at, len: usize| Points { at, stride: len / POINTS };
        let tap = g.cin * g.cout;
        Self {
            lines,
            line: parts[1],
            zero,
            data: of_point(data, parts[2]),
            products,
            weights: Points { at: weights, stride: tap },
            gradients: of_point(gradients, parts[5]),
            sums: Points { at: sums, stride: tap },
            statistics: [mean, m2],
        }
    }
}

/// Six lines of an image, transformed downwards: every number of a line a channel.
struct Downwards<T> {
    from: [*const T; 6],
    to: *mut T,
    line: usize,
}

impl<T: Real> OverChannels<T> for Downwards<T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let s = lanes.s;
        let lanes = lanes.one();
        let mut d = [T::splat(s, T::default()); 6];
        for (d, from) in d.iter_mut().zip(self.from) {
            // SAFETY: the group's channels exist in every buffer (`OverChannels`); a line outside the image is the line of zeros.
            *d = unsafe { lanes.load(from.wrapping_add(first))[0] };
        }
        for (i, point) in data::<T, S, M>(s, d).into_iter().enumerate() {
            // SAFETY: the room has six lines of that length.
            unsafe { lanes.store(self.to.wrapping_add(i * self.line + first), [point]) };
        }
    }
}

/// The data of a line of tiles of one image.
#[inline(always)]
unsafe fn line_of_data<T: Real, S: Simd>(s: S, first: &First<T>, room: &Room<T>, image: usize, down: usize) {
    let g = first.g;
    let len = g.w * g.cin;
    let x = first.x.as_ptr().wrapping_add(image * g.input_len());
    let mut from = [room.zero; 6];
    for (i, from) in from.iter_mut().enumerate() {
        // The line above the tile first.
        let y = (M * down + i).wrapping_sub(1);
        if y < g.h {
            *from = x.wrapping_add(y * len);
        }
    }
    let lanes = T::lanes::<S>();
    // SAFETY: the lines have room for a whole register beyond the last tile, and `data` for every tile.
    unsafe {
        by_register(s, len, &mut Downwards { from, to: room.lines.wrapping_add(g.cin), line: room.line });
        for tile in 0..first.across() {
            for row in 0..6 {
                for c in (0..g.cin).step_by(lanes) {
                    let at = room.lines.wrapping_add(row * room.line + tile * M * g.cin + c);
                    let mut d = [T::splat(s, T::default()); 6];
                    for (j, d) in d.iter_mut().enumerate() {
                        *d = T::load(s, at.wrapping_add(j * g.cin));
                    }
                    let to = room.data.at.wrapping_add(row * 6 * room.data.stride + tile * g.cin + c);
                    for (j, point) in data::<T, S, M>(s, d).into_iter().enumerate() {
                        T::store(s, to.wrapping_add(j * room.data.stride), point);
                    }
                }
            }
        }
    }
}

/// The points of some tiles.
struct AllPoints {
    x: usize,
    out: usize,
    len: usize,
}

impl Pixels for AllPoints {
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, &[Run])) {
        for point in 0..POINTS {
            f(point * self.out, &[Run { x: point * self.x, w: point * self.len, len: self.len }]);
        }
    }
}

/// The products of `count` tiles of a line.
#[inline(always)]
unsafe fn products<T: Real, S: Simd>(s: S, g: &Geometry, room: &Room<T>, tile: usize, count: usize) {
    let points = AllPoints { x: room.data.stride, out: count * g.cout, len: g.cin };
    for c in columns(g.cout, T::lanes::<S>(), 4) {
        let panel = Panel {
            x: room.data.at.wrapping_add(tile * g.cin),
            x_stride: g.cin,
            w: room.weights.at.wrapping_add(c.first),
            w_stride: g.cout,
            bias: std::ptr::null(),
            out: room.products.wrapping_add(c.first),
            out_stride: g.cout,
            rows: count,
            vectors: c.vectors,
            last: c.last,
        };
        // SAFETY: the room has data and products of `count` tiles from `tile` on, and all weights.
        unsafe { sweep(s, &panel, &points) };
    }
}

/// One tile, its products in `from`.
#[derive(Clone, Copy)]
struct Tile<'a, T> {
    pool: &'a PoolShape,
    from: Points<T>,
    bias: *const T,
    /// Its first output.
    y: usize,
    x: usize,
    /// Outputs that the image has.
    rows: usize,
    columns: usize,
}

impl<'a, T: Real> Tile<'a, T> {
    #[inline(always)]
    fn new(first: &First<'a, T>, room: &Room<T>, down: usize, tile: usize, row: usize, count: usize) -> Self {
        let g = first.g;
        let from = Points { at: room.products.wrapping_add(row * g.cout), stride: count * g.cout };
        let (y, x) = (M * down, M * tile);
        let (rows, columns) = (M.min(g.h - y), M.min(g.w - x));
        Tile { pool: first.pool, from, bias: first.bias.as_ptr(), y, x, rows, columns }
    }

    #[inline(always)]
    fn whole(&self) -> bool {
        self.rows == M && self.columns == M
    }

    /// The outputs of a register of channels; those beyond the image mean nothing.
    #[inline(always)]
    unsafe fn outputs<S: Simd, const PART: bool>(
        &self,
        lanes: Lanes<T, S, 1, PART>,
        first: usize,
    ) -> [[T::V<S>; M]; M] {
        let s = lanes.s;
        let zero = T::splat(s, T::default());
        let mut t = [[zero; 6]; M];
        for j in 0..6 {
            let mut m = [zero; 6];
            for (i, m) in m.iter_mut().enumerate() {
                let at = (i * 6 + j) * self.from.stride + first;
                // SAFETY: the products of a tile have every point of the group's channels.
                *m = unsafe { lanes.load(self.from.at.wrapping_add(at))[0] };
            }
            let column = outputs::<T, S, M>(s, m);
            for i in 0..M {
                t[i][j] = column[i];
            }
        }
        // SAFETY: the group's channels exist in every buffer (`OverChannels`).
        let bias = unsafe { lanes.load(self.bias.wrapping_add(first))[0] };
        let mut y = [[zero; M]; M];
        for (y, t) in y.iter_mut().zip(t) {
            let row = outputs::<T, S, M>(s, t);
            for (y, v) in y.iter_mut().zip(row) {
                *y = T::vadd(s, v, bias);
            }
        }
        y
    }

    /// Whether the pool has the tile's window (i, j).
    #[inline(always)]
    fn has_window(&self, i: usize, j: usize) -> bool {
        let inside = 2 * i < self.rows && 2 * j < self.columns;
        inside && self.y / 2 + i < self.pool.oh && self.x / 2 + j < self.pool.ow
    }

    /// Where the tile's window (i, j) is among those of its image.
    #[inline(always)]
    fn window(&self, i: usize, j: usize) -> usize {
        ((self.y / 2 + i) * self.pool.ow + self.x / 2 + j) * self.pool.c
    }

    /// The window's rows and columns in the tile; one that is missing repeats the first.
    #[inline(always)]
    fn places<const WHOLE: bool>(&self, i: usize, j: usize) -> ([usize; 2], [usize; 2]) {
        let second = |first: usize, have: usize| if WHOLE || first + 1 < have { first + 1 } else { first };
        ([2 * i, second(2 * i, self.rows)], [2 * j, second(2 * j, self.columns)])
    }
}

/// [`First::gather`].
struct Gather<'a, T> {
    first: First<'a, T>,
    gamma: *const T,
    /// Pixels.
    seen: usize,
    totals: [*mut T; 2],
    winners: *mut T,
    room: &'a mut [T],
}

impl<T: Real> WithSimd for Gather<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (first, g) = (&self.first, self.first.g);
        let room = Room::new(g, self.room);
        let tap = g.cin * g.cout;
        let mut seen = self.seen;
        // SAFETY: `First::gather` checked the lengths; tiles lie in images and room.
        unsafe {
            by_register(s, tap, &mut Weights::<T, M> { from: first.w.as_ptr(), tap, to: room.weights });
            for image in 0..first.batch {
                let winners = self.winners.wrapping_add(image * first.pool.output_len());
                for down in 0..g.h.div_ceil(M) {
                    line_of_data(s, first, &room, image, down);
                    let mut in_line = 0;
                    for (start, count) in rows(first.across(), TOGETHER) {
                        products(s, g, &room, start, count);
                        for row in 0..count {
                            let tile = Tile::new(first, &room, down, start + row, row, count);
                            let statistics = room.statistics;
                            let mut end = GatherTile { tile, gamma: self.gamma, statistics, seen: in_line, winners };
                            by_register(s, g.cout, &mut end);
                            in_line += tile.rows * tile.columns;
                        }
                    }
                    let mut line = MergeLine { line: room.statistics, totals: self.totals, seen, count: in_line };
                    by_register(s, g.cout, &mut line);
                    seen += in_line;
                }
            }
        }
    }
}

/// Statistics of a line of tiles to those of all: sums of sums, which round less than one long sum.
struct MergeLine<T> {
    line: [*mut T; 2],
    totals: [*mut T; 2],
    seen: usize,
    count: usize,
}

impl<T: Real> OverChannels<T> for MergeLine<T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let [mean, m2] = [self.totals[0].wrapping_add(first), self.totals[1].wrapping_add(first)];
        // SAFETY: the group's channels exist in every buffer (`OverChannels`) of both.
        unsafe {
            let own = lanes.load(self.line[0].wrapping_add(first));
            let squares = lanes.load(self.line[1].wrapping_add(first));
            let mut spread = Spread::new(lanes, self.seen);
            (spread.mean, spread.m2) = (lanes.load(mean), lanes.load(m2));
            spread.add(self.count, own, squares);
            lanes.store(mean, spread.mean);
            lanes.store(m2, spread.m2);
        }
    }
}

struct GatherTile<'a, T> {
    tile: Tile<'a, T>,
    gamma: *const T,
    /// Of the line of tiles, and how many of its pixels they have.
    statistics: [*mut T; 2],
    seen: usize,
    /// Of the image.
    winners: *mut T,
}

impl<T: Real> OverChannels<T> for GatherTile<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let lanes = lanes.one();
        // SAFETY: the room has the tile's products.
        unsafe {
            let y = self.tile.outputs(lanes, first);
            if self.tile.whole() {
                self.end::<S, PART, true>(lanes, first, y);
            } else {
                self.end::<S, PART, false>(lanes, first, y);
            }
        }
    }
}

impl<T: Real> GatherTile<'_, T> {
    #[inline(always)]
    unsafe fn end<S: Simd, const PART: bool, const WHOLE: bool>(
        &self,
        lanes: Lanes<T, S, 1, PART>,
        first: usize,
        y: [[T::V<S>; M]; M],
    ) {
        let (s, tile) = (lanes.s, &self.tile);
        let (zero, one) = (T::splat(s, T::default()), T::splat(s, T::of(1.0)));
        let mut sums = [zero; M];
        for (i, row) in y.iter().enumerate() {
            for (j, &v) in row.iter().enumerate() {
                if WHOLE || i < tile.rows && j < tile.columns {
                    sums[j] = T::vadd(s, sums[j], v);
                }
            }
        }
        let count = if WHOLE { M * M } else { tile.rows * tile.columns };
        let per = T::splat(s, T::of(1.0 / count as f64));
        let own = T::vmul(s, T::vadd(s, T::vadd(s, sums[0], sums[1]), T::vadd(s, sums[2], sums[3])), per);
        let mut squares = [zero; M];
        for (i, row) in y.iter().enumerate() {
            for (j, &v) in row.iter().enumerate() {
                if WHOLE || i < tile.rows && j < tile.columns {
                    let e = T::vsub(s, v, own);
                    squares[j] = T::fma(s, e, e, squares[j]);
                }
            }
        }
        let squares = T::vadd(s, T::vadd(s, squares[0], squares[1]), T::vadd(s, squares[2], squares[3]));
        let [mean, m2] = [self.statistics[0].wrapping_add(first), self.statistics[1].wrapping_add(first)];
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); the tile's windows lie in the image's winners.
        unsafe {
            let mut spread = Spread::new(lanes, self.seen);
            if self.seen > 0 {
                (spread.mean, spread.m2) = (lanes.load(mean), lanes.load(m2));
            }
            spread.add(count, [own], [squares]);
            lanes.store(mean, spread.mean);
            lanes.store(m2, spread.m2);

            let mut sign = one;
            if !self.gamma.is_null() {
                let gamma = lanes.load(self.gamma.wrapping_add(first))[0];
                sign = T::pick_gt(s, zero, gamma, T::vsub(s, zero, one), one);
            }
            for i in 0..2 {
                for j in 0..2 {
                    if !WHOLE && !tile.has_window(i, j) {
                        continue;
                    }
                    let ([r0, r1], [c0, c1]) = tile.places::<WHOLE>(i, j);
                    let a = T::vmax(s, T::vmul(s, sign, y[r0][c0]), T::vmul(s, sign, y[r0][c1]));
                    let b = T::vmax(s, T::vmul(s, sign, y[r1][c0]), T::vmul(s, sign, y[r1][c1]));
                    let winner = T::vmul(s, sign, T::vmax(s, a, b));
                    lanes.store(self.winners.wrapping_add(tile.window(i, j) + first), [winner]);
                }
            }
        }
    }
}

/// [`First::weight_grad`].
struct WeightGrad<'a, 'b, T> {
    first: First<'a, T>,
    winners: *const T,
    back: &'a NormGrad<'b, T>,
    dbeta: &'a [T],
    dgamma: &'a [T],
    dw: *mut T,
    room: &'a mut [T],
}

impl<T: Real> WithSimd for WeightGrad<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (first, g) = (&self.first, self.first.g);
        let room = Room::new(g, self.room);
        let tap = g.cin * g.cout;
        // SAFETY: `First::weight_grad` checked the lengths; tiles lie in images and room.
        unsafe {
            by_register(s, tap, &mut Weights::<T, M> { from: first.w.as_ptr(), tap, to: room.weights });
            for image in 0..first.batch {
                let windows = image * first.pool.output_len();
                for down in 0..g.h.div_ceil(M) {
                    line_of_data(s, first, &room, image, down);
                    for (start, count) in rows(first.across(), TOGETHER) {
                        products(s, g, &room, start, count);
                        for row in 0..count {
                            let mut end = GradientTile {
                                tile: Tile::new(first, &room, down, start + row, row, count),
                                back: self.back,
                                sums: [self.dbeta.as_ptr(), self.dgamma.as_ptr()],
                                winners: self.winners.wrapping_add(windows),
                                dy: self.back.dy.as_ptr().wrapping_add(windows),
                                to: Points {
                                    at: room.gradients.at.wrapping_add((start + row) * g.cout),
                                    stride: room.gradients.stride,
                                },
                            };
                            by_register(s, g.cout, &mut end);
                        }
                    }
                    sums(s, first, &room);
                }
            }
            by_register(s, tap, &mut WeightGradients::<T, M> { from: room.sums, to: self.dw, tap });
        }
    }
}

struct GradientTile<'a, 'b, T> {
    tile: Tile<'a, T>,
    back: &'a NormGrad<'b, T>,
    sums: [*const T; 2],
    /// Of the image.
    winners: *const T,
    dy: *const T,
    to: Points<T>,
}

impl<T: Real> OverChannels<T> for GradientTile<'_, '_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let lanes = lanes.one();
        // SAFETY: the room has the tile's products.
        unsafe {
            let y = self.tile.outputs(lanes, first);
            if self.tile.whole() {
                self.end::<S, PART, true>(lanes, first, y);
            } else {
                self.end::<S, PART, false>(lanes, first, y);
            }
        }
    }
}

impl<T: Real> GradientTile<'_, '_, T> {
    #[inline(always)]
    unsafe fn end<S: Simd, const PART: bool, const WHOLE: bool>(
        &self,
        lanes: Lanes<T, S, 1, PART>,
        first: usize,
        y: [[T::V<S>; M]; M],
    ) {
        let (s, tile) = (lanes.s, &self.tile);
        let zero = T::splat(s, T::default());
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); the tile's windows lie in the image's winners and gradients.
        unsafe {
            let grad = Grad::new(lanes, self.back, self.sums, first);
            let mut d = [[zero; M]; M];
            if !WHOLE {
                // Pixels that a "valid" pool drops.
                for (i, (d, y)) in d.iter_mut().zip(y).enumerate().take(tile.rows) {
                    let dropped = |j: usize| !tile.has_window(i / 2, j / 2);
                    for j in 0..tile.columns {
                        if dropped(j) {
                            d[j] = grad.base(y[j], 0);
                        }
                    }
                }
            }
            for i in 0..2 {
                for j in 0..2 {
                    if !WHOLE && !tile.has_window(i, j) {
                        continue;
                    }
                    let ([r0, r1], [c0, c1]) = tile.places::<WHOLE>(i, j);
                    let at = tile.window(i, j) + first;
                    let winner = lanes.load(self.winners.wrapping_add(at))[0];
                    let g = lanes.load(self.dy.wrapping_add(at))[0];
                    let dx = grad.window([y[r0][c0], y[r0][c1], y[r1][c0], y[r1][c1]], winner, g, 0);
                    // From the last to the first: a missing one repeats the first.
                    (d[r1][c1], d[r1][c0]) = (dx[3], dx[2]);
                    d[r0][c1] = dx[1];
                    d[r0][c0] = dx[0];
                }
            }
            let mut t = [[zero; M]; 6];
            for j in 0..M {
                let column = gradients::<T, S, M>(s, [d[0][j], d[1][j], d[2][j], d[3][j]]);
                for i in 0..6 {
                    t[i][j] = column[i];
                }
            }
            for (i, t) in t.into_iter().enumerate() {
                self.to.store::<S, PART, M>(lanes, first, i, gradients::<T, S, M>(s, t));
            }
        }
    }
}

/// At each point the products of data and gradients of a line of tiles, added to the sums.
#[inline(always)]
unsafe fn sums<T: Real, S: Simd>(s: S, first: &First<T>, room: &Room<T>) {
    let (g, tiles) = (first.g, first.across());
    let (widest, most) = tile_shape::<S>(g.cin);
    let positions = Positions { count: [1, 1, tiles], x: [0, 0, g.cin], d: [0, 0, g.cout] };
    for point in 0..POINTS {
        for c in columns(g.cout, T::lanes::<S>(), widest) {
            for (row, rows) in rows(g.cin, most) {
                let outer = Outer {
                    x: room.data.at.wrapping_add(point * room.data.stride + row),
                    d: room.gradients.at.wrapping_add(point * room.gradients.stride + c.first),
                    out: room.sums.at.wrapping_add(point * room.sums.stride + row * g.cout + c.first),
                    out_stride: g.cout,
                    rows,
                    vectors: c.vectors,
                    last: c.last,
                    positions,
                };
                // SAFETY: the room has data, gradients and sums of the whole line of tiles.
                unsafe { accumulate(s, &outer) };
            }
        }
    }
}
