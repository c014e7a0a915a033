//! Puts ink on paper: a pixel is ink where its centre lies within half the pen's width of the stroke.

use super::strokes::Point;

/// Inks the straight line from `a` to `b` (pixels; pixel (i, j) has its centre at (j + 0.5, i + 0.5)) with a round pen
/// of half-width `pen`. What leaves the image is cut off. Only the pixels around the line are visited.
pub(super) fn ink(image: &mut [u8], side: usize, a: Point, b: Point, pen: f64) {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx * dx + dy * dy;
    let rows = reach(a.y, b.y, pen, side);
    for row in rows {
        let y = row as f64 + 0.5 - a.y;
        for column in reach(a.x, b.x, pen, side) {
            let x = column as f64 + 0.5 - a.x;
            let along = if length > 0.0 { ((x * dx + y * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
            let (ex, ey) = (x - along * dx, y - along * dy);
            if ex * ex + ey * ey <= pen * pen {
                image[row * side + column] = 0;
            }
        }
    }
}

/// Pixels whose centre may lie within `pen` of the interval between `a` and `b`.
fn reach(a: f64, b: f64, pen: f64, side: usize) -> std::ops::Range<usize> {
    // `as` saturates, so that a line far outside reaches no pixel instead of a wrong one.
    let low = (a.min(b) - pen).max(0.0) as usize;
    let high = (a.max(b) + pen).max(-1.0) + 1.0;
    low.min(side)..(high as usize).min(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(a: (f64, f64), b: (f64, f64), pen: f64) -> Vec<String> {
        let mut image = vec![255u8; 36];
        ink(&mut image, 6, Point { x: a.0, y: a.1 }, Point { x: b.0, y: b.1 }, pen);
        image.chunks(6).map(|row| row.iter().map(|v| if *v == 0 { '#' } else { '.' }).collect()).collect()
    }

    #[test]
    fn lines_ink_the_pixels_whose_centres_they_cover() {
        assert_eq!(draw((1.5, 2.5), (4.5, 2.5), 0.6), ["......", "......", ".####.", "......", "......", "......"]);
        assert_eq!(draw((0.5, 0.5), (5.5, 5.5), 0.6), ["#.....", ".#....", "..#...", "...#..", "....#.", ".....#"]);
        assert_eq!(draw((3.0, 3.0), (3.0, 3.0), 0.8), ["......", "......", "..##..", "..##..", "......", "......"]);
    }

    #[test]
    fn what_leaves_the_paper_is_cut_off() {
        assert_eq!(draw((-9.0, 0.5), (0.7, 0.5), 0.6)[0], "#.....");
        assert!(draw((-9.0, -9.0), (-2.0, 40.0), 0.6).iter().all(|row| row == "......"));
        assert!(draw((40.0, 3.0), (90.0, 3.0), 0.6).iter().all(|row| row == "......"));
    }
}
