//! Convolution by its definition, for every kernel and stride: what [`conv`](crate::conv) does where nothing saves multiplications.
//!
//! The rows of a tile are the same pixel of several images, which all
//! meet the border in the same way, so border handling costs nothing.

use crate::geometry::Geometry;
use crate::lanes::{columns, rows, tile_shape};
use crate::outer::{Outer, Positions, accumulate};
use crate::product::{Panel, Pixels, Run, sweep};
use crate::simd::{Real, dispatch};
use pulp::{Simd, WithSimd};

/// out = x ∗ w (+ bias), for `batch` images.
pub(crate) fn forward<T: Real>(g: &Geometry, batch: usize, x: &[T], w: &[T], bias: Option<&[T]>, out: &mut [T]) {
    assert!(x.len() == batch * g.input_len() && out.len() == batch * g.output_len());
    assert!(w.len() == g.weight_len() && bias.is_none_or(|b| b.len() == g.cout));
    let bias = bias.map_or(std::ptr::null(), <[T]>::as_ptr);
    let lines = Lines { x: x.as_ptr(), w: w.as_ptr(), bias, out: out.as_mut_ptr() };
    let (x_len, out_len, columns) = (g.input_len(), g.output_len(), g.cout);
    let line = |line| OutputLine { g, line };
    dispatch(Sweeps { lines, batch, x_len, out_len, columns, line_count: g.oh, line });
}

/// dx = the gradient of the input, from the gradient `d` of the output and weights turned round by [`turn`].
pub(crate) fn input_grad<T: Real>(g: &Geometry, batch: usize, d: &[T], turned: &[T], dx: &mut [T]) {
    assert!(d.len() == batch * g.output_len() && dx.len() == batch * g.input_len());
    assert!(turned.len() == g.weight_len());
    let bias = std::ptr::null();
    let lines = Lines { x: d.as_ptr(), w: turned.as_ptr(), bias, out: dx.as_mut_ptr() };
    let (x_len, out_len, columns) = (g.output_len(), g.input_len(), g.cin);
    let line = |line| InputLine { g, line };
    dispatch(Sweeps { lines, batch, x_len, out_len, columns, line_count: g.h, line });
}

/// Weights for [`input_grad`]: each tap transposed to `[C_out, C_in]`, the taps of a kernel row in reverse, so that
/// neighbouring outputs meet neighbouring taps.
pub(crate) fn turn<T: Real>(g: &Geometry, w: &[T], turned: &mut [T]) {
    assert!(w.len() == g.weight_len() && turned.len() == g.weight_len());
    let k = g.kernel;
    transpose_taps(g, w, turned, |tap| tap / k * k + (k - 1 - tap % k));
}

/// As [`turn`], with all taps in reverse: the weights of the convolution of stride 1 that is the input gradient.
pub(crate) fn turn_whole<T: Real>(g: &Geometry, w: &[T], turned: &mut [T]) {
    assert!(w.len() == g.weight_len() && turned.len() == g.weight_len());
    let last = g.kernel * g.kernel - 1;
    transpose_taps(g, w, turned, |tap| last - tap);
}

/// As [`turn`], the taps in their own order.
pub(crate) fn turn_taps<T: Real>(g: &Geometry, w: &[T], turned: &mut [T]) {
    assert!(w.len() == g.weight_len() && turned.len() == g.weight_len());
    transpose_taps(g, w, turned, |tap| tap);
}

fn transpose_taps<T: Real>(g: &Geometry, w: &[T], turned: &mut [T], to: impl Fn(usize) -> usize) {
    let tap_len = g.cin * g.cout;
    for (tap, from) in w.chunks_exact(tap_len).enumerate() {
        transpose(g.cin, g.cout, from, &mut turned[to(tap) * tap_len..][..tap_len]);
    }
}

/// to[j, i] = from[i, j]: in blocks of 4×4, which the compiler turns into shuffles, and one by one at the edges.
fn transpose<T: Real>(rows: usize, columns: usize, from: &[T], to: &mut [T]) {
    const B: usize = 4;
    let (inner_rows, inner_columns) = (rows / B * B, columns / B * B);
    for j in (0..inner_columns).step_by(B) {
        for i in (0..inner_rows).step_by(B) {
            let mut block = [[T::default(); B]; B];
            for r in 0..B {
                let row = &from[(i + r) * columns + j..][..B];
                for c in 0..B {
                    block[c][r] = row[c];
                }
            }
            for (c, column) in block.iter().enumerate() {
                to[(j + c) * rows + i..][..B].copy_from_slice(column);
            }
        }
    }
    for i in 0..rows {
        for j in if i < inner_rows { inner_columns } else { 0 }..columns {
            to[j * rows + i] = from[i * columns + j];
        }
    }
}

struct Lines<T> {
    x: *const T,
    w: *const T,
    bias: *const T,
    out: *mut T,
}

/// All tiles of a product, one line of pixels after the other.
struct Sweeps<T, F> {
    lines: Lines<T>,
    batch: usize,
    /// Elements of one image of the operand and of the result.
    x_len: usize,
    out_len: usize,
    columns: usize,
    line_count: usize,
    line: F,
}

impl<T: Real, P: Pixels, F: Fn(usize) -> P> WithSimd for Sweeps<T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Lines { x, w, bias, out } = self.lines;
        let (widest, most) = tile_shape::<S>(self.batch);
        for line in 0..self.line_count {
            let pixels = (self.line)(line);
            for (image, rows) in rows(self.batch, most) {
                for c in columns(self.columns, T::lanes::<S>(), widest) {
                    let panel = Panel {
                        x: x.wrapping_add(image * self.x_len),
                        x_stride: self.x_len,
                        w: w.wrapping_add(c.first),
                        w_stride: self.columns,
                        bias: if bias.is_null() { bias } else { bias.wrapping_add(c.first) },
                        out: out.wrapping_add(image * self.out_len + c.first),
                        out_stride: self.out_len,
                        rows,
                        vectors: c.vectors,
                        last: c.last,
                    };
                    // SAFETY: the callers checked the lengths of the buffers, and lines give offsets within an image.
                    unsafe { sweep(s, &panel, &pixels) };
                }
            }
        }
    }
}

/// The pixels of one line of the output.
struct OutputLine<'a> {
    g: &'a Geometry,
    line: usize,
}

impl Pixels for OutputLine<'_> {
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, &[Run])) {
        let g = self.g;
        let taps_y = g.taps_y(self.line);
        for ox in 0..g.ow {
            let taps_x = g.taps_x(ox);
            let ix = ox * g.stride + taps_x.start - g.pad_x;
            let mut runs = [Run::default(); 3];
            let mut n = 0;
            for ky in taps_y.clone() {
                let iy = self.line * g.stride + ky - g.pad_y;
                runs[n] = Run {
                    x: (iy * g.w + ix) * g.cin,
                    w: (ky * g.kernel + taps_x.start) * g.cin,
                    len: taps_x.len() * g.cin,
                };
                n += 1;
            }
            f((self.line * g.ow + ox) * g.cout, &runs[..n]);
        }
    }
}

/// The pixels of one line of the input, each with the outputs that it went into.
struct InputLine<'a> {
    g: &'a Geometry,
    line: usize,
}

impl Pixels for InputLine<'_> {
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, &[Run])) {
        let g = self.g;
        // Kernel positions `tap` with an output `out` such that out·stride + tap − pad is this pixel, in rising `out`.
        let meets = |i: usize, pad: usize, outs: usize| {
            (0..g.kernel).rev().filter_map(move |tap| {
                let at = (i + pad).checked_sub(tap)?;
                let out = at / g.stride;
                (at % g.stride == 0 && out < outs).then_some((tap, out))
            })
        };
        for ix in 0..g.w {
            let mut runs = [Run::default(); 9];
            let mut n = 0;
            for (ky, oy) in meets(self.line, g.pad_y, g.oh) {
                let first = n;
                for (kx, ox) in meets(ix, g.pad_x, g.ow) {
                    let run = Run {
                        x: (oy * g.ow + ox) * g.cout,
                        w: (ky * g.kernel + g.kernel - 1 - kx) * g.cout,
                        len: g.cout,
                    };
                    if n > first && runs[n - 1].w + runs[n - 1].len == run.w {
                        runs[n - 1].len += g.cout;
                    } else {
                        runs[n] = run;
                        n += 1;
                    }
                }
            }
            f((self.line * g.w + ix) * g.cin, &runs[..n]);
        }
    }
}

/// dw = the gradient of the weights, from the input `x` and the gradient `d` of the output.
pub(crate) fn weight_grad<T: Real>(g: &Geometry, batch: usize, x: &[T], d: &[T], dw: &mut [T]) {
    assert!(x.len() == batch * g.input_len() && d.len() == batch * g.output_len());
    assert!(dw.len() == g.weight_len());
    dw.fill(T::default());
    let dw = dw.as_mut_ptr();
    dispatch(WeightGrad { g, batch, x, d, dw });
}

struct WeightGrad<'a, T> {
    g: &'a Geometry,
    batch: usize,
    x: &'a [T],
    d: &'a [T],
    dw: *mut T,
}

impl<T: Real> WithSimd for WeightGrad<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let g = self.g;
        // As many lines, or whole images, as stay in the nearest caches while all tiles pass over them.
        let line = g.ow * g.cout * size_of::<T>();
        let lines = (OUTER_BYTES / line).clamp(1, g.oh);
        let images = if lines < g.oh { 1 } else { (OUTER_BYTES / (line * g.oh)).max(1) };
        for image in (0..self.batch).step_by(images) {
            let images = images.min(self.batch - image);
            for first in (0..g.oh).step_by(lines) {
                self.block(s, image, images, first..(first + lines).min(g.oh));
            }
        }
    }
}

/// Bytes of output gradient that one block of [`weight_grad`] sums over.
const OUTER_BYTES: usize = 48 << 10;
/// From this many input channels on, each tap is a window of its own; below, the taps of a kernel row share tiles.
const WIDE: usize = 12;

impl<T: Real> WeightGrad<'_, T> {
    #[inline(always)]
    fn block<S: Simd>(&self, s: S, image: usize, images: usize, lines: std::ops::Range<usize>) {
        let g = self.g;
        for ky in 0..g.kernel {
            let valid = g.rows_of(ky);
            let (top, end) = (lines.start.max(valid.start), lines.end.min(valid.end));
            if top >= end {
                continue;
            }
            let iy = top * g.stride + ky - g.pad_y;
            for (taps, ox) in windows(g) {
                if taps.is_empty() || ox.is_empty() {
                    continue;
                }
                let ix = ox.start * g.stride + taps.start - g.pad_x;
                let positions = Positions {
                    count: [images, end - top, ox.len()],
                    x: [g.input_len(), g.stride * g.w * g.cin, g.stride * g.cin],
                    d: [g.output_len(), g.ow * g.cout, g.cout],
                };
                let x = (image * g.h + iy) * g.w * g.cin + ix * g.cin;
                let d = image * g.output_len() + (top * g.ow + ox.start) * g.cout;
                let row = (ky * g.kernel + taps.start) * g.cin;
                self.tiles(s, taps.len() * g.cin, x, d, row, positions.longest_inside());
            }
        }
    }

    #[inline(always)]
    fn tiles<S: Simd>(&self, s: S, height: usize, x: usize, d: usize, row: usize, positions: Positions) {
        let cout = self.g.cout;
        let (widest, most) = tile_shape::<S>(height);
        for c in columns(cout, T::lanes::<S>(), widest) {
            for (first, rows) in rows(height, most) {
                let outer = Outer {
                    x: self.x.as_ptr().wrapping_add(x + first),
                    d: self.d.as_ptr().wrapping_add(d + c.first),
                    out: self.dw.wrapping_add((row + first) * cout + c.first),
                    out_stride: cout,
                    rows,
                    vectors: c.vectors,
                    last: c.last,
                    positions,
                };
                // SAFETY: `weight_grad` checked the buffers; the positions are those where the taps meet the image.
                unsafe { accumulate(s, &outer) };
            }
        }
    }
}

/// Kernel columns that are summed together, and the output columns at which all of them meet the image.
fn windows(g: &Geometry) -> [(std::ops::Range<usize>, std::ops::Range<usize>); 3] {
    if g.kernel == 1 {
        return [(0..1, 0..1), (0..0, 0..0), (0..0, 0..0)];
    }
    if g.cin >= WIDE || g.ow < 3 {
        return [0, 1, 2].map(|kx| (kx..kx + 1, g.columns_of(kx)));
    }
    // The first and last output columns may miss a tap; all others meet all three.
    let last = g.ow - 1;
    [(g.taps_x(0), 0..1), (0..3, 1..last), (g.taps_x(last), last..g.ow)]
}
