//! Env files in the dialect of docker compose.

#[cfg(test)]
mod round_trip;

use indexmap::IndexMap;

use super::template::{self, TemplateError, Variables};

/// One assignment of an env file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The variable.
    pub name: String,
    /// The line it begins in, counted from 1.
    pub line: usize,
    /// The bytes of the name in the text.
    pub name_range: std::ops::Range<usize>,
    /// The bytes of the value in the text, quotes included; empty for a bare name.
    pub value_range: std::ops::Range<usize>,
    /// What stands there.
    pub value: Raw,
    /// `export` stands in front.
    pub exported: bool,
}

/// A value as written, before variables are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// A bare name: the value comes from the environment.
    Inherited,
    /// Without quotes; variables are filled in.
    Plain(String),
    /// In single quotes: literal.
    Single(String),
    /// In double quotes: escapes and variables are filled in.
    Double(String),
}

impl Raw {
    /// The text, if it needs no variables to be known.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        match self {
            Self::Inherited => None,
            Self::Single(text) => Some(text.clone()),
            Self::Plain(text) => (!text.contains('$')).then(|| text.clone()),
            Self::Double(text) => {
                let text = expand_escapes(text);
                (!text.contains('$')).then_some(text)
            }
        }
    }
}

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DotenvError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// Reads the assignments of an env file, in file order, with their places.
pub fn entries(text: &str) -> Result<Vec<Entry>, DotenvError> {
    let mut scanner = Scanner {
        text,
        at: if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        },
        counted: std::cell::Cell::new((0, 1)),
    };
    let mut entries = Vec::new();
    while scanner.skip_to_statement() {
        entries.push(scanner.statement()?);
    }
    Ok(entries)
}

/// The values of an env file, the last assignment of a name winning; `lookup` beats the file inside of expressions.
pub fn parse(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    missing: &mut dyn FnMut(&str),
) -> Result<IndexMap<String, String>, DotenvError> {
    parse_with(text, lookup, &|_| None, missing)
}

/// As [`parse`], with values that the file itself beats.
pub(crate) fn parse_with(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    fallback: &dyn Fn(&str) -> Option<String>,
    missing: &mut dyn FnMut(&str),
) -> Result<IndexMap<String, String>, DotenvError> {
    let mut values = IndexMap::new();
    let mut size = 0;
    for entry in entries(text)? {
        let value = match &entry.value {
            Raw::Inherited => lookup(&entry.name),
            Raw::Single(text) => Some(text.clone()),
            Raw::Plain(text) => Some(expand(text, &entry, &values, (lookup, fallback), missing)?),
            Raw::Double(text) => Some(expand(
                &expand_escapes(text),
                &entry,
                &values,
                (lookup, fallback),
                missing,
            )?),
        };
        if let Some(value) = value {
            size += value.len();
            if size > template::LARGEST {
                let message = format!("with `{}` the values become too large", entry.name);
                return Err(DotenvError {
                    line: entry.line,
                    message,
                });
            }
            values.insert(entry.name, value);
        }
    }
    Ok(values)
}

/// Reads a file without quotes and variables: everything behind the first `=` is the value.
pub fn parse_raw(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<IndexMap<String, String>, DotenvError> {
    let mut values = IndexMap::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line, lookup(line)),
        };
        let message = if name.is_empty() {
            "the name in front of `=` is missing".to_owned()
        } else if name.contains(char::is_whitespace) {
            format!("the name `{name}` contains white space")
        } else {
            if let Some(value) = value {
                values.insert(name.to_owned(), value);
            }
            continue;
        };
        return Err(DotenvError {
            line: number + 1,
            message,
        });
    }
    Ok(values)
}

/// What beats the file, and what the file beats.
type Lookups<'a> = (
    &'a dyn Fn(&str) -> Option<String>,
    &'a dyn Fn(&str) -> Option<String>,
);

struct Known<'a> {
    values: &'a IndexMap<String, String>,
    lookup: Lookups<'a>,
    missing: &'a mut dyn FnMut(&str),
}

impl Variables for Known<'_> {
    fn value(&self, name: &str) -> Option<String> {
        (self.lookup.0)(name)
            .or_else(|| self.values.get(name).cloned())
            .or_else(|| (self.lookup.1)(name))
    }

    fn missing(&mut self, name: &str) {
        (self.missing)(name);
    }
}

fn expand(
    text: &str,
    entry: &Entry,
    values: &IndexMap<String, String>,
    lookup: Lookups<'_>,
    missing: &mut dyn FnMut(&str),
) -> Result<String, DotenvError> {
    template::substitute(text, &mut Known { values, lookup, missing }).map_err(|error| {
        let message = match error {
            // The text itself may be a secret: it is not repeated.
            TemplateError::Invalid(_) => {
                format!("the value of `{}` holds an invalid variable expression; write `$$` for a dollar", entry.name)
            }
            TemplateError::TooLarge => format!("the value of `{}` becomes too large", entry.name),
            missing @ TemplateError::Missing { .. } => missing.to_string(),
        };
        DotenvError { line: entry.line, message }
    })
}

struct Scanner<'text> {
    text: &'text str,
    at: usize,
    /// A place and its line.
    counted: std::cell::Cell<(usize, usize)>,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// The line of the place reached; counted on from the last answer.
    fn line(&self) -> usize {
        let (at, line) = self.counted.get();
        let line = line + self.text[at..self.at].matches('\n').count();
        self.counted.set((self.at, line));
        line
    }

    fn fault<T>(&self, message: String) -> Result<T, DotenvError> {
        Err(DotenvError {
            line: self.line(),
            message,
        })
    }

    /// Passes blank lines and comments; `false` at the end.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.at += self.rest().len() - self.rest().trim_start().len();
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn statement(&mut self) -> Result<Entry, DotenvError> {
        let exported = self.skip_export();
        let line = self.line();
        let start = self.at;
        let (raw_name, end) = self.name()?;
        let name = raw_name.trim_end().to_owned();
        if name.contains(' ') {
            return self.fault(format!("the name `{name}` contains a space"));
        }
        let name_range = start..start + name.len();
        let terminator = self.text[end..].chars().next();
        self.at = end + terminator.map_or(0, char::len_utf8);
        let has_value = matches!(terminator, Some('=' | ':'));
        if !has_value {
            let value_range = name_range.end..name_range.end;
            return Ok(Entry {
                name,
                line,
                name_range,
                value_range,
                value: Raw::Inherited,
                exported,
            });
        }
        self.skip_spaces();
        let value_start = self.at;
        let (value, value_end) = self.value(&name)?;
        Ok(Entry {
            name,
            line,
            name_range,
            value_range: value_start..value_end,
            value,
            exported,
        })
    }

    fn skip_export(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix("export") else {
            return false;
        };
        if !rest.starts_with(|c: char| c.is_ascii_whitespace()) {
            return false;
        }
        self.at += "export".len();
        self.skip_spaces();
        true
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_space).len();
    }

    /// The name and the place of what ends it.
    fn name(&self) -> Result<(&str, usize), DotenvError> {
        let rest = self.rest();
        for (at, char) in rest.char_indices() {
            match char {
                '=' | ':' | '\n' => return Ok((&rest[..at], self.at + at)),
                '_' | '.' | '-' | '[' | ']' => {}
                char if is_space(char) || char.is_alphanumeric() => {}
                _ => {
                    let line = rest.split('\n').next().unwrap_or_default().trim_end();
                    let shown = line.split(['=', ':']).next().unwrap_or_default();
                    return self.fault(format!(
                        "unexpected `{char}` in the variable name `{shown}`"
                    ));
                }
            }
        }
        Ok((rest, self.text.len()))
    }

    /// The value and where it ends.
    fn value(&mut self, name: &str) -> Result<(Raw, usize), DotenvError> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            let length = rest.find('\n').unwrap_or(rest.len());
            let line = &rest[..length];
            let value = line.split(" #").next().unwrap_or_default().trim_end();
            let (value, end) = (value.to_owned(), self.at + value.len());
            self.at += length;
            return Ok((Raw::Plain(value), end));
        };
        let mut value = String::new();
        let mut escaped = false;
        for (at, char) in rest.char_indices().skip(1) {
            if escaped {
                escaped = false;
                if char != quote {
                    value.push('\\');
                }
                value.push(char);
            } else if char == '\\' {
                escaped = true;
            } else if char == quote {
                let end = self.at + at + 1;
                self.at = end;
                return Ok((
                    if quote == '"' {
                        Raw::Double(value)
                    } else {
                        Raw::Single(value)
                    },
                    end,
                ));
            } else {
                value.push(char);
            }
        }
        self.fault(format!("the quote of `{name}` is not closed"))
    }
}

fn is_space(char: char) -> bool {
    matches!(
        char,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

/// The escapes of double quotes; `\$` becomes `$$`, which the template reads as a dollar.
fn expand_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let (replaced, used) = escape(tail);
        match replaced {
            Some(replaced) => out.push_str(&replaced),
            None => out.push_str(&rest[at..=at + used]),
        }
        rest = &tail[used..];
    }
    out.push_str(rest);
    out
}

/// What an escape stands for, and how many bytes behind the backslash belong to it.
fn escape(tail: &str) -> (Option<String>, usize) {
    let simple = match tail.bytes().next() {
        Some(b'a') => "\u{7}",
        Some(b'b') => "\u{8}",
        Some(b'f') => "\u{c}",
        Some(b'n') => "\n",
        Some(b'r') => "\r",
        Some(b't') => "\t",
        Some(b'v') => "\u{b}",
        Some(b'$') => "$$",
        Some(b'"') => "\"",
        Some(b'\\') => "\\",
        Some(b'0') => return octal(tail),
        _ => return (None, 0),
    };
    (Some(simple.to_owned()), 1)
}

/// `\0101` is `A`; what is no three octal digits loses the zero and stays.
fn octal(tail: &str) -> (Option<String>, usize) {
    let digits: &str = &tail[1..];
    let length = digits
        .bytes()
        .take(3)
        .take_while(u8::is_ascii_digit)
        .count();
    let digits = &digits[..length];
    let code = (length == 3)
        .then(|| u32::from_str_radix(digits, 8).ok())
        .flatten();
    let text = code
        .filter(|code| *code < 256)
        .and_then(char::from_u32)
        .map_or_else(|| format!("\\{digits}"), String::from);
    (Some(text), 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        let lookup = |name: &str| (name == "V").then(|| "1".to_owned());
        let values = parse(text, &lookup, &mut |_| ()).unwrap();
        values.get("A").cloned().unwrap_or_else(|| "(none)".into())
    }

    #[test]
    fn the_dialect_is_that_of_compose() {
        for (text, value) in [
            ("A=b c", "b c"),
            ("A=it's", "it's"),
            ("A={\"a\": 1, \"b\": [2]}", "{\"a\": 1, \"b\": [2]}"),
            ("A: b", "b"),
            ("A=\"a\\tb\\qc\"", "a\tb\\qc"),
            ("A='a\\'b'", "a'b"),
            ("A=\"v$V\"", "v1"),
            ("A=a\\nb", "a\\nb"),
            ("A=a\\$b", "a\\"),
            ("A=#c", "#c"),
            ("A= #c", "#c"),
            ("A=b #c", "b"),
            ("A=\"b\"c", "b"),
            ("A=${N:-${V}}", "1"),
            ("A=a$$b", "a$b"),
            ("A=cost5$", "cost5$"),
            ("A=$(id)", "$(id)"),
            ("\u{feff}A=x\r\n", "x"),
            ("export A = v", "v"),
            ("export\u{85}A=v", "(none)"),
            ("A='l1\nl2'", "l1\nl2"),
            ("A=$2y$10$abc/def", "$2y$10/def"),
            ("A=\nB=c", ""),
            ("A='$V'", "$V"),
            ("A=1\nA=2", "2"),
            ("A=\"\\$V \\0101\"", "$V A"),
        ] {
            assert_eq!(one(text), value, "{text}");
        }
    }

    #[test]
    fn a_bare_name_is_inherited() {
        let lookup = |name: &str| (name == "V").then(|| "1".to_owned());
        let values = parse("V\nW\nexport V\nV", &lookup, &mut |_| ()).unwrap();
        assert_eq!(
            values.into_iter().collect::<Vec<_>>(),
            [("V".to_owned(), "1".to_owned())]
        );
    }

    #[test]
    fn an_error_names_the_line_and_no_value() {
        let message = |text: &str| entries(text).unwrap_err().to_string();
        assert_eq!(
            message("A=1\nA B=c"),
            "line 2: the name `A B` contains a space"
        );
        assert_eq!(
            message("# c\nA*=secret"),
            "line 2: unexpected `*` in the variable name `A*`"
        );
        assert_eq!(
            message("A=\"secret"),
            "line 1: the quote of `A` is not closed"
        );
    }

    #[test]
    fn a_value_can_be_replaced_in_place() {
        let text = "# head\r\nexport TAG = \"old\" # why\r\nB=1\r\n";
        let found = entries(text).unwrap();
        assert_eq!(found[0].line, 2);
        assert_eq!(&text[found[0].value_range.clone()], "\"old\"");
        assert_eq!(&text[found[0].name_range.clone()], "TAG");
        assert!(found[0].exported);
        assert_eq!(&text[found[1].value_range.clone()], "1");
    }
}
