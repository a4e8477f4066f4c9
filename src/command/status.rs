//! `status`: what serves now, what a rollback would go to, what is unfinished.

use std::fmt::Write as _;

use serde_json::json;

use super::app::App;
use super::prepare::{self, Asked};
use crate::cli::StatusArguments;
use crate::engine::{Engine, Scope};
use crate::error::Error;
use crate::plan::observed::{Container, Health, PublishedPort};
use crate::plan::{owner, tag};
use crate::project::{FileSource, Location, Project, project_name};
use crate::report::table;
use crate::state::{ReleaseRecord, Releases, StateDirectory, lock, lock_path, unfinished};

/// Exit code for differences.
const DIFFERS: u8 = 10;

/// What `status` shows.
struct View {
    project: String,
    containers: Vec<Container>,
    current: Option<ReleaseRecord>,
    rollback: Option<ReleaseRecord>,
    rollback_ready: Option<bool>,
    notes: Vec<String>,
}

/// One list of the engine; only what is not plainly up is inspected.
pub async fn run(app: &App<'_>, arguments: &StatusArguments) -> Result<u8, Error> {
    let loaded = locate(app).await?;
    let engine = app.engine().await?;
    let scope = Scope {
        project: loaded.project.name.clone(),
        ..Scope::default()
    };
    let mut containers = engine.observe(&scope).await?.containers;
    containers.retain(|c| {
        !c.is_oneoff()
            && (arguments.services.is_empty()
                || arguments.services.iter().any(|s| s == c.service()))
    });
    containers.sort_by_cached_key(|c| (c.service().to_owned(), c.number()));
    for container in &mut containers {
        let plainly_up =
            container.is_running() && matches!(container.health, Health::Healthy | Health::None);
        if (arguments.wide || !arguments.services.is_empty() || !plainly_up)
            && let Some(found) = engine.inspect(&container.id).await?
        {
            container.details = found.details;
        }
    }
    let state = StateDirectory::open(&loaded.directory, &loaded.project.name)?;
    let releases = Releases::new(&state);
    let current = releases.current()?;
    let rollback = current
        .as_ref()
        .and_then(|c| c.previous)
        .and_then(|p| releases.get(p).ok());
    let rollback_ready = match &rollback {
        Some(record) => Some(is_ready(&engine, record).await?),
        None => None,
    };
    let mut notes = notes(app, &loaded, &containers)?;
    notes.extend(drift(current.as_ref(), &containers));
    let view = View {
        project: loaded.project.name.clone(),
        containers,
        current,
        rollback,
        rollback_ready,
        notes,
    };
    let text = if app.reporter.json() {
        as_json(&view)
    } else {
        as_text(&view, arguments.wide)
    };
    app.reporter.result(&text);
    Ok(if arguments.exit_code && !view.notes.is_empty() {
        DIFFERS
    } else {
        0
    })
}

/// The project as far as `status` needs it. The files are read only where their name cannot be told otherwise.
async fn locate(app: &App<'_>) -> Result<prepare::Loaded, Error> {
    let location = app.locate()?;
    let Some(name) = plain_name(app, &location) else {
        return prepare::load(app, &Asked::default()).await;
    };
    let files = location.files.iter().filter_map(|file| match file {
        FileSource::Path(path) => Some(path.clone()),
        FileSource::Stdin(_) => None,
    });
    let project = Project {
        name,
        working_dir: location.working_dir.clone(),
        config_files: files.collect(),
        env_files: location.env_files.clone(),
        default_env_file: location.default_env_file.clone(),
        ..Project::default()
    };
    Ok(prepare::Loaded {
        project,
        directory: location.working_dir,
        env_file: None,
        variable: None,
        tag: None,
    })
}

/// The project's name where one file says it in plain letters and nothing else does.
fn plain_name(app: &App<'_>, location: &Location) -> Option<String> {
    let given = app.globals.project_name.is_some()
        || location.environment.contains_key("COMPOSE_PROJECT_NAME");
    let [FileSource::Path(path)] = location.files.as_slice() else {
        return None;
    };
    let text = std::fs::read_to_string(path).ok()?;
    let mut names = text.lines().filter_map(|line| line.strip_prefix("name:"));
    let (name, more) = (names.next()?.trim(), names.next());
    let plain = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    let only = more.is_none() && !text.contains("\ninclude:") && !text.contains("\n---");
    (!given && plain && only && project_name::normalize(name) == name).then(|| name.to_owned())
}

/// Whether every image of a release is here.
async fn is_ready(engine: &impl Engine, record: &ReleaseRecord) -> Result<bool, Error> {
    let ids: std::collections::BTreeSet<&String> = record.images.values().map(|i| &i.id).collect();
    for id in ids {
        if id.is_empty() || engine.image(id).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn notes(
    app: &App<'_>,
    loaded: &prepare::Loaded,
    containers: &[Container],
) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    for journal in unfinished(&loaded.directory)? {
        notes.push(format!(
            "a release is unfinished ({}): deployctl recover",
            journal.display()
        ));
    }
    if let Some(holder) = lock::holder(&lock_path(
        &loaded.directory,
        app.globals.environment.as_deref(),
    )) {
        notes.push(format!("the deploy lock is held by {holder}"));
    }
    let aside = containers
        .iter()
        .filter(|c| c.is_put_aside())
        .map(|c| format!("`{}` was put aside by a release", c.name));
    notes.extend(aside);
    if let Err(conflict) = owner::check(
        &loaded.project,
        containers,
        &super::release::mark(&loaded.directory),
    ) {
        notes.push(conflict.to_string());
    }
    Ok(notes)
}

/// Somebody changed something behind the history's back.
fn drift(current: Option<&ReleaseRecord>, containers: &[Container]) -> Vec<String> {
    let Some(current) = current else {
        return Vec::new();
    };
    let differs = containers.iter().filter_map(|c| {
        let recorded = current
            .images
            .get(c.service())
            .filter(|i| !i.id.is_empty())?;
        (recorded.id != c.image_id).then(|| {
            format!(
                "`{}` runs another image than release {} recorded",
                c.name, current.number
            )
        })
    });
    let down = containers
        .iter()
        .filter(|c| !c.is_running() && !c.status.starts_with("Exited (0)") && !c.is_put_aside());
    differs
        .chain(down.map(|c| format!("`{}` does not run: {}", c.name, c.status)))
        .collect()
}

fn as_text(view: &View, wide: bool) -> String {
    let mut text = match &view.current {
        Some(r) => format!(
            "project {}: release {}{} {}, {} by {}\n",
            view.project,
            r.number,
            r.tag
                .as_deref()
                .map(|t| format!(" ({t})"))
                .unwrap_or_default(),
            r.outcome,
            r.started.get(..19).unwrap_or(&r.started).replace('T', " "),
            r.user
        ),
        None => format!("project {}: no release in the history\n", view.project),
    };
    match (&view.rollback, view.rollback_ready) {
        (Some(r), Some(ready)) => {
            let how = if ready {
                "its images are here"
            } else {
                "pull needed"
            };
            let _ = writeln!(
                text,
                "rollback: to release {}{}, {how}",
                r.number,
                r.tag
                    .as_deref()
                    .map(|t| format!(" ({t})"))
                    .unwrap_or_default()
            );
        }
        _ => text.push_str("rollback: there is nothing to go back to\n"),
    }
    let mut head = vec!["SERVICE", "CONTAINER", "TAG", "STATE", "PORTS"];
    if wide {
        head.extend(["IMAGE ID", "RESTARTS", "LAST PROBE"]);
    }
    let rows: Vec<Vec<String>> = view.containers.iter().map(|c| row(c, wide)).collect();
    text.push_str(&table::render(&head, &rows));
    for note in &view.notes {
        let _ = writeln!(text, "! {note}");
    }
    text
}

fn row(container: &Container, wide: bool) -> Vec<String> {
    let details = container.details.as_ref();
    let mut state = container.status.clone();
    if let Some(details) = details.filter(|d| d.restart_count > 0) {
        let _ = write!(state, ", restarted {} times", details.restart_count);
    }
    let mut row = vec![
        container.service().to_owned(),
        container.name.clone(),
        tag::of_reference(&container.image)
            .unwrap_or(&container.image)
            .to_owned(),
        state,
        ports(&container.ports),
    ];
    if wide {
        let probe = details.and_then(|d| d.probes.last()).map(|p| {
            format!(
                "{}: {}",
                p.exit_code,
                p.output.lines().next().unwrap_or_default()
            )
        });
        row.push(
            container
                .image_id
                .strip_prefix("sha256:")
                .and_then(|id| id.get(..12))
                .unwrap_or_default()
                .to_owned(),
        );
        row.push(
            details
                .map(|d| d.restart_count.to_string())
                .unwrap_or_default(),
        );
        row.push(probe.unwrap_or_default());
    }
    row
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

fn as_json(view: &View) -> String {
    let containers: Vec<serde_json::Value> = view
        .containers
        .iter()
        .map(|c| {
            json!({
                "service": c.service(), "container": c.name, "id": c.id, "image": c.image, "image_id": c.image_id,
                "tag": tag::of_reference(&c.image), "state": c.state, "health": c.health, "status": c.status,
                "restarts": c.details.as_ref().map(|d| d.restart_count),
                "ports": c.ports.iter().filter(|p| p.published != 0).collect::<Vec<_>>(),
            })
        })
        .collect();
    let value = json!({
        "project": view.project,
        "release": view.current,
        "rollback": view.rollback.as_ref().map(|r| json!({"release": r.number, "tag": r.tag, "ready": view.rollback_ready})),
        "containers": containers,
        "notes": view.notes,
    });
    format!("{value}\n")
}
