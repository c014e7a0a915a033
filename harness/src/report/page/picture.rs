//! Pictures that were drawn elsewhere (adaptation, results, figures), made fit to stand inside the page.

use super::deviations::escape;

/// What a picture inside the page must not hold: it could load, run or link something.
const FOREIGN: [&str; 9] =
    ["<script", "<foreignobject", "<image", "<use", "<style", "<iframe", "<!doctype", "<!entity", "javascript:"];

/// `svg` for use inside a page: it scales with the page, carries `words` as its accessible name, and its ids begin with
/// `prefix`, so that no two pictures share one. None if it is not a plain drawing.
pub fn embed(svg: &str, words: &str, prefix: &str) -> Option<String> {
    let svg = svg.trim_start_matches('\u{feff}').trim();
    // A prolog is for files.
    let svg = if svg.starts_with("<?xml") { svg.split_once("?>")?.1.trim_start() } else { svg };
    let lower = svg.to_ascii_lowercase();
    let body = svg.strip_prefix("<svg")?;
    if FOREIGN.iter().any(|word| lower.contains(word)) || handlers(&lower) || outside(&lower) {
        return None;
    }
    let (root, rest) = body.split_once('>')?;
    let (width, height) = (number(root, "width")?, number(root, "height")?);
    let view_box = attribute(root, "viewBox").map_or(format!("0 0 {width} {height}"), str::to_string);
    Some(format!(
        "<svg class=\"drawn\" role=\"img\" aria-label=\"{}\" viewBox=\"{}\" style=\"max-width:{width}px\">{}",
        escape(words),
        escape(&view_box),
        prefixed(rest, prefix)
    ))
}

/// An attribute that runs something: ` onload=`.
fn handlers(lower: &str) -> bool {
    lower.match_indices(" on").any(|(at, _)| {
        let name = lower[at + 1..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
        name.starts_with('=')
    })
}

/// A reference to anything but a part of the picture itself.
fn outside(lower: &str) -> bool {
    let link = |mark: &str, inside: &[&str]| {
        lower.match_indices(mark).any(|(at, _)| !inside.iter().any(|i| lower[at + mark.len()..].starts_with(i)))
    };
    link("href=", &["\"#", "'#"]) || link("url(", &["#", "'#", "\"#", "&quot;#"]) || link("src=", &[])
}

/// Ids and the references to them, with `prefix` before each.
fn prefixed(svg: &str, prefix: &str) -> String {
    let mut out = svg.to_string();
    for (mark, new) in [(" id=\"", " id=\""), ("url(#", "url(#"), ("href=\"#", "href=\"#")] {
        out = out.replace(mark, &format!("{new}{prefix}"));
    }
    out
}

fn attribute<'a>(root: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = root.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn number(root: &str, name: &str) -> Option<f64> {
    attribute(root, name)?.trim_end_matches("px").parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_gets_a_name_a_view_box_and_ids_of_its_own() {
        let svg = "<?xml version=\"1.0\"?>\n<svg width=\"96\" height=\"28.5\"><clipPath id=\"a\"/><g \
                   clip-path=\"url(#a)\"/></svg>\n";
        assert_eq!(
            embed(svg, "a < b", "p1-").unwrap(),
            "<svg class=\"drawn\" role=\"img\" aria-label=\"a &lt; b\" viewBox=\"0 0 96 28.5\" \
             style=\"max-width:96px\"><clipPath id=\"p1-a\"/><g clip-path=\"url(#p1-a)\"/></svg>"
        );
        let fine = embed("<svg width=\"96\" height=\"28\" viewBox=\"0 0 384 112\"></svg>", "", "").unwrap();
        assert!(fine.contains("viewBox=\"0 0 384 112\" style=\"max-width:96px\""), "{fine}");
    }

    #[test]
    fn what_could_load_or_run_something_stays_out() {
        for inside in [
            "<script>1</script>",
            "<rect onload=\"x\"/>",
            "<a href=\"https://a.b\"/>",
            "<image src=\"x\"/>",
            "<rect fill=\"url(https://a.b)\"/>",
            "<style>@import 'x'</style>",
        ] {
            assert_eq!(embed(&format!("<svg width=\"9\" height=\"9\">{inside}</svg>"), "", ""), None, "{inside}");
        }
        assert_eq!(embed("a picture", "", ""), None);
    }
}
