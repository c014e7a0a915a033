//! The later half of a figure's learning curves, enlarged: a line that fails stretches the axis until all others lie on
//! each other.

use super::lines::Line;
use crate::report::learning_curve::Point;
use crate::results::statistics::mean;

/// So many evaluations make one point here: single ones vary more than the lines differ by.
const TOGETHER: usize = 10;

/// The part of the whole axis that the enlargement may cover.
const PART: f64 = 0.25;

/// The lines of the enlargement, where at least half of all, and three, end close to each other; `span` is how much the whole
/// figure's axis covers. None where nothing is gained by it.
pub fn detail(lines: &[Line], span: f64) -> Option<Vec<Line>> {
    if lines.iter().any(|line| line.points.len() < 4 * TOGETHER) {
        return None;
    }
    let later: Vec<Line> = lines.iter().map(later).collect();
    let mut ends: Vec<f64> = later.iter().filter_map(|line| line.points.last()).map(|point| point.mean).collect();
    ends.sort_by(f64::total_cmp);
    let middle = *ends.get(ends.len() / 2)?;
    let near = |point: &Point| (point.low - middle).abs().max((point.high - middle).abs()) <= span * PART / 2.0;
    let close: Vec<Line> = later.into_iter().filter(|line| line.points.iter().all(near)).collect();
    (close.len() >= 3 && 2 * close.len() >= lines.len()).then_some(close)
}

/// The second half of a line, each point the mean of [`TOGETHER`]; counted from the end, so that the last ones are in it.
fn later(line: &Line) -> Line {
    let half = &line.points[line.points.len() / 2..];
    let part = |of: &[Point], pick: fn(&Point) -> f64| mean(&of.iter().map(pick).collect::<Vec<_>>());
    let together = |of: &[Point]| Point {
        x: part(of, |p| p.x),
        mean: part(of, |p| p.mean),
        low: part(of, |p| p.low),
        high: part(of, |p| p.high),
    };
    let mut points: Vec<Point> = half.rchunks_exact(TOGETHER).map(together).collect();
    points.reverse();
    Line { points, ..line.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::of_lines;
    use crate::report::pictures::lines::Spread;

    /// A line of 81 points that climbs from `from` by 0.01 a point.
    fn line(from: f64) -> Line {
        let point = |i: u32| (f64::from(i), from + 0.01 * f64::from(i));
        let points = (0..=80).map(point).map(|(x, y)| Point { x, mean: y, low: y, high: y }).collect();
        let look = of_lines(&[None])[0];
        let (seeds, most_seeds, gaps) = (1, 1, Vec::new());
        Line { words: "g".into(), look, points, spread: Spread::Nothing, seeds, most_seeds, gaps, half: 1.0 }
    }

    #[test]
    fn tens_of_the_later_half_are_averaged_from_the_end() {
        // 41 points are left, 40 to 80; the first is over, and the tens end at 50, 60, 70, 80.
        let points = later(&line(90.0)).points;
        let places: Vec<f64> = points.iter().map(|point| point.x).collect();
        assert_eq!(places, [45.5, 55.5, 65.5, 75.5]);
        assert!((points[0].mean - 90.455).abs() < 1e-9 && points[0].mean == points[0].low, "{:?}", points[0]);
    }

    #[test]
    fn lines_that_end_together_are_enlarged_without_the_one_that_fails() {
        let lines = [28.0, 94.0, 95.0, 96.0].map(line);
        let close = detail(&lines, 80.0).unwrap();
        assert_eq!(close.len(), 3);
        assert!(close.iter().all(|line| line.points[0].mean > 90.0));
    }

    #[test]
    fn nothing_is_enlarged_where_nothing_is_gained() {
        assert!(detail(&[94.0, 95.0, 96.0].map(line), 4.0).is_none(), "they fill the axis as it is");
        assert!(detail(&[28.0, 30.0, 95.0, 96.0].map(line), 80.0).is_none(), "two and two");
        let mut short = [94.0, 95.0, 96.0].map(line);
        short[0].points.truncate(30);
        assert!(detail(&short, 80.0).is_none(), "too few points to average");
    }
}
