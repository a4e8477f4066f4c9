//! A command line into words, without a shell: what would mean more than itself to one is refused.

/// A word, or the `&&` behind `cd DIR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    And,
}

/// Beyond letters and digits.
const PLAIN: &str = "-_./:=@,+%~";
/// Longer ones are nobody's deploy.
const LONGEST: usize = 4096;

/// Splits a line, or says why not.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, String> {
    if line.len() > LONGEST {
        return Err("the command is too long".to_owned());
    }
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' => tokens.extend(word.take().map(Token::Word)),
            '&' if chars.peek() == Some(&'&') && word.is_none() => {
                chars.next();
                tokens.push(Token::And);
            }
            '\'' | '"' => {
                let open = word.get_or_insert_default();
                quoted(char, &mut chars, open)?;
            }
            c if c.is_alphanumeric() || PLAIN.contains(c) => word.get_or_insert_default().push(c),
            c => return Err(format!("`{}` outside of quotes", c.escape_default())),
        }
    }
    tokens.extend(word.map(Token::Word));
    Ok(tokens)
}

fn quoted(
    quote: char,
    chars: &mut impl Iterator<Item = char>,
    word: &mut String,
) -> Result<(), String> {
    for char in chars {
        if char == quote {
            return Ok(());
        }
        if char.is_control() || quote == '"' && "$`\\!".contains(char) {
            return Err(format!("`{}` in quotes", char.escape_default()));
        }
        word.push(char);
    }
    Err("a quote stays open".to_owned())
}
