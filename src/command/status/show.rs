//! `status` as text and as JSON.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::json;

use super::View;
use crate::plan::observed::{Container, PublishedPort};
use crate::plan::tag;
use crate::report::{record, table};
use crate::state::{ReleaseKind, ReleaseRecord};

pub(super) fn as_text(view: &View, wide: bool) -> String {
    let mut text = head(view);
    let mut head = vec!["SERVICE", "CONTAINER", "UP", "TAG", "DIGEST", "STATE"];
    if wide {
        head.extend(["RESTARTS", "IMAGE ID"]);
    }
    head.push("PORTS");
    let rows: Vec<Vec<Cow<str>>> = view.containers.iter().map(|c| row(view, c, wide)).collect();
    text.push_str(&table::render(&head, &rows));
    for container in &view.containers {
        if let Some(probe) = last_probe(container) {
            let _ = writeln!(text, "  {}: last probe {probe}", container.name);
        }
    }
    for line in &view.drift {
        let _ = writeln!(text, "! drift: {line}");
    }
    if !view.drift.is_empty() {
        text.push_str("  what a deploy would do about it: deployctl plan\n");
    }
    for journal in &view.unfinished {
        let _ = match &view.holder {
            Some(_) => writeln!(text, "! a release is under way: deployctl attach"),
            None => writeln!(
                text,
                "! a release is unfinished ({journal}): deployctl recover"
            ),
        };
    }
    if let Some(holder) = &view.holder {
        let _ = writeln!(text, "! the deploy lock is held by {holder}");
    }
    for note in &view.notes {
        let _ = writeln!(text, "! {note}");
    }
    text
}

/// The release that serves, and where a rollback would go.
fn head(view: &View) -> String {
    let Some(current) = &view.current else {
        return format!(
            "project {}: no release in the history\nrollback: there is nothing to go back to\n",
            view.project
        );
    };
    let mut text = format!(
        "project {}: {} {}, {} by {}\n",
        view.project,
        record::name(current),
        current.outcome,
        record::moment(&current.started),
        record::who(current)
    );
    if let Some(serves) = current.finished.as_deref().and_then(record::ago) {
        let _ = writeln!(text, "serves: for {serves}{}", how(current));
    }
    if let Some(ci) = record::ci(current) {
        let _ = writeln!(text, "from: {ci}");
    }
    if let Some(note) = &current.note {
        let _ = writeln!(text, "reason: {note}");
    }
    match &view.rollback {
        Some(target) => {
            let _ = writeln!(
                text,
                "rollback: to {}, {}",
                record::name(&target.record),
                target.ready
            );
        }
        None => text.push_str("rollback: there is nothing to go back to\n"),
    }
    text
}

fn how(current: &ReleaseRecord) -> String {
    match (current.kind, record::seconds(current)) {
        (ReleaseKind::Adopted, _) | (_, None) => String::new(),
        (_, Some(seconds)) => format!(" ({} took {seconds:.0} s)", record::kind(current)),
    }
}

fn row<'a>(view: &'a View, container: &'a Container, wide: bool) -> Vec<Cow<'a, str>> {
    let details = container.details.as_ref();
    let state = match details.map(|d| d.restart_count) {
        None | Some(0) => container.status.as_str().into(),
        Some(times) => format!("{}, restarted {times} times", container.status).into(),
    };
    let mut row: Vec<Cow<'a, str>> = vec![
        container.service().into(),
        container.name.as_str().into(),
        replicas(view, container.service()).into(),
        tag::of_reference(&container.image)
            .unwrap_or(&container.image)
            .into(),
        short(digest(view, container).unwrap_or_default()).into(),
        state,
    ];
    if wide {
        let restarts = details.map(|d| d.restart_count.to_string());
        row.push(restarts.unwrap_or_default().into());
        row.push(short(&container.image_id).into());
    }
    row.push(ports(&container.ports).into());
    row
}

/// `2/3`: so many of the asked containers run.
fn replicas(view: &View, service: &str) -> String {
    let running = running(view, service);
    let asked = view.model.as_ref().and_then(|m| m.replicas(service));
    match asked {
        Some(asked) => format!("{running}/{asked}"),
        None => running.to_string(),
    }
}

fn running(view: &View, service: &str) -> usize {
    view.running.get(service).copied().unwrap_or(0)
}

/// The digest that the release recorded, where the container runs that image.
fn digest<'a>(view: &'a View, container: &Container) -> Option<&'a str> {
    let image = view.current.as_ref()?.images.get(container.service())?;
    let digest = image.digest.as_deref()?;
    (image.id == container.image_id).then_some(digest)
}

fn short(digest: &str) -> &str {
    let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
    digest.get(..12).unwrap_or(digest)
}

fn last_probe(container: &Container) -> Option<String> {
    let probe = container.details.as_ref()?.probes.last()?;
    let output = probe.output.trim().lines().next().unwrap_or_default();
    Some(format!("exit {}: {output}", probe.exit_code))
}

fn ports(ports: &[PublishedPort]) -> String {
    let mut shown: Vec<String> = ports
        .iter()
        .filter(|p| p.published != 0 && p.host_ip != "::")
        .map(|p| format!("{}:{}->{}/{}", p.host_ip, p.published, p.target, p.protocol))
        .collect();
    shown.sort();
    shown.dedup();
    shown.join(", ")
}

pub(super) fn as_json(view: &View) -> String {
    let containers: Vec<serde_json::Value> = view
        .containers
        .iter()
        .map(|c| {
            let details = c.details.as_ref();
            json!({
                "service": c.service(), "container": c.name, "id": c.id, "image": c.image, "image_id": c.image_id,
                "tag": tag::of_reference(&c.image), "digest": digest(view, c), "state": c.state, "health": c.health,
                "status": c.status,
                "restarts": details.map(|d| d.restart_count),
                "started_at": details.map(|d| &d.started_at),
                "last_probe": details.and_then(|d| d.probes.last()),
                "ports": c.ports.iter().filter(|p| p.published != 0).collect::<Vec<_>>(),
            })
        })
        .collect();
    let mut names: Vec<&str> = view.containers.iter().map(Container::service).collect();
    names.dedup();
    let services: serde_json::Map<String, serde_json::Value> = names
        .into_iter()
        .map(|name| {
            let asked = view.model.as_ref().and_then(|m| m.replicas(name));
            let counts = json!({"running": running(view, name), "asked": asked});
            (name.to_owned(), counts)
        })
        .collect();
    let mut notes: Vec<&String> = view.drift.iter().chain(&view.notes).collect();
    notes.extend(&view.unfinished);
    let value = json!({
        "project": view.project,
        "release": view.current,
        "rollback": view.rollback.as_ref().map(|t| json!({
            "release": t.record.number, "tag": t.record.tag, "ready": t.ready.key() == "here",
            "images": t.ready.key(), "message": t.ready.to_string(),
        })),
        "services": services,
        "containers": containers,
        "drift": view.drift,
        "unfinished": view.unfinished,
        "lock": view.holder,
        "notes": notes,
    });
    format!("{value}\n")
}

/// The whole screen, drawn from its upper left corner.
pub(super) fn watched(text: &str) -> String {
    let lines = text.replace('\n', "\x1b[K\n");
    format!("\x1b[H{lines}\x1b[J")
}

/// Off a terminal a time that goes on is no news.
pub(super) fn without_times(text: &str) -> String {
    let lines = text.lines().filter(|l| !l.starts_with("serves: for "));
    let mut kept = String::new();
    for line in lines {
        let words = line.split(' ');
        let news = words.filter(|w| !w.bytes().all(|b| b.is_ascii_digit()) && !is_unit(w));
        kept.extend(news.map(|w| format!("{w} ")));
        kept.push('\n');
    }
    kept
}

fn is_unit(word: &str) -> bool {
    let units = [
        "second", "minute", "hour", "day", "week", "month", "Less", "than", "About", "an", "a",
    ];
    units
        .iter()
        .any(|u| word.trim_end_matches('s') == u.trim_end_matches('s'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_goes_on_is_no_news_and_a_state_is() {
        let a = without_times("serves: for 3 s\napi  Up 3 seconds (healthy)\n");
        assert_eq!(
            a,
            without_times("serves: for 2 min\napi  Up About a minute (healthy)\n")
        );
        assert_ne!(a, without_times("api  Exited (1) 3 seconds ago\n"));
    }
}
