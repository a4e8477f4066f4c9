//! `plan`: what a deploy would do. Changes nothing.

use std::fmt::Write as _;

use super::app::App;
use super::prepare::{self, Asked, Prepared};
use super::release;
use super::repair::Leftovers;
use crate::cli::PlanArguments;
use crate::error::Error;
use crate::plan::step::Action;
use crate::report::words;

/// Exit code for differences.
const DIFFERS: u8 = 10;

/// Load, observe, plan, print.
pub async fn run(app: &App<'_>, arguments: &PlanArguments) -> Result<u8, Error> {
    let asked = Asked {
        tag: arguments.tag.clone(),
        services: arguments.services.clone(),
        set: arguments.set.clone(),
        remove_orphans: false,
    };
    let loaded = prepare::load(app, &asked).await?;
    let engine = app.engine().await?;
    let mark = release::mark(&loaded.directory);
    let prepared = prepare::deploy(app, &engine, loaded, &asked, &mark, Leftovers::Report).await?;
    let text = if app.reporter.json() {
        json(&prepared)
    } else {
        text(&prepared)
    };
    app.reporter.result(&text);
    for warning in &prepared.plan.warnings {
        app.reporter.warning(warning);
    }
    let differs = arguments.exit_code && !prepared.plan.changes.is_empty();
    Ok(if differs { DIFFERS } else { 0 })
}

fn json(prepared: &Prepared) -> String {
    let plan = &prepared.plan;
    let value = serde_json::json!({
        "project": prepared.project.name,
        "release": prepared.options.release,
        "tag": prepared.tag,
        "changes": plan.changes,
        "stages": plan.stages,
        "warnings": plan.warnings,
    });
    format!("{value}\n")
}

fn text(prepared: &Prepared) -> String {
    let plan = &prepared.plan;
    if plan.changes.is_empty() {
        return "nothing to do: everything is as it should be\n".to_owned();
    }
    let tag = prepared
        .tag
        .as_deref()
        .map(|t| format!(" ({t})"))
        .unwrap_or_default();
    let mut text = format!(
        "release {}{tag} of project {} would:\n",
        prepared.options.release, prepared.project.name
    );
    for change in &plan.changes {
        let sign = match change.action {
            Action::Create | Action::Run => '+',
            Action::Remove => '-',
            _ => '~',
        };
        let _ = writeln!(
            text,
            "  {sign} {} {}: {}",
            words::action(change.action),
            change.container,
            words::cause(&change.cause)
        );
    }
    for stage in &plan.stages {
        let _ = writeln!(text, "{}", words::stage(stage.kind));
        for lane in &stage.lanes {
            for step in &lane.steps {
                let _ = writeln!(
                    text,
                    "  {:>3} {}: {}",
                    step.number,
                    lane.name,
                    words::step(&step.step)
                );
            }
        }
    }
    text
}
