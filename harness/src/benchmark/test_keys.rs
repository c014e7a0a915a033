//! That a block's table `test`, its class split and `select` are read, followed by `like`, reached by `--set` and written back.

use harness_core::Split;

use super::Benchmark;

const FLAT: &str = r#"
title = "Toy"
data = { dataset = "glyphs", split = "omniglot" }
model = { network = "reptile-omniglot" }
protocol = { ways = 5, shots = 1, queries = 1 }
eval = { episodes = 10, modes = ["inductive"] }
[method.zebra]
algorithm = "reptile"
meta_iters = 3
lr = 0.5
eval_iters = 4
[method.ant]
like = "zebra"
select = "val"
split = "omniglot-validation"
"#;

fn inside() -> String {
    FLAT.replace("eval_iters = 4", "test = { eval_iters = 4 }")
}

fn with(text: &str, set: &[(&str, &str)]) -> Result<Benchmark, String> {
    let set: Vec<(String, String)> = set.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
    Benchmark::parse_with(text, "toy.toml", &set).map_err(|error| error.to_string())
}

#[test]
fn inside_and_outside_of_the_table_mean_the_same() {
    let (flat, table) = (with(FLAT, &[]).unwrap(), with(&inside(), &[]).unwrap());
    for label in ["zebra", "ant"] {
        let (flat, table) = (flat.method(label).unwrap(), table.method(label).unwrap());
        assert_eq!(flat.settings, table.settings, "{label}");
        assert!(flat.test.is_empty() && table.test.iter().eq(["eval_iters"]), "{label}");
    }
    let again = with(&table.canonical().unwrap(), &[]).unwrap();
    assert_eq!(again.methods, table.methods);
}

#[test]
fn set_reaches_a_key_wherever_it_stands() {
    for text in [FLAT.to_owned(), inside()] {
        for path in ["method.zebra.eval_iters", "method.zebra.test.eval_iters"] {
            let benchmark = with(&text, &[(path, "9")]).unwrap();
            let iters = |label| benchmark.method(label).unwrap().settings["eval_iters"].as_integer();
            assert_eq!((iters("zebra"), iters("ant")), (Some(9), Some(9)), "{path}");
        }
        let benchmark = with(&text, &[("method.ant.eval_iters", "2")]).unwrap();
        let iters = |label| benchmark.method(label).unwrap().settings["eval_iters"].as_integer();
        assert_eq!((iters("zebra"), iters("ant")), (Some(4), Some(2)));
    }
}

#[test]
fn a_row_has_its_own_classes_and_its_choice() {
    let benchmark = with(FLAT, &[]).unwrap();
    let (zebra, ant) = (benchmark.method("zebra").unwrap(), benchmark.method("ant").unwrap());
    assert_eq!((zebra.select, ant.select), (None, Some(Split::Val)));
    let split = |method| benchmark.data_of(method).class_split().unwrap();
    let (common, own) = (split(zebra), split(ant));
    assert_eq!((common.train.len(), common.val.len(), common.test.len()), (1200, 0, 423));
    assert_eq!((own.train.len(), own.val.len()), (1100, 100));
    assert_eq!(own.test, common.test);
    assert_eq!([own.train, own.val].concat(), common.train);
}

#[test]
fn what_means_nothing_is_refused() {
    let error = |text: &str| with(text, &[]).unwrap_err();
    let twice = error(&inside().replace("lr = 0.5", "lr = 0.5\neval_iters = 3"));
    assert!(twice.contains("method.zebra.test.eval_iters: the block has the same key outside"), "{twice}");
    let other = error(&inside().replace("test = {", "test = { meta_iters = 3,").replace("meta_iters = 3\nlr", "lr"));
    assert!(other.contains("method.zebra.test.meta_iters: is no setting of the test"), "{other}");
    let test = error(&FLAT.replace("select = \"val\"", "select = \"test\""));
    assert!(test.contains("method.ant.select: \"test\"; a state is chosen on \"val\""), "{test}");
}
