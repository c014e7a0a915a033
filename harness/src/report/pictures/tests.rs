use super::*;
use crate::report::chart::{Mark, Panel, Y};
use crate::report::learning_curve::Point;
use crate::results::fixtures::Made;
use crate::results::run_json::{FigurePlace, Status};
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

/// The one chart of a figure.
fn one_chart(runs: &[Made]) -> Chart {
    let mut pictures = all(&summary(runs), &Styles::of_labels(&[])).unwrap();
    assert_eq!(pictures.len(), 1);
    pictures.remove(0).chart
}

#[test]
fn the_whiskers_of_a_sweep_are_told_point_by_point() {
    let two =
        |label, line, x, accuracy| [made(label, line, Some(x), 0, 0, accuracy), made(label, line, Some(x), 1, 0, 90.0)];
    let one = |label, line, x| made(label, line, Some(x), 0, 1, 60.0);
    let caption = |runs: Vec<Made>| one_chart(&runs).caption;
    assert_eq!(caption(vec![one("a-2", "a", 2.0), one("a-4", "a", 4.0)]), "one seed; whisker: 95 % over episodes");
    let [first, second] = two("a-4", "a", 4.0, 70.0);
    let both = "whisker: smallest to largest seed, or 95 % over episodes where a point has one seed";
    assert_eq!(caption(vec![one("a-2", "a", 2.0), first, second]), format!("line: mean over seeds; {both}"));
    let ([first, second], [third, fourth]) = (two("a-4", "a", 4.0, 70.0), two("b-4", "b", 4.0, 70.0));
    assert_eq!(
        caption(vec![one("a-2", "a", 2.0), first, second, third, fourth]),
        format!("line: mean over seeds; band: smallest to largest seed; {both}")
    );
    let [first, second] = two("a-4", "a", 4.0, 70.0);
    assert_eq!(
        caption(vec![first, second, one("b-2", "b", 2.0)]),
        "line: mean over seeds; band: smallest to largest seed; where there is one seed, whisker: 95 % over episodes"
    );
}

/// A straight line across a failed point would say that it was measured.
#[test]
fn a_line_is_broken_where_a_point_failed() {
    let places = [("a-1", 1.0), ("a-2", 2.0), ("a-3", 3.0), ("a-4", 4.0), ("a-5", 5.0)];
    let runs = |failed: &str| -> Vec<Made> {
        let run = |(order, (label, x)): (usize, (&'static str, f64))| {
            let mut run = made(label, "a", Some(x), 0, order as u64, 60.0);
            if label == failed {
                run.status = Status::Failed;
            }
            run
        };
        places.into_iter().enumerate().map(run).collect()
    };
    let lengths = |failed: &str| -> Vec<usize> {
        let chart = one_chart(&runs(failed));
        let length = |mark: &Mark| if let Mark::Line { points, .. } = mark { Some(points.len()) } else { None };
        chart.panels[0].marks.iter().filter_map(length).collect()
    };
    assert_eq!(lengths("none"), [5]);
    assert_eq!(lengths("a-3"), [2, 2]);
    assert_eq!(lengths("a-1"), [4], "beyond its end no line is broken");
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

/// A number without its marker would be missing from the picture.
#[test]
fn markers_close_to_a_hundred_are_in_the_frame() {
    let out = tempfile::tempdir().unwrap();
    for (label, accuracy) in [("reptile", 99.94), ("maml", 100.0), ("transfer", 95.2)] {
        Made::new("paper", "omniglot-5w5s", label, 0).finals(&[("inductive", accuracy, 0.03)]).write(out.path());
    }
    let summary = summarize(out.path(), "paper").unwrap();
    let pictures = all(&summary, &Styles::of_labels(&[])).unwrap();
    let panel = |kind: &str| &pictures.iter().find(|p| p.chart.name.starts_with(kind)).unwrap().chart.panels[0];
    let markers = |panel: &Panel, place: fn(&Panel, (f64, f64)) -> f64| -> Vec<f64> {
        let of = |mark: &Mark| if let Mark::Marker { at, .. } = mark { Some(place(panel, *at)) } else { None };
        panel.marks.iter().filter_map(of).collect()
    };
    let results = markers(panel("results-"), |panel, at| panel.x.0.free(at.0));
    assert!(results.len() == 3 && results.iter().all(|place| (0.0..=1.0).contains(place)), "{results:?}");
    let curves = panel("curves-");
    let finals = markers(curves, |panel, at| panel.y_axis().free(at.1));
    let finals = &finals[finals.len() - 3..];
    assert!(finals.iter().all(|place| (0.0..=1.0).contains(place)), "the final evaluations come last: {finals:?}");
}

/// Rows of other settings may share their label.
#[test]
fn the_spending_of_two_rows_of_a_label_is_that_of_each() {
    let out = tempfile::tempdir().unwrap();
    for (seed, accuracy, meta_iters) in [(0, 97.0, 1000), (1, 80.0, 2000)] {
        let mut run = Made::new("paper", "omniglot-5w1s", "maml", seed).finals(&[("inductive", accuracy, 0.2)]);
        run.meta_iters = meta_iters;
        let folder = run.write(out.path());
        let mut record = run.record();
        record.image_passes = Some(10.0);
        record.write(&folder.join("run.json")).unwrap();
    }
    let summary = summarize(out.path(), "paper").unwrap();
    assert_eq!(summary.cells.len(), 2);
    let pictures = all(&summary, &Styles::of_labels(&[])).unwrap();
    let chart = &pictures.iter().find(|p| p.chart.name.starts_with("spending-")).unwrap().chart;
    let end = |mark: &Mark| if let Mark::Line { points, .. } = mark { points.last().copied() } else { None };
    let ends: Vec<f64> = chart.panels[0].marks.iter().filter_map(end).map(|point| point.0).collect();
    assert_eq!(ends, [10.0, 20.0], "thousand image passes");
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
