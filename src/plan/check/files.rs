//! Env files: who may read them, and what docker compose makes of a `$` in a value.

use std::path::PathBuf;

use super::{Finding, Severity};
use crate::project::dotenv::{self, Raw};

/// Anybody else's bits.
const OTHERS: u32 = 0o007;

/// An env file as it is on this host.
#[derive(Debug, Clone, Default)]
pub struct EnvFile {
    /// Where it is.
    pub path: PathBuf,
    /// Permission bits, as in stat(2).
    pub mode: u32,
    /// What stands in it.
    pub text: String,
}

/// Looks at one env file; `known` says whether a variable is set elsewhere.
pub fn env_file(file: &EnvFile, known: impl Fn(&str) -> bool) -> Vec<Finding> {
    let path = file.path.display();
    let mut findings = Vec::new();
    if file.mode & OTHERS != 0 {
        findings.push(Finding {
            severity: Severity::Warning,
            message: format!(
                "everybody on this host may read `{path}` (mode {:03o})",
                file.mode & 0o777
            ),
            hint: Some(format!("chmod 640 {path}")),
        });
    }
    let entries = match dotenv::entries(&file.text) {
        Ok(entries) => entries,
        Err(error) => {
            findings.push(Finding {
                severity: Severity::Error,
                message: format!("`{path}`: {error}"),
                hint: None,
            });
            return findings;
        }
    };
    for (at, entry) in entries.iter().enumerate() {
        let (Raw::Plain(value) | Raw::Double(value)) = &entry.value else {
            continue;
        };
        let before = |name: &str| entries[..at].iter().any(|e| e.name == name) || known(name);
        let eaten = names_behind_dollars(value).into_iter().find(|n| !before(n));
        if let Some(name) = eaten {
            findings.push(Finding {
                severity: Severity::Warning,
                message: format!(
                    "`{path}` line {}: `${name}` in the value of {} is taken for a variable, which is not set: that part of the value is lost",
                    entry.line, entry.name
                ),
                hint: Some(format!("write the value in single quotes: {}='…'", entry.name)),
            });
        }
    }
    findings
}

/// `$name` and `${name}`; a form with a default says what it means.
fn names_behind_dollars(value: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('$') {
            rest = behind;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let text = braced.unwrap_or(rest);
        let name: String = text
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let plain = braced.is_none() || text[name.len()..].starts_with('}');
        if starts && plain {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(mode: u32, text: &str) -> Vec<String> {
        let file = EnvFile {
            path: "/app/.env.prod".into(),
            mode,
            text: text.to_owned(),
        };
        let findings = env_file(&file, |name| name == "HOME");
        let texts = findings
            .into_iter()
            .map(|f| format!("{} -> {}", f.message, f.hint.unwrap_or_default()));
        texts.collect()
    }

    #[test]
    fn an_env_file_that_everybody_may_read_is_named_and_a_private_one_is_not() {
        let open = found(0o100_644, "A=b\n");
        assert_eq!(
            open,
            [
                "everybody on this host may read `/app/.env.prod` (mode 644) -> chmod 640 /app/.env.prod"
            ]
        );
        assert_eq!(found(0o100_640, "A=b\n"), [""; 0]);
    }

    #[test]
    fn a_dollar_that_is_eaten_is_named_with_its_line_and_one_that_is_meant_is_not() {
        for line in ["PW=pa$word", "PW=\"pa${word}x\"", "PW=$word$word"] {
            let found = found(0o600, &format!("A=b\n{line}\n"));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(
                found[0].contains("line 2: `$word` in the value of PW"),
                "{found:?}"
            );
            assert!(found[0].ends_with("PW='…'"), "{found:?}");
        }
        let meant = "A=b\nB=$A/x\nC='pa$word'\nD=pa$$word\nE=$HOME\nF=${X:-y}\nG=1$\nH=$5\n";
        assert_eq!(found(0o600, meant), [""; 0]);
    }
}
