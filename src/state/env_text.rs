//! Finds and replaces one variable in the text of an env file, in the dialect of Docker Compose.
//!
//! Works on bytes: whatever else stands in the file stays as it is.

use std::ops::Range;

use crate::plan::step::MissingLine;

/// The text is not an env file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct EnvSyntaxError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// A variable's value as it stands in the text, without quotes and escapes; `$` is not followed.
///
/// Of several the last one counts, as in Compose.
pub fn read_variable(text: &[u8], name: &str) -> Result<Option<String>, EnvSyntaxError> {
    let assignments = assignments(text)?;
    let last = assignments.iter().rfind(|found| found.is_of(text, name));
    Ok(last.map(|found| found.value_in(text)))
}

/// The text with another value for one variable, or `None` where nothing changes.
///
/// Every line that sets it is changed, as `sed` in old scripts did. Quotes, comments, line ends
/// and `export` stay; quotes are added only where the value needs them.
pub fn replace_variable(
    text: &[u8],
    name: &str,
    value: &str,
    missing: MissingLine,
) -> Result<Option<Vec<u8>>, EnvSyntaxError> {
    let assignments = assignments(text)?;
    let mut lines = assignments
        .iter()
        .filter(|found| found.is_of(text, name))
        .peekable();
    let new = if lines.peek().is_some() {
        let mut new = Vec::with_capacity(text.len() + value.len());
        let mut copied = 0;
        for line in lines {
            new.extend_from_slice(&text[copied..line.place.start]);
            new.extend_from_slice(line.with_value(text, value).as_bytes());
            copied = line.place.end;
        }
        new.extend_from_slice(&text[copied..]);
        new
    } else if missing == MissingLine::Append {
        with_line(text, name, value)
    } else {
        return Ok(None);
    };
    if new == text {
        return Ok(None);
    }
    // A name without a line end, which Compose lets pass, is an error once a line follows.
    self::assignments(&new)?;
    Ok(Some(new))
}

/// `NAME=value` in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Assignment {
    name: Range<usize>,
    /// With its quotes.
    value: Range<usize>,
    /// Where another value goes.
    place: Range<usize>,
    quote: Quote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

impl Assignment {
    fn is_of(&self, text: &[u8], name: &str) -> bool {
        &text[self.name.clone()] == name.as_bytes()
    }

    fn with_value(&self, text: &[u8], value: &str) -> String {
        let value = quoted(value, self.quote);
        let line = text[self.place.end..].split(|byte| *byte == b'\n').next();
        let is_alone = line.is_none_or(|rest| rest.trim_ascii().is_empty());
        if value.is_empty() && !is_alone {
            // Compose would take the comment for the value.
            return "''".to_owned();
        }
        value
    }

    fn value_in(&self, text: &[u8]) -> String {
        let value = String::from_utf8_lossy(&text[self.value.clone()]);
        match self.quote {
            Quote::None => value.into_owned(),
            Quote::Single => value[1..value.len() - 1].replace("\\'", "'"),
            Quote::Double => unescaped(&value[1..value.len() - 1]),
        }
    }
}

fn assignments(text: &[u8]) -> Result<Vec<Assignment>, EnvSyntaxError> {
    let mut scanner = Scanner { text, at: 0 };
    if text.starts_with(b"\xef\xbb\xbf") {
        scanner.at = 3;
    }
    let mut found = Vec::new();
    while scanner.skip_to_statement() {
        if let Some(assignment) = scanner.statement()? {
            found.push(assignment);
        }
    }
    Ok(found)
}

/// Follows the reference's parser, in which a statement can begin right behind a quoted value.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    /// Skips blank lines and comments.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            while let Some((character, length)) = self.character() {
                if !character.is_whitespace() {
                    break;
                }
                self.at += length;
            }
            match self.text.get(self.at) {
                None => return false,
                Some(b'#') => self.at = self.line_end(),
                Some(_) => return true,
            }
        }
    }

    /// A statement; `None` for a name without a value, which is taken from the environment.
    fn statement(&mut self) -> Result<Option<Assignment>, EnvSyntaxError> {
        self.skip_export();
        let start = self.at;
        let Some(delimiter) = self.name_end()? else {
            return Ok(None);
        };
        let name = start..trimmed_end(self.text, start..delimiter);
        if self.text[name.clone()].contains(&b' ') {
            return Err(self.error(start, "a name cannot contain a space"));
        }
        if self.text[delimiter] == b'\n' {
            self.at = delimiter + 1;
            return Ok(None);
        }
        self.at = delimiter + 1;
        self.skip_blanks();
        let (value, quote) = self.value()?;
        // Compose takes `NAME= # text` for the value `# text`. The writer meant a comment, and
        // with a value before it it becomes one, where a space stands in front of it.
        let looks_like_comment = value.start > delimiter + 1
            && quote == Quote::None
            && self.text[value.start - 1..].starts_with(b" #");
        // Nor does a value go behind the carriage return of an empty line.
        let place = if looks_like_comment || value.is_empty() {
            delimiter + 1..delimiter + 1
        } else {
            value.clone()
        };
        Ok(Some(Assignment {
            name,
            value,
            place,
            quote,
        }))
    }

    fn skip_export(&mut self) {
        let rest = &self.text[self.at..];
        if rest.starts_with(b"export") && rest.get(6).is_some_and(u8::is_ascii_whitespace) {
            self.at += 6;
            self.skip_blanks();
        }
    }

    /// The `=`, the `:` or the line's end behind a name; `None` at the end of the text.
    fn name_end(&mut self) -> Result<Option<usize>, EnvSyntaxError> {
        let start = self.at;
        while let Some((character, length)) = self.character() {
            match character {
                '=' | ':' | '\n' => return Ok(Some(self.at)),
                '_' | '.' | '-' | '[' | ']' => {}
                _ if is_blank(character) || character.is_alphabetic() || character.is_numeric() => {
                }
                _ => {
                    let reason = format!("`{}` in a name", character.escape_debug());
                    return Err(self.error(start, reason));
                }
            }
            self.at += length;
        }
        Ok(None)
    }

    fn value(&mut self) -> Result<(Range<usize>, Quote), EnvSyntaxError> {
        let start = self.at;
        let quote = match self.text.get(start) {
            Some(b'\'') => Quote::Single,
            Some(b'"') => Quote::Double,
            _ => {
                let end = self.line_end();
                self.at = end;
                return Ok((self.unquoted(start..end), Quote::None));
            }
        };
        let mut escaped = false;
        for at in start + 1..self.text.len() {
            match self.text[at] {
                byte if byte == self.text[start] && !escaped => {
                    self.at = at + 1;
                    return Ok((start..at + 1, quote));
                }
                b'\\' => escaped = !escaped,
                _ => escaped = false,
            }
        }
        Err(self.error(start, "a quote is not closed"))
    }

    /// Without the comment and the blanks before it.
    fn unquoted(&self, line: Range<usize>) -> Range<usize> {
        let bytes = &self.text[line.clone()];
        let comment = bytes.windows(2).position(|pair| pair == b" #");
        let end = comment.map_or(line.end, |comment| line.start + comment);
        line.start..trimmed_end(self.text, line.start..end)
    }

    fn skip_blanks(&mut self) {
        while let Some((character, length)) = self.character() {
            if !is_blank(character) {
                break;
            }
            self.at += length;
        }
    }

    fn line_end(&self) -> usize {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n');
        self.at + length.unwrap_or(rest.len())
    }

    /// The next character and its length; invalid UTF-8 is one odd character of one byte.
    fn character(&self) -> Option<(char, usize)> {
        let rest = &self.text[self.at..];
        let chunk = rest[..rest.len().min(4)].utf8_chunks().next()?;
        match chunk.valid().chars().next() {
            Some(character) => Some((character, character.len_utf8())),
            None => Some((char::REPLACEMENT_CHARACTER, 1)),
        }
    }

    fn error(&self, at: usize, reason: impl Into<String>) -> EnvSyntaxError {
        let lines = self.text[..at].split(|byte| *byte == b'\n');
        EnvSyntaxError {
            line: lines.count(),
            reason: reason.into(),
        }
    }
}

// White space other than the line's end, as the reference has it.
fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\t' | '\x0b' | '\x0c' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

fn trimmed_end(text: &[u8], range: Range<usize>) -> usize {
    let bytes = &text[range.clone()];
    let length = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_end().len(),
        Err(_) => bytes.trim_ascii_end().len(),
    };
    range.start + length
}

fn with_line(text: &[u8], name: &str, value: &str) -> Vec<u8> {
    let end = if text.windows(2).any(|pair| pair == b"\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let mut new = text.to_vec();
    if !matches!(text, [] | b"\xef\xbb\xbf" | [.., b'\n']) {
        new.extend_from_slice(end.as_bytes());
    }
    let value = quoted(value, Quote::None);
    new.extend_from_slice(format!("{name}={value}{end}").as_bytes());
    new
}

/// A value in the quotes that stand there, unless it needs others.
fn quoted(value: &str, quote: Quote) -> String {
    match quote {
        Quote::None if is_plain(value) => value.to_owned(),
        Quote::None | Quote::Single if fits_single_quotes(value) => {
            format!("'{}'", value.replace('\'', "\\'"))
        }
        _ => format!("\"{}\"", escaped(value)),
    }
}

fn is_plain(value: &str) -> bool {
    !value.starts_with(['\'', '"', '#'])
        && !value.contains(['$', '\\', '\n', '\r'])
        && !value.contains(" #")
        && value.trim() == value
}

// Between single quotes a backslash is literal, but for one before a quote.
fn fits_single_quotes(value: &str) -> bool {
    !value.ends_with('\\') && !value.contains("\\'")
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | '"' | '$' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            _ => text.push(character),
        }
    }
    text
}

fn unescaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        match characters.next() {
            Some('a') => value.push('\x07'),
            Some('b') => value.push('\x08'),
            Some('f') => value.push('\x0c'),
            Some('n') => value.push('\n'),
            Some('r') => value.push('\r'),
            Some('t') => value.push('\t'),
            Some('v') => value.push('\x0b'),
            Some(literal @ ('"' | '\\' | '$')) => value.push(literal),
            Some(other) => value.extend(['\\', other]),
            None => value.push('\\'),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text, text after `IMAGE_TAG` is set to `v2`; the value read before is in the third column.
    const CASES: &[(&str, &str, &str)] = &[
        ("IMAGE_TAG=v1\n", "IMAGE_TAG=v2\n", "v1"),
        ("IMAGE_TAG=v1", "IMAGE_TAG=v2", "v1"),
        ("IMAGE_TAG=\n", "IMAGE_TAG=v2\n", ""),
        ("IMAGE_TAG=", "IMAGE_TAG=v2", ""),
        ("A=1\nIMAGE_TAG=v1\nB=2\n", "A=1\nIMAGE_TAG=v2\nB=2\n", "v1"),
        // Comments.
        ("IMAGE_TAG=v1 # by CI\n", "IMAGE_TAG=v2 # by CI\n", "v1"),
        ("IMAGE_TAG=v1  \t #x\n", "IMAGE_TAG=v2  \t #x\n", "v1"),
        ("IMAGE_TAG=v1#x\n", "IMAGE_TAG=v2\n", "v1#x"),
        ("IMAGE_TAG=v1\t#x\n", "IMAGE_TAG=v2\n", "v1\t#x"),
        ("IMAGE_TAG=#x\n", "IMAGE_TAG=v2\n", "#x"),
        ("IMAGE_TAG= # by CI\n", "IMAGE_TAG=v2 # by CI\n", "# by CI"),
        ("IMAGE_TAG=\t# by CI\n", "IMAGE_TAG=\tv2\n", "# by CI"),
        (
            "# IMAGE_TAG=v0\nIMAGE_TAG=v1\n",
            "# IMAGE_TAG=v0\nIMAGE_TAG=v2\n",
            "v1",
        ),
        (
            "IMAGE_TAG=\"v1\" # by CI\n",
            "IMAGE_TAG=\"v2\" # by CI\n",
            "v1",
        ),
        ("# it's\nIMAGE_TAG=v1\n", "# it's\nIMAGE_TAG=v2\n", "v1"),
        ("A=it's\nIMAGE_TAG=v1\n", "A=it's\nIMAGE_TAG=v2\n", "v1"),
        // Quotes.
        ("IMAGE_TAG=\"v1\"\n", "IMAGE_TAG=\"v2\"\n", "v1"),
        ("IMAGE_TAG='v1'\n", "IMAGE_TAG='v2'\n", "v1"),
        ("IMAGE_TAG=\"\"\n", "IMAGE_TAG=\"v2\"\n", ""),
        (
            "IMAGE_TAG=\"a\\\"b\\\\\"\nA=1",
            "IMAGE_TAG=\"v2\"\nA=1",
            "a\"b\\",
        ),
        ("IMAGE_TAG='a\\'b'\n", "IMAGE_TAG='v2'\n", "a'b"),
        (
            "IMAGE_TAG=\"v1\nv1\"\nA=1\n",
            "IMAGE_TAG=\"v2\"\nA=1\n",
            "v1\nv1",
        ),
        // Forms of the line.
        ("export IMAGE_TAG=v1\n", "export IMAGE_TAG=v2\n", "v1"),
        (
            "export \t IMAGE_TAG=\"v1\"\n",
            "export \t IMAGE_TAG=\"v2\"\n",
            "v1",
        ),
        ("  IMAGE_TAG = v1 \n", "  IMAGE_TAG = v2 \n", "v1"),
        ("IMAGE_TAG: v1\n", "IMAGE_TAG: v2\n", "v1"),
        ("IMAGE_TAG:v1\n", "IMAGE_TAG:v2\n", "v1"),
        ("IMAGE_TAG : 'v1'\n", "IMAGE_TAG : 'v2'\n", "v1"),
        ("IMAGE_TAG=a=b\n", "IMAGE_TAG=v2\n", "a=b"),
        ("IMAGE_TAG=a b\n", "IMAGE_TAG=v2\n", "a b"),
        ("IMAGE_TAG=${BASE}-x\n", "IMAGE_TAG=v2\n", "${BASE}-x"),
        // Line ends and marks.
        ("A=1\r\nIMAGE_TAG=v1\r\n", "A=1\r\nIMAGE_TAG=v2\r\n", "v1"),
        (
            "IMAGE_TAG=v1 # x\r\nB=2\r\n",
            "IMAGE_TAG=v2 # x\r\nB=2\r\n",
            "v1",
        ),
        ("IMAGE_TAG='v1'\r\n", "IMAGE_TAG='v2'\r\n", "v1"),
        ("IMAGE_TAG=\r\nA=1\r\n", "IMAGE_TAG=v2\r\nA=1\r\n", ""),
        ("\u{feff}IMAGE_TAG=v1\n", "\u{feff}IMAGE_TAG=v2\n", "v1"),
        ("IMAGE_TAG=v1\u{a0}\n", "IMAGE_TAG=v2\u{a0}\n", "v1"),
        ("\n\n  \nIMAGE_TAG=v1\n\n", "\n\n  \nIMAGE_TAG=v2\n\n", "v1"),
        // Twice: the last one counts, both are changed.
        (
            "IMAGE_TAG=v0\nIMAGE_TAG='v1'\n",
            "IMAGE_TAG=v2\nIMAGE_TAG='v2'\n",
            "v1",
        ),
        ("A=\"x\" IMAGE_TAG=v1\n", "A=\"x\" IMAGE_TAG=v2\n", "v1"),
        // Other variables that look like it.
        (
            "MY_IMAGE_TAG=v0\nIMAGE_TAG=v1\n",
            "MY_IMAGE_TAG=v0\nIMAGE_TAG=v2\n",
            "v1",
        ),
        (
            "IMAGE_TAG_2=v0\nIMAGE_TAG=v1\n",
            "IMAGE_TAG_2=v0\nIMAGE_TAG=v2\n",
            "v1",
        ),
        (
            "image_tag=v0\nIMAGE_TAG=v1\n",
            "image_tag=v0\nIMAGE_TAG=v2\n",
            "v1",
        ),
        (
            "KEY=\"a\nIMAGE_TAG=inside\nb\"\nIMAGE_TAG=v1\n",
            "KEY=\"a\nIMAGE_TAG=inside\nb\"\nIMAGE_TAG=v2\n",
            "v1",
        ),
        (
            "KEY='a\\'\nIMAGE_TAG=inside\n'\nIMAGE_TAG=v1\n",
            "KEY='a\\'\nIMAGE_TAG=inside\n'\nIMAGE_TAG=v2\n",
            "v1",
        ),
        (
            "KEY=x IMAGE_TAG=v0\nIMAGE_TAG=v1\n",
            "KEY=x IMAGE_TAG=v0\nIMAGE_TAG=v2\n",
            "v1",
        ),
        (
            "INHERITED\nexport OTHER\nIMAGE_TAG=v1\n",
            "INHERITED\nexport OTHER\nIMAGE_TAG=v2\n",
            "v1",
        ),
        (
            "Ä-1.x[0]=ö\nIMAGE_TAG=v1\n",
            "Ä-1.x[0]=ö\nIMAGE_TAG=v2\n",
            "v1",
        ),
    ];

    #[test]
    fn the_value_alone_is_replaced_in_every_form_of_the_line() {
        for (before, after, _) in CASES {
            let new = replace(before.as_bytes(), "v2", MissingLine::Append).unwrap();
            assert_eq!(String::from_utf8(new).unwrap(), *after, "{before:?}");
            let again = replace(after.as_bytes(), "v2", MissingLine::Append);
            assert_eq!(again, None, "{after:?} reads so already");
        }
    }

    #[test]
    fn the_value_is_read_as_compose_reads_it() {
        for (text, _, value) in CASES {
            let read = read_variable(text.as_bytes(), "IMAGE_TAG").unwrap();
            assert_eq!(read.as_deref(), Some(*value), "{text:?}");
        }
    }

    #[test]
    fn a_missing_line_is_appended_with_the_files_own_line_end() {
        for (before, after) in [
            ("", "IMAGE_TAG=v2\n"),
            ("\u{feff}", "\u{feff}IMAGE_TAG=v2\n"),
            ("A=1\n", "A=1\nIMAGE_TAG=v2\n"),
            ("A=1", "A=1\nIMAGE_TAG=v2\n"),
            ("A=1\r\n", "A=1\r\nIMAGE_TAG=v2\r\n"),
            ("A=1\r\nB=2", "A=1\r\nB=2\r\nIMAGE_TAG=v2\r\n"),
            ("# IMAGE_TAG=v1\n", "# IMAGE_TAG=v1\nIMAGE_TAG=v2\n"),
            // Taken from the environment: the appended line wins.
            ("IMAGE_TAG\n", "IMAGE_TAG\nIMAGE_TAG=v2\n"),
            ("IMAGE_TAG", "IMAGE_TAG\nIMAGE_TAG=v2\n"),
            (
                "KEY=\"a\nIMAGE_TAG=inside\nb\"",
                "KEY=\"a\nIMAGE_TAG=inside\nb\"\nIMAGE_TAG=v2\n",
            ),
        ] {
            let new = replace(before.as_bytes(), "v2", MissingLine::Append).unwrap();
            assert_eq!(String::from_utf8(new).unwrap(), after, "{before:?}");
            assert_eq!(replace(before.as_bytes(), "v2", MissingLine::Leave), None);
        }
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let before = b"# caf\xe9\nA=\xff\xfe\nB='\xe9'\nIMAGE_TAG=v1 # \xe9\n";

        let after = replace(before, "v2", MissingLine::Append).unwrap();

        assert_eq!(
            after,
            b"# caf\xe9\nA=\xff\xfe\nB='\xe9'\nIMAGE_TAG=v2 # \xe9\n"
        );
    }

    #[test]
    fn a_value_gets_quotes_where_it_needs_them() {
        for (value, line) in [
            ("v2", "IMAGE_TAG=v2\n"),
            ("stable@sha256:ab", "IMAGE_TAG=stable@sha256:ab\n"),
            ("a b", "IMAGE_TAG=a b\n"),
            ("", "IMAGE_TAG=\n"),
            (" a", "IMAGE_TAG=' a'\n"),
            ("a #b", "IMAGE_TAG='a #b'\n"),
            ("#b", "IMAGE_TAG='#b'\n"),
            ("pa$word", "IMAGE_TAG='pa$word'\n"),
            ("it's $5", "IMAGE_TAG='it\\'s $5'\n"),
            ("'$\\", "IMAGE_TAG=\"'\\$\\\\\"\n"),
            ("a\\'$", "IMAGE_TAG=\"a\\\\'\\$\"\n"),
        ] {
            let new = replace(b"IMAGE_TAG=v1\n", value, MissingLine::Append).unwrap();
            assert_eq!(String::from_utf8(new).unwrap(), line, "{value:?}");
        }
    }

    #[test]
    fn an_empty_value_before_a_comment_stays_empty() {
        let new = replace(b"IMAGE_TAG=v1 # x\n", "", MissingLine::Append).unwrap();

        assert_eq!(String::from_utf8(new).unwrap(), "IMAGE_TAG='' # x\n");
    }

    #[test]
    fn what_compose_refuses_is_refused_with_its_line() {
        for (text, line) in [
            ("A=1\nB=\"open\nIMAGE_TAG=v1\n", 2),
            ("A=1\n\nthis is no setting!\nIMAGE_TAG=v1\n", 3),
            ("A B=1\n", 1),
            ("caf\u{fffd}=1\n", 1),
        ] {
            let error = replace_variable(text.as_bytes(), "IMAGE_TAG", "v2", MissingLine::Append)
                .unwrap_err();
            assert_eq!(error.line, line, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(
            value in "[ -~äé\n\t]{0,12}",
            case in 0..CASES.len(),
        ) {
            let before = CASES[case].0.as_bytes();
            let after = replace(before, &value, MissingLine::Append).unwrap_or(before.to_vec());
            let read = read_variable(&after, "IMAGE_TAG").unwrap().unwrap();
            prop_assert_eq!(read, value);
        }

        #[test]
        fn other_variables_keep_their_values(
            text in "([A-C]|IMAGE_TAG)[=:]['\"# a-c$\\\\\n\r=]{0,9}(\r?\n[A-D]=[a-c'\" #]{0,5}){0,3}",
        ) {
            let after = replace_variable(text.as_bytes(), "IMAGE_TAG", "v2", MissingLine::Append);
            if let Ok(after) = after {
                let after = after.unwrap_or(text.clone().into_bytes());
                let values = |text: &[u8]| -> Vec<(Vec<u8>, String)> {
                    assignments(text)
                        .unwrap()
                        .iter()
                        .map(|a| (text[a.name.clone()].to_vec(), a.value_in(text)))
                        .filter(|(name, _)| name != b"IMAGE_TAG")
                        .collect()
                };
                prop_assert_eq!(values(text.as_bytes()), values(&after));
            }
        }
    }

    fn replace(text: &[u8], value: &str, missing: MissingLine) -> Option<Vec<u8>> {
        replace_variable(text, "IMAGE_TAG", value, missing).unwrap()
    }
}
