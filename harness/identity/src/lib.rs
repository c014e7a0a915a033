//! `code!()`: a hash of the code that makes a number, taken when it is compiled.
//!
//! A crate that can change a number says what it is made of: its sources by relative path, the sources of the path
//! dependencies that no other hash covers, and the locked versions of all that it reaches. What cannot change a number
//! (comments, documentation, layout, tests) is left out; neither does it matter where the crate lies.
//!
//! ```ignore
//! const ALL: &str = harness_core::code!();
//! const TRAINING: &str = harness_core::code!(without "src/stats.rs", "src/conformance");
//! const PART: &str = harness_core::code!(only "src/runner/iterate.rs");
//! ```
//!
//! `only` reads the named files and no locked versions. A file that is named and not there is an error, so that no list
//! outlives a move.

mod gather;
mod lock;
mod manifest;
mod source;

use std::env;
use std::path::PathBuf;

use proc_macro::{Literal, TokenStream, TokenTree};

use crate::gather::{Found, Which};

/// A string of 64 hexadecimal digits; see the crate's documentation.
#[proc_macro]
pub fn code(input: TokenStream) -> TokenStream {
    match which(input).and_then(|which| of_this_crate(&which)) {
        Ok(found) => tokens(&found),
        Err(why) => {
            let why = Literal::string(&format!("code!: {why}"));
            format!("::core::compile_error!({why})").parse().expect("it is an expression")
        }
    }
}

fn which(input: TokenStream) -> Result<Which, String> {
    let mut tokens = input.into_iter();
    let word = match tokens.next() {
        None => return Ok(Which::All),
        Some(word) => word.to_string(),
    };
    let text = |token: TokenTree| {
        let text = token.to_string();
        let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        inside.map(str::to_owned).ok_or_else(|| format!("{text} is no path: write \"src/file.rs\""))
    };
    let paths = tokens
        .filter(|token| !matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
        .map(text)
        .collect::<Result<_, _>>()?;
    match word.as_str() {
        "only" => Ok(Which::Only(paths)),
        "without" => Ok(Which::Without(paths)),
        other => Err(format!("\"{other}\": write nothing, only \"…\" or without \"…\"")),
    }
}

fn of_this_crate(which: &Which) -> Result<Found, String> {
    let variable = |name: &str| env::var(name).map_err(|_| format!("{name} is not set: build with cargo"));
    let (name, version) = (variable("CARGO_PKG_NAME")?, variable("CARGO_PKG_VERSION")?);
    gather::gather(&PathBuf::from(variable("CARGO_MANIFEST_DIR")?), &name, &version, which)
}

/// The hash, and each file once more, so that the compiler watches it.
fn tokens(found: &Found) -> TokenStream {
    let watched = found.watched.iter().map(|path| {
        let path = Literal::string(path);
        format!(
            "const _: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!(\"CARGO_MANIFEST_DIR\"), {path}));"
        )
    });
    let watched: String = watched.collect();
    format!("{{ {watched} {:?} }}", found.hash).parse().expect("it is an expression")
}
