//! What docker compose's parser reads and ours does not, brought into a form that both read.

use granit_parser::{ErrorKind, ScanError};

/// How much text is read again and again at most.
const REPEATED: usize = 64 * 1024 * 1024;
const INDENTATION: &str = "                                                                ";

/// How often a text may be repaired.
pub(super) fn limit(text: &str) -> usize {
    (REPEATED / text.len().max(1)).min(2_000)
}

/// The text without what the parser stopped at; `None` if it is a fault for Compose, too.
pub(super) fn repair(text: &str, error: &ScanError) -> Option<String> {
    let line = line_start(text, error.marker().line())?;
    match error.kind() {
        ErrorKind::InvalidQuotedScalarIndent => Some(indented(text, line)),
        ErrorKind::UnknownQuotedScalarEscape => {
            let column = text[line..].char_indices().nth(error.marker().col())?.0;
            without_escaped_apostrophe(text, line + column)
        }
        _ => None,
    }
}

/// Where a line begins, counted from 1.
fn line_start(text: &str, number: usize) -> Option<usize> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).nth(number.checked_sub(1)?)
}

/// The lines of a text in quotes may begin anywhere; their indentation has no meaning.
fn indented(text: &str, line: usize) -> String {
    format!("{}{INDENTATION}{}", &text[..line], &text[line..])
}

/// `\\'` in double quotes is an apostrophe.
fn without_escaped_apostrophe(text: &str, from: usize) -> Option<String> {
    let mut chars = text[from..].char_indices().skip(1);
    while let Some((_, char)) = chars.next() {
        match char {
            '"' => return None,
            '\\' => {
                if let (at, '\'') = chars.next()? {
                    let at = from + at;
                    return Some(format!("{}{}", &text[..at - 1], &text[at..]));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::project::yaml::parse;

    fn value(text: &str) -> String {
        let documents = parse(text, 1).unwrap();
        documents[0].get("a").unwrap().to_json()["b"].to_string()
    }

    #[test]
    fn what_go_yaml_reads_is_read() {
        for (text, expected) in [
            ("a:\n  b: 'x\n  y'\n", r#""x y""#),
            ("a:\n  b: \"x\ny\n\nz\"\n", r#""x y\nz""#),
            ("a:\n  b: \"it\\'s \\'x\\'\"\n", r#""it's 'x'""#),
            ("a:\n  b: \"\\\\'\\'\"\n", r#""\\''""#),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_go_yaml_refuses_is_refused() {
        for text in [
            "a: \"\\z\"",
            "a: \"\\z\\'\"",
            "a: \"\\ud83d\\ude00\"",
            "a: !!binary x",
        ] {
            assert!(parse(text, 1).is_err(), "{text}");
        }
    }
}
