//! What differs between two resolved models, field by field, without a value that could be a secret.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

/// In place of a value.
const MASK: &str = "***";
/// Fields that say nothing about a running container, or that are shown in another way.
const LEFT_OUT: [&str; 6] = [
    "env_file",
    "profiles",
    "pull_policy",
    "depends_on",
    "scale",
    // The loader's own copy of `environment`, with its values.
    "#environment",
];
/// Fields whose values are shown although a variable stands in them: without them nothing is told.
const OPEN: [&str; 9] = [
    "image",
    "container_name",
    "hostname",
    "ports",
    "volumes",
    "networks",
    "deploy",
    "restart",
    "stop_grace_period",
];

/// One field of a service that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// `image`, `environment.LOG_LEVEL`, `volumes[/data].read_only`.
    pub field: String,
    /// Before; `None` where there was none. Masked where it could be a secret.
    pub from: Option<String>,
    /// After; `None` where there is none.
    pub to: Option<String>,
}

impl FieldChange {
    /// The values are not shown, and differ.
    pub fn is_masked(&self) -> bool {
        self.from.as_deref() == Some(MASK) || self.to.as_deref() == Some(MASK)
    }
}

impl std::fmt::Display for FieldChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { field, from, to } = self;
        match (from, to) {
            (Some(from), Some(to)) if from == to => write!(f, "{field}: another value ({MASK})"),
            (Some(from), Some(to)) => write!(f, "{field}: {from} → {to}"),
            (None, Some(to)) => write!(f, "{field}: new, {to}"),
            (Some(from), None) => write!(f, "{field}: gone, was {from}"),
            (None, None) => write!(f, "{field}"),
        }
    }
}

/// Two models of one project. Both are as a release keeps them: `env_file` is merged into `environment`.
pub struct Models<'a> {
    /// Before.
    pub from: &'a Value,
    /// After.
    pub to: &'a Value,
    /// The variable of the tag, whose value is no secret.
    pub tag_variable: Option<&'a str>,
}

impl Models<'_> {
    /// Every service of either model that differs, with its fields.
    pub fn services(&self) -> Vec<(String, Vec<FieldChange>)> {
        let names: BTreeSet<&String> = [self.from, self.to]
            .into_iter()
            .flat_map(|m| m["services"].as_object().into_iter().flat_map(|s| s.keys()))
            .collect();
        let changes = names.into_iter().map(|n| (n.clone(), self.service(n)));
        changes.filter(|(_, changes)| !changes.is_empty()).collect()
    }

    /// The fields of one service that differ.
    pub fn service(&self, name: &str) -> Vec<FieldChange> {
        let [from, to] = [self.from, self.to].map(|m| m["services"].get(name));
        let (Some(from), Some(to)) = (from, to) else {
            let image = |s: Option<&Value>| s.map(|s| text(&s["image"]));
            return vec![FieldChange {
                field: "service".to_owned(),
                from: image(from),
                to: image(to),
            }];
        };
        let mut found = Vec::new();
        for key in keys(from, to).filter(|k| !LEFT_OUT.contains(&k.as_str())) {
            let [old, new] = [from.get(key), to.get(key)];
            if key == "environment" {
                environment(old, new, &mut found);
            } else {
                let hidden = !OPEN.contains(&key.as_str()) && self.has_variables(name, key);
                compare(key, old, new, hidden, &mut found);
            }
        }
        found
    }

    /// Whether a variable other than the tag's stands in a field, before or after.
    fn has_variables(&self, service: &str, key: &str) -> bool {
        let place = format!("services.{service}.{key}");
        [self.from, self.to].into_iter().any(|model| {
            let uses = model["variable_uses"].as_array().into_iter().flatten();
            uses.into_iter().any(|used| {
                let name = used["name"].as_str().unwrap_or_default();
                let path = used["path"].as_str().unwrap_or_default();
                let inside = path
                    .strip_prefix(&place)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
                inside && Some(name) != self.tag_variable
            })
        })
    }
}

/// Keys are shown, values never.
fn environment(old: Option<&Value>, new: Option<&Value>, found: &mut Vec<FieldChange>) {
    let (old, new) = (old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
    for key in keys(old, new) {
        let [from, to] = [old.get(key), new.get(key)];
        if from != to {
            let masked = |v: Option<&Value>| v.map(|_| MASK.to_owned());
            found.push(FieldChange {
                field: format!("environment.{key}"),
                from: masked(from),
                to: masked(to),
            });
        }
    }
}

fn compare(
    field: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    hidden: bool,
    found: &mut Vec<FieldChange>,
) {
    if old == new {
        return;
    }
    match (old, new) {
        (Some(a @ Value::Object(_)), Some(b @ Value::Object(_))) => {
            for key in keys(a, b) {
                compare(
                    &format!("{field}.{key}"),
                    a.get(key),
                    b.get(key),
                    hidden,
                    found,
                );
            }
        }
        (a, b) if is_list(a) && is_list(b) => list(field, a, b, hidden, found),
        (a, b) => found.push(FieldChange {
            field: field.to_owned(),
            from: a.map(|v| shown(v, hidden)),
            to: b.map(|v| shown(v, hidden)),
        }),
    }
}

/// A list of objects; one that is not there is an empty one.
fn is_list(value: Option<&Value>) -> bool {
    value.is_none_or(|v| v.as_array().is_some_and(|l| l.iter().all(Value::is_object)))
}

/// Mounts, ports, secrets and configs are told apart by where they go to, not by their place.
fn list(
    field: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    hidden: bool,
    found: &mut Vec<FieldChange>,
) {
    let items = |list: Option<&Value>| -> Vec<(String, Value)> {
        let items = list.and_then(Value::as_array).into_iter().flatten();
        items.map(|i| (identity(i), i.clone())).collect()
    };
    let (old, new) = (items(old), items(new));
    let get = |items: &[(String, Value)], key: &str| {
        items.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone())
    };
    let mut seen = BTreeSet::new();
    for (key, _) in old.iter().chain(&new) {
        if !seen.insert(key.clone()) {
            continue;
        }
        let place = format!("{field}[{key}]");
        match (get(&old, key), get(&new, key)) {
            (Some(a), Some(b)) => compare(&place, Some(&a), Some(&b), hidden, found),
            (a, b) => found.push(FieldChange {
                field: place,
                from: a.map(|v| shown(&short(&v), hidden)),
                to: b.map(|v| shown(&short(&v), hidden)),
            }),
        }
    }
}

fn identity(item: &Value) -> String {
    let part = |key: &str| item.get(key).map(text).unwrap_or_default();
    match (part("published"), part("target"), part("source")) {
        (published, target, _) if !published.is_empty() => {
            format!("{published}:{target}/{}", part("protocol"))
        }
        (_, target, _) if !target.is_empty() => target,
        (_, _, source) => source,
    }
}

/// Where a mount or port comes from is what a person asks for; the rest of it are defaults.
fn short(item: &Value) -> Value {
    item.get("source")
        .or_else(|| item.get("published"))
        .unwrap_or(item)
        .clone()
}

fn keys<'a>(a: &'a Value, b: &'a Value) -> impl Iterator<Item = &'a String> {
    let all: BTreeSet<&String> = [a, b]
        .into_iter()
        .flat_map(|v| v.as_object().into_iter().flat_map(|o| o.keys()))
        .collect();
    all.into_iter()
}

fn shown(value: &Value, hidden: bool) -> String {
    if hidden {
        MASK.to_owned()
    } else {
        without_password(&text(value))
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// `scheme://user:password@host` shows no password, wherever it was written.
pub fn without_password(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after.find(['/', ' ', '"', '?']).unwrap_or(after.len());
        let (authority, behind) = after.split_at(end);
        match authority
            .rsplit_once('@')
            .and_then(|(u, h)| Some((u.split_once(':')?.0, h)))
        {
            Some((user, host)) => shown.extend([user, ":", MASK, "@", host]),
            None => shown.push_str(authority),
        }
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(from: &Value, to: &Value, uses: &Value) -> Vec<String> {
        let model = |service: &Value| json!({"services": {"api": service}, "variable_uses": uses});
        let (from, to) = (model(from), model(to));
        let models = Models {
            from: &from,
            to: &to,
            tag_variable: Some("TAG"),
        };
        models
            .service("api")
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_image_is_shown_and_the_environment_masked() {
        let from = json!({
            "image": "a:1", "environment": {"A": "geheim", "B": "x", "C": "same"},
            "#environment": {"A": "geheim"},
        });
        let to =
            json!({"image": "a:2", "environment": {"A": "streng geheim", "C": "same", "D": "y"}});
        assert_eq!(
            changes(&from, &to, &json!([])),
            [
                "environment.A: another value (***)",
                "environment.B: gone, was ***",
                "environment.D: new, ***",
                "image: a:1 → a:2",
            ]
        );
    }

    #[test]
    fn mounts_and_ports_are_told_apart_by_where_they_go_to() {
        let mount = |source: &str, target: &str| json!({"type": "bind", "source": source, "target": target});
        let from = json!({"volumes": [mount("/a", "/x"), mount("/b", "/y")],
            "ports": [{"target": 80, "published": "8080", "protocol": "tcp"}]});
        let to = json!({"volumes": [mount("/c", "/y"), mount("/d", "/z")]});
        assert_eq!(
            changes(&from, &to, &json!([])),
            [
                "ports[8080:80/tcp]: gone, was 8080",
                "volumes[/x]: gone, was /a",
                "volumes[/y].source: /b → /c",
                "volumes[/z]: new, /d",
            ]
        );
    }

    #[test]
    fn a_field_with_a_variable_in_it_shows_no_value_unless_it_is_the_tags() {
        let from = json!({"command": ["serve", "--password=alt"], "labels": {"v": "1"}});
        let to = json!({"command": ["serve", "--password=neu"], "labels": {"v": "2"}});
        let uses = json!([
            {"name": "PW", "path": "services.api.command"},
            {"name": "TAG", "path": "services.api.labels.v"},
        ]);
        let found = changes(&from, &to, &uses);
        assert_eq!(found, ["command: another value (***)", "labels.v: 1 → 2"]);
    }

    #[test]
    fn a_password_in_an_address_is_masked_wherever_it_is_written() {
        let masked = without_password("--dsn postgres://app:geheim@db:5432/app and http://x/a@b");
        assert_eq!(
            masked,
            "--dsn postgres://app:***@db:5432/app and http://x/a@b"
        );
    }

    #[test]
    fn a_new_service_is_one_change() {
        let (from, to) = (
            json!({"services": {}}),
            json!({"services": {"api": {"image": "a:1"}}}),
        );
        let models = Models {
            from: &from,
            to: &to,
            tag_variable: None,
        };
        assert_eq!(models.services()[0].1[0].to_string(), "service: new, a:1");
    }
}
