//! What of a Rust source file can change a number: its tokens without documentation and tests.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A file as far as it counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The tokens that count, in a text of our own: the compiler's way of printing them may change.
    pub text: String,
    /// Modules that are compiled for tests alone: `#[cfg(test)] mod tests;`.
    pub tests: Vec<String>,
    /// Files that it takes in by `include!` and its kin or by `#[path]`, as written.
    pub includes: Vec<String>,
}

/// Reads a file's text. What is no Rust counts as it stands.
pub fn read(text: &str) -> Source {
    let mut source = Source::default();
    match text.parse::<TokenStream>() {
        Ok(tokens) => source.add(tokens, true),
        Err(_) => source.text = text.to_owned(),
    }
    source
}

impl Source {
    fn add(&mut self, tokens: TokenStream, top: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if let Some(length) = attribute(&tokens[at..]) {
                let inside = inside(&tokens[at + length - 1]);
                if first_word(&inside).as_deref() == Some("doc") {
                    at += length;
                    continue;
                }
                if let Some((length, module)) = for_tests(&tokens[at..]) {
                    at += length;
                    self.tests.extend(module.filter(|_| top));
                    continue;
                }
                if let [TokenTree::Ident(word), TokenTree::Punct(_), TokenTree::Literal(path)] = &inside[..]
                    && word == "path"
                {
                    self.includes.extend(unquoted(&path.to_string()));
                }
            }
            self.includes.extend(included(&tokens[at..]));
            self.token(&tokens[at]);
            at += 1;
        }
    }

    fn token(&mut self, token: &TokenTree) {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("( ", ") "),
                    Delimiter::Brace => ("{ ", "} "),
                    Delimiter::Bracket => ("[ ", "] "),
                    Delimiter::None => ("", ""),
                };
                self.text += open;
                self.add(group.stream(), false);
                self.text += close;
            }
            TokenTree::Punct(punct) => {
                self.text.push(punct.as_char());
                if punct.spacing() == Spacing::Alone {
                    self.text.push(' ');
                }
            }
            other => {
                self.text += &other.to_string();
                self.text.push(' ');
            }
        }
    }
}

/// How many tokens an attribute has that begins here: `#[…]` or `#![…]`.
fn attribute(tokens: &[TokenTree]) -> Option<usize> {
    let punct = |at: usize, wanted: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == wanted);
    let group = if punct(1, '!') { 2 } else { 1 };
    (punct(0, '#') && is_group(tokens.get(group), Delimiter::Bracket)).then_some(group + 1)
}

fn is_group(token: Option<&TokenTree>, wanted: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == wanted)
}

fn inside(token: &TokenTree) -> Vec<TokenTree> {
    match token {
        TokenTree::Group(group) => group.stream().into_iter().collect(),
        _ => Vec::new(),
    }
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

fn first_word(tokens: &[TokenTree]) -> Option<String> {
    word(tokens.first())
}

/// Whether an attribute is `#[cfg(test)]` or `#[test]`.
fn says_test(inside: &[TokenTree]) -> bool {
    match inside {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(of)] => {
            word == "cfg"
                && matches!(&of.stream().into_iter().collect::<Vec<_>>()[..], [TokenTree::Ident(word)] if word == "test")
        }
        _ => false,
    }
}

/// The length of an item that begins here with an attribute of tests, and the module's name where it has a file. Only
/// items whose end is certain: what is not understood counts.
fn for_tests(tokens: &[TokenTree]) -> Option<(usize, Option<String>)> {
    if !says_test(&inside(&tokens[attribute(tokens)? - 1])) {
        return None;
    }
    let mut at = 0;
    while let Some(length) = attribute(&tokens[at..]) {
        at += length;
    }
    let kind = word(tokens.get(at))?;
    let end = |wanted: fn(&TokenTree) -> bool| Some(at + 1 + tokens[at..].iter().position(wanted)?);
    let semicolon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
    match kind.as_str() {
        "mod" => {
            let name = word(tokens.get(at + 1))?;
            match tokens.get(at + 2)? {
                TokenTree::Group(_) => Some((at + 3, None)),
                TokenTree::Punct(_) => Some((at + 3, Some(name))),
                _ => None,
            }
        }
        "fn" => end(|token| is_group(Some(token), Delimiter::Brace)).map(|end| (end, None)),
        "use" | "const" | "static" | "type" => end(semicolon).map(|end| (end, None)),
        _ => None,
    }
}

/// The path of an `include!("…")`, `include_str!` or `include_bytes!` that begins here. Prose in Markdown changes no number.
fn included(tokens: &[TokenTree]) -> Option<String> {
    let [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(of), ..] = tokens else { return None };
    if !["include", "include_str", "include_bytes"].iter().any(|macro_| name == macro_) || bang.as_char() != '!' {
        return None;
    }
    match &of.stream().into_iter().collect::<Vec<_>>()[..] {
        [TokenTree::Literal(path)] => unquoted(&path.to_string()).filter(|path| !path.ends_with(".md")),
        _ => None,
    }
}

fn unquoted(literal: &str) -> Option<String> {
    Some(literal.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "fn step(x: f64) -> f64 { x - 0.5 * x }";

    fn same(a: &str, b: &str) -> bool {
        read(a).text == read(b).text
    }

    #[test]
    fn comments_documentation_layout_and_tests_do_not_count() {
        for other in [
            "//! A file.\n\n/// A step.\nfn step(x: f64) -> f64 {\n    // Half.\n    x - 0.5 * x /* of it */\n}\n",
            "fn step(x: f64) -> f64 { x - 0.5 * x }\n#[cfg(test)]\nmod tests { #[test] fn t() { assert!(true) } }",
            "fn step(x: f64) -> f64 { x - 0.5 * x }\n#[cfg(test)]\nmod tests;",
            "#[cfg(test)]\nuse a::{b, c};\nfn step(x: f64) -> f64 { x - 0.5 * x }",
            "#[cfg(test)]\nconst A: B = B { c: 1 };\nfn step(x: f64) -> f64 { x - 0.5 * x }",
            "fn step(x: f64) -> f64 { x - 0.5 * x }\n#[test]\nfn conforms() { check(&ENTRY); }",
            "#[doc = \"A step.\"] fn step(x: f64) -> f64 { x - 0.5 * x }",
        ] {
            assert!(same(CODE, other), "{other}");
        }
    }

    #[test]
    fn whatever_can_change_a_number_counts() {
        for other in [
            "fn step(x: f64) -> f64 { x + 0.5 * x }",
            "fn step(x: f64) -> f64 { x - 0.51 * x }",
            "fn step(x: f32) -> f64 { x - 0.5 * x }",
            "fn step(x: f64) -> f64 { (x - 0.5) * x }",
            "#[inline] fn step(x: f64) -> f64 { x - 0.5 * x }",
            "fn step(x: f64) -> f64 { x - 0.5 * x }\n#[cfg(not(test))]\nmod other {}",
            "fn step(x: f64) -> f64 { x - 0.5 * x }\nstruct S { #[cfg(test)] a: u8, b: u8 }",
        ] {
            assert!(!same(CODE, other), "{other}");
        }
        let field = |after: &str| format!("struct S {{ #[cfg(test)] a: u8, b: {after} }} fn f() {{}}");
        assert!(!same(&field("u8"), &field("u16")), "what follows a test's field counts");
        assert!(!same("a && b", "a & &b"));
        assert!(!same("\"a // b\"", "\"a // c\""), "a string is no comment");
        assert!(!same("not rust \" 1", "not rust \" 2"));
    }

    #[test]
    fn modules_of_tests_and_other_files_are_named() {
        let source = read(
            "#[cfg(test)]\nmod tests;\nmod real;\nmod a { #[cfg(test)] mod inner; }\n#[path = \"../x.rs\"]\nmod x;\n\
             const W: &[u8] = include_bytes!(\"../w.bin\");\nconst O: &str = include_str!(concat!(env!(\"OUT_DIR\")));\n\
             #[doc = include_str!(\"../README.md\")]\nstruct D;\nconst R: &str = include_str!(\"../README.md\");",
        );
        assert_eq!((source.tests, source.includes), (vec!["tests".into()], vec!["../x.rs".into(), "../w.bin".into()]));
    }
}
