//! How go-yaml writes a text: plain, in quotes, or as a block.

use crate::project::scalar;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    /// `|` and lines.
    Literal,
}

/// Where the text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Key,
    Value,
}

/// The style of a text.
pub(super) fn of(text: &str, place: Place) -> Style {
    let traits = Traits::of(text);
    if text.contains('\n') {
        let literal = traits.literal_allowed && place == Place::Value;
        return if literal {
            Style::Literal
        } else {
            Style::Double
        };
    }
    let means_itself = !text.is_empty()
        && scalar::resolve_plain(text).is_none()
        && !is_base_60(text)
        && !is_old_boolean(text);
    if !means_itself || !traits.single_allowed {
        Style::Double
    } else if traits.plain_allowed {
        Style::Plain
    } else {
        Style::Single
    }
}

/// What a text allows.
struct Traits {
    plain_allowed: bool,
    single_allowed: bool,
    literal_allowed: bool,
}

impl Traits {
    fn of(text: &str) -> Self {
        let special = |c: char| c != '\n' && c != '\t' && (!is_printable(c) || is_break(c));
        let special = text.contains(special);
        let (space_break, break_space) = (text.contains(" \n"), text.contains("\n "));
        let edges = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        Self {
            plain_allowed: !edges && !has_indicator(text),
            single_allowed: !special && !text.contains('\t') && !space_break && !break_space,
            literal_allowed: !special && !space_break && !text.ends_with(' '),
        }
    }
}

/// Something in the text would end it, or begin something else.
fn has_indicator(text: &str) -> bool {
    let blank = |c: Option<char>| c.is_none_or(|c| matches!(c, ' ' | '\t'));
    let mut rest = text.chars();
    let begins = match rest.next() {
        Some('?' | ':' | '-') => blank(rest.next()),
        Some(first) => "#,[]{}&*!|>'\"%@`".contains(first),
        None => false,
    };
    let ends = text
        .match_indices(':')
        .any(|(at, _)| blank(text[at + 1..].chars().next()));
    begins
        || ends
        || text.starts_with("---")
        || text.starts_with("...")
        || text.contains(" #")
        || text.contains("\t#")
}

fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && c != '\u{feff}'
}

/// A number as YAML 1.1 reads `1:30`.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let first = parts.next().unwrap_or_default();
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return false;
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let below_60 = |part: &&str| {
        part.bytes().all(|b| b.is_ascii_digit())
            && matches!(part.len(), 1 | 2)
            && (part.len() == 1 || part.as_bytes()[0] < b'6')
    };
    digits(fraction) && below_60(&last) && middle.iter().all(below_60)
}

fn is_old_boolean(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
    )
}

/// A text with escapes.
pub(super) fn double_quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        // Behind a byte order mark go-yaml escapes everything.
        let escaped = !is_printable(c) || is_break(c) || matches!(c, '\n' | '"' | '\\');
        if escaped || text.starts_with('\u{feff}') {
            escape(c, &mut out);
        } else {
            out.push(c);
        }
    }
    out.push('"');
    out
}

fn escape(c: char, out: &mut String) {
    let short = match c {
        '\0' => "0",
        '\u{7}' => "a",
        '\u{8}' => "b",
        '\t' => "t",
        '\n' => "n",
        '\u{b}' => "v",
        '\u{c}' => "f",
        '\r' => "r",
        '\u{1b}' => "e",
        '"' => "\"",
        '\\' => "\\",
        '\u{85}' => "N",
        '\u{2028}' => "L",
        '\u{2029}' => "P",
        _ => "",
    };
    let code = u32::from(c);
    let digits = match code {
        _ if !short.is_empty() => short.to_owned(),
        0..=0xff => format!("x{code:02X}"),
        0x100..=0xffff => format!("u{code:04X}"),
        _ => format!("U{code:08X}"),
    };
    out.push('\\');
    out.push_str(&digits);
}
