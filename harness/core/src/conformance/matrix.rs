//! 3 × 3 matrices in f64: as much as closed forms on quadratic tasks need.

use std::ops::{Add, Mul, Sub};

/// Rows of a 3 × 3 matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix(pub [[f64; 3]; 3]);

impl Matrix {
    /// `x` times the unit matrix.
    pub fn diagonal(x: f64) -> Self {
        Self::by_entry(|i, j| if i == j { x } else { 0.0 })
    }

    /// The unit matrix.
    pub fn unit() -> Self {
        Self::diagonal(1.0)
    }

    fn by_entry(at: impl Fn(usize, usize) -> f64) -> Self {
        let mut rows = [[0.0; 3]; 3];
        for (i, row) in rows.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = at(i, j);
            }
        }
        Matrix(rows)
    }

    /// The product of `n` copies.
    pub fn power(self, n: usize) -> Self {
        (0..n).fold(Self::unit(), |product, _| product * self)
    }

    /// The inverse, by Cramer's rule. Its numbers are infinite or NaN where there is none.
    pub fn inverse(self) -> Self {
        let m = self.0;
        // Indices counted round give the cofactors their signs.
        let cofactor = |i: usize, j: usize| {
            let (i1, i2, j1, j2) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3);
            m[i1][j1] * m[i2][j2] - m[i1][j2] * m[i2][j1]
        };
        let determinant: f64 = (0..3).map(|j| m[0][j] * cofactor(0, j)).sum();
        Self::by_entry(|i, j| cofactor(j, i) / determinant)
    }

    /// The product with a vector.
    pub fn apply(self, x: [f64; 3]) -> [f64; 3] {
        self.0.map(|row| (0..3).map(|j| row[j] * x[j]).sum())
    }
}

impl Add for Matrix {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::by_entry(|i, j| self.0[i][j] + other.0[i][j])
    }
}

impl Sub for Matrix {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::by_entry(|i, j| self.0[i][j] - other.0[i][j])
    }
}

impl Mul for Matrix {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::by_entry(|i, j| (0..3).map(|k| self.0[i][k] * other.0[k][j]).sum())
    }
}

impl Mul<Matrix> for f64 {
    type Output = Matrix;
    fn mul(self, other: Matrix) -> Matrix {
        Matrix::by_entry(|i, j| self * other.0[i][j])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let m = Matrix([[2.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 4.0]]);
        assert_eq!(m.power(2).0, [[4.0, 3.0, 0.0], [0.0, 1.0, 0.0], [6.0, 1.0, 16.0]]);
        assert_eq!(m.apply([1.0, 2.0, 3.0]), [4.0, 2.0, 13.0]);
        assert_eq!((m.inverse() * m), Matrix::unit());
        assert_eq!((0.5 * (m + m) - m), Matrix::diagonal(0.0));
    }
}
