//! The tables: a row a method, a column a pair of data sets, a table for each protocol and mode.

use std::path::PathBuf;

use harness_core::Mode;
use serde::Serialize;

use crate::cli::Sheet;
use crate::console;
use crate::lists::unique;
use crate::report::csv;
use crate::results::across_csv::{self, Row};
use crate::results::metric::ACCURACY;
use crate::results::statistics::mean;
use crate::table::{Column, Notes, Table};
use crate::words;

/// A cell of the table: the mean over the seeds of one method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    pub out: PathBuf,
    pub budget: String,
    pub ways: usize,
    pub shots: usize,
    pub mode: Mode,
    pub from: String,
    pub to: String,
    pub side: usize,
    pub method: String,
    /// Percent.
    pub value: f64,
    /// Half-width over the episodes of a seed, averaged over seeds.
    pub ci95_episodes: Option<f64>,
    pub seeds: usize,
    /// For each seed.
    pub episodes: u64,
}

/// All rows in one format. A table for people ends with what was left out.
pub fn print(kept: &[(PathBuf, Vec<Row>)], left_out: &[String], format: Sheet) -> String {
    let cells = cells(kept);
    match format {
        Sheet::Csv => lines(kept),
        Sheet::Json => serde_json::to_string_pretty(&cells).expect("cells are plain data") + "\n",
        Sheet::Markdown => tables(&cells).iter().map(Table::markdown).collect(),
        Sheet::Latex => tables(&cells).iter().map(Table::latex).collect(),
        Sheet::Table => {
            let width = console::table_width();
            let table = |table: &Table| table.text(width, Notes::Sentences) + "\n";
            let mut text: String = tables(&cells).iter().map(table).collect();
            left_out.iter().for_each(|left| text += &format!("left out {left}\n"));
            text
        }
    }
}

/// The rows as the files have them; of several folders the last column says which one a row is of.
fn lines(kept: &[(PathBuf, Vec<Row>)]) -> String {
    if let [(_, rows)] = kept {
        return across_csv::text(rows);
    }
    let mut text = String::new();
    for (out, rows) in kept {
        let own = across_csv::text(rows);
        let (header, rows) = own.split_once('\n').expect("the header is a line");
        if text.is_empty() {
            text = format!("{header},out\n");
        }
        let out = csv::field(&out.display().to_string());
        rows.lines().for_each(|row| text += &format!("{row},{out}\n"));
    }
    text
}

/// Means over seeds, in the order in which rows first name them.
fn cells(kept: &[(PathBuf, Vec<Row>)]) -> Vec<Cell> {
    let mut cells: Vec<(Cell, Vec<&Row>)> = Vec::new();
    for (out, row) in kept.iter().flat_map(|(out, rows)| rows.iter().map(move |row| (out, row))) {
        let cell = Cell {
            out: out.clone(),
            budget: row.budget.clone(),
            ways: row.ways,
            shots: row.shots,
            mode: row.mode,
            from: row.benchmark.clone(),
            to: row.to.clone(),
            side: row.side,
            method: row.method.clone(),
            value: 0.0,
            ci95_episodes: None,
            seeds: 0,
            episodes: row.episodes,
        };
        match cells.iter_mut().find(|(known, _)| *known == cell) {
            Some((_, rows)) => rows.push(row),
            None => cells.push((cell, vec![row])),
        }
    }
    let meant = |(cell, rows): (Cell, Vec<&Row>)| {
        let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
        let intervals: Option<Vec<f64>> = rows.iter().map(|row| row.ci95).collect();
        let ci95_episodes = intervals.map(|all| mean(&all));
        Cell { value: mean(&values), ci95_episodes, seeds: rows.len(), ..cell }
    };
    cells.into_iter().map(meant).collect()
}

/// A table for each folder, budget, protocol, mode and number of episodes: what may be read side by side.
fn tables(cells: &[Cell]) -> Vec<Table> {
    let folders: Vec<&PathBuf> = unique(cells.iter().map(|cell| &cell.out));
    let key = |cell: &Cell| (cell.out.clone(), cell.budget.clone(), cell.ways, cell.shots, cell.mode, cell.episodes);
    unique(cells.iter().map(key))
        .into_iter()
        .map(|of| {
            let here: Vec<&Cell> = cells.iter().filter(|cell| key(cell) == of).collect();
            table(&here, folders.len() > 1)
        })
        .collect()
}

fn table(cells: &[&Cell], with_folder: bool) -> Table {
    let first = cells[0];
    let pair = |cell: &Cell| (cell.from.clone(), cell.to.clone(), cell.side);
    let (pairs, methods) = (unique(cells.iter().map(|cell| pair(cell))), unique(cells.iter().map(|cell| &cell.method)));
    let mut title =
        vec![first.budget.clone(), format!("{}-way {}-shot", first.ways, first.shots), first.mode.as_str().into()];
    if with_folder {
        title.insert(0, first.out.display().to_string());
    }
    title.push(ACCURACY.heading());
    title.push(words::plural(first.episodes, "test episode"));
    let name = |(from, to, side): &(String, String, usize)| format!("{from} → {to}, {side} px");
    let columns = std::iter::once(Column::left("method")).chain(pairs.iter().map(|pair| Column::right(name(pair))));
    let line = |method: &&String| {
        let cell = |wanted: &(String, String, usize)| {
            let found = cells.iter().find(|cell| cell.method == **method && pair(cell) == *wanted);
            found.map_or(String::new(), |cell| ACCURACY.with_interval(cell.value, cell.ci95_episodes))
        };
        std::iter::once((*method).clone()).chain(pairs.iter().map(cell)).collect::<Vec<_>>()
    };
    let seeds = unique(cells.iter().map(|cell| cell.seeds));
    let of_seeds = match &seeds[..] {
        [1] => "±: 95 % over episodes, one seed".to_owned(),
        [n] => format!("means over {n} seeds; ±: 95 % over the episodes of a seed"),
        many => {
            let most = many.iter().max().expect("there are several");
            format!("means over up to {most} seeds; ±: 95 % over the episodes of a seed")
        }
    };
    Table { notes: vec![of_seeds], ..Table::new(title.join(" · "), columns, methods.iter().map(line)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(method: &str, seed: u64, (to, side): (&str, usize), value: f64) -> Row {
        Row {
            budget: "paper".into(),
            benchmark: "cifar-fs-5w1s".into(),
            method: method.into(),
            seed,
            step: 9,
            ways: 5,
            shots: 1,
            to: to.into(),
            side,
            mode: Mode::Inductive,
            value,
            ci95: Some(0.2 * (seed + 1) as f64),
            episodes: 1000,
            config_hash: String::new(),
            trained_on: String::new(),
            data_digest: String::new(),
            code: String::new(),
        }
    }

    #[test]
    fn a_cell_is_the_mean_over_seeds_and_a_hole_stays_empty() {
        let rows = vec![
            row("reptile", 0, ("mini-imagenet", 32), 40.0),
            row("reptile", 1, ("mini-imagenet", 32), 43.0),
            row("protonet", 0, ("mini-imagenet", 32), 38.5),
            row("protonet", 0, ("mini-imagenet", 84), 37.25),
        ];
        let kept = [(PathBuf::from("out"), rows)];
        let cells = cells(&kept);
        assert_eq!((cells.len(), cells[0].value, cells[0].seeds), (3, 41.5, 2));
        assert!((cells[0].ci95_episodes.unwrap() - 0.3).abs() < 1e-12);
        let tables = tables(&cells);
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].title, "paper · 5-way 1-shot · inductive · accuracy, % · 1,000 test episodes");
        let heads: Vec<&str> = tables[0].columns.iter().map(|column| &*column.name).collect();
        assert_eq!(heads, ["method", "cifar-fs-5w1s → mini-imagenet, 32 px", "cifar-fs-5w1s → mini-imagenet, 84 px"]);
        assert_eq!(tables[0].lines, [["reptile", "41.50 ±0.30", ""], ["protonet", "38.50 ±0.20", "37.25 ±0.20"]]);
        assert_eq!(tables[0].notes, ["means over up to 2 seeds; ±: 95 % over the episodes of a seed"]);
        let markdown = print(&kept, &[], Sheet::Markdown);
        assert!(markdown.contains("| reptile | 41.50 ±0.30 |  |\n"), "{markdown}");
        assert!(print(&kept, &["x: y".into()], Sheet::Table).ends_with("\nleft out x: y\n"));
        assert_eq!(print(&kept, &[], Sheet::Csv), across_csv::text(&kept[0].1));
    }

    #[test]
    fn of_several_folders_the_last_column_says_which() {
        let rows = |method: &str| vec![row(method, 0, ("fc100", 84), 40.0)];
        let kept = [(PathBuf::from("a, b"), rows("reptile")), (PathBuf::from("c"), rows("maml"))];
        let text = print(&kept, &[], Sheet::Csv);
        let lines: Vec<&str> = text.lines().collect();
        let [head, first, second] = lines[..] else { panic!("{text}") };
        assert!(head.starts_with("budget,benchmark,method,") && head.ends_with(",code,out"), "{head}");
        assert!(first.starts_with("paper,cifar-fs-5w1s,reptile,") && first.ends_with(",\"a, b\""), "{first}");
        assert!(second.starts_with("paper,cifar-fs-5w1s,maml,") && second.ends_with(",c"), "{second}");
        let json: serde_json::Value = serde_json::from_str(&print(&kept, &[], Sheet::Json)).unwrap();
        assert_eq!((&json[0]["out"], &json[1]["out"]), (&"a, b".into(), &"c".into()));
    }

    #[test]
    fn other_episodes_and_other_modes_stand_apart() {
        let mut rows = vec![row("reptile", 0, ("fc100", 84), 40.0); 3];
        rows[1].episodes = 10;
        rows[2].mode = Mode::Transductive;
        assert_eq!(tables(&cells(&[(PathBuf::from("out"), rows)])).len(), 3);
    }
}
