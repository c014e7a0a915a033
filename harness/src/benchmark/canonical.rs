//! The effective benchmark as text: every default and override written out, in one fixed form. It reads back as the
//! same benchmark, and its sha256 proves that two runs did the same.

use harness_core::{Error, Result};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::Benchmark;

impl Benchmark {
    /// The effective benchmark as TOML. Independent of the order and spelling of the file's settings.
    pub fn canonical(&self) -> Result<String> {
        let mut table = Table::new();
        table.insert("name".into(), Value::String(self.name.clone()));
        table.insert("title".into(), Value::String(self.title.clone()));
        table.insert("data".into(), value(&self.data)?);
        table.insert("model".into(), value(&self.model)?);
        table.insert("protocol".into(), value(&self.protocol)?);
        table.insert("eval".into(), value(&self.eval)?);
        if let Some(figure) = &self.figure {
            table.insert("figure".into(), value(figure)?);
        }
        let mut methods = Table::new();
        for method in &self.methods {
            methods.insert(method.label.clone(), Value::Table(method.to_table()?));
        }
        table.insert("method".into(), Value::Table(methods));
        if !self.published.is_empty() {
            table.insert("published".into(), value(&self.published)?);
        }
        toml::to_string(&table).map_err(|error| Error::usage(error.to_string()))
    }

    /// sha256 (hex) of [`Benchmark::canonical`].
    pub fn hash(&self) -> Result<String> {
        Ok(Sha256::digest(self.canonical()?).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn value(part: &impl serde::Serialize) -> Result<Value> {
    Value::try_from(part).map_err(|error| Error::usage(error.to_string()))
}
