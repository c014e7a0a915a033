//! Commands in Markdown: blocks marked `sh`, indented blocks, and code spans that call the harness.
//!
//! A comment `<!-- not run: REASON -->` before a block says that its commands are not.

/// One command.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// In the file, from 1.
    pub number: usize,
    pub words: Vec<String>,
    pub how: How,
}

/// What a command can be checked by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// It is run.
    Run,
    /// It stands in a sentence: it is parsed, and its names are looked up.
    Parse,
    /// A comment says why it is not run: it is parsed where the command exists.
    Excused,
}

/// What starts a line of an indented block that is a command.
const COMMANDS: [&str; 4] = ["cargo", "harness", "git", "cp"];

/// All commands of a README, continuation lines joined, comments cut off.
pub fn lines(text: &str) -> Vec<Line> {
    let (mut found, mut fence, mut how) = (Vec::new(), None, How::Run);
    let mut open: Option<(usize, String)> = None;
    for (number, raw) in (1..).zip(text.lines()) {
        let line = raw.trim();
        if let Some(language) = line.strip_prefix("```") {
            match fence.take() {
                Some(_) => how = How::Run,
                None => fence = Some(language.to_string()),
            }
            continue;
        }
        if let Some(reason) = line.strip_prefix("<!-- not run:") {
            assert!(reason.trim_end_matches("-->").trim().len() > 3, "line {number}: say why it is not run");
            how = How::Excused;
            continue;
        }
        let indented =
            raw.starts_with("    ") && COMMANDS.iter().any(|command| line.split(' ').next() == Some(command));
        match &fence {
            Some(language) if language == "sh" => {}
            None if indented || open.is_some() => {}
            None => {
                spans(line, number, &mut found);
                continue;
            }
            Some(_) => continue,
        }
        let (start, mut command) = open.take().unwrap_or((number, String::new()));
        command += line;
        match command.strip_suffix('\\') {
            Some(part) => open = Some((start, part.to_string())),
            None => found.extend(split(&command).map(|words| Line { number: start, words, how })),
        }
    }
    found
}

/// Code spans that are calls with words of their own: `harness list`, `cargo run -p harness -- bench`.
fn spans(line: &str, number: usize, found: &mut Vec<Line>) {
    for span in line.split('`').skip(1).step_by(2) {
        let call = ["harness ", "cargo run -p harness -- "].iter().any(|start| span.starts_with(start));
        // `list [benchmarks|…]` is a form, not a call.
        if call && !span.contains(['|', '[', '…']) {
            found.extend(split(span).map(|words| Line { number, words, how: How::Parse }));
        }
    }
}

/// Words of a shell line, quotes taken off; none for a comment or nothing.
fn split(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!words.is_empty()).then_some(words)
}

#[test]
fn commands_are_found_wherever_they_stand() {
    let text = "Run `harness list --x` or `harness report [DIR]`.\n\n```sh\ncargo test   # all\n# nothing\na \\\n    'b c'\n```\n\n\
                <!-- not run: it writes here -->\n```sh\nrm x\n```\n\n    cargo run -p harness -- list \\\n        --y\n    text\n\n\
                ```rust\nlet cargo = 1;\n```\n";
    let found: Vec<_> = lines(text).into_iter().map(|line| (line.number, line.words.join(","), line.how)).collect();
    let expected = [
        (1, "harness,list,--x", How::Parse),
        (4, "cargo,test", How::Run),
        (6, "a,b c", How::Run),
        (12, "rm,x", How::Excused),
        (15, "cargo,run,-p,harness,--,list,--y", How::Run),
    ];
    assert_eq!(found, expected.map(|(number, words, how)| (number, words.to_string(), how)));
}
