//! What one meta-iteration would send to the fold, in bytes: the table of algorithms/evolution/README.md, computed from
//! the updates themselves.

use std::sync::Arc;

use harness::benchmark::Benchmark;
use harness::registry::ALGORITHMS;
use harness_core::sources::{ImageTasks, Sine, glyphs};
use harness_core::{Algorithm, Context, Problem, Purpose, Split, Stream, TaskSource, View};

const README: &str = include_str!("../../algorithms/evolution/README.md");

/// A row of a benchmark on the benchmark's own network, so that all methods have the same parameters.
fn method(benchmark: &Benchmark, label: &str, source: &dyn TaskSource) -> Box<dyn Algorithm> {
    let row = benchmark.method(label).expect("a row of that label");
    let context = Context {
        model: benchmark.model.clone(),
        input: source.input(),
        problem: match source.train_classes(&View::default()) {
            Some(train_classes) => Problem::Classification { train_classes },
            None => Problem::Regression { outputs: 1 },
        },
        protocol: benchmark.protocol,
        device: candle_core::Device::Cpu,
        plain: false,
    };
    let entry = ALGORITHMS.iter().find(|entry| entry.name == row.algorithm).expect("registered");
    (entry.build)(&row.settings, &context).unwrap_or_else(|error| panic!("{error}"))
}

/// Bytes of one task's update, and tasks of a meta-iteration.
fn update(benchmark: &Benchmark, label: &str, source: &dyn TaskSource) -> (usize, usize) {
    let method = method(benchmark, label, source);
    let sampling = method.sampling();
    let mut rng = Stream::new(0, Purpose::TrainTask, 0, 0);
    let task = source.task(Split::Train, &sampling.draw, benchmark.protocol.ways, &View::default(), &mut rng).unwrap();
    let state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
    let mut rng = Stream::new(0, Purpose::TrainMethod, 0, 0);
    (method.task_update(&state, &task, &mut rng).unwrap().bytes(), sampling.meta_batch)
}

/// `12345` as `12,345`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let first = digits.len() % 3;
    let groups = [&digits[..first]].into_iter().map(str::to_owned).filter(|group| !group.is_empty());
    let rest = digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    groups.chain(rest).collect::<Vec<_>>().join(",")
}

/// The numbers of a line of the table.
fn line(start: &str) -> Vec<String> {
    let line = README.lines().find(|line| line.starts_with(&format!("| {start} |")));
    let cells = line.unwrap_or_else(|| panic!("no line \"{start}\"")).split('|').skip(2);
    cells.map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_readmes_table_is_what_updates_weigh() {
    let letters = ImageTasks::new(Arc::new(glyphs::glyphs(0)), &glyphs::split()).unwrap();
    let benchmarks: [(&str, &dyn TaskSource); 2] = [("sine", &Sine), ("glyphs-5w1s", &letters)];
    let mut columns = Vec::new();
    for (name, source) in benchmarks {
        let benchmark = Benchmark::find(name, &[]).unwrap_or_else(|error| panic!("{error}"));
        let steps = benchmark.method("reptile").unwrap().settings["inner_iters"].as_integer().unwrap() as usize;
        let (evolution, tried) = update(&benchmark, "evolution", source);
        let (reptile, learned) = update(&benchmark, "reptile", source);
        // One gradient a step, as first-order MAML sends one a task.
        let (gradient, _) = update(&benchmark, "fomaml", source);
        assert_eq!(evolution, 24, "two losses and a key");
        columns.push([
            evolution,
            evolution * tried,
            reptile,
            reptile * learned,
            steps * gradient,
            steps * gradient * learned,
        ]);
    }
    let lines = [
        "evolution, a task",
        "evolution, a meta-iteration",
        "reptile, a task",
        "reptile, a meta-iteration",
        "a gradient a step, a task",
        "a gradient a step, a meta-iteration",
    ];
    for (index, start) in lines.into_iter().enumerate() {
        let want: Vec<String> = columns.iter().map(|column| grouped(column[index])).collect();
        assert_eq!(line(start), want, "{start}");
    }
}
