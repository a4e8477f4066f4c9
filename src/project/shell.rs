//! A command line into words, with the rules that Compose uses.

/// Splits a command line; `None` where quotes or brackets stay open.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut in_word = false;
    let (mut escaped, mut single, mut double, mut back, mut dollar) =
        (false, false, false, false, false);
    for char in line.chars() {
        if escaped {
            word.push(char);
            (escaped, in_word) = (false, true);
            continue;
        }
        if char == '\\' {
            if single {
                word.push(char);
            } else {
                escaped = true;
            }
            continue;
        }
        let quoted = single || double || back || dollar;
        if matches!(char, ' ' | '\t' | '\r' | '\n') {
            if quoted {
                word.push(char);
            } else if in_word {
                words.push(std::mem::take(&mut word));
                in_word = false;
            }
            continue;
        }
        match char {
            '`' if !single && !double && !dollar => back = !back,
            ')' if !single && !double && !back => dollar = !dollar,
            '(' if !single && !double && !back => {
                if dollar || !word.ends_with('$') {
                    return None;
                }
                dollar = true;
                word.push('(');
                continue;
            }
            '"' if !single && !dollar => {
                in_word |= double;
                double = !double;
                continue;
            }
            '\'' if !double && !dollar => {
                in_word |= single;
                single = !single;
                continue;
            }
            // What follows would be another command; Compose drops it.
            ';' | '&' | '|' | '<' | '>' if !quoted => {
                if char == '>' && word.starts_with(|c: char| c.is_ascii_digit()) {
                    in_word = false;
                }
                break;
            }
            _ => {}
        }
        in_word = true;
        word.push(char);
    }
    if in_word {
        words.push(word);
    }
    (!escaped && !single && !double && !back && !dollar).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_quotes_removed() {
        for (line, words) in [
            ("./serve --x \"y z\"", vec!["./serve", "--x", "y z"]),
            ("a 'b \"c' d\\ e", vec!["a", "b \"c", "d e"]),
            ("", vec![]),
            ("''", vec![""]),
            ("a; b", vec!["a"]),
            ("a\n  b", vec!["a", "b"]),
            ("echo $(date +%s)", vec!["echo", "$(date +%s)"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn an_open_quote_is_refused() {
        for line in ["a 'b", "\"", "a (b)", "a \\"] {
            assert_eq!(split(line), None, "{line}");
        }
    }
}
