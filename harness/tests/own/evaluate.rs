//! `harness eval`: what `--set` does there, and what a table says of the state behind its numbers.

use serde_json::{Value, json};

use crate::{Own, TABLE};

/// Another row of the same network, which shows images the other way round.
const INKED: &str = "[method.inked]\nlike = \"reptile\"\neval_iters = 4\nview = { invert = true }\n";

#[test]
fn a_table_tells_which_row_trained_and_what_was_set_and_no_setting_is_without_effect() {
    let own = Own::new();
    let table = TABLE.replace("episodes = 12", "episodes = { quick = 12, short = 13, paper = 14 }");
    own.write("b.toml", format!("{table}{INKED}"));
    own.done("reproduce b.toml --method reptile --out out --threads 2");
    let checkpoint = own.checkpoint("reptile");
    let eval = |more: &str| own.run(&format!("eval {checkpoint} b.toml {more}"));
    let rows = |more: &str| -> Vec<Value> {
        serde_json::from_str(&eval(&format!("--format json {more}")).expect(0, "").out).unwrap()
    };
    let title = |more: &str| eval(more).expect(0, "").out.lines().next().unwrap().to_owned();
    let own_row = "b: accuracy, % · seed 0 at meta-iteration 3";
    assert_eq!(title("--eval-episodes 3"), format!("{own_row} · 3 test episodes"));
    assert_eq!(title("--set eval.episodes=4"), format!("{own_row} · 4 test episodes · with eval.episodes=4"));
    let both = "--set protocol.queries=2 --set eval.seed=3";
    assert_eq!(
        title(&format!("{both} --eval-episodes 3")),
        format!("{own_row} · 3 test episodes · with eval.seed=3, protocol.queries=2")
    );
    let row = rows(both)[0].clone();
    assert_eq!((&row["overrides"], &row["episodes"]), (&json!(["eval.seed=3", "protocol.queries=2"]), &json!(12)));
    assert_eq!((&row["trained_by"], &row["method"]), (&json!("b reptile seed 0"), &json!("reptile")));

    let other =
        eval("--method inked").expect(0, "as the state was trained (view.invert = false), not as inked has them");
    let state = "b: accuracy, % · state of b reptile seed 0 at meta-iteration 3 · 12 test episodes\n";
    assert!(other.out.starts_with(state) && other.out.contains("\ninked "), "{}", other.out);
    let values = |rows: Vec<Value>| rows.iter().map(|row| row["value"].clone()).collect::<Vec<_>>();
    assert_eq!(values(rows("--method inked")), values(rows("--set method.reptile.eval_iters=4")));
    assert_eq!(rows("--method inked")[0]["trained_by"], "b reptile seed 0");

    for (set, part) in [
        ("eval.curve_points=5", "has no effect on an evaluation by reptile: leave it out"),
        ("eval.episodes.quick=5", "has no effect on an evaluation by reptile: write --eval-episodes N"),
        ("method.maml.inner_lr=0.3", "has no effect on an evaluation by reptile"),
        ("method.reptile.meta_step=0.5", "has no effect on an evaluation by reptile"),
        ("method.reptile.meta_iters=9", "has no effect on an evaluation by reptile"),
        ("eval.episodes=4 --eval-episodes 3", "--eval-episodes says it already: leave one of them out"),
        ("eval.seed=3 --set eval.seed=4", "--set eval.seed=3 says it already: leave one of them out"),
    ] {
        eval(&format!("--set {set}")).expect(2, part);
    }
}
