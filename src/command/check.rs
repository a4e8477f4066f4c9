//! `check`: everything that a deploy needs, before it is needed. Changes nothing.

mod facts;
mod tools;

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::app::App;
use super::prepare::{self, Asked, Prepared};
use super::repair::Leftovers;
use super::{host, images, release};
use crate::cli::oncall::CheckArguments;
use crate::engine::docker::DockerEngine;
use crate::error::{Error, ErrorKind};
use crate::plan::check::{Finding, Host, Severity, advice, check_services, files, proxy};
use crate::project::model::{Project, Service};
use crate::report::table::indented;

/// What a line of the report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Level {
    Ok,
    Warning,
    Error,
}

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    /// What was looked at.
    pub check: &'static str,
    pub level: Level,
    /// What was found, and why it matters.
    pub message: String,
    /// What to type.
    pub hints: Vec<String>,
}

/// Everything that was found, in the order in which a deploy would come upon it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Report {
    pub findings: Vec<Line>,
    /// Of the first error: a deploy would end with it.
    #[serde(skip)]
    kind: Option<ErrorKind>,
}

/// Looks at everything, prints all of it, and fails where a deploy would, with the same exit code.
pub async fn run(app: &App<'_>, arguments: &CheckArguments) -> Result<(), Error> {
    let report = report(app, arguments, app.engine().await).await;
    let errors = report.of(Level::Error).count();
    let text = if app.reporter.json() {
        let json = serde_json::json!({"errors": errors, "findings": report.findings});
        format!("{json}\n")
    } else {
        report.text()
    };
    app.reporter.result(&text);
    if errors == 0 {
        return Ok(());
    }
    let what = if errors == 1 { "error" } else { "errors" };
    let message = format!("{errors} {what}: a deploy would end before it touches anything");
    Err(Error::new(report.kind.unwrap_or(ErrorKind::Check), message)
        .hint("type what stands below each `error`, then: deployctl check"))
}

impl Report {
    fn of(&self, level: Level) -> impl Iterator<Item = &Line> {
        self.findings.iter().filter(move |l| l.level == level)
    }

    fn say(&mut self, check: &'static str, level: Level, message: impl Into<String>) {
        self.findings.push(Line {
            check,
            level,
            message: message.into(),
            hints: Vec::new(),
        });
    }

    /// A warning with what to type.
    fn advise(&mut self, check: &'static str, message: String, hint: &str) {
        self.findings.push(Line {
            check,
            level: Level::Warning,
            message,
            hints: vec![hint.to_owned()],
        });
    }

    fn fail(&mut self, check: &'static str, error: &Error) {
        self.kind.get_or_insert(error.kind);
        let causes = error.causes();
        let message = std::iter::once(error.to_string()).chain(causes);
        self.findings.push(Line {
            check,
            level: Level::Error,
            message: message.collect::<Vec<_>>().join(": "),
            hints: error.hints.clone(),
        });
    }

    /// Adds what was found, or that nothing was.
    fn add(&mut self, check: &'static str, fine: impl Into<String>, findings: Vec<Finding>) {
        if findings.is_empty() {
            return self.say(check, Level::Ok, fine);
        }
        if findings.iter().any(|f| f.severity == Severity::Error) {
            self.kind.get_or_insert(ErrorKind::Check);
        }
        self.findings.extend(findings.into_iter().map(|f| Line {
            check,
            level: match f.severity {
                Severity::Warning => Level::Warning,
                Severity::Error => Level::Error,
            },
            message: f.message,
            hints: f.hint.into_iter().collect(),
        }));
    }

    /// One line each, what to type below it.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.findings {
            let word = match line.level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Error => "error",
            };
            let _ = writeln!(
                text,
                "{word:8} {}: {}",
                line.check,
                indented(&line.message, 9)
            );
            for hint in &line.hints {
                let _ = writeln!(text, "           {}", indented(hint, 11));
            }
        }
        let count = |level| self.of(level).count();
        let _ = writeln!(
            text,
            "{} ok, {} warnings, {} errors",
            count(Level::Ok),
            count(Level::Warning),
            count(Level::Error)
        );
        text
    }
}

/// The checks in turn; one that fails keeps only those from running that need it.
pub(super) async fn report(
    app: &App<'_>,
    arguments: &CheckArguments,
    engine: Result<DockerEngine, Error>,
) -> Report {
    let mut report = Report::default();
    let asked = Asked {
        tag: arguments.tag.clone(),
        ..Asked::default()
    };
    let loaded = match prepare::load_quietly(app, &asked).await {
        Ok((loaded, warnings)) => {
            let shown: Vec<String> = loaded
                .project
                .config_files
                .iter()
                .map(|f| f.display().to_string())
                .collect();
            report.say("files", Level::Ok, shown.join(", "));
            if warnings.is_empty() {
                report.say(
                    "variables",
                    Level::Ok,
                    "every variable has a value or a default",
                );
            }
            for warning in warnings {
                report.say("variables", Level::Warning, warning);
            }
            Some(loaded)
        }
        Err(error) => {
            report.fail("files", &error);
            None
        }
    };
    if let Some(loaded) = &loaded {
        env_files(&mut report, &loaded.project);
    }
    let engine = match engine {
        Ok(engine) => engine,
        Err(error) => {
            report.fail("engine", &error);
            return report;
        }
    };
    let facts = facts::look(&engine, &mut report).await;
    let Some(loaded) = loaded else {
        return report;
    };
    let directory = loaded.directory.clone();
    facts::history(&directory, &loaded.project.name, &mut report);
    let project = loaded.project.clone();
    let mark = release::mark(&directory);
    match prepare::deploy(app, &engine, loaded, &asked, &mark, Leftovers::Report).await {
        Ok(prepared) => with_plan(&engine, &prepared, facts, &mut report).await,
        Err(error) if error.kind == ErrorKind::Image => {
            each_image(app, &engine, &project, &mut report).await;
        }
        Err(error) => report.fail("plan", &error),
    }
    proxies(&engine, &project, &mut report);
    report
}

/// Everything that needs to know what a deploy would do.
async fn with_plan(
    engine: &DockerEngine,
    prepared: &Prepared,
    mut facts: facts::Facts,
    report: &mut Report,
) {
    let (project, observed) = (&prepared.project, &prepared.observed);
    let pulls = prepared.plan.images.values().filter(|i| i.pull).count();
    let images = prepared
        .plan
        .images
        .len()
        .max(prepared.options.images.len());
    report.say(
        "images",
        Level::Ok,
        format!("{images} images can be had, {pulls} of them have to be pulled"),
    );
    let services: Vec<(&str, &Service)> = project
        .services
        .iter()
        .map(|(n, s)| (n.as_str(), s))
        .collect();
    let host = if engine.is_local() {
        let mut host = host::look_at(project, &services);
        host.free_space = host::free_space(Path::new(&facts.root));
        host.ownership.extend(facts::volume_owners(observed));
        host
    } else {
        let skipped = "the engine is remote: ports, paths, owners, disk space, env files of that host and its proxy are not looked at";
        report.say("host", Level::Warning, skipped);
        Host::default()
    };
    let findings = check_services(project, observed, &prepared.plan, &host, &services);
    report.add(
        "resources",
        "networks, volumes, ports, paths, owners and disk space (an estimate) are as needed",
        findings,
    );
    for warning in &prepared.plan.warnings {
        report.say("plan", Level::Warning, warning);
    }
    facts.advice.missing_tools = tools::missing(engine, prepared, report).await;
    let findings = advice::advice(project, observed, &facts.advice);
    report.add(
        "services",
        "healthchecks, users, tags and logs are as they should be",
        findings,
    );
}

/// All images that cannot be had, not only the first one.
async fn each_image(app: &App<'_>, engine: &DockerEngine, project: &Project, report: &mut Report) {
    let observed = match prepare::observe(engine, project).await {
        Ok(observed) => observed,
        Err(error) => return report.fail("engine", &error),
    };
    let mut seen = std::collections::BTreeSet::new();
    for (_, service) in images::services(project) {
        let Some(reference) = &service.image else {
            continue;
        };
        if !seen.insert(reference) {
            continue;
        }
        match images::one(engine, app.reporter, project, &observed, reference, service).await {
            Ok(image) => {
                let how = if image.pull {
                    "can be pulled"
                } else {
                    "is here"
                };
                report.say("images", Level::Ok, format!("`{reference}` {how}"));
            }
            Err(error) => report.fail("images", &error),
        }
    }
    report.say(
        "plan",
        Level::Warning,
        "without its images the rest cannot be looked at",
    );
}

fn env_files(report: &mut Report, project: &Project) {
    let of_services = project.services.values().flat_map(|s| &s.env_file);
    let mut paths: Vec<std::path::PathBuf> = project
        .env_files
        .iter()
        .chain(&project.default_env_file)
        .cloned()
        .chain(of_services.map(|e| std::path::PathBuf::from(&e.path)))
        .collect();
    paths.sort();
    paths.dedup();
    let mut findings = Vec::new();
    for path in &paths {
        if let Some(file) = facts::env_file(path) {
            findings.extend(files::env_file(&file, |n| {
                project.environment.contains_key(n)
            }));
        }
    }
    let fine = format!("{} env files, private, no `$` that is lost", paths.len());
    report.add("env files", fine, findings);
}

fn proxies(engine: &DockerEngine, project: &Project, report: &mut Report) {
    if !engine.is_local() {
        return;
    }
    let files = facts::proxy_files(project);
    let findings = files
        .iter()
        .flat_map(|f| proxy::proxy(project, f))
        .collect();
    let fine = match files.len() {
        0 => "no configuration of Caddy is found; those of nginx and HAProxy are looked at where services mount them".to_owned(),
        n => format!("{n} files, none with a setting that is known to lose requests"),
    };
    report.add("proxy", fine, findings);
}
