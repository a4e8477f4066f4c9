//! `plan`: what a deploy would do, field by field. Changes nothing.

mod details;

use std::fmt::Write as _;

use super::app::App;
use super::prepare::{self, Asked, Prepared};
use super::release;
use super::repair::Leftovers;
use crate::cli::PlanArguments;
use crate::error::Error;
use crate::plan::step::{Action, Cause};
use crate::report::words;
use crate::state::{Releases, StateDirectory};
use details::{Detailed, Gap, Past, details};

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
    let directory = loaded.directory.clone();
    let mark = release::mark(&directory);
    let prepared = prepare::deploy(app, &engine, loaded, &asked, &mark, Leftovers::Report).await?;
    let state = StateDirectory::open(&directory, &prepared.project.name)?;
    let changes = details(&prepared, &Past::read(&Releases::new(&state)));
    let text = if app.reporter.json() {
        json(&prepared, &changes)
    } else {
        let paint = if app.reporter.coloured() {
            colour
        } else {
            plain
        };
        text(&prepared, &changes, paint, app.globals.verbose > 0)
    };
    app.reporter.result(&text);
    for warning in &prepared.plan.warnings {
        app.reporter.warning(warning);
    }
    let differs = arguments.exit_code && !prepared.plan.changes.is_empty();
    Ok(if differs { DIFFERS } else { 0 })
}

fn json(prepared: &Prepared, changes: &[Detailed]) -> String {
    let plan = &prepared.plan;
    let value = serde_json::json!({
        "project": prepared.project.name,
        "release": prepared.options.release,
        "tag": prepared.tag,
        "changes": changes,
        "stages": plan.stages,
        "warnings": plan.warnings,
    });
    format!("{value}\n")
}

/// Signs say what colours say.
type Paint = fn(char, &str) -> String;

fn plain(_: char, text: &str) -> String {
    text.to_owned()
}

fn colour(sign: char, text: &str) -> String {
    let code = match sign {
        '+' => "32",
        '-' => "31",
        _ => "33",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

fn text(prepared: &Prepared, changes: &[Detailed], paint: Paint, steps: bool) -> String {
    let plan = &prepared.plan;
    if changes.is_empty() {
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
    for change in changes {
        text.push_str(&one(change, paint));
    }
    let stages: Vec<&str> = plan.stages.iter().map(|s| words::stage(s.kind)).collect();
    let _ = writeln!(
        text,
        "in {} steps: {}{}",
        plan.steps().count(),
        stages.join(", "),
        if steps { "" } else { " (-v shows each)" }
    );
    for stage in plan.stages.iter().filter(|_| steps) {
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

fn one(detailed: &Detailed, paint: Paint) -> String {
    let change = &detailed.change;
    let sign = match change.action {
        Action::Create | Action::Run => '+',
        Action::Remove => '-',
        _ => '~',
    };
    let mut head = words::cause(&change.cause);
    if let Cause::ContentChanged { .. } = change.cause {
        head = format!("content changed: {}", detailed.contents.join(", "));
    }
    let action = paint(sign, &format!("{sign} {}", words::action(change.action)));
    let mut text = format!("  {action} {}: {head}\n", change.container);
    for field in &detailed.fields {
        let _ = writeln!(text, "      {field}");
    }
    if let Some(unknown) = &detailed.unknown {
        let _ = writeln!(text, "      {unknown}");
    }
    if detailed.gap != Gap::None {
        let _ = writeln!(text, "      gap: {}", detailed.gap);
    } else if change.action == Action::RecreateStartFirst {
        let _ = writeln!(text, "      gap: none (start-first)");
    }
    text
}
