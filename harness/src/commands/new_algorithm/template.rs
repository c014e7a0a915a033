//! The files of a new method, with its name in them.

use super::name::Name;

/// Path inside the crate and text; `my-method`, `my_method` and `MyMethod` stand for the name.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../../../templates/algorithm/crate.toml")),
    ("README.md", include_str!("../../../templates/algorithm/README.md")),
    ("trial.toml", include_str!("../../../templates/algorithm/trial.toml")),
    ("src/lib.rs", include_str!("../../../templates/algorithm/src/lib.rs")),
];

/// Every file of the crate: path inside it, and text.
pub fn files(name: &Name) -> [(&'static str, String); 4] {
    FILES.map(|(path, text)| (path, named(text, name)))
}

/// The text with the name in it.
pub fn named(text: &str, name: &Name) -> String {
    let text = text.replace("my-method", name.as_str()).replace("my_method", &name.ident());
    text.replace("MyMethod", &name.type_name())
}
