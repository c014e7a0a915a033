//! Where the windows of convolutions and pools lie.

use std::ops::Range;

/// A square-kernel convolution on channels-last images with TensorFlow's "same" padding, or a dense layer as a 1×1
/// convolution of a 1×1 image.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Input height, width and channels.
    pub h: usize,
    pub w: usize,
    pub cin: usize,
    /// Output height, width and channels.
    pub oh: usize,
    pub ow: usize,
    pub cout: usize,
    /// Side of the kernel: 3, or 1 for a dense layer.
    pub kernel: usize,
    pub stride: usize,
    /// Padding above and left of the image.
    pub pad_y: usize,
    pub pad_x: usize,
}

impl Geometry {
    /// A 3×3 convolution: ⌈size/stride⌉ outputs, the odd pixel of padding after the image.
    pub fn same(h: usize, w: usize, cin: usize, cout: usize, stride: usize) -> Self {
        let (oh, ow) = (h.div_ceil(stride), w.div_ceil(stride));
        let before = |out: usize, size: usize| ((out - 1) * stride + 3).saturating_sub(size) / 2;
        let (pad_y, pad_x) = (before(oh, h), before(ow, w));
        Self { h, w, cin, oh, ow, cout, kernel: 3, stride, pad_y, pad_x }
    }

    /// A dense layer.
    pub fn dense(inputs: usize, outputs: usize) -> Self {
        let (kernel, stride) = (1, 1);
        let (h, w, oh, ow, pad_y, pad_x) = (1, 1, 1, 1, 0, 0);
        Self { h, w, cin: inputs, oh, ow, cout: outputs, kernel, stride, pad_y, pad_x }
    }

    /// Elements of one input image.
    pub fn input_len(&self) -> usize {
        self.h * self.w * self.cin
    }

    /// Elements of one output image.
    pub fn output_len(&self) -> usize {
        self.oh * self.ow * self.cout
    }

    /// Elements of the weights.
    pub fn weight_len(&self) -> usize {
        self.kernel * self.kernel * self.cin * self.cout
    }

    /// Multiply-adds times two of one image, taps in the padding counted as frameworks count them.
    pub fn flops(&self) -> f64 {
        2.0 * (self.weight_len() * self.oh * self.ow) as f64
    }

    /// Kernel rows that meet the image at output row `oy`.
    pub fn taps_y(&self, oy: usize) -> Range<usize> {
        taps(oy, self.stride, self.pad_y, self.h, self.kernel)
    }

    /// Kernel columns that meet the image at output column `ox`.
    pub fn taps_x(&self, ox: usize) -> Range<usize> {
        taps(ox, self.stride, self.pad_x, self.w, self.kernel)
    }

    /// Output rows at which kernel row `ky` meets the image.
    pub fn rows_of(&self, ky: usize) -> Range<usize> {
        outputs(ky, self.stride, self.pad_y, self.h, self.oh)
    }

    /// Output columns at which kernel column `kx` meets the image.
    pub fn columns_of(&self, kx: usize) -> Range<usize> {
        outputs(kx, self.stride, self.pad_x, self.w, self.ow)
    }
}

fn taps(out: usize, stride: usize, pad: usize, size: usize, kernel: usize) -> Range<usize> {
    let start = out * stride;
    pad.saturating_sub(start)..kernel.min(size + pad - start)
}

fn outputs(tap: usize, stride: usize, pad: usize, size: usize, outputs: usize) -> Range<usize> {
    // 0 ≤ out·stride + tap − pad < size
    let first = pad.saturating_sub(tap).div_ceil(stride);
    let end = (size + pad).saturating_sub(tap).div_ceil(stride);
    first..end.min(outputs).max(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omniglot_pads_after_except_on_seven() {
        let pads: Vec<_> = [28, 14, 7, 4]
            .map(|n| Geometry::same(n, n, 1, 1, 2))
            .map(|g| (g.oh, g.pad_y, (g.oh - 1) * 2 + 3 - g.h - g.pad_y))
            .into();
        // (outputs, pixels before, pixels after), worked out by hand from TensorFlow's rule
        assert_eq!(pads, [(14, 0, 1), (7, 0, 1), (4, 1, 1), (2, 0, 1)]);
    }

    #[test]
    fn taps_and_outputs_agree() {
        for (n, stride) in [(1, 1), (1, 2), (2, 2), (5, 1), (5, 2), (6, 2), (7, 3), (28, 2)] {
            let g = Geometry::same(n, n, 1, 1, stride);
            for tap in 0..3 {
                for out in 0..g.oh {
                    let inside = (0..n).contains(&((out * stride + tap).wrapping_sub(g.pad_y)));
                    assert_eq!(g.taps_y(out).contains(&tap), inside, "{n} {stride} {tap} {out}");
                    assert_eq!(g.rows_of(tap).contains(&out), inside, "{n} {stride} {tap} {out}");
                }
            }
        }
    }
}
