//! What a table of the quick budget can tell, and what it cannot.

use crate::results::rows::{Cell, Summary};
use crate::words;

/// A sentence beneath a quick table of several trained rows.
pub fn note(summary: &Summary, cells: &[Cell]) -> Option<String> {
    let trained: Vec<&Cell> = cells.iter().filter(|cell| cell.row.meta_iters > 0 && cell.row.mean.is_some()).collect();
    let several = trained.iter().any(|cell| cell.row.method != trained[0].row.method);
    if summary.budget != "quick" || !several || cells[0].figure.is_some() {
        return None;
    }
    let passes = |cell: &&Cell| {
        let run = *summary.runs_of(cell).first()?;
        Some((run.record.image_passes? * run.record.meta_iters as f64).round() as u64)
    };
    let known: Option<Vec<u64>> = trained.iter().map(passes).collect();
    let what = if cells[0].row.metric.is_percent() { "image" } else { "point" };
    let spent = known.and_then(|known| {
        let (least, most) = (known.iter().min()?, known.iter().max()?);
        Some(format!(" ({} to {} {what} passes a row)", words::thousands(*least), words::thousands(*most)))
    });
    Some(format!(
        "quick: every row is trained for a small part of its paper's schedule{}, so their order says which method gets \
         somewhere soon, not which is better in the end; the budgets short and paper tell that",
        spent.unwrap_or_default()
    ))
}
