//! One row of the table: `[method.<label>]`, an algorithm with its hyperparameters and budgets.

use harness_core::error::unknown;
use harness_core::{Error, ModelSpec, Result, Split, View};
use std::collections::BTreeSet;

use toml::{Table, Value};

use super::PerBudget;
use super::base::{UNSET, lay_over};
use super::read::{need, take};
use super::sweep;

/// A labelled recipe of an algorithm. By `default` it has no name and trains nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodBlock {
    /// Name of the row, of its folder and of the `method` column.
    pub label: String,
    /// Name in the registry; the label if the block does not say.
    pub algorithm: String,
    /// A remark for readers of the table.
    pub note: Option<String>,
    /// The method's own network, where its paper has another than the benchmark.
    pub model: Option<ModelSpec>,
    /// How images are shown to this method.
    pub view: View,
    /// 0: the method is evaluated as it is initialised.
    pub meta_iters: PerBudget<u64>,
    /// Training seeds, from 0.
    pub seeds: PerBudget<u64>,
    /// The rows that a sweep made of one block have its label in common; `--method` takes it for all of them.
    pub series: Option<String>,
    /// The row's line in a figure, in words.
    pub legend: Option<String>,
    /// The classes on which the state that is reported is chosen; None: the last state.
    pub select: Option<Split>,
    /// The row's own class split, where its paper trained on fewer classes: the test classes stay the benchmark's.
    pub split: Option<String>,
    /// Every other key, read by the algorithm itself, which knows what is allowed.
    pub settings: Table,
    /// Those of `settings` that the block's table `test` holds: what is done at test alone.
    pub test: BTreeSet<String>,
}

impl MethodBlock {
    /// Reads a block whose `like` is resolved, with its table `test` among the other keys.
    fn read(label: &str, Block { keys: mut table, test }: Block) -> Result<Self> {
        let path = format!("method.{label}");
        let method = MethodBlock {
            label: label.to_string(),
            algorithm: take(&mut table, &path, "algorithm")?.unwrap_or_else(|| label.to_string()),
            note: take(&mut table, &path, "note")?,
            model: take(&mut table, &path, "model")?,
            view: take(&mut table, &path, "view")?.unwrap_or_default(),
            meta_iters: need(&mut table, &path, "meta_iters")?,
            seeds: need(&mut table, &path, "seeds")?,
            series: take(&mut table, &path, "series")?,
            legend: take(&mut table, &path, "legend")?,
            select: take(&mut table, &path, "select")?,
            split: take(&mut table, &path, "split")?,
            settings: table,
            test,
        };
        match method.test.iter().find(|key| !method.settings.contains_key(*key)) {
            None => Ok(method),
            Some(key) => {
                Err(Error::usage(format!("{path}.test.{key}: is no setting of the test: write it in the block")))
            }
        }
    }

    pub(super) fn to_table(&self) -> Result<Table> {
        let value = |value: Result<Value, toml::ser::Error>| value.map_err(|e| Error::usage(e.to_string()));
        let mut table = Table::new();
        table.insert("algorithm".into(), Value::String(self.algorithm.clone()));
        for (key, words) in [("note", &self.note), ("series", &self.series), ("legend", &self.legend)] {
            if let Some(words) = words {
                table.insert(key.into(), Value::String(words.clone()));
            }
        }
        table.insert("meta_iters".into(), value(Value::try_from(self.meta_iters))?);
        table.insert("seeds".into(), value(Value::try_from(self.seeds))?);
        table.insert("view".into(), value(Value::try_from(self.view))?);
        if let Some(model) = &self.model {
            table.insert("model".into(), value(Value::try_from(model))?);
        }
        if let Some(select) = &self.select {
            table.insert("select".into(), value(Value::try_from(select))?);
        }
        if let Some(split) = &self.split {
            table.insert("split".into(), Value::String(split.clone()));
        }
        let mut settings: Vec<_> = self.settings.iter().collect();
        settings.sort_by_key(|(key, _)| *key);
        let (test, other): (Vec<_>, Vec<_>) = settings.into_iter().partition(|(key, _)| self.test.contains(*key));
        let owned = |(key, value): (&String, &Value)| (key.clone(), value.clone());
        table.extend(other.into_iter().map(owned));
        if !test.is_empty() {
            table.insert(TEST.into(), Value::Table(test.into_iter().map(owned).collect()));
        }
        Ok(table)
    }
}

/// Reads all blocks, in the order of the file, swept ones as the rows that they stand for. `every`: what each says unless
/// its block does.
pub(super) fn read_all(blocks: Table, every: &Table) -> Result<Vec<MethodBlock>> {
    let mut rows: Vec<MethodBlock> = Vec::new();
    for label in blocks.keys() {
        let mut block = every.clone();
        lay_over(&mut block, inherit(label, &blocks, &mut Vec::new())?, &["method", label.as_str()])?;
        let Block { keys, test } = Block::new(label, &block)?;
        for (row, keys) in sweep::expand(label, keys)? {
            if rows.iter().any(|other| other.label == row) {
                return Err(Error::usage(format!("method.{label}: a second row called \"{row}\"")));
            }
            rows.push(MethodBlock::read(&row, Block { keys, test: test.clone() })?);
        }
    }
    Ok(rows)
}

/// The table of a block that holds what is done at test alone.
pub(super) const TEST: &str = "test";

/// A block with the keys of its table `test` among the others, and their names.
struct Block {
    keys: Table,
    test: BTreeSet<String>,
}

impl Block {
    /// Errors on a key that stands inside the table and outside.
    fn new(label: &str, block: &Table) -> Result<Block> {
        let mut keys = block.clone();
        let inside = take::<Table>(&mut keys, &format!("method.{label}"), TEST)?.unwrap_or_default();
        let test = inside.keys().cloned().collect();
        for (key, value) in inside {
            if keys.insert(key.clone(), value).is_some() {
                let at = format!("method.{label}.{TEST}.{key}");
                return Err(Error::usage(format!(
                    "{at}: the block has the same key outside of its table: leave one out"
                )));
            }
        }
        Ok(Block { keys, test })
    }
}

/// Resolves `like = "LABEL"`: all that the other block says, note and legend apart, unless this one says otherwise. So a row that
/// differs in one thing states that thing, and the rest cannot drift apart. `asked_by`: the rows that are like this one.
fn inherit(label: &str, blocks: &Table, asked_by: &mut Vec<String>) -> Result<Table> {
    let Some(Value::Table(own)) = blocks.get(label) else {
        return Err(Error::usage(format!("method.{label} must be a table: [method.{label}]")));
    };
    let (mut own, path) = (own.clone(), format!("method.{label}"));
    let Some(like) = take::<String>(&mut own, &path, "like")? else {
        own.remove(UNSET);
        return Ok(own);
    };
    if like == label || !blocks.contains_key(&like) {
        let others = blocks.keys().map(String::as_str).filter(|other| *other != label);
        return Err(Error::usage(format!("{path}.like: {}", unknown("method", &like, others))));
    }
    asked_by.push(label.to_owned());
    if let Some(start) = asked_by.iter().position(|row| *row == like) {
        let circle = asked_by[start..].join(" → ");
        return Err(Error::usage(format!("{path}.like: {circle} → {like} is a circle")));
    }
    let mut block = inherit(&like, blocks, asked_by)?;
    ["note", "legend", "series"].iter().for_each(|key| drop(block.remove(*key)));
    block.entry("algorithm").or_insert(Value::String(like));
    lay_over(&mut block, own, &["method", label])?;
    block.remove(UNSET);
    Ok(block)
}
