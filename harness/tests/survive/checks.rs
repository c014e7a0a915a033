//! What cannot work is refused on one line before anything is spent: no folder is made.

use crate::bench::{Bench, REPTILE};
use crate::process::run;

#[test]
fn what_cannot_work_is_refused_before_anything_is_spent() {
    let bench = Bench::glyphs("[method.reptile]\nmeta_iters = 3\n[method.transfer]\nmeta_iters = 3\n");
    for (set, part) in [
        ("protocol.shots=20", "21 images a class asked of glyphs (20 support and 1 query), but"),
        ("protocol.ways=500", "500 ways asked of glyphs, which has 423 test classes: lower protocol.ways"),
        ("protocol.ways=fife", "protocol.ways: invalid type"),
        ("data.holdout=1200", "there are 1200 training classes: hold out fewer"),
        ("method.reptile.inner_iter=3", "[method.reptile]: unknown key \"inner_iter\"; did you mean \"inner_iters\"?"),
        ("method.transfer.batch=0", "[method.transfer]: batch = 0"),
        ("method.reptile.algorithm=reptil", "unknown algorithm \"reptil\"; did you mean \"reptile\"?"),
        ("data.dataset=glyph", "did you mean \"glyphs\"?"),
    ] {
        let out = bench.out("out");
        let ended = run(bench.reproduce(&out, &["--set", set])).expect(2, part);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
        assert!(!out.exists(), "{set} left something on disk");
    }
    let sine = Bench::sine(&format!("{REPTILE}meta_iters = 3\n"));
    for (args, part) in [
        (["--method", "reptle"], "unknown method \"reptle\"; did you mean \"reptile\"?"),
        (["--checkpoint-every", "1e12"], "--checkpoint-every"),
        (["--checkpoint-every", "often"], "--checkpoint-every"),
        (["--threads", "0"], "at least 1"),
    ] {
        run(sine.reproduce(&sine.out("out"), &args)).expect(2, part);
    }
}
