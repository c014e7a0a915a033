//! The numbers of a run: its final evaluation, and its learning curve as a table with a line of bars above each column.

use harness_core::{Mode, Split};

use crate::results::metric::{MSE, Metric, with_mode};
use crate::results::metrics::MetricRow;
use crate::results::run_json::{RunRecord, Status};
use crate::table::{Column, Table};
use crate::words;

/// Bars from the lowest to the highest value.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Bars in a line, at most and at least; with fewer, the numbers stand beneath them.
const BARS_MOST: usize = 40;
const BARS_LEAST: usize = 8;

/// The final evaluation, beside what was published.
pub fn numbers(record: &RunRecord, rows: &[MetricRow], width: u16) -> Vec<String> {
    if record.status != Status::Complete {
        return Vec::new();
    }
    let last = |mode: &Mode| rows.iter().rfind(|row| is_final(record, row) && row.mode == *mode);
    let line = |row: &MetricRow| {
        let published = record.published_for(row.mode);
        vec![
            row.mode.as_str().to_owned(),
            record.metric.with_interval(row.value, row.ci95),
            published.map(|p| record.metric.with_interval(p.value, p.ci)).unwrap_or_default(),
            words::thousands(row.n),
        ]
    };
    let columns =
        [Column::left("mode"), Column::right("ours"), Column::right("published"), Column::right("test episodes")];
    let table = Table::new(record.metric.heading(), columns, record.modes.iter().filter_map(last).map(line));
    if table.lines.is_empty() { Vec::new() } else { vec![table.title.clone(), table.grid(width)] }
}

fn is_final(record: &RunRecord, row: &MetricRow) -> bool {
    row.split == Split::Test && row.metric == record.metric.name
}

/// One series of a metrics.csv.
struct Line {
    name: String,
    /// The benchmark's metric; None: a scalar of the training.
    metric: Option<Metric>,
    points: Vec<(u64, f64)>,
}

impl Line {
    /// A scalar has the decimals of an error.
    fn number(&self, value: f64) -> String {
        self.metric.unwrap_or(MSE).value(value)
    }

    /// From its lowest to its highest value, at most `most`: of more points the means of neighbours.
    fn bars(&self, most: usize) -> String {
        let values: Vec<f64> = self.points.iter().map(|(_, value)| *value).filter(|value| value.is_finite()).collect();
        let each = values.len().div_ceil(most).max(1);
        let means: Vec<f64> = values.chunks(each).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect();
        let (low, high) = means.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        let bar = |value: &f64| match high > low {
            true => BARS[(((value - low) / (high - low)) * (BARS.len() - 1) as f64).round() as usize],
            false => BARS[0],
        };
        means.iter().map(bar).collect()
    }

    /// In a terminal of `width` columns, behind names as long as `widest`.
    fn told(&self, widest: usize, width: usize) -> String {
        let (first, last) = (self.points[0], self.points[self.points.len() - 1]);
        let at = |(step, value)| format!("{} at {}", self.number(value), words::thousands(step));
        let numbers = format!("{} to {}", at(first), at(last));
        // Two columns before and between the three parts.
        let room = width.saturating_sub(widest + numbers.len() + 6);
        if room < BARS_LEAST {
            let bars = self.bars(BARS_MOST.min(width.saturating_sub(4)));
            return format!("  {}\n    {bars}\n    {numbers}", self.name);
        }
        format!("  {:<widest$}  {}  {numbers}", self.name, self.bars(BARS_MOST.min(room)))
    }
}

/// A line of bars for each series, then the curve in numbers.
pub fn lines(record: &RunRecord, rows: &[MetricRow], width: u16) -> Vec<String> {
    let mut all: Vec<Line> = Vec::new();
    for row in rows {
        let own = row.metric == record.metric.name;
        let name = if own { row.split.as_str() } else { &row.metric };
        let name = format!("{name}{}", with_mode(" ", row.mode));
        match all.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push((row.step, row.value)),
            None => all.push(Line { name, metric: own.then_some(record.metric), points: vec![(row.step, row.value)] }),
        }
    }
    if record.status == Status::Complete {
        // The last point is the final evaluation, which has a table of its own.
        for line in all.iter_mut().filter(|line| line.metric.is_some() && line.name.starts_with("test")) {
            line.points.pop();
        }
    }
    all.retain(|line| line.points.len() > 1);
    if all.is_empty() {
        return Vec::new();
    }
    let widest = all.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let mut lines = vec![format!("learning curve, each from its lowest to its highest {}", BARS[7])];
    lines.extend(all.iter().map(|line| line.told(widest, width.into())));
    let curves: Vec<&Line> = all.iter().filter(|line| line.metric.is_some()).collect();
    let mut steps: Vec<u64> = curves.iter().flat_map(|line| line.points.iter().map(|(step, _)| *step)).collect();
    steps.sort_unstable();
    steps.dedup();
    let value = |line: &Line, step: u64| {
        let point = line.points.iter().find(|(at, _)| *at == step);
        point.map(|(_, value)| line.number(*value)).unwrap_or_default()
    };
    let cells = |step: &u64| {
        let values = curves.iter().map(|line| value(line, *step));
        [words::thousands(*step)].into_iter().chain(values).collect::<Vec<_>>()
    };
    let names = curves.iter().map(|line| Column::right(line.name.clone()));
    let columns = [Column::right("meta-iteration")].into_iter().chain(names);
    let table = Table::new(String::new(), columns, steps.iter().map(cells));
    if !table.lines.is_empty() {
        lines.push(String::new());
        lines.push(table.grid(width));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::metric::ACCURACY;

    fn line(values: &[f64]) -> Line {
        let points = values.iter().enumerate().map(|(step, value)| (step as u64, *value)).collect();
        Line { name: "test".into(), metric: Some(ACCURACY), points }
    }

    #[test]
    fn bars_go_from_the_lowest_to_the_highest_value() {
        assert_eq!(line(&[0.0, 7.0, 3.0]).bars(40), "▁█▄");
        assert_eq!(line(&[5.0, 5.0]).bars(40), "▁▁", "no difference, no height");
        assert_eq!(line(&[1.0, f64::NAN, 2.0]).bars(40), "▁█", "what is no number has no bar");
        assert_eq!(line(&(0..200).map(f64::from).collect::<Vec<_>>()).bars(40).chars().count(), 40);
    }

    #[test]
    fn a_line_says_where_it_starts_and_ends() {
        assert_eq!(line(&[20.0, 97.5]).told(6, 80), "  test    ▁█  20.00 at 0 to 97.50 at 1");
    }

    #[test]
    fn bars_give_way_in_a_narrow_terminal_and_numbers_do_not() {
        let long = line(&(0..40).map(f64::from).collect::<Vec<_>>());
        // The numbers are 24 wide: of 50 columns 16 are left, and a bar is the mean of three values.
        assert_eq!(long.told(4, 50), "  test  ▁▂▂▃▃▄▄▅▅▆▇▇██  0.00 at 0 to 39.00 at 39");
        let beneath = format!("  test\n    {}\n    0.00 at 0 to 39.00 at 39", long.bars(36));
        assert_eq!(long.told(4, 40), beneath);
        assert!(beneath.lines().all(|line| line.chars().count() <= 40), "{beneath}");
    }
}
