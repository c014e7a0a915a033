//! What a new method may be called: the name of a crate, of a folder and of a row in a table.

use harness_core::{Error, Result};

/// With more, lines of the template would be wider than the formatter allows.
const LONGEST: usize = 50;

const SEPARATORS: [char; 2] = ['-', '_'];

/// Words of Rust 2024 that no crate can be called by, and the crates that are always there.
#[rustfmt::skip]
const RESERVED: [&str; 58] = [
    "abstract", "alloc", "as", "async", "await", "become", "box", "break", "const", "continue", "core", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "proc_macro", "pub", "ref", "return", "self", "static", "std",
    "struct", "super", "test", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where",
    "while", "yield", "harness", "main",
];

/// A name that a crate can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Errors with the rule that `text` breaks.
    pub fn new(text: &str) -> Result<Name> {
        let refuse = |why: &str| Err(Error::usage(format!("\"{}\" cannot be a method's name: {why}", shown(text))));
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(allowed) {
            return refuse("it must start with a lower-case letter and go on with such letters, digits, - or _");
        }
        if text.len() > LONGEST {
            return refuse(&format!("it is longer than {LONGEST} characters"));
        }
        if text.split(SEPARATORS).any(str::is_empty) {
            return refuse("- and _ stand alone and between other characters");
        }
        let name = Name(text.to_owned());
        match RESERVED.contains(&name.ident().as_str()) {
            true => refuse("it is a word of Rust or the name of a crate that is always there"),
            false => Ok(name),
        }
    }

    /// As the crate, the folder and the row are called: `my-method`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As code calls the crate: `my_method`.
    pub fn ident(&self) -> String {
        ident(&self.0)
    }

    /// As a type is called: `MyMethod`.
    pub fn type_name(&self) -> String {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        self.0.split(SEPARATORS).map(capital).collect()
    }
}

/// What a package of this name is called in code: two packages with the same one collide.
pub fn ident(package: &str) -> String {
    package.replace('-', "_")
}

/// The beginning of whatever was typed, on one line.
fn shown(text: &str) -> String {
    text.chars().take(LONGEST + 10).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_three_forms() {
        for (text, ident, type_name) in [
            ("imaml", "imaml", "Imaml"),
            ("my-method", "my_method", "MyMethod"),
            ("es_maml2", "es_maml2", "EsMaml2"),
            ("l2-prox", "l2_prox", "L2Prox"),
        ] {
            let name = Name::new(text).unwrap();
            assert_eq!((name.as_str(), name.ident().as_str(), name.type_name().as_str()), (text, ident, type_name));
        }
    }

    #[test]
    fn what_no_crate_can_be_called_is_refused_with_the_rule() {
        for (text, why) in [
            ("", "lower-case letter"),
            ("2step", "lower-case letter"),
            ("-x", "lower-case letter"),
            ("Maml", "lower-case letter"),
            ("my method", "lower-case letter"),
            ("a/b", "lower-case letter"),
            ("../x", "lower-case letter"),
            ("maml\n", "lower-case letter"),
            ("prötonet", "lower-case letter"),
            ("x-", "between other characters"),
            ("x--y", "between other characters"),
            ("x-_y", "between other characters"),
            ("fn", "word of Rust"),
            ("gen", "word of Rust"),
            ("proc-macro", "always there"),
            ("std", "always there"),
            ("harness", "always there"),
        ] {
            let error = Name::new(text).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("cannot be a method's name"), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        assert!(Name::new(&"x".repeat(51)).unwrap_err().to_string().contains("longer than 50"));
        assert!(Name::new(&"x".repeat(50)).is_ok());
    }
}
