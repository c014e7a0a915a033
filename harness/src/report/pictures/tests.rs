use super::*;
use crate::report::chart::{Mark, Y};
use crate::report::learning_curve::Point;
use crate::results::fixtures::Made;
use crate::results::run_json::FigurePlace;
use crate::results::summary::summarize;
use harness_core::Split;

fn point(x: f64, mean: f64, low: f64, high: f64) -> Point {
    Point { x, mean, low, high }
}

/// A run of a figure: its line, its place on the axis and its final accuracy.
fn made(label: &'static str, line: &str, x: Option<f64>, seed: u64, order: u64, accuracy: f64) -> Made {
    let mut run = Made::new("quick", "figure-9", label, seed).finals(&[("inductive", accuracy, 0.5)]);
    run.order = order;
    run.figure = Some(FigurePlace {
        number: "9".into(),
        x_label: "inner steps".into(),
        x_log: false,
        x,
        line: line.into(),
        colour: None,
    });
    run
}

fn summary(runs: &[Made]) -> Summary {
    let out = tempfile::tempdir().unwrap();
    runs.iter().for_each(|run| drop(run.write(out.path())));
    summarize(out.path(), "quick").unwrap()
}

#[test]
fn points_of_a_line_are_sorted_and_seeds_make_the_band() {
    let runs = [
        made("a-4", "line a", Some(4.0), 0, 0, 80.0),
        made("a-4", "line a", Some(4.0), 1, 0, 90.0),
        made("a-2", "line a", Some(2.0), 0, 1, 60.0),
        made("a-2", "line a", Some(2.0), 1, 1, 61.0),
        made("b-2", "line b", Some(2.0), 0, 2, 50.0),
    ];
    let summary = summary(&runs);
    let lines = super::lines::lines(&summary, &summary.cells, Mode::Inductive);
    let words: Vec<&str> = lines.iter().map(|line| line.words.as_str()).collect();
    assert_eq!(words, ["line a", "line b"], "in the order of the file");
    assert_eq!(lines[0].points, [point(2.0, 60.5, 60.0, 61.0), point(4.0, 85.0, 80.0, 90.0)]);
    assert_eq!((lines[0].spread, lines[0].seeds), (super::lines::Spread::Band, 2));
    // One seed: the half-width over episodes.
    assert_eq!(
        (lines[1].points.as_slice(), lines[1].spread),
        (&[point(2.0, 50.0, 49.5, 50.5)][..], super::lines::Spread::Whiskers)
    );
    assert_ne!(lines[0].look.colour, lines[1].look.colour);
}

#[test]
fn a_figure_over_meta_iterations_takes_the_curves_on_test_classes() {
    let summary = summary(&[made("g1", "g1", None, 0, 0, 40.0), made("sum", "g1+g2", None, 0, 1, 70.0)]);
    let lines = super::lines::lines(&summary, &summary.cells, Mode::Inductive);
    assert_eq!(lines.iter().map(|line| line.points.len()).collect::<Vec<_>>(), [21, 21]);
    let run = &summary.runs[0];
    let own: Vec<(f64, f64)> =
        run.curve.iter().filter(|row| row.split == Split::Test).map(|row| (row.step as f64, row.value)).collect();
    let drawn: Vec<(f64, f64)> = lines[0].points.iter().map(|p| (p.x, p.mean)).collect();
    assert_eq!(drawn, own);
    // Between a start and an end that were measured alone there is no line.
    let (mut cut, steps) = (summary.runs[0].clone(), own.iter().map(|point| point.0));
    cut.record.missing_points = steps.clone().map(|step| step as u64).take(18).collect();
    let left = crate::report::learning_curve::points(&[&cut], Split::Test, Mode::Inductive);
    assert!(left.iter().map(|point| point.x).eq(steps.skip(18)), "{left:?}");
    // One seed's interval is told, not drawn.
    assert!(lines[0].points.iter().all(|p| p.mean == p.low && p.mean == p.high) && lines[0].half > 0.0);
    assert!(
        super::figure::caption(&lines).starts_with("one seed; 95 % over the episodes of a point, not drawn: ±"),
        "{}",
        super::figure::caption(&lines)
    );
}

#[test]
fn a_figure_is_drawn_instead_of_bars_and_curves() {
    let runs = [made("a-2", "a", Some(2.0), 0, 0, 60.0), made("a-4", "a", Some(4.0), 0, 1, 80.0)];
    let summary = summary(&runs);
    let pictures = all(&summary, &Styles::of_labels(&[])).unwrap();
    let names: Vec<(&str, &str)> = pictures.iter().map(|p| (p.chart.name.as_str(), p.chart.words.as_str())).collect();
    assert_eq!(names, [("figure-9", "Figure 9: 5-way 1-shot")]);
    for word in ["Figure 9: 5-way 1-shot, budget quick", "inner steps", "inductive accuracy, % on test"] {
        let svg = svg(&pictures[0].chart, &Layout::new(&pictures[0].chart, WIDE)).unwrap();
        assert!(svg.contains(word), "{word}");
    }
    assert!(summary.cells.iter().all(|cell| cell.row.verdict == crate::results::verdict::Verdict::NoTarget));
}

/// A dot plot covers what its values and intervals need and no more; the tolerance is the benchmark's.
#[test]
fn results_lie_on_the_range_that_matters() {
    let out = tempfile::tempdir().unwrap();
    for (label, accuracy) in [("reptile", 97.6), ("transfer", 87.5)] {
        let mut run = Made::new("paper", "omniglot-5w1s", label, 0).finals(&[("inductive", accuracy, 0.2)]);
        run.published = vec![crate::results::fixtures::published(label, "inductive", 97.7, 0.1, 0.5)];
        run.write(out.path());
    }
    let summary = summarize(out.path(), "paper").unwrap();
    let pictures = all(&summary, &Styles::of_labels(&[])).unwrap();
    let chart = &pictures[0].chart;
    let panel = &chart.panels[0];
    let range = panel.x.0.ends();
    assert!(range.0 > 80.0 && range.0 < 87.3 && range.1 > 98.2 && range.1 < 100.0, "{range:?}");
    let Y::Rows(rows) = &panel.y else { panic!("rows") };
    assert_eq!(rows[0].figures, ["97.60 ±0.20", "97.70 ±0.10 published"]);
    let grounds = panel.marks.iter().filter_map(|mark| match mark {
        Mark::Ground { corners, .. } => Some([corners[0].0, corners[1].0]),
        _ => None,
    });
    assert_eq!(grounds.collect::<Vec<_>>(), [[97.2, 98.2]; 2]);
}

/// One axis of values for all panels of a table, whatever the mode; the sine picture goes by its true curve.
#[test]
fn panels_of_a_table_share_their_axis_and_sine_goes_by_its_truth() {
    let out = crate::results::fixtures::tree();
    let summary = summarize(out.path(), "quick").unwrap();
    let pictures = all(&summary, &Styles::of_labels(&[])).unwrap();
    let axes = |benchmark: &str, kind: &str| -> Vec<_> {
        let of = pictures.iter().filter(|p| p.benchmark == benchmark && p.chart.name.starts_with(kind));
        of.flat_map(|p| &p.chart.panels).map(|panel| panel.y_axis()).collect()
    };
    let curves = axes("omniglot-5w1s", "curves");
    assert_eq!(curves.len(), 4, "two modes, two splits");
    assert!(curves.iter().all(|axis| *axis == curves[0]));
    let sine = axes("sine", "adaptation")[0].ends();
    assert!(sine.0 <= -3.2 && sine.0 > -6.0 && sine.1 >= 3.2 && sine.1 < 6.0, "{sine:?}");
}
