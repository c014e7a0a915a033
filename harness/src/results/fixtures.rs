//! A made-up results tree for the tests: smooth curves, two budgets, sine with adaptation pictures.

use super::run_json::{FigurePlace, Published, RunRecord, Status};
use super::{adaptation, layout, metric, metrics};
use std::path::{Path, PathBuf};

/// A run to be written.
pub struct Made {
    pub budget: &'static str,
    pub benchmark: &'static str,
    pub label: &'static str,
    pub seed: u64,
    /// Final value in each mode of the benchmark.
    pub finals: Vec<(&'static str, f64, f64)>,
    pub published: Vec<Published>,
    pub order: u64,
    pub meta_iters: u64,
    pub status: Status,
    /// Splits that the learning curve was evaluated on.
    pub splits: &'static [&'static str],
    /// Its place, if the benchmark is a figure.
    pub figure: Option<FigurePlace>,
}

/// A published row.
pub fn published(label: &str, mode: &str, value: f64, ci: f64, tolerance: f64) -> Published {
    Published {
        label: label.into(),
        mode: metric::mode(mode).unwrap(),
        value,
        ci: Some(ci),
        source: Some("Nichol et al. 2018, Table 2".into()),
        ci_meaning: None,
        tolerance: Some(tolerance),
        comparable: true,
    }
}

impl Made {
    pub fn new(budget: &'static str, benchmark: &'static str, label: &'static str, seed: u64) -> Self {
        let (published, finals) = (Vec::new(), Vec::new());
        Made {
            budget,
            benchmark,
            label,
            seed,
            finals,
            published,
            order: 0,
            meta_iters: 1000,
            status: Status::Complete,
            splits: &["train", "test"],
            figure: None,
        }
    }

    pub fn finals(mut self, finals: &[(&'static str, f64, f64)]) -> Self {
        self.finals = finals.to_vec();
        self
    }

    pub fn record(&self) -> RunRecord {
        let sine = self.benchmark == "sine";
        let text = format!(
            r#"{{"format":1,"benchmark":"{}","label":"{}","seed":{},"budget":"{}","meta_iters":{},"metric":"{}",
            "higher_is_better":{},"status":"complete"}}"#,
            self.benchmark,
            self.label,
            self.seed,
            if self.budget.starts_with("custom") { "paper" } else { self.budget },
            self.meta_iters,
            if sine { "mse" } else { "accuracy" },
            !sine,
        );
        let mut record: RunRecord = serde_json::from_str(&text).unwrap();
        record.title = if sine { "sine regression" } else { "5-way 1-shot" }.into();
        record.modes = self.finals.iter().map(|f| metric::mode(f.0).unwrap()).collect();
        record.published = self.published.clone();
        record.order = self.order;
        record.status = self.status;
        record.figure = self.figure.clone();
        record.overridden = self.budget.starts_with("custom");
        record.eval_episodes = 500;
        if self.status == Status::Failed {
            record.failure = Some("loss became NaN at meta-iteration 17".into());
        }
        record
    }

    /// Writes the run under `out` and returns its folder.
    pub fn write(&self, out: &Path) -> PathBuf {
        let folder = layout::run(&out.join(self.budget), self.benchmark, self.label, self.seed);
        std::fs::create_dir_all(&folder).unwrap();
        self.record().write(&folder.join("run.json")).unwrap();
        let metric = if self.benchmark == "sine" { "mse" } else { "accuracy" };
        let start = if metric == "mse" { 4.3 } else { 21.0 };
        let mut text = format!("{}\n", metrics::HEADER);
        let who = format!("{},{},{}", self.benchmark, self.label, self.seed);
        for i in 0..=if self.meta_iters == 0 { 0 } else { 20u32 } {
            let step = self.meta_iters * u64::from(i) / 20;
            text += &format!("{who},{step},train,-,loss,{},,,0.1\n", 1.0 / f64::from(i + 1));
            for (mode, end, _) in &self.finals {
                for split in self.splits {
                    // an exponential approach to the end value, with a wobble that depends on the seed
                    let rest = (-f64::from(i) / 4.0).exp();
                    let wobble = (f64::from(i) * 1.7 + self.seed as f64 * 2.1).sin() * 0.012 * (start - end);
                    let better = if *split == "train" { 0.1 * (end - start) * (1.0 - rest) * 0.3 } else { 0.0 };
                    let value = end + (start - end) * rest + wobble + better;
                    let value = if metric == "accuracy" { value.min(99.7) } else { value.max(0.03) };
                    text += &format!("{who},{step},{split},{mode},{metric},{value},{},100,0.5\n", value.abs() * 0.03);
                }
            }
        }
        for (mode, end, ci) in &self.finals {
            text += &format!("{who},{},test,{mode},{metric},{end},{ci},500,9.5\n", self.meta_iters);
        }
        std::fs::write(folder.join("metrics.csv"), text).unwrap();
        if self.benchmark == "sine" {
            std::fs::write(folder.join("adaptation.csv"), adapted(self.finals[0].1)).unwrap();
        }
        folder
    }
}

/// Fits that approach the true sine as far as an error of `mse` allows.
fn adapted(mse: f64) -> String {
    let truth = |x: f64| 3.2 * (x + 0.7).sin();
    let mut text = format!("{}\n", adaptation::HEADER);
    let xs = || (0..50).map(|i| -5.0 + 10.0 * f64::from(i) / 49.0);
    xs().for_each(|x| text += &format!("true,0,{x},{}\n", truth(x)));
    for i in 0..10 {
        let x = -4.6 + f64::from(i * i % 10) * 0.9;
        text += &format!("support,0,{x},{}\n", truth(x));
    }
    for step in [0u32, 1, 8, 32] {
        let near = (1.0 - mse / 5.0) * (1.0 - (-f64::from(step) / 2.0).exp());
        xs().for_each(|x| {
            text += &format!("fit,{step},{x},{}\n", near * truth(x) + (1.0 - near) * 0.4 * (x * 0.6).cos())
        });
    }
    text
}

/// `quick` with sine and glyphs, `paper` with three seeds of Omniglot.
pub fn tree() -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let methods = [("reptile", 0.12), ("fomaml", 0.19), ("transfer", 2.6), ("untrained", 2.45)];
    for (order, (label, mse)) in methods.into_iter().enumerate() {
        let mut run = Made::new("quick", "sine", label, 1).finals(&[("-", mse, mse * 0.08)]);
        run.order = order as u64;
        run.write(out.path());
    }
    let methods =
        [("reptile", 78.0), ("fomaml", 74.0), ("transfer", 66.0), ("transfer-linear", 61.0), ("untrained", 48.0)];
    for (order, (label, accuracy)) in methods.into_iter().enumerate() {
        let finals = [("transductive", accuracy, 0.9), ("inductive", accuracy - 6.0, 1.0)];
        let mut run = Made::new("quick", "glyphs-5w1s", label, 1).finals(&finals);
        run.order = order as u64;
        run.write(out.path());
        for (budget, seeds) in [("quick", 1), ("paper", 3)] {
            for seed in 1..=seeds {
                let up = if budget == "paper" { 19.6 } else { 9.0 };
                let wobble = (seed as f64 - 2.0) * 0.11;
                let finals = [
                    ("transductive", (accuracy + up + wobble).min(98.2), 0.08),
                    ("inductive", accuracy + up - 2.4, 0.1),
                ];
                let mut run = Made::new(budget, "omniglot-5w1s", label, seed).finals(&finals);
                run.order = order as u64;
                run.meta_iters = if budget == "paper" { 100_000 } else { 1000 };
                run.published = vec![
                    published("reptile", "transductive", 97.68, 0.04, 0.5),
                    published("reptile", "inductive", 95.39, 0.09, 0.6),
                    published("fomaml", "transductive", 98.3, 0.5, 0.5),
                    Published { comparable: false, ..published("transfer", "transductive", 79.2, 0.3, 0.5) },
                ];
                run.write(out.path());
            }
        }
    }
    out
}

/// What pictures must survive: many methods with long names, three splits, a method that does not train, one that
/// failed, and a benchmark without learning curves.
pub fn odd_tree() -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let labels = ["reptile", "fomaml-separate-tail", "maml", "transfer-finetune", "transfer-linear-running-statistics"];
    for (order, label) in labels.into_iter().chain(["protonet", "anil", "imaml", "untrained"]).enumerate() {
        for seed in 1..=2 {
            let finals = [("transductive", 97.0 - order as f64 * 1.5, 0.4), ("inductive", 92.0 - order as f64, 0.5)];
            let mut run = Made::new("quick", "many", label, seed).finals(&finals);
            run.order = order as u64;
            run.splits = &["train", "val", "test"];
            run.meta_iters = if label == "untrained" { 0 } else { 20_000 };
            run.write(out.path());
        }
    }
    for (label, status) in [("reptile", Status::Complete), ("fomaml", Status::Failed)] {
        let mut run = Made::new("quick", "failed-once", label, 1).finals(&[("inductive", 60.0, 3.0)]);
        run.splits = &[];
        run.status = status;
        run.write(out.path());
    }
    out
}
