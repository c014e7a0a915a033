//! 3×3 convolutions of stride 2 by phases: the passes over whole planes, whose lines are cut as [`lines`](super::lines) says.
//!
//! Rows and columns have six kinds of points each, so there are 36 kinds of points of a plane, and as many transformed weights. What a
//! batch has of one kind is a matrix, one product with its weights. A few rows of points at a time, all of one kind, go from pixels to
//! products: they and the six weights that they meet stay in the second-level cache. As with stride 1, an image's numbers depend on
//! nothing but it.

use super::Terms;
use super::lines::{KINDS, Line, Mix, WEIGHTS, weight_gradients, weights};
use crate::geometry::Geometry;
use crate::lanes::{Lanes, OverChannels, by_register, columns, rows, tile_shape};
use crate::outer::{Outer, Positions, accumulate};
use crate::product::{Panel, Stack, sweep};
use crate::simd::Real;
use pulp::{Simd, WithSimd};

/// Bytes of the lines between the two transforms of a block: whole images, at least one.
const BLOCK_BYTES: usize = 640 << 10;
/// Bytes of a band's data and products: rows of points, at least one.
const BAND_BYTES: usize = 224 << 10;
/// Most rows of a band.
const BAND: usize = 8;
/// Rows of one sum of the weight gradient.
const SUM: usize = 192;

/// Fewest channels on either side for which the transforms cost less than they save, and the largest share of the direct kernels' products.
///
/// µs of batch 10 by direct kernels and by phases, forward, input and weight gradient, on a Zen 4 core beside other jobs (minima;
/// `tests::table_of_phases` prints such): 14×14×64 on AVX2 305, 327, 374 and 254, 273, 275, on AVX-512 280, 288, 291 and 250, 256, 261;
/// 7×7×64 on AVX2 79, 88, 117 and 73, 76, 85, on AVX-512 70, 74, 74 and 65, 67, 78; 14×14×32 81, 86, 92 and 78, 86, 85, on AVX-512 no gain.
const CHANNELS: usize = 48;
const SHARE: f64 = 0.7;

/// Whether phases save enough. The direct kernels leave out taps in the padding, so that they have fewer than nine an output.
pub(super) fn fewer(g: &Geometry) -> bool {
    let line = |outs: usize, pad: usize| Line::new(outs, pad).points as f64 / (3 * outs - 1 - pad) as f64;
    g.cin.min(g.cout) >= CHANNELS && line(g.oh, g.pad_y) * line(g.ow, g.pad_x) < SHARE
}

/// The planes of a batch and the memory of a pass.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    down: Line,
    across: Line,
    /// Pixels of a line of the image.
    w: usize,
    input_len: usize,
    output_len: usize,
    cin: usize,
    cout: usize,
    /// The convolutions of a sum, whose operands lie side by side in a point: of each side's operands how many.
    terms: [usize; 2],
    batch: usize,
    /// Images of a block, and rows of points of a band.
    block: usize,
    band: usize,
    /// Numbers from one point to the next of the same kind: of data, and of products.
    data: usize,
    product: usize,
    /// From one kind's weights to the next's.
    weights: usize,
    /// From one line to the next of those between the transforms.
    line: usize,
}

impl Layout {
    pub fn new<T>(g: &Geometry, terms: [usize; 2], batch: usize) -> Self {
        let (down, across) = (Line::new(g.oh, g.pad_y), Line::new(g.ow, g.pad_x));
        let apart = |len: usize| len.next_multiple_of(64 / size_of::<T>()) + 64 / size_of::<T>();
        let [inputs, outputs] = terms;
        let (data, product) = (apart(inputs * g.cin), apart(outputs * g.cout));
        let line = apart((g.w * g.cin).max(g.ow * g.cout));
        let block = (BLOCK_BYTES / (down.points * line * size_of::<T>())).clamp(1, batch.max(1));
        let of_row = across.points * block * (data + product) * size_of::<T>();
        Self {
            down,
            across,
            w: g.w,
            input_len: g.input_len(),
            output_len: g.output_len(),
            cin: g.cin,
            cout: g.cout,
            terms,
            batch,
            block,
            band: (BAND_BYTES / of_row).clamp(1, BAND),
            data,
            product,
            weights: apart(inputs * outputs * g.cin * g.cout),
            line,
        }
    }

    /// Numbers that a pass needs room for.
    pub fn room(&self) -> usize {
        self.points() * (self.data + self.product) + KINDS * self.weights + self.down.points * self.block * self.line
    }

    /// Of a band.
    fn points(&self) -> usize {
        self.band * self.across.points * self.block
    }

    /// That room's parts.
    fn parts<T: Real>(&self, room: &mut [T]) -> Room<T> {
        assert!(room.len() == self.room());
        let (data, rest) = room.split_at_mut(self.points() * self.data);
        let (product, rest) = rest.split_at_mut(self.points() * self.product);
        let (weights, lines) = rest.split_at_mut(KINDS * self.weights);
        Room {
            data: data.as_mut_ptr(),
            product: product.as_mut_ptr(),
            weights: weights.as_mut_ptr(),
            lines: lines.as_mut_ptr(),
        }
    }

    /// First image and number of images of each block.
    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (block, batch) = (self.block, self.batch);
        (0..batch).step_by(block).map(move |first| (first, block.min(batch - first)))
    }

    /// The bands of the rows of one kind, on some images.
    #[inline(always)]
    fn bands(&self, kind: usize, images: usize) -> impl Iterator<Item = Band> + use<> {
        let (band, count) = (self.band, self.down.count[kind]);
        (0..count).step_by(band).map(move |first| Band { kind, first, rows: band.min(count - first), images })
    }
}

struct Room<T> {
    /// Points of a band.
    data: *mut T,
    product: *mut T,
    /// Of the six kinds of columns, for one kind of rows.
    weights: *mut T,
    /// Of each image of a block the rows of points, across transformed back.
    lines: *mut T,
}

/// Some rows of points of one kind. They are ordered by the kinds of columns, then by image and row.
#[derive(Clone, Copy)]
struct Band {
    kind: usize,
    first: usize,
    rows: usize,
    images: usize,
}

impl Band {
    /// For each kind of columns that has points: it, its first point, and how many.
    #[inline(always)]
    fn kinds(self, across: Line) -> impl Iterator<Item = (usize, usize, usize)> {
        let all = (0..KINDS).map(move |kind| {
            (kind, across.start[kind] * self.rows * self.images, across.count[kind] * self.rows * self.images)
        });
        all.filter(|(_, _, count)| *count > 0)
    }

    /// Where the points of one row of an image begin, kind by kind, `apart` numbers a point.
    #[inline(always)]
    fn row<T>(self, across: &Line, at: *mut T, apart: usize, image: usize, row: usize) -> [*mut T; KINDS] {
        let mut to = [at; KINDS];
        for (kind, to) in to.iter_mut().enumerate() {
            let before = across.start[kind] * self.rows * self.images;
            *to = to.wrapping_add((before + (image * self.rows + row) * across.count[kind]) * apart);
        }
        to
    }
}

/// The two sides of a convolution.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Input,
    Output,
}

impl Layout {
    /// Elements of an image, pixels of its line, its channels, and the numbers from one of its points to the next.
    #[inline(always)]
    fn side(&self, side: Side) -> (usize, usize, usize, usize) {
        match side {
            Side::Input => (self.input_len, self.w, self.cin, self.data),
            Side::Output => (self.output_len, self.across.outs, self.cout, self.product),
        }
    }
}

/// From pixels or gradients of outputs to a band's points, of one image.
struct There<'a, T> {
    l: &'a Layout,
    side: Side,
    band: Band,
    mixes: &'a [Mix; BAND],
    image: *const T,
    which: usize,
    points: *mut T,
}

impl<T: Real> There<'_, T> {
    #[inline(always)]
    unsafe fn row<S: Simd, const PART: bool, const N: usize>(
        &self,
        lanes: Lanes<T, S, 1, PART>,
        first: usize,
        row: usize,
    ) {
        let (s, mix) = (lanes.s, &self.mixes[row]);
        let (_, width, channels, apart) = self.l.side(self.side);
        let mut by = [T::splat(s, T::default()); N];
        let mut from = [self.image; N];
        for k in 0..N {
            by[k] = T::splat(s, T::of(mix.by[k]));
            from[k] = self.image.wrapping_add(mix.at[k] * width * channels + first);
        }
        let at = self.band.row(&self.l.across, self.points.wrapping_add(first), apart, self.which, row);
        self.l.across.there::<T, S>(
            s,
            self.side == Side::Input,
            #[inline(always)]
            // SAFETY: the group's channels exist in every buffer (`OverChannels`); the mix names lines of the image.
            |x| unsafe {
                let mut v = T::splat(s, T::default());
                for k in 0..N {
                    let pixel = lanes.load(from[k].wrapping_add(x * channels))[0];
                    v = if k == 0 { T::vmul(s, by[k], pixel) } else { T::fma(s, by[k], pixel, v) };
                }
                v
            },
            #[inline(always)]
            // SAFETY: the group's channels exist in every buffer (`OverChannels`); the band has a place for every point.
            |kind, i, v| unsafe { lanes.store(at[kind].wrapping_add(i * apart), [v]) },
        );
    }
}

impl<T: Real> OverChannels<T> for There<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let lanes = lanes.one();
        for row in 0..self.band.rows {
            // SAFETY: the group's channels exist in every buffer (`OverChannels`); the band has a mix a row.
            unsafe {
                match self.mixes[row].count {
                    0 => self.row::<S, PART, 0>(lanes, first, row),
                    1 => self.row::<S, PART, 1>(lanes, first, row),
                    2 => self.row::<S, PART, 2>(lanes, first, row),
                    3 => self.row::<S, PART, 3>(lanes, first, row),
                    _ => self.row::<S, PART, 4>(lanes, first, row),
                }
            }
        }
    }
}

/// A block's images to a band's points.
#[inline(always)]
unsafe fn there<T: Real, S: Simd>(
    s: S,
    l: &Layout,
    side: Side,
    band: Band,
    first: usize,
    images: *const T,
    points: *mut T,
) {
    let (len, _, channels, _) = l.side(side);
    let mut mixes = [Mix::default(); BAND];
    for (row, mix) in mixes.iter_mut().enumerate().take(band.rows) {
        let i = band.first + row;
        *mix = match side {
            Side::Input => l.down.data_mix(band.kind, i),
            Side::Output => l.down.gradient_mix(band.kind, i),
        };
    }
    for which in 0..band.images {
        let image = images.wrapping_add((first + which) * len);
        let mut there = There { l, side, band, mixes: &mixes, image, which, points };
        // SAFETY: the band's images exist, and its points have room.
        unsafe { by_register(s, channels, &mut there) };
    }
}

/// From a band's points to lines, of one image.
struct Across<'a, T> {
    l: &'a Layout,
    side: Side,
    band: Band,
    which: usize,
    points: *mut T,
    /// The image's first line.
    lines: *mut T,
}

impl<T: Real> OverChannels<T> for Across<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, lanes, l, band) = (lanes.s, lanes.one(), self.l, self.band);
        let (_, _, channels, apart) = l.side(self.side);
        for row in 0..band.rows {
            let at = band.row(&l.across, self.points.wrapping_add(first), apart, self.which, row);
            let line = self.lines.wrapping_add((l.down.start[band.kind] + band.first + row) * l.line + first);
            l.across.back::<T, S>(
                s,
                self.side == Side::Input,
                #[inline(always)]
                // SAFETY: the group's channels exist in every buffer (`OverChannels`); the band has a place for every point.
                |kind, i| unsafe { lanes.load(at[kind].wrapping_add(i * apart))[0] },
                #[inline(always)]
                // SAFETY: the group's channels exist in every buffer (`OverChannels`); the line has a place for every pixel.
                |x, v| unsafe { lanes.store(line.wrapping_add(x * channels), [v]) },
            );
        }
    }
}

/// From lines to outputs or gradients of pixels, of one image.
struct Down<'a, T> {
    l: &'a Layout,
    side: Side,
    lines: *const T,
    image: *mut T,
    /// Null for none.
    bias: *const T,
}

impl<T: Real> OverChannels<T> for Down<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, lanes, l) = (lanes.s, lanes.one(), self.l);
        let (_, width, channels, _) = l.side(self.side);
        let zero = T::splat(s, T::default());
        // SAFETY: the group's channels exist in every buffer (`OverChannels`).
        let bias = if self.bias.is_null() { zero } else { unsafe { lanes.load(self.bias.wrapping_add(first))[0] } };
        for x in 0..width {
            let (from, to) = (self.lines.wrapping_add(x * channels + first), x * channels + first);
            l.down.back::<T, S>(
                s,
                self.side == Side::Input,
                #[inline(always)]
                // SAFETY: the group's channels exist in every buffer (`OverChannels`); every kind has its lines.
                |kind, i| unsafe { lanes.load(from.wrapping_add((l.down.start[kind] + i) * l.line))[0] },
                #[inline(always)]
                // SAFETY: the group's channels exist in every buffer (`OverChannels`); y is a line of the image.
                |y, v| unsafe {
                    let at = self.image.wrapping_add(y * width * channels + to);
                    lanes.store(at, [T::vadd(s, v, bias)]);
                },
            );
        }
    }
}

/// Weights of the taps to those of the kinds of columns, for one kind of rows; every weight of a tap a channel.
struct Weights<T> {
    kind: usize,
    from: *const T,
    tap: usize,
    to: *mut T,
    apart: usize,
}

impl<T: Real> OverChannels<T> for Weights<T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, lanes) = (lanes.s, lanes.one());
        let mut row = [T::splat(s, T::default()); 3];
        for (i, &by) in WEIGHTS[self.kind].iter().enumerate() {
            if by == 0.0 {
                continue;
            }
            let by = T::splat(s, T::of(by));
            for (j, row) in row.iter_mut().enumerate() {
                // SAFETY: the group's channels exist in every buffer (`OverChannels`).
                let w = unsafe { lanes.load(self.from.wrapping_add((i * 3 + j) * self.tap + first))[0] };
                *row = T::fma(s, by, w, *row);
            }
        }
        for (kind, &v) in weights::<T, S>(s, row).iter().enumerate() {
            // SAFETY: the group's channels exist in every buffer (`OverChannels`).
            unsafe { lanes.store(self.to.wrapping_add(kind * self.apart + first), [v]) };
        }
    }
}

/// The transpose of [`Weights`], added to what is there.
struct WeightGradients<T> {
    kind: usize,
    from: *const T,
    apart: usize,
    to: *mut T,
    tap: usize,
}

impl<T: Real> OverChannels<T> for WeightGradients<T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, lanes) = (lanes.s, lanes.one());
        let mut u = [T::splat(s, T::default()); KINDS];
        for (kind, u) in u.iter_mut().enumerate() {
            // SAFETY: the group's channels exist in every buffer (`OverChannels`).
            *u = unsafe { lanes.load(self.from.wrapping_add(kind * self.apart + first))[0] };
        }
        let row = weight_gradients::<T, S>(s, u);
        for (i, &by) in WEIGHTS[self.kind].iter().enumerate() {
            if by == 0.0 {
                continue;
            }
            let by = T::splat(s, T::of(by));
            for (j, &row) in row.iter().enumerate() {
                let at = self.to.wrapping_add((i * 3 + j) * self.tap + first);
                // SAFETY: the group's channels exist in every buffer (`OverChannels`).
                unsafe { lanes.store(at, [T::fma(s, by, row, lanes.load(at)[0])]) };
            }
        }
    }
}

/// For every kind of columns of a band the product of its points of one side with its weights: those of the other.
#[inline(always)]
unsafe fn products<T: Real, S: Simd>(s: S, l: &Layout, band: Band, from: Side, room: &Room<T>) {
    let (data, product) = ((room.data, l.data, l.terms[0] * l.cin), (room.product, l.product, l.terms[1] * l.cout));
    let ((x, x_apart, len), (out, out_apart, outs)) =
        if from == Side::Input { (data, product) } else { (product, data) };
    for (kind, point, count) in band.kinds(l.across) {
        let (widest, most) = tile_shape::<S>(count);
        // As even as possible, the taller tiles first.
        let tiles = count.div_ceil(most);
        let (least, taller) = (count / tiles, count % tiles);
        for c in columns(outs, T::lanes::<S>(), widest) {
            for (row, rows, tiles) in [(0, least + 1, taller), (taller * (least + 1), least, tiles - taller)] {
                if tiles == 0 {
                    continue;
                }
                let panel = Panel {
                    x: x.wrapping_add((point + row) * x_apart).cast_const(),
                    x_stride: x_apart,
                    w: room.weights.wrapping_add(kind * l.weights + c.first).cast_const(),
                    w_stride: outs,
                    bias: std::ptr::null(),
                    out: out.wrapping_add((point + row) * out_apart + c.first),
                    out_stride: out_apart,
                    rows,
                    vectors: c.vectors,
                    last: c.last,
                };
                let stack = Stack { count: tiles, x: rows * x_apart, out: rows * out_apart, len };
                // SAFETY: the room has points of both sides and the weights of the kind.
                unsafe { sweep(s, &panel, &stack) };
            }
        }
    }
}

/// For every kind of columns of a band the sum over its points of the products of data and gradients, added to its weights'.
#[inline(always)]
unsafe fn sums<T: Real, S: Simd>(s: S, l: &Layout, band: Band, room: &Room<T>) {
    let (widest, most) = tile_shape::<S>(l.cin);
    for (kind, point, count) in band.kinds(l.across) {
        for row in (0..count).step_by(SUM) {
            let positions = Positions { count: [1, 1, SUM.min(count - row)], x: [0, 0, l.data], d: [0, 0, l.product] };
            for c in columns(l.cout, T::lanes::<S>(), widest) {
                for (first, rows) in rows(l.cin, most) {
                    let outer = Outer {
                        x: room.data.wrapping_add((point + row) * l.data + first).cast_const(),
                        d: room.product.wrapping_add((point + row) * l.product + c.first).cast_const(),
                        out: room.weights.wrapping_add(kind * l.weights + first * l.cout + c.first),
                        out_stride: l.cout,
                        rows,
                        vectors: c.vectors,
                        last: c.last,
                        positions,
                    };
                    // SAFETY: the room has points of both sides and the weights of the kind.
                    unsafe { accumulate(s, &outer) };
                }
            }
        }
    }
}

/// out = Σ x ∗ w + bias over some (x, w), or the gradient of the input from such of the output and weights with their channels turned. All
/// slices and pointers are of buffers as long as the layout says.
pub(super) struct Convolve<'a, T> {
    /// With as many terms on the side that it comes from.
    pub layout: Layout,
    pub forward: bool,
    pub terms: &'a Terms<'a, T>,
    /// Null for none.
    pub bias: *const T,
    pub out: *mut T,
    pub room: &'a mut [T],
}

impl<T: Real> WithSimd for Convolve<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let l = &self.layout;
        let room = l.parts(self.room);
        let tap = l.cin * l.cout;
        let (from, to, points, products_at) = match self.forward {
            true => (Side::Input, Side::Output, room.data, room.product),
            false => (Side::Output, Side::Input, room.product, room.data),
        };
        let (from_channels, (to_len, _, to_channels, _)) = (l.side(from).2, l.side(to));
        // SAFETY: planes lie in the images, points in the room.
        unsafe {
            for (first, images) in l.blocks() {
                for kind in 0..KINDS {
                    if l.down.count[kind] == 0 {
                        continue;
                    }
                    for (term, (_, w)) in self.terms.iter().enumerate() {
                        let to = room.weights.wrapping_add(term * tap);
                        by_register(s, tap, &mut Weights { kind, from: w.as_ptr(), tap, to, apart: l.weights });
                    }
                    for band in l.bands(kind, images) {
                        for (term, (x, _)) in self.terms.iter().enumerate() {
                            let points = points.wrapping_add(term * from_channels);
                            there(s, l, from, band, first, x.as_ptr(), points);
                        }
                        products(s, l, band, from, &room);
                        for which in 0..images {
                            let lines = room.lines.wrapping_add(which * l.down.points * l.line);
                            let mut across = Across { l, side: to, band, which, points: products_at, lines };
                            by_register(s, to_channels, &mut across);
                        }
                    }
                }
                for which in 0..images {
                    let lines = room.lines.wrapping_add(which * l.down.points * l.line).cast_const();
                    let image = self.out.wrapping_add((first + which) * to_len);
                    by_register(s, to_channels, &mut Down { l, side: to, lines, image, bias: self.bias });
                }
            }
        }
    }
}

/// dw = Σ over some (x, d), d the gradient of the output.
pub(super) struct Correlate<'a, T> {
    /// Of one of them.
    pub layout: Layout,
    pub terms: &'a Terms<'a, T>,
    pub dw: *mut T,
    pub room: &'a mut [T],
}

impl<T: Real> WithSimd for Correlate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let l = &self.layout;
        let room = l.parts(self.room);
        let tap = l.cin * l.cout;
        // SAFETY: planes lie in the images, points in the room.
        unsafe {
            std::slice::from_raw_parts_mut(self.dw, 9 * tap).fill(T::default());
            for kind in 0..KINDS {
                if l.down.count[kind] == 0 {
                    continue;
                }
                std::slice::from_raw_parts_mut(room.weights, KINDS * l.weights).fill(T::default());
                for (x, d) in self.terms {
                    for (first, images) in l.blocks() {
                        for band in l.bands(kind, images) {
                            there(s, l, Side::Input, band, first, x.as_ptr(), room.data);
                            there(s, l, Side::Output, band, first, d.as_ptr(), room.product);
                            sums(s, l, band, &room);
                        }
                    }
                }
                let from = room.weights.cast_const();
                by_register(s, tap, &mut WeightGradients { kind, from, apart: l.weights, to: self.dw, tap });
            }
        }
    }
}
