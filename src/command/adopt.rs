//! `adopt`: the first minute with a stack that runs already. Reads, and writes nothing.

mod script;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::app::App;
use super::check::Report;
use super::prepare::{self, Asked};
use super::release;
use super::repair::Leftovers;
use crate::cli::oncall::CheckArguments;
use crate::engine::docker::DockerEngine;
use crate::engine::{Engine as _, Scope};
use crate::error::Error;
use crate::plan::observed::Container;
use crate::plan::spec::label;
use crate::plan::tag;
use crate::report::words;
use script::Script;

/// What is found out about the stack.
struct Found {
    project: String,
    directory: PathBuf,
    /// Containers that run under this project's name.
    running: Vec<Container>,
    variable: Option<String>,
    serving: Option<String>,
    scripts: Vec<Script>,
    /// What a deploy of the serving tag would change; an error where that cannot be told.
    changes: Result<Vec<String>, String>,
    report: Report,
    command: String,
}

/// Labels, scripts, env files; the command that takes their place; the findings; what it would change.
pub async fn run(app: &App<'_>, arguments: &CheckArguments) -> Result<(), Error> {
    let (loaded, _) = prepare::load_quietly(app, &Asked::default()).await?;
    let engine = app.engine().await?;
    let scope = Scope {
        project: loaded.project.name.clone(),
        ..Scope::default()
    };
    let mut running = engine.observe(&scope).await?.containers;
    running.retain(|c| c.is_running() && !c.is_oneoff());
    let observed = crate::plan::Observed {
        containers: running.clone(),
        ..crate::plan::Observed::default()
    };
    let variable = loaded.variable.clone();
    let serving = variable
        .as_deref()
        .and_then(|v| tag::serving(&loaded.project, &observed, v));
    let found = Found {
        project: loaded.project.name.clone(),
        command: command(app, &loaded, &running),
        scripts: script::scripts(&loaded.directory),
        changes: changes(app, &engine, serving.as_deref()).await,
        report: super::check::report(app, arguments, Ok(engine)).await,
        directory: loaded.directory,
        running,
        variable,
        serving,
    };
    let text = if app.reporter.json() {
        as_json(&found)
    } else {
        as_text(&found)
    };
    app.reporter.result(&text);
    Ok(())
}

/// What a deploy of what runs would do: nothing, if all is well.
async fn changes(
    app: &App<'_>,
    engine: &DockerEngine,
    serving: Option<&str>,
) -> Result<Vec<String>, String> {
    let asked = Asked {
        tag: serving.map(str::to_owned),
        ..Asked::default()
    };
    let planned = async {
        let (loaded, _) = prepare::load_quietly(app, &asked).await?;
        let mark = release::mark(&loaded.directory);
        prepare::deploy(app, engine, loaded, &asked, &mark, Leftovers::Report).await
    };
    let prepared = planned.await.map_err(|e| e.to_string())?;
    let changes = prepared.plan.changes.iter().map(|c| {
        format!(
            "{} {}: {}",
            words::action(c.action),
            c.container,
            words::cause(&c.cause)
        )
    });
    Ok(changes.collect())
}

/// The line that is typed from now on. Flags are needed only where the names are not found by themselves.
fn command(app: &App<'_>, loaded: &prepare::Loaded, running: &[Container]) -> String {
    let mut command = "./deployctl".to_owned();
    let shown = |path: &Path| {
        let relative = path.strip_prefix(&loaded.directory).unwrap_or(path);
        relative.display().to_string()
    };
    let given = app.files_given();
    if given {
        for file in &loaded.project.config_files {
            let _ = write!(command, " -f {}", shown(file));
        }
    }
    for file in &app.globals.env_files {
        let _ = write!(command, " --env-file {}", file.display());
    }
    if let Some(name) = &app.globals.environment {
        let _ = write!(command, " --env {name}");
    }
    if let Some(name) = &app.globals.project_name {
        let _ = write!(command, " -p {name}");
    }
    command.push_str(" deploy");
    if loaded.variable.is_some() {
        command.push_str(" TAG");
    }
    let ours = loaded.directory.display().to_string();
    let elsewhere = |c: &Container| c.label(label::WORKING_DIR).is_some_and(|d| d != ours);
    if running.iter().any(elsewhere) {
        command.push_str(" --adopt");
    }
    command
}

fn as_text(found: &Found) -> String {
    let mut text = format!(
        "project {} in {}\n",
        found.project,
        found.directory.display()
    );
    if found.running.is_empty() {
        text.push_str("  nothing runs under this name; to see what does: docker compose ls\n");
    }
    for container in &found.running {
        let _ = writeln!(
            text,
            "  {} {} ({})",
            container.name, container.image, container.status
        );
    }
    for (what, name) in [
        ("compose files", label::CONFIG_FILES),
        ("env files", label::ENVIRONMENT_FILE),
        ("directory", label::WORKING_DIR),
    ] {
        for value in labels(found, name) {
            let _ = writeln!(text, "  made from {what}: {value}");
        }
    }
    match (&found.variable, &found.serving) {
        (Some(variable), Some(tag)) => {
            let _ = writeln!(text, "tag variable: {variable}; {tag} serves");
        }
        (Some(variable), None) => {
            let _ = writeln!(text, "tag variable: {variable}");
        }
        (None, _) => text.push_str("tag variable: none; `deploy` takes what the files say\n"),
    }
    for script in &found.scripts {
        let _ = writeln!(text, "script: {script}");
    }
    let _ = writeln!(text, "\nfrom now on:\n  {}", found.command);
    for script in found.scripts.iter().filter(|s| s.takes_a_tag) {
        let _ = writeln!(text, "  in place of: {} TAG", script.name);
    }
    match &found.changes {
        Ok(changes) if changes.is_empty() => {
            text.push_str("a deploy of what runs now changes nothing\n");
        }
        Ok(changes) => {
            text.push_str("a deploy of what runs now would change:\n");
            for change in changes {
                let _ = writeln!(text, "  {change}");
            }
        }
        Err(error) => {
            let _ = writeln!(text, "what a deploy would change cannot be told: {error}");
        }
    }
    let _ = write!(text, "\n{}", found.report.text());
    text.push_str("nothing was written\n");
    text
}

fn labels<'a>(found: &'a Found, name: &str) -> BTreeSet<&'a str> {
    found.running.iter().filter_map(|c| c.label(name)).collect()
}

fn as_json(found: &Found) -> String {
    let containers: Vec<_> = found
        .running
        .iter()
        .map(|c| json!({"container": c.name, "service": c.service(), "image": c.image, "status": c.status}))
        .collect();
    let value = json!({
        "project": found.project,
        "directory": found.directory,
        "containers": containers,
        "made_from": {
            "compose_files": labels(found, label::CONFIG_FILES),
            "env_files": labels(found, label::ENVIRONMENT_FILE),
            "directories": labels(found, label::WORKING_DIR),
        },
        "tag_variable": found.variable,
        "serving": found.serving,
        "scripts": found.scripts,
        "command": found.command,
        "changes": found.changes.as_ref().ok(),
        "error": found.changes.as_ref().err(),
        "findings": found.report.findings,
    });
    format!("{value}\n")
}
