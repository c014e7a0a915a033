//! Invents characters: one to four smooth strokes in a unit square, most of them touching one another as letters do.

use crate::rng::Stream;

/// A point, or a step from one point to another: x to the right, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

impl Point {
    pub fn plus(self, step: Point, times: f64) -> Point {
        Point { x: self.x + times * step.x, y: self.y + times * step.y }
    }
}

/// The points that the pen passes through, in order; at least two.
pub(super) type Stroke = Vec<Point>;

/// Shares of characters with one, two, three and four strokes, in twentieths.
const STROKES: [usize; 4] = [4, 8, 5, 3];

/// A character thinner than this share of its length is a line, and lines are too much alike to be characters.
const THINNEST: f64 = 0.3;
/// A character whose strokes are shorter than this in all, in sides of the unit square, is a pair of dots.
const SHORTEST: f64 = 1.2;

/// A new character. Its bounding box is centred in the unit square and touches two opposite sides of it.
pub(super) fn invent(rng: &mut Stream) -> Vec<Stroke> {
    loop {
        let count = strokes_of_a_character(rng);
        let mut strokes: Vec<Stroke> = Vec::with_capacity(count);
        for _ in 0..count {
            let start = match strokes.len() {
                // Two of three later strokes begin on an earlier one.
                n if n > 0 && rng.below(3) > 0 => {
                    let earlier = &strokes[rng.below(n)];
                    earlier[rng.below(earlier.len())]
                }
                _ => Point { x: rng.uniform(0.1, 0.9), y: rng.uniform(0.1, 0.9) },
            };
            strokes.push(wander(start, count, rng));
        }
        if fit(&mut strokes) >= THINNEST && length(&strokes) >= SHORTEST {
            return strokes;
        }
    }
}

fn strokes_of_a_character(rng: &mut Stream) -> usize {
    let mut left = rng.below(STROKES.iter().sum());
    for (strokes, share) in (1..).zip(STROKES) {
        if left < share {
            return strokes;
        }
        left -= share;
    }
    unreachable!("the draw is below the sum of the shares")
}

/// One of `count` strokes, from `start`: a walk that mostly keeps its turn, so that it is a line, an arc, a hook or a
/// loop, and not a scribble. A lonely stroke is longer and never straight.
fn wander(start: Point, count: usize, rng: &mut Stream) -> Stroke {
    let mut step = direction(rng);
    let length = rng.uniform(0.4, 0.9);
    if count > 1 && rng.below(3) == 0 {
        return vec![start, inside(start.plus(step, length))];
    }
    let (length, pieces) =
        if count > 1 { (length + 0.4, 2 + rng.below(4)) } else { (2.0 * length + 0.6, 4 + rng.below(4)) };
    let mut turn = rng.uniform(-1.0, 1.0);
    let mut stroke = vec![start];
    for _ in 0..pieces {
        let last = stroke[stroke.len() - 1];
        stroke.push(inside(last.plus(step, length / pieces as f64)));
        // Adding a multiple of the perpendicular and normalising turns by the arctangent of the multiple.
        step = unit(Point { x: step.x - turn * step.y, y: step.y + turn * step.x });
        // One piece in six bends the other way, as in an S.
        if rng.below(6) == 0 {
            turn = -turn;
        }
        turn += rng.uniform(-0.25, 0.25);
    }
    stroke
}

/// A uniform direction, by rejection: sines and cosines differ in their last bits from one machine to another.
fn direction(rng: &mut Stream) -> Point {
    loop {
        let point = Point { x: rng.uniform(-1.0, 1.0), y: rng.uniform(-1.0, 1.0) };
        let square = point.x * point.x + point.y * point.y;
        if (0.01..=1.0).contains(&square) {
            return unit(point);
        }
    }
}

fn unit(point: Point) -> Point {
    let length = (point.x * point.x + point.y * point.y).sqrt();
    Point { x: point.x / length, y: point.y / length }
}

/// Keeps the pen on the paper by folding back what leaves it.
fn inside(point: Point) -> Point {
    let fold = |v: f64| {
        if v < 0.0 {
            -v
        } else if v > 1.0 {
            2.0 - v
        } else {
            v
        }
    };
    Point { x: fold(point.x).clamp(0.0, 1.0), y: fold(point.y).clamp(0.0, 1.0) }
}

/// Scales a character up to the unit square, keeping its proportions, and centres it. Returns the shorter side of its
/// bounding box as a share of the longer.
fn fit(strokes: &mut [Stroke]) -> f64 {
    let (mut low, mut high) = (Point { x: 1.0, y: 1.0 }, Point { x: 0.0, y: 0.0 });
    for point in strokes.iter().flatten() {
        low = Point { x: low.x.min(point.x), y: low.y.min(point.y) };
        high = Point { x: high.x.max(point.x), y: high.y.max(point.y) };
    }
    let (width, height) = (high.x - low.x, high.y - low.y);
    let extent = width.max(height).max(0.05);
    for point in strokes.iter_mut().flatten() {
        point.x = 0.5 + (point.x - (low.x + high.x) / 2.0) / extent;
        point.y = 0.5 + (point.y - (low.y + high.y) / 2.0) / extent;
    }
    width.min(height) / extent
}

fn length(strokes: &[Stroke]) -> f64 {
    let piece = |ends: &[Point]| {
        let (x, y) = (ends[1].x - ends[0].x, ends[1].y - ends[0].y);
        (x * x + y * y).sqrt()
    };
    strokes.iter().flat_map(|stroke| stroke.windows(2)).map(piece).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn characters_fill_the_unit_square_with_one_to_four_strokes() {
        let mut counts = [0; 5];
        for index in 0..1000 {
            let character = invent(&mut Stream::new(3, Purpose::Data, 0, index));
            counts[character.len()] += 1;
            let points = || character.iter().flatten();
            assert!(character.iter().all(|stroke| stroke.len() >= 2));
            assert!(points().all(|p| (-1e-9..=1.0 + 1e-9).contains(&p.x) && (-1e-9..=1.0 + 1e-9).contains(&p.y)));
            let extent =
                |f: fn(&Point) -> f64| points().map(f).fold(0.0, f64::max) - points().map(f).fold(1.0, f64::min);
            let largest = extent(|p| p.x).max(extent(|p| p.y));
            assert!((largest - 1.0).abs() < 1e-9, "character {index} spans {largest}");
        }
        // Shares of 4, 8, 5 and 3 twentieths, a few thin ones refused; a standard deviation is at most 16.
        for (count, share) in counts[1..].iter().zip(STROKES) {
            assert!((*count as i64 - 50 * share as i64).abs() < 65, "{counts:?}");
        }
    }
}
