//! Of a row of a benchmark: its method where no data is at hand, and which classes its data has in which part.

use harness_core::{Algorithm, Draw, Entry, Error, Problem, Purpose, Result, Split, Stream, TaskSource};
use serde_json::json;

use crate::benchmark::{Benchmark, MethodBlock};
use crate::registry;
use crate::runner::sha256_json;

/// The method as it says of itself, built for inputs and classes of no data set in particular: every process of a call must
/// deal the same hands. Errors name the row: where it cannot be built so, it shares no training between shards.
pub fn without_data(benchmark: &Benchmark, method: &MethodBlock, algorithms: &[Entry]) -> Result<Box<dyn Algorithm>> {
    let at = |error: Error| Error::usage(format!("{}, [method.{}]: {error}", benchmark.name, method.label));
    let entry = registry::find(algorithms, &method.algorithm).map_err(at)?;
    let (input, problem) = match benchmark.data.is_regression() {
        true => (vec![1], Problem::Regression { outputs: 1 }),
        false => (vec![84, 84, 3], Problem::Classification { train_classes: 2 }),
    };
    let context = registry::on_cpu(benchmark.model_of(method).clone(), input, problem, benchmark.protocol);
    (entry.build)(&method.settings, &context).map_err(at)
}

/// Images that are drawn of each part: enough to meet each of a thousand classes.
const DRAWN: u64 = 8192;

/// Which classes are trained, validated and tested on: sha256 (hex) over classes that are drawn from each part. A list of the
/// project's own is known by its name; one of the user's may be edited under the same name.
pub fn classes(source: &dyn TaskSource) -> Result<String> {
    let draw = Draw::Episode { ways: None, shots: 1, queries: 0 };
    let mut drawn = Vec::new();
    for split in [Split::Train, Split::Val, Split::Test].into_iter().filter(|split| source.has(*split)) {
        for index in 0..DRAWN {
            let mut rng = Stream::new(0, Purpose::EvalTask, 0, index);
            drawn.push((split.as_str(), source.identity(split, &draw, 1, &mut rng)?));
        }
    }
    Ok(sha256_json(&json!(drawn)))
}
