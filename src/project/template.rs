//! `$NAME` and `${NAME…}` in a text.

/// Every level of `${…${…}…}` is a call of its own: nobody needs this many.
const DEPTH_LIMIT: usize = 50;
/// So much of a text is shown that cannot be read.
const SHOWN: usize = 1000;
/// So many variables no text has.
const PART_LIMIT: usize = 250_000;
/// No value is larger, though its variables may hold one another.
pub(crate) const LARGEST: usize = 32 * 1024 * 1024;

/// Why a text cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// It is no valid expression.
    #[error("invalid variable expression `{0}`")]
    Invalid(String),
    /// More variables than anybody writes, or such that hold one another and grow beyond all measure.
    #[error("these are too many variables, or they make it larger than {} MiB", LARGEST / 1024 / 1024)]
    TooLarge,
    /// `${NAME:?message}` without a value.
    #[error("the required variable `{name}` is not set: {message}")]
    Missing {
        /// The variable.
        name: String,
        /// What the text says about it.
        message: String,
    },
}

/// One `${NAME…}` of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expression<'text> {
    pub(crate) name: &'text str,
    pub(crate) operator: Option<Operator>,
    /// What stands behind the operator.
    pub(crate) operand: &'text str,
    /// How many expressions it stands in.
    depth: usize,
}

impl<'text> Expression<'text> {
    /// The parts of the operand.
    pub(crate) fn operand_parts(&self) -> Result<Vec<Part<'text>>, TemplateError> {
        split_at_depth(self.operand, self.depth + 1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `:-`
    DefaultIfEmpty,
    /// `-`
    DefaultIfUnset,
    /// `:?`
    RequiredNotEmpty,
    /// `?`
    RequiredSet,
    /// `:+`
    AlternativeIfNotEmpty,
    /// `+`
    AlternativeIfSet,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'text> {
    Literal(&'text str),
    /// `$$`
    Dollar,
    Expression(Expression<'text>),
}

/// Where values come from, and who is told of variables without one.
pub(crate) trait Variables {
    fn value(&self, name: &str) -> Option<String>;
    fn missing(&mut self, name: &str);
}

/// Fills in every expression of the text.
pub(crate) fn substitute(
    text: &str,
    variables: &mut dyn Variables,
) -> Result<String, TemplateError> {
    fill(split(text)?, variables)
}

fn fill(parts: Vec<Part<'_>>, variables: &mut dyn Variables) -> Result<String, TemplateError> {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => out.push_str(literal),
            Part::Dollar => out.push('$'),
            Part::Expression(expression) => out.push_str(&evaluate(&expression, variables)?),
        }
        if out.len() > LARGEST {
            return Err(TemplateError::TooLarge);
        }
    }
    Ok(out)
}

fn evaluate(
    expression: &Expression<'_>,
    variables: &mut dyn Variables,
) -> Result<String, TemplateError> {
    let value = variables.value(expression.name);
    let Some(operator) = expression.operator else {
        return Ok(value.unwrap_or_else(|| {
            variables.missing(expression.name);
            String::new()
        }));
    };
    // The operand is filled in even where it is not used: its faults are faults of the text.
    let operand = fill(expression.operand_parts()?, variables)?;
    let filled = value.as_ref().is_some_and(|value| !value.is_empty());
    let required = |fits: bool| {
        if fits {
            return Ok(value.clone().unwrap_or_default());
        }
        Err(TemplateError::Missing {
            name: expression.name.to_owned(),
            message: operand.clone(),
        })
    };
    let either = |condition: bool| {
        Ok(if condition {
            operand.clone()
        } else {
            value.clone().unwrap_or_default()
        })
    };
    match operator {
        Operator::DefaultIfEmpty => either(!filled),
        Operator::DefaultIfUnset => either(value.is_none()),
        Operator::AlternativeIfNotEmpty => either(filled),
        Operator::AlternativeIfSet => either(value.is_some()),
        Operator::RequiredNotEmpty => required(filled),
        Operator::RequiredSet => required(value.is_some()),
    }
}

/// Cuts a text into literals and expressions.
pub(crate) fn split(text: &str) -> Result<Vec<Part<'_>>, TemplateError> {
    split_at_depth(text, 0)
}

fn split_at_depth(text: &str, depth: usize) -> Result<Vec<Part<'_>>, TemplateError> {
    if depth > DEPTH_LIMIT {
        return Err(TemplateError::Invalid(text.chars().take(40).collect()));
    }
    let mut parts = Vec::new();
    let (mut literal_start, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(offset) = text[at..].find('$') {
        let dollar = at + offset;
        let after = dollar + 1;
        let found = match bytes.get(after) {
            Some(b'$') => Some((Part::Dollar, after + 1)),
            Some(b'{') => {
                let (expression, end) = braced(text, dollar, depth)?;
                Some((Part::Expression(expression), end))
            }
            Some(b) if is_name_start(*b) => {
                let end = name_end(text, after);
                let expression = Expression {
                    name: &text[after..end],
                    ..Expression::default()
                };
                Some((Part::Expression(expression), end))
            }
            _ => None,
        };
        let Some((part, end)) = found else {
            at = after;
            continue;
        };
        if literal_start < dollar {
            parts.push(Part::Literal(&text[literal_start..dollar]));
        }
        parts.push(part);
        if parts.len() > PART_LIMIT {
            return Err(TemplateError::TooLarge);
        }
        (literal_start, at) = (end, end);
    }
    if literal_start < text.len() {
        parts.push(Part::Literal(&text[literal_start..]));
    }
    Ok(parts)
}

/// Reads `${…}`; returns it and the place behind it.
fn braced(
    text: &str,
    dollar: usize,
    depth: usize,
) -> Result<(Expression<'_>, usize), TemplateError> {
    let invalid = || TemplateError::Invalid(text.chars().take(SHOWN).collect());
    let start = dollar + 2;
    if !text
        .as_bytes()
        .get(start)
        .is_some_and(|b| is_name_start(*b))
    {
        return Err(invalid());
    }
    let end = name_end(text, start);
    let name = &text[start..end];
    let rest = &text[end..];
    if rest.starts_with('}') {
        return Ok((
            Expression {
                name,
                ..Expression::default()
            },
            end + 1,
        ));
    }
    let (operator, length) = operator_of(rest).ok_or_else(invalid)?;
    let close = if let Some(at) = balanced_brace(&text[dollar..]) {
        dollar + at
    } else {
        let line = rest.split('\n').next().unwrap_or_default();
        end + line.rfind('}').ok_or_else(invalid)?
    };
    let operand = text.get(end + length..close).ok_or_else(invalid)?;
    Ok((
        Expression {
            name,
            operator: Some(operator),
            operand,
            depth,
        },
        close + 1,
    ))
}

fn operator_of(rest: &str) -> Option<(Operator, usize)> {
    let table = [
        (":-", Operator::DefaultIfEmpty),
        (":?", Operator::RequiredNotEmpty),
        (":+", Operator::AlternativeIfNotEmpty),
        ("-", Operator::DefaultIfUnset),
        ("?", Operator::RequiredSet),
        ("+", Operator::AlternativeIfSet),
    ];
    table
        .into_iter()
        .find(|(sign, _)| rest.starts_with(sign))
        .map(|(sign, operator)| (operator, sign.len()))
}

/// The `}` on this line that closes the first `{`.
fn balanced_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut open, mut at) = (0_i32, 0);
    while at < bytes.len() {
        if bytes[at] == b'\n' {
            return None;
        }
        if bytes[at] == b'}' {
            open -= 1;
            if open == 0 {
                return Some(at);
            }
        }
        if bytes[at] == b'{' {
            open += 1;
            if bytes.get(at + 1) == Some(&b'\n') {
                return None;
            }
            // Compose does not look at the character behind an opening brace.
            at += 1;
        }
        at += 1;
    }
    None
}

fn is_name_start(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphabetic()
}

fn name_end(text: &str, start: usize) -> usize {
    let is_name = |b: u8| b == b'_' || b.is_ascii_alphanumeric();
    text[start..]
        .bytes()
        .position(|b| !is_name(b))
        .map_or(text.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known(Vec<String>);

    impl Variables for Known {
        fn value(&self, name: &str) -> Option<String> {
            match name {
                "V" => Some("v".into()),
                "EMPTY" => Some(String::new()),
                _ => None,
            }
        }

        fn missing(&mut self, name: &str) {
            self.0.push(name.to_owned());
        }
    }

    fn filled(text: &str) -> Result<String, TemplateError> {
        substitute(text, &mut Known(Vec::new()))
    }

    #[test]
    fn every_operator_does_what_the_shell_does() {
        for (text, expected) in [
            ("$V-${V}", "v-v"),
            ("${N:-d} ${EMPTY:-d} ${EMPTY-d}", "d d "),
            ("${V:+x}${N:+x}${EMPTY:+x}${EMPTY+x}", "xx"),
            ("${N:-${V}}/${N:-${M:-deep}}", "v/deep"),
            ("${V:?gone}${EMPTY?gone}", "v"),
            ("a$$b $5 $(id) cost$", "a$b $5 $(id) cost$"),
            ("${N:-a}b}", "ab}"),
            ("${N-:?x}", ":?x"),
            (&"$${".repeat(100), &"${".repeat(100)),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_broken_expression_is_an_error() {
        for text in [
            "${",
            "${}",
            "${1A}",
            "${V",
            "${V!x}",
            "${N:-a\nb}",
            "${N:-${V}",
            "${hdds.version}",
        ] {
            assert!(filled(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_is_counted_whatever_stands_between() {
        for between in ["", "{ }", "$${ "] {
            let text = |depth| format!("${{N:-{between}").repeat(depth) + &"}".repeat(depth);
            assert!(filled(&text(20)).is_ok(), "{between}");
            assert!(filled(&text(50_000)).is_err(), "{between}");
        }
    }

    #[test]
    fn a_required_variable_says_its_message() {
        let error = TemplateError::Missing {
            name: "N".into(),
            message: "set v".into(),
        };
        assert_eq!(filled("${N:?set $V}"), Err(error));
    }

    #[test]
    fn a_variable_without_value_is_reported() {
        let mut known = Known(Vec::new());
        assert_eq!(substitute("a${N}b$M", &mut known).as_deref(), Ok("ab"));
        assert_eq!(known.0, ["N", "M"]);
    }
}
