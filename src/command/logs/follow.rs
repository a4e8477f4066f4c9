//! Lines of containers as they come, also of those that come later.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream::{LocalBoxStream, SelectAll};

use super::super::app::App;
use crate::cli::LogsArguments;
use crate::engine::{Engine, EventKind, LogLine, LogOptions, LogStream};
use crate::error::Error;
use crate::plan::observed::Container;

/// How lines look, and which services are wanted.
pub(super) struct Printer<'a> {
    app: &'a App<'a>,
    arguments: &'a LogsArguments,
    project: &'a str,
    width: usize,
}

/// Where a line comes from.
#[derive(Clone)]
struct Source {
    service: String,
    container: String,
    /// Without the project's name.
    shown: String,
    /// Lines before this moment (RFC 3339) have been shown already.
    after: Option<String>,
}

type Lines =
    SelectAll<LocalBoxStream<'static, (Source, Result<LogLine, crate::engine::EngineError>)>>;

impl<'a> Printer<'a> {
    pub(super) fn new(
        app: &'a App<'a>,
        arguments: &'a LogsArguments,
        project: &'a str,
        containers: &[Container],
    ) -> Self {
        let mut printer = Self {
            app,
            arguments,
            project,
            width: 0,
        };
        let widths = containers
            .iter()
            .map(|c| printer.source(c).shown.chars().count());
        printer.width = widths.max().unwrap_or(0);
        printer
    }

    fn source(&self, container: &Container) -> Source {
        let prefix = format!("{}-", self.project);
        // A container that is being put in place has another name until then.
        let name = container
            .name
            .split_once(".release-")
            .map_or(container.name.as_str(), |(name, _)| name);
        Source {
            service: container.service().to_owned(),
            container: container.name.clone(),
            shown: name.strip_prefix(&prefix).unwrap_or(name).to_owned(),
            after: None,
        }
    }

    fn wants(&self, container: &Container) -> bool {
        let wanted = &self.arguments.services;
        wanted.is_empty() || wanted.iter().any(|s| s == container.service())
    }

    fn text(&self, source: &Source, line: &LogLine) -> Option<String> {
        let mut text = line.text.as_str();
        if let Some(after) = &source.after {
            let (stamp, rest) = text.split_once(' ').unwrap_or((text, ""));
            if stamp < after.as_str() {
                return None;
            }
            if !self.arguments.timestamps {
                text = rest;
            }
        }
        if self.app.reporter.json() {
            let stream = match line.stream {
                LogStream::Stdout => "stdout",
                LogStream::Stderr => "stderr",
            };
            let line = serde_json::json!({
                "service": source.service, "container": source.container, "stream": stream, "line": text,
            });
            return Some(format!("{line}\n"));
        }
        if self.arguments.no_log_prefix {
            return Some(format!("{text}\n"));
        }
        let width = self.width;
        Some(format!("{:width$}  | {text}\n", source.shown))
    }

    /// False when nobody reads any more (`| head`).
    async fn print(&self, source: &Source, line: &LogLine) -> bool {
        match self.text(source, line) {
            Some(text) => self.app.reporter.stream(&text).await,
            None => true,
        }
    }
}

/// What there is, to its end.
pub(super) async fn print(
    engine: &impl Engine,
    containers: &[Container],
    options: LogOptions,
    printer: Printer<'_>,
) -> Result<(), Error> {
    let mut lines = Lines::new();
    for container in containers {
        add(
            engine,
            &mut lines,
            printer.source(container),
            &container.id,
            options,
        )
        .await?;
    }
    loop {
        tokio::select! {
            next = lines.next() => match next {
                Some((source, line)) => if !printer.print(&source, &line?).await {
                    return Ok(());
                },
                None => return Ok(()),
            },
            () = printer.app.cancel.cancelled() => return Ok(()),
        }
    }
}

/// What there is and what comes; a container that is created or started later joins.
pub(super) async fn follow(
    app: &App<'_>,
    engine: &impl Engine,
    containers: &[Container],
    options: LogOptions,
    printer: Printer<'_>,
) -> Result<(), Error> {
    // Subscribed first: what starts meanwhile is not missed.
    let mut events = engine.events(printer.project).await?;
    let mut lines = Lines::new();
    let mut followed: BTreeSet<String> = BTreeSet::new();
    let mut ended: BTreeMap<String, i64> = BTreeMap::new();
    for container in containers {
        followed.insert(container.id.clone());
        add(
            engine,
            &mut lines,
            printer.source(container),
            &container.id,
            options,
        )
        .await?;
    }
    loop {
        tokio::select! {
            () = app.cancel.cancelled() => return Ok(()),
            () = app.reporter.reader_gone() => return Ok(()),
            next = lines.next(), if !lines.is_empty() => match next {
                Some((source, Ok(line))) => if !printer.print(&source, &line).await {
                    return Ok(());
                },
                // A container that was removed while its lines were read is no failure of the others.
                Some((_, Err(error))) if error.is_away() => return Err(error.into()),
                Some((_, Err(_))) | None => {}
            },
            event = events.next() => {
                let Some(event) = event else {
                    return Ok(());
                };
                let event = event?;
                if let EventKind::Die { .. } = event.kind {
                    ended.insert(event.container.clone(), event.time_nano);
                }
                if event.kind != EventKind::Start {
                    continue;
                }
                let Some(container) = engine.inspect(&event.container).await? else {
                    continue;
                };
                if !printer.wants(&container) {
                    continue;
                }
                let mut source = printer.source(&container);
                let mut options = LogOptions { tail: None, until: None, ..options };
                if !followed.insert(container.id.clone()) {
                    // It was started again: its stream had ended, and lines of before its end are known.
                    let end = ended.get(&container.id).copied().unwrap_or(event.time_nano);
                    options.since = Some(end / 1_000_000_000);
                    options.timestamps = true;
                    source.after = moment(end);
                }
                add(engine, &mut lines, source, &container.id, options).await?;
            }
        }
    }
}

async fn add(
    engine: &impl Engine,
    lines: &mut Lines,
    source: Source,
    id: &str,
    options: LogOptions,
) -> Result<(), Error> {
    let stream = engine.logs(id, &options).await?;
    lines.push(stream.map(move |line| (source.clone(), line)).boxed_local());
    Ok(())
}

/// As the engine writes it: nine digits behind the point, so that text compares as time does.
fn moment(nanoseconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds.into()).ok()?;
    Some(format!("{time:.9}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_moment_compares_as_the_engines_stamps_do() {
        let moment = super::moment(1_767_261_600_000_000_005).expect("a time");
        assert_eq!(moment, "2026-01-01T10:00:00.000000005Z");
        assert!("2026-01-01T09:59:59.999999999Z" < moment.as_str());
        assert!("2026-01-01T10:00:00.000000006Z" > moment.as_str());
    }
}
