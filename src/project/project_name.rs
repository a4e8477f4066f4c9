//! The name of a project.

use super::error::{Fault, Outcome, Problem};
use super::interpolate::{Interpolation, Report};
use super::locate::{LoadOptions, Location};
use super::source::Position;
use super::template;
use super::tree::Node;

/// What names may hold; everything else is dropped, and `_` and `-` at the beginning.
#[must_use]
pub fn normalize(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept: String = lower
        .chars()
        .filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

/// `-p`, else `COMPOSE_PROJECT_NAME`, else the last `name:`, else the directory.
pub(crate) fn choose(
    names: &[&Node],
    location: &Location,
    options: &LoadOptions,
    report: &mut Report,
) -> Outcome<String> {
    let given = options
        .project_name
        .as_deref()
        .filter(|name| !name.is_empty());
    let from_environment = || {
        location
            .environment
            .get("COMPOSE_PROJECT_NAME")
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    };
    if let Some(name) = given.or_else(from_environment) {
        return if normalize(name) == name {
            Ok(name.to_owned())
        } else {
            Err(invalid(name))
        };
    }
    let written = names
        .iter()
        .rev()
        .find(|name| name.as_str().is_some_and(|text| !text.is_empty()));
    if let Some(text) = written.and_then(|node| node.as_str()) {
        let mut interpolation = Interpolation {
            environment: &location.environment,
            report,
        };
        let at = written.map_or(Position::default(), |node| node.at);
        let name = template::substitute(text, &mut interpolation)
            .map_err(|error| super::interpolate::template_fault(error, at).under("name"))?;
        let name = normalize(&name);
        if name.is_empty() {
            let problem = Problem::ProjectName(format!("`{text}` gives no project name"));
            return Err(Fault::new(problem, at).under("name"));
        }
        return Ok(name);
    }
    let base = location
        .working_dir
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let name = normalize(&base);
    if name.is_empty() {
        let problem = Problem::ProjectName(format!("the directory `{base}` gives no project name"));
        return Err(Fault::new(problem, Position::default())
            .hint("put `name: …` into the Compose file, or use `-p NAME`"));
    }
    Ok(name)
}

fn invalid(name: &str) -> Box<Fault> {
    let message = format!(
        "`{name}` is no project name: it may hold lower-case letters, digits, `-` and `_`, and begins with a letter or digit"
    );
    let fault = Fault::new(Problem::ProjectName(message), Position::default());
    match normalize(name) {
        close if close.is_empty() => fault,
        close => fault.hint(format!("did you mean `{close}`?")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_letters_digits_and_dashes() {
        for (text, name) in [
            ("My App.1", "myapp1"),
            ("_-x_y-", "x_y-"),
            ("ÄÖ", ""),
            ("9a", "9a"),
        ] {
            assert_eq!(normalize(text), name);
        }
    }
}
