//! Colours that can be told from the page behind them, by WCAG's measure of contrast.

use super::drawing::Rgb;

/// Relative luminance of WCAG 2, 0 for black and 1 for white.
fn luminance(colour: Rgb) -> f64 {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2)
}

/// Contrast of WCAG 2: 1 for equal colours, 21 for black on white.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// `colour`, moved towards white on a dark ground and towards black on a light one as far as it takes to reach the
/// contrast `least`.
pub fn legible(colour: Rgb, ground: Rgb, least: f64) -> Rgb {
    let end = if luminance(ground) < 0.2 { 255.0 } else { 0.0 };
    let mixed = |part: f64| {
        let mix = |c: u8| (f64::from(c) + (end - f64::from(c)) * part).round() as u8;
        (mix(colour.0), mix(colour.1), mix(colour.2))
    };
    let enough = (0..=50).map(|i| mixed(f64::from(i) / 50.0)).find(|c| contrast(*c, ground) >= least);
    enough.unwrap_or(mixed(1.0))
}

/// What a colour of a drawing on white is on a dark `ground`: greys change places, white being the ground; others become as
/// light as thin lines need to be told apart there.
pub fn at_night(colour: Rgb, ground: Rgb) -> Rgb {
    let (r, g, b) = colour;
    if r.max(g).max(b) - r.min(g).min(b) < 16 {
        let dark = 1.0 - f64::from(r) / 255.0;
        let mix = |from: u8| (f64::from(from) + (238.0 - f64::from(from)) * dark).round() as u8;
        return (mix(ground.0), mix(ground.1), mix(ground.2));
    }
    legible(colour, ground, 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_wcags() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 1e-9);
        // WebAIM's checker: #777777 on white is 4.48
        assert!((contrast((0x77, 0x77, 0x77), (255, 255, 255)) - 4.48).abs() < 0.005);
        assert_eq!(contrast((9, 80, 200), (9, 80, 200)), 1.0);
    }

    #[test]
    fn night_swaps_greys_and_lightens_the_rest() {
        let night = (17, 20, 24);
        assert_eq!(at_night((255, 255, 255), night), night);
        assert!(contrast(at_night((34, 34, 34), night), night) > 10.0, "ink");
        assert!(contrast(at_night((95, 95, 95), night), night) > 4.5, "faint words");
        assert!(contrast(at_night((0, 62, 116), night), night) >= 5.0, "a dark blue");
    }

    #[test]
    fn colours_move_only_as_far_as_they_must() {
        let (white, night) = ((255, 255, 255), (17, 20, 24));
        let blue = (0, 114, 178);
        assert_eq!(legible(blue, white, 3.0), blue);
        for (colour, ground) in [((20, 20, 20), night), (blue, night), ((230, 159, 0), white), (white, white)] {
            let moved = legible(colour, ground, 3.0);
            assert!(contrast(moved, ground) >= 3.0, "{colour:?} on {ground:?}: {moved:?}");
        }
    }
}
