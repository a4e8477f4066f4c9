//! What somebody probably meant where a file is refused.

use super::error::{Fault, Problem};
use super::interpolate::Report;

/// Adds what is likely to be meant to the hints of an error.
pub(crate) fn add(fault: &mut Fault, report: &Report) {
    let of_value = matches!(
        fault.problem,
        Problem::InvalidValue(_)
            | Problem::WrongType { .. }
            | Problem::Undefined(_)
            | Problem::ProjectName(_)
    );
    if !of_value {
        return;
    }
    if let Some(name) = unset_variable(&fault.path, report) {
        fault.hints = vec![format!(
            "the variable `{name}` is not set and counts as empty: put `{name}=…` into the env file"
        )];
        return;
    }
    let key = last_key(&fault.path);
    match &fault.problem {
        Problem::WrongType { found, .. } if is_duration(key) => {
            if let Some(number) = found.strip_prefix("the number `") {
                let number = number.trim_end_matches('`');
                fault.hints = vec![format!("write it with its unit: {number}s")];
            }
        }
        Problem::WrongType { found, .. } if found == "a mapping" && is_pairs(&fault.path) => {
            fault.hints = vec![
                "an entry of a list is `NAME=value`; without the dash it is `NAME: value`".into(),
            ];
        }
        _ => {}
    }
}

/// The first variable without a value that stands at this path.
fn unset_variable<'a>(path: &str, report: &'a Report) -> Option<&'a str> {
    let path = without_numbers(path);
    let unset = |name: &str| report.missing.contains(name);
    let uses = report.uses.iter();
    uses.filter(|one| !one.path.is_empty() && path == one.path && unset(&one.name))
        .map(|one| one.name.as_str())
        .next()
}

/// `services.a.ports[1]` as `services.a.ports[]`.
fn without_numbers(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for char in path.chars() {
        inside = (inside || char == '[') && char != ']';
        if !inside || char == '[' {
            out.push(char);
        }
    }
    out
}

fn last_key(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}

fn is_duration(key: &str) -> bool {
    [
        "interval",
        "timeout",
        "start_period",
        "start_interval",
        "stop_grace_period",
        "delay",
        "monitor",
        "window",
    ]
    .contains(&key)
}

/// An entry of a list of `NAME=value`.
fn is_pairs(path: &str) -> bool {
    let Some((list, _)) = last_key(path).split_once('[') else {
        return false;
    };
    ["environment", "labels", "args", "annotations", "sysctls"].contains(&list)
}
