//! The only place that prints: results to standard output, progress and errors to standard error.

pub mod output;
pub mod streams;
pub mod table;
pub mod words;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::{Ci, Colour, Globals};
use crate::error::Error;
use crate::execute::{Event, EventSink};
use crate::plan::step::{PlannedStep, StageKind};
use output::Output;

/// Between two lines of one pull, off a terminal.
const PULL_LINES: Duration = Duration::from_secs(5);

/// Shows what happens, as people, CI or programs read it.
pub struct Reporter {
    out: Output,
    err: Output,
    mode: Mode,
    github: bool,
    colour: bool,
    verbose: u8,
    pulls: RefCell<BTreeMap<String, Instant>>,
    /// Off a terminal every line has the time of day.
    stage: RefCell<Option<StageKind>>,
}

/// How events look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A person looks.
    Terminal,
    /// A log: one stamped line per event.
    Plain,
    /// One JSON object per event.
    Json,
}

impl Reporter {
    /// Fits the output to where it goes.
    pub fn new(globals: &Globals, environment: &indexmap::IndexMap<String, String>) -> Self {
        let set = |name: &str| environment.get(name).is_some_and(|v| !v.is_empty());
        let dumb = environment.get("TERM").is_some_and(|t| t == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb;
        let mode = match (globals.json, terminal) {
            (true, _) => Mode::Json,
            (false, true) => Mode::Terminal,
            (false, false) => Mode::Plain,
        };
        let colour = match globals.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !set("NO_COLOR"),
        };
        Self {
            out: Output::stdout(),
            err: Output::stderr(),
            mode,
            github: globals.ci == Some(Ci::Github) || set("GITHUB_ACTIONS"),
            colour,
            verbose: globals.verbose,
            pulls: RefCell::default(),
            stage: RefCell::default(),
        }
    }

    /// Begins to log what is asked of the engine (`-vv`).
    pub fn start_log(&self) {
        if self.verbose > 1 {
            let handle = self.err.handle();
            let log = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::DEBUG)
                .with_ansi(false);
            log.with_writer(move || handle.clone()).init();
        }
    }

    /// Whether results are asked for as JSON.
    pub fn json(&self) -> bool {
        self.mode == Mode::Json
    }

    /// Whether standard output may be coloured.
    pub fn coloured(&self) -> bool {
        self.colour && std::io::stdout().is_terminal()
    }

    /// A result: standard output, as it is.
    pub fn result(&self, text: &str) {
        self.out.write(text.as_bytes());
    }

    /// A result that is nothing without its end: waits for its reader, whom nobody else waits for.
    pub fn whole_result(&self, text: &str) {
        // A reader that is gone (`| head`) has seen what it wanted.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    /// Worth knowing.
    pub fn note(&self, text: &str) {
        match self.mode {
            Mode::Json => self.event(&json!({"event": "note", "message": text})),
            _ => self.line(text),
        }
    }

    /// Worth a second look.
    pub fn warning(&self, text: &str) {
        match self.mode {
            Mode::Json => self.event(&json!({"event": "warning", "message": text})),
            _ if self.github => self.raw(&format!("::warning::{}", escape(text))),
            _ => self.line(&format!("{} {text}", self.paint("33", "warning:"))),
        }
    }

    /// The error that ends the command.
    pub fn error(&self, error: &Error) {
        let message = error.to_string();
        let causes = error.causes();
        if self.mode == Mode::Json {
            let kind = format!("{:?}", error.kind).to_lowercase();
            return self.event(&json!({"event": "error", "kind": kind, "exit_code": error.kind as u8, "message": message, "causes": causes, "hints": error.hints}));
        }
        self.close_group();
        if self.github {
            self.raw(&format!("::error::{}", escape(&message)));
        }
        self.raw(&format!("{} {message}", self.paint("31;1", "error:")));
        for cause in causes {
            self.raw(&format!("  caused by: {cause}"));
        }
        for hint in &error.hints {
            self.raw(&format!("{} {hint}", self.paint("36", "hint:")));
        }
    }

    /// Writes out what is still on its way; a reader that is stuck is not waited for.
    pub fn finish(&self) {
        self.close_group();
        self.out.finish();
        self.err.finish();
    }

    fn line(&self, text: &str) {
        for line in text.lines() {
            match self.mode {
                Mode::Plain => self.raw(&format!("{} {line}", time_of_day())),
                _ => self.raw(line),
            }
        }
    }

    fn raw(&self, text: &str) {
        self.err.write(format!("{text}\n").as_bytes());
    }

    fn event(&self, event: &serde_json::Value) {
        let mut event = event.clone();
        if let Some(object) = event.as_object_mut() {
            object.insert("time".into(), json!(jiff::Timestamp::now().to_string()));
        }
        self.raw(&event.to_string());
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn open_group(&self, kind: StageKind, title: &str) {
        self.close_group();
        if self.github {
            self.raw(&format!("::group::{title}"));
        }
        self.stage.replace(Some(kind));
    }

    fn close_group(&self) {
        if self.stage.take().is_some() && self.github {
            self.raw("::endgroup::");
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

    fn people(&self, event: &Event<'_>) {
        match event {
            Event::StageStarted { kind, lanes } => {
                let title = words::stage(*kind);
                self.open_group(*kind, title);
                self.line(&format!("{} {}", self.paint("1", title), lanes.join(", ")));
            }
            Event::StepStarted { lane, step } => {
                if self.verbose > 0 || words::takes_time(&step.step) {
                    self.line(&format!("  {lane}: {} …", words::step(&step.step)));
                }
            }
            Event::StepSucceeded {
                lane,
                step,
                elapsed,
            } => self.step_done(lane, step, *elapsed),
            Event::StepFailed {
                lane,
                step,
                message,
            } => {
                self.line(&format!(
                    "  {lane}: {} {}: {message}",
                    words::step(&step.step),
                    self.paint("31", "failed")
                ));
            }
            Event::Pulling { image, progress } => self.pulling(image, *progress),
            Event::Output { source, line, .. } => self.line(&format!("  {source} | {line}")),
            Event::Evidence {
                container,
                log,
                probe,
                state,
            } => self.evidence(container, log, probe.as_deref(), state),
            Event::Committed => self.line(&self.paint("32", "the new release stands")),
            Event::Unwinding { reason } => {
                self.close_group();
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

    fn pulling(&self, image: &str, progress: crate::engine::PullProgress) {
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
        for line in log {
            self.line(&format!("    | {line}"));
        }
        if log.is_empty() {
            self.line("    (it wrote nothing)");
        }
        if let Some(probe) = probe {
            self.line(&format!("    last probe: {probe}"));
        }
    }
}

impl EventSink for Reporter {
    fn record(&self, event: Event<'_>) {
        if self.mode == Mode::Json {
            self.event(&words::json(&event));
        } else {
            self.people(&event);
        }
    }
}

fn time_of_day() -> String {
    jiff::Timestamp::now()
        .to_string()
        .get(11..19)
        .unwrap_or_default()
        .to_owned()
}

/// Workflow commands take one line.
fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}
