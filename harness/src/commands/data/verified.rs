//! What `data verify --format json` says of a data set.

use harness_data::{Duplicate, LeftOut, Located, Report};
use serde_json::{Map, Value, json};

/// The findings, with the names of those in text.
pub fn json(report: &Report) -> Value {
    let part = |(part, (classes, images)): (&&str, &(usize, usize))| {
        (part.to_string(), json!({ "classes": classes, "images": images }))
    };
    let undecodable = |(image, what): &(String, String)| json!({ "image": image, "what": what });
    let duplicate = |group: &Duplicate| json!({ "images": group.images, "across_parts": group.across_parts });
    let left_out = |left: &LeftOut| json!({ "folder": left.folder, "files": left.files, "why": left.why });
    json!({
        "dataset": report.dataset,
        "sound": report.is_sound(),
        "from": place(&report.located),
        "classes": report.classes.len(),
        "images": report.images(),
        "parts": report.parts.iter().map(part).collect::<Map<_, _>>(),
        "miscounted": report.miscounted,
        "undecodable": report.undecodable.iter().map(undecodable).collect::<Vec<_>>(),
        "one_colour": report.constant,
        "left_out": report.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "duplicates": report.duplicates.iter().map(duplicate).collect::<Vec<_>>(),
        "digest": report.digest,
        "known": report.known.map(|(same, what)| json!({ "same": same, "as": what })),
    })
}

/// How and where a data set is stored.
pub fn place(located: &Located) -> Value {
    let paths: Vec<String> = located.paths.iter().map(|path| path.display().to_string()).collect();
    json!({ "form": located.form(), "paths": paths })
}
