//! The events of a run as lines for people.

use std::time::{Duration, Instant};

use super::{Mode, PULL_LINES, Reporter, screen, words};
use crate::execute::Event;
use crate::plan::step::{PlannedStep, StageKind};
use crate::report::github::Github;

impl Reporter {
    fn stage(&self, kind: StageKind, lanes: &[&str]) {
        let title = words::stage(kind);
        if let Some(github) = &self.github {
            self.close_group();
            self.raw(&github.open(title));
        }
        self.live.clear();
        let lanes = lanes.iter().filter(|lane| **lane != title);
        let lanes: String = lanes
            .map(|lane| format!(" {lane}"))
            .collect::<Vec<_>>()
            .join(",");
        self.line(&format!("{}{lanes}", self.paint("1", title)));
    }

    pub(super) fn close_group(&self) {
        if let Some(line) = self.github.as_ref().and_then(Github::close) {
            self.raw(&line);
        }
    }

    fn step_done(&self, lane: &str, step: &PlannedStep, elapsed: Duration) {
        // What takes no time and says nothing new is for `-v`.
        if elapsed < Duration::from_millis(100)
            && self.verbose == 0
            && !words::is_notable(&step.step)
        {
            return;
        }
        self.line(&format!(
            "  {lane}: {} ({:.1} s)",
            words::step(&step.step),
            elapsed.as_secs_f64()
        ));
    }

    pub(super) fn people(&self, event: &Event<'_>) {
        match event {
            Event::StageStarted { kind, lanes } => self.stage(*kind, lanes),
            Event::StepStarted { lane, step } => {
                self.live.begin(lane, step.number, words::step(&step.step));
                let shown = self.mode != Mode::Terminal && words::takes_time(&step.step);
                if self.verbose > 0 || shown {
                    self.line(&format!("  {lane}: {} …", words::step(&step.step)));
                }
            }
            Event::StepSucceeded {
                lane,
                step,
                elapsed,
            } => {
                self.live.end(step.number);
                self.step_done(lane, step, *elapsed);
            }
            Event::StepFailed {
                lane,
                step,
                message,
            } => {
                self.live.end(step.number);
                self.line(&format!(
                    "  {lane}: {} {}: {message}",
                    words::step(&step.step),
                    self.paint("31", "failed")
                ));
            }
            Event::Pulling { image, progress } => self.pulling(image, *progress),
            Event::Output { source, line, .. } => self.output(source, line),
            Event::Tail { lane, line } => self.live.tail(lane, line),
            Event::Evidence {
                container,
                log,
                probe,
                state,
            } => self.evidence(container, log, probe.as_deref(), state),
            Event::Committed => self.line(&self.paint("32", "the new release stands")),
            Event::Unwinding { reason } => {
                self.close_group();
                self.live.clear();
                self.line(&format!(
                    "{} {reason}",
                    self.paint("33;1", "bringing the old containers back:")
                ));
            }
            Event::Undoing { step } => self.line(&format!("  {}", words::step(step))),
            Event::UndoFailed { step, message } => self.line(&format!(
                "  {} {}: {message}",
                words::step(step),
                self.paint("31", "failed")
            )),
            Event::Warning(text) => self.warning(text),
            Event::Note(text) => self.note(text),
        }
    }

    fn output(&self, source: &str, line: &str) {
        let line = screen::plain(line);
        self.line(&format!("  {source} | {line}"));
        if let Some(github) = &self.github {
            github.remember(format!("{source} | {line}"));
        }
    }

    fn pulling(&self, image: &str, progress: crate::engine::PullProgress) {
        self.live.pull(image, progress);
        if self.mode == Mode::Terminal {
            return;
        }
        let mut pulls = self.pulls.borrow_mut();
        let last = pulls.get(image).copied();
        if last.is_some_and(|at| at.elapsed() < PULL_LINES) || progress.layers == 0 {
            return;
        }
        pulls.insert(image.to_owned(), Instant::now());
        self.line(&format!(
            "  {image}: {} of {} layers, {} of {} MB",
            progress.layers_done,
            progress.layers,
            progress.current / 1_000_000,
            progress.total / 1_000_000
        ));
    }

    fn evidence(&self, container: &str, log: &[String], probe: Option<&str>, state: &str) {
        self.line(&format!("  {container}: {state}"));
        if let Some(github) = &self.github {
            github.evidence(container, state, log, probe);
        }
        for line in log {
            self.line(&format!("    | {}", screen::plain(line)));
        }
        if log.is_empty() {
            self.line("    (it wrote nothing)");
        }
        if let Some(probe) = probe {
            self.line(&format!("    last probe: {probe}"));
        }
    }
}
