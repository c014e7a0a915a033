//! Losses of a batch of outputs `[B, N]` and their gradients.

use crate::simd::Real;

/// What a batch should have given.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a, T = f32> {
    /// One class per example, below the number of outputs: softmax cross-entropy in nats.
    Classes(&'a [u32]),
    /// Values `[B, N]`: squared error, averaged over the N outputs of an example.
    Values(&'a [T]),
}

/// How the losses of the examples become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum, as the original Reptile code has it.
    Sum,
    /// Their mean.
    Mean,
}

/// The loss; its gradient with respect to `out` goes to `grad`.
pub(crate) fn loss_grad<T: Real>(
    out: &[T],
    outputs: usize,
    target: Target<T>,
    reduction: Reduction,
    grad: &mut [T],
) -> f64 {
    let batch = out.len() / outputs;
    let per = reduction.per(batch);
    let rows = out.chunks_exact(outputs).zip(grad.chunks_exact_mut(outputs));
    let mut total = 0.0;
    match target {
        Target::Classes(classes) => {
            assert_eq!(classes.len(), batch, "one class for each example");
            for ((out, grad), &class) in rows.zip(classes) {
                total += cross_entropy(out, class as usize, T::of(per), grad);
            }
        }
        Target::Values(values) => {
            assert_eq!(values.len(), out.len(), "one value for each output");
            let scale = T::of(2.0 * per / outputs as f64);
            for ((out, grad), values) in rows.zip(values.chunks_exact(outputs)) {
                let mut sum = 0.0;
                for ((grad, &out), &value) in grad.iter_mut().zip(out).zip(values) {
                    let gap = out - value;
                    sum += gap.f64() * gap.f64();
                    *grad = gap * scale;
                }
                total += sum / outputs as f64;
            }
        }
    }
    total * per
}

/// The second derivative of [`loss_grad`] by the outputs, which depends on the kind of target only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Second {
    classes: bool,
    reduction: Reduction,
}

impl Second {
    pub fn new<T>(target: &Target<T>, reduction: Reduction) -> Self {
        Second { classes: matches!(target, Target::Classes(_)), reduction }
    }

    /// How the gradient at `out` changes along `v`: p·(v − Σp·v) with p the softmax, or 2·v over the outputs; to `to`.
    pub fn times<T: Real>(&self, out: &[T], outputs: usize, v: &[T], to: &mut [T]) {
        let per = self.reduction.per(out.len() / outputs);
        let rows = out.chunks_exact(outputs).zip(v.chunks_exact(outputs)).zip(to.chunks_exact_mut(outputs));
        for ((out, v), to) in rows {
            if !self.classes {
                let scale = T::of(2.0 * per / outputs as f64);
                to.iter_mut().zip(v).for_each(|(to, v)| *to = *v * scale);
                continue;
            }
            softmax(out, to);
            let mut mean = T::default();
            for (p, &v) in to.iter().zip(v) {
                mean += *p * v;
            }
            to.iter_mut().zip(v).for_each(|(p, v)| *p = *p * (*v - mean) * T::of(per));
        }
    }
}

impl Reduction {
    /// What an example's loss is multiplied with.
    fn per(self, batch: usize) -> f64 {
        match self {
            Reduction::Sum => 1.0,
            Reduction::Mean => 1.0 / batch as f64,
        }
    }
}

/// The softmax of `out` to `p`; returns the largest of `out` and the sum of exp(out − largest).
fn softmax<T: Real>(out: &[T], p: &mut [T]) -> (T, T) {
    let largest = out.iter().fold(out[0], |a, &b| if b > a { b } else { a });
    let mut sum = T::default();
    for (p, &out) in p.iter_mut().zip(out) {
        *p = (out - largest).exp();
        sum += *p;
    }
    p.iter_mut().for_each(|p| *p = *p / sum);
    (largest, sum)
}

fn cross_entropy<T: Real>(out: &[T], class: usize, scale: T, grad: &mut [T]) -> f64 {
    assert!(class < out.len(), "class {class} of {} outputs", out.len());
    let (largest, sum) = softmax(out, grad);
    for grad in grad.iter_mut() {
        *grad = *grad * scale;
    }
    grad[class] = grad[class] - scale;
    sum.f64().ln() - (out[class] - largest).f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_by_hand() {
        let mut grad = [0.0; 4];
        let out = [0.0, 0.0, 0.0, (3f64).ln()];
        let loss = loss_grad(&out, 2, Target::Classes(&[0, 0]), Reduction::Sum, &mut grad);
        // softmax of (0, 0) is (1/2, 1/2), of (0, ln 3) it is (1/4, 3/4)
        assert!((loss - (2f64.ln() + 4f64.ln())).abs() < 1e-12);
        for (g, want) in grad.iter().zip([-0.5, 0.5, -0.75, 0.75]) {
            assert!((g - want).abs() < 1e-12);
        }
        let mean = loss_grad(&out, 2, Target::Classes(&[0, 0]), Reduction::Mean, &mut grad);
        assert!((2.0 * mean - loss).abs() < 1e-12 && (grad[2] + 0.375).abs() < 1e-12);
    }

    #[test]
    fn squared_error_by_hand() {
        let mut grad = [0.0; 4];
        let (out, values) = ([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 3.0, 2.0]);
        let loss = loss_grad(&out, 2, Target::Values(&values), Reduction::Mean, &mut grad);
        assert_eq!(loss, (5.0 / 2.0 + 4.0 / 2.0) / 2.0);
        assert_eq!(grad, [0.5, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn large_logits_stay_finite() {
        let mut grad = [0f32; 2];
        let loss = loss_grad(&[1e4, -1e4], 2, Target::Classes(&[1]), Reduction::Sum, &mut grad);
        assert!((loss - 2e4).abs() < 1.0 && grad == [1.0, -1.0]);
    }
}
