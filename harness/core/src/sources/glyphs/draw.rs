//! Draws a character as one person would: habits that a drawer keeps (size, slant, pen), and what varies every time.

use super::SIDE;
use super::raster::ink;
use super::strokes::{Point, Stroke};
use crate::rng::Stream;

/// Size of an upright character in pixels; the rest of the image is margin for shift and slant.
const SIZE: f64 = 18.0;
/// Pieces that the curve between two points is drawn with.
const PIECES: usize = 6;

/// What one drawer does alike in every character.
pub(super) struct Drawer {
    /// Half the pen's width, in pixels.
    pen: f64,
    /// Columns of the matrix that takes the unit square to pixels, around its centre.
    right: Point,
    down: Point,
    /// How far points stray, as a share of the character's size.
    wobble: f64,
}

impl Drawer {
    pub fn new(rng: &mut Stream) -> Drawer {
        let size = SIZE * rng.uniform(0.88, 1.08);
        let narrow = rng.uniform(0.85, 1.05);
        Drawer {
            pen: rng.uniform(0.6, 0.85),
            right: Point { x: size * narrow, y: size * 0.05 * bell(rng) },
            down: Point { x: size * 0.15 * bell(rng), y: size },
            wobble: rng.uniform(0.03, 0.05),
        }
    }

    /// One drawing of `character` onto `image`, [`SIDE`] x [`SIDE`] bytes of paper.
    pub fn draw(&self, character: &[Stroke], rng: &mut Stream, image: &mut [u8]) {
        let centre = SIDE as f64 / 2.0;
        let origin = Point { x: centre + 1.3 * bell(rng), y: centre + 1.3 * bell(rng) };
        let scale = [1.0 + 0.1 * bell(rng), 1.0 + 0.1 * bell(rng)];
        let right = Point { x: self.right.x * scale[0], y: self.right.y + SIZE * 0.05 * bell(rng) };
        let down = Point { x: self.down.x + SIZE * 0.08 * bell(rng), y: self.down.y * scale[1] };
        for stroke in character {
            // A stroke is placed as a whole, then its points stray: pens lift between strokes.
            let placed = stray(Point { x: 0.0, y: 0.0 }, self.wobble, rng);
            let points: Stroke = stroke
                .iter()
                .map(|point| {
                    let point = stray(point.plus(placed, 1.0), self.wobble, rng);
                    origin.plus(right, point.x - 0.5).plus(down, point.y - 0.5)
                })
                .collect();
            let curve = smooth(&points);
            for piece in curve.windows(2) {
                ink(image, SIDE, piece[0], piece[1], self.pen);
            }
        }
    }
}

fn stray(point: Point, by: f64, rng: &mut Stream) -> Point {
    Point { x: point.x + by * bell(rng), y: point.y + by * bell(rng) }
}

/// A bell-shaped number of mean 0 and standard deviation 1 within ±3: the sum of three uniform ones. The normal one
/// of [`Stream`] goes through a logarithm and a cosine, whose last bits differ between machines.
fn bell(rng: &mut Stream) -> f64 {
    (0..3).map(|_| rng.uniform(-1.0, 1.0)).sum()
}

/// The Catmull-Rom curve through `points`, [`PIECES`] straight pieces between each two.
fn smooth(points: &[Point]) -> Vec<Point> {
    let last = points.len() - 1;
    let mut curve = vec![points[0]];
    for i in 0..last {
        let [a, b, c, d] = [points[i.saturating_sub(1)], points[i], points[i + 1], points[last.min(i + 2)]];
        for piece in 1..=PIECES {
            let t = piece as f64 / PIECES as f64;
            let along = |a: f64, b: f64, c: f64, d: f64| {
                b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
            };
            curve.push(Point { x: along(a.x, b.x, c.x, d.x), y: along(a.y, b.y, c.y, d.y) });
        }
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn the_curve_passes_through_its_points_and_keeps_straight_ones_straight() {
        let points = [(0.0, 0.0), (1.0, 2.0), (2.0, 4.0), (3.0, 6.0)].map(|(x, y)| Point { x, y });
        let curve = smooth(&points);
        assert_eq!(curve.len(), 3 * PIECES + 1);
        for (i, point) in points.iter().enumerate() {
            assert_eq!(curve[i * PIECES], *point);
        }
        assert!(curve.iter().all(|p| (p.y - 2.0 * p.x).abs() < 1e-12));
    }

    #[test]
    fn bell_has_its_moments() {
        let mut rng = Stream::new(1, Purpose::Data, 0, 0);
        let draws: Vec<f64> = (0..50_000).map(|_| bell(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 5e4;
        let variance = draws.iter().map(|z| z * z).sum::<f64>() / 5e4;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }
}
