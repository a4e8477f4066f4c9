//! What the documentation has of code, and of commands in it.

use std::path::{Path, PathBuf};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub(crate) fn pages() -> Vec<(PathBuf, String)> {
    let docs = std::fs::read_dir(root().join("docs")).expect("docs");
    let mut paths: Vec<PathBuf> = docs.map(|e| e.expect("an entry").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "md" || e == "yml"));
    paths.push(root().join("README.md"));
    assert!(paths.len() > 10, "{paths:?}");
    let texts = paths.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).expect("text");
        (path, text)
    });
    texts.collect()
}

/// Code of a page: fenced and indented lines, and what stands in backticks elsewhere.
pub(crate) fn code(text: &str) -> Vec<String> {
    let (mut code, mut fenced) = (Vec::new(), false);
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            code.push(line.to_owned());
        } else {
            code.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    code
}

/// Every call of deployctl on a line, without what the shell would keep to itself.
pub(crate) fn calls(line: &str) -> Vec<Vec<String>> {
    let starts = line.match_indices("deployctl ").filter(|(at, _)| {
        let before = &line[..*at];
        before.is_empty() || before.ends_with([' ', '/', '"', '\'', '(']) && !before.ends_with(": ")
    });
    starts
        .map(|(at, name)| {
            let before = &line[..at];
            let open = ['\'', '"']
                .into_iter()
                .find(|q| before.matches(*q).count() % 2 == 1);
            let rest = line[at + name.len()..].replace("${{ github.sha }}", "abc");
            words(&rest, open)
        })
        .filter(|words| !words.is_empty())
        .collect()
}

fn words(text: &str, open: Option<char>) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, None) if Some(c) == open => break,
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            ('>' | '<' | '|' | ';' | '#' | ')' | '&', None) => break,
            // Two calls side by side, or words for people behind.
            (' ', None) if chars.peek() == Some(&' ') => break,
            (' ', None) => words.push(std::mem::take(&mut word)),
            (c, _) => word.push(c),
        }
    }
    words.push(word);
    words.retain(|w| !w.is_empty());
    words
}

/// A command line of the documentation, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    pub(crate) page: String,
    pub(crate) text: String,
}

/// The lines of a page that call deployctl, as a reader would type them: whole, without words for people behind.
pub(crate) fn command_lines(page: &str, text: &str) -> Vec<CommandLine> {
    let pieces = code(text)
        .into_iter()
        // Inside of a table a `|` is written `\|`.
        .flat_map(|line| apart(&line.replace("\\|", "|")));
    pieces
        .filter(|piece| !calls(piece).is_empty())
        .map(|text| CommandLine {
            page: page.to_owned(),
            text,
        })
        .collect()
}

/// What stands on one line with more than a space between, outside of quotes.
fn apart(line: &str) -> Vec<String> {
    let (mut pieces, mut piece, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = line.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (' ', None) if chars.peek() == Some(&' ') => {
                pieces.push(std::mem::take(&mut piece));
                continue;
            }
            _ => {}
        }
        piece.push(c);
    }
    pieces.push(piece);
    pieces.retain(|p| !p.trim().is_empty());
    pieces.iter().map(|p| p.trim().to_owned()).collect()
}
