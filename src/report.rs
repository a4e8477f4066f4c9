//! The only place that prints: results to standard output, progress and errors to standard error.

mod github;
mod live;
pub mod output;
mod people;
pub mod record;
mod screen;
pub mod table;
pub mod words;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::{Ci, Colour, Globals};
use crate::engine::LogStream;
use crate::error::Error;
use crate::execute::{Event, EventSink};
use github::Github;
use live::Live;
use output::{Output, Patience, Picture, Piece};

/// Between two lines of one pull, off a terminal.
const PULL_LINES: Duration = Duration::from_secs(5);

/// Shows what happens, as people, CI or programs read it.
pub struct Reporter {
    out: Output,
    err: Output,
    mode: Mode,
    github: Option<Github>,
    colour: bool,
    verbose: u8,
    pulls: RefCell<BTreeMap<String, Instant>>,
    live: Arc<Live>,
    /// Something was printed that is worth waiting for.
    results: Cell<bool>,
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
        let dumb = environment.get("TERM").is_none_or(|t| t == "dumb");
        let github = globals.ci == Some(Ci::Github) || set("GITHUB_ACTIONS");
        let terminal = std::io::stderr().is_terminal() && !dumb && !github;
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
        let notice = if mode == Mode::Json {
            words::dropped_json
        } else {
            words::dropped
        };
        Self {
            out: Output::stdout(notice),
            err: Output::stderr(notice),
            mode,
            github: (github && mode == Mode::Plain).then(Github::default),
            colour,
            verbose: globals.verbose,
            pulls: RefCell::default(),
            live: Arc::new(Live::new(colour)),
            results: Cell::new(false),
        }
    }

    /// Begins to log what is asked of the engine (`-vv`).
    pub fn start_log(&self) {
        if self.verbose > 1 {
            let handle = self.err.handle(match self.mode {
                Mode::Json => words::log_json,
                _ => <[u8]>::to_vec,
            });
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

    /// Whether a person looks at standard output.
    pub fn stdout_is_terminal() -> bool {
        std::io::stdout().is_terminal()
    }

    /// Whether standard output is a terminal that can be drawn upon.
    pub fn is_screen(&self) -> bool {
        self.mode == Mode::Terminal && std::io::stdout().is_terminal()
    }

    /// A result: standard output, as it is. It is never cut: the command ends when it is read.
    pub fn result(&self, text: &str) {
        self.results.set(true);
        self.out.write(Piece::Kept, text.as_bytes());
    }

    /// A piece of a result without end: waits for its reader; false when that is gone.
    pub async fn stream(&self, text: &str) -> bool {
        if !self.out.room().await {
            return false;
        }
        self.result(text);
        true
    }

    /// Waits until nobody reads standard output any more, as far as writing has shown.
    pub async fn reader_gone(&self) {
        self.out.gone().await;
    }

    /// Bytes of a command in a container, as they are; waits for their reader, false when that is gone.
    pub async fn pass_on(&self, stream: LogStream, bytes: &[u8]) -> bool {
        let output = match stream {
            LogStream::Stdout => &self.out,
            LogStream::Stderr => &self.err,
        };
        let read = output.room().await;
        if read {
            self.results.set(true);
            output.write(Piece::Kept, bytes);
        }
        read
    }

    /// Waits until all that was passed on is read, however slowly; false when nobody reads the rest.
    pub async fn delivered(&self) -> bool {
        self.out.delivered().await && self.err.delivered().await
    }

    /// How a changing command ended, on standard output; a reader that is stuck is not waited for.
    pub fn outcome(&self, text: &str) {
        self.out.write(Piece::Kept, text.as_bytes());
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
            _ if self.github.is_some() => self.raw(&github::warning(text)),
            _ => self.line(&format!("{} {text}", self.paint("33", "warning:"))),
        }
    }

    /// The error that ends the command.
    pub fn error(&self, error: &Error) {
        let message = error.to_string();
        let causes = error.causes();
        if self.mode == Mode::Json {
            let kind = format!("{:?}", error.kind).to_lowercase();
            let event = json!({"event": "error", "kind": kind, "exit_code": error.kind as u8, "message": message, "causes": causes, "hints": error.hints});
            return self.keep(&words::stamped(event).to_string());
        }
        self.live.clear();
        if let Some(github) = &self.github {
            self.close_group();
            self.keep(&github.error(&message));
        }
        self.keep(&format!("{} {message}", self.paint("31;1", "error:")));
        for cause in causes {
            self.keep(&format!("  caused by: {cause}"));
        }
        for hint in &error.hints {
            self.keep(&format!("{} {hint}", self.paint("36", "hint:")));
        }
    }

    /// Writes out what is still on its way. Results are waited for as long as they take, unless the
    /// command was interrupted; for progress a reader that is stuck is not waited for.
    pub async fn finish(&self, interrupted: bool) -> std::io::Result<()> {
        self.close_group();
        self.live.clear();
        self.err.show(None);
        let patience = if self.results.get() && !interrupted {
            Patience::Endless
        } else {
            Patience::WhileRead
        };
        let written = self.out.finish(patience).await;
        // What goes wrong with standard error cannot be told to anybody.
        let _ = self.err.finish(Patience::WhileRead).await;
        written.or_else(|error| {
            if self.results.get() {
                Err(error)
            } else {
                Ok(())
            }
        })
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
        self.err
            .write(Piece::Progress, format!("{text}\n").as_bytes());
    }

    /// A line that is not lost, however full the pipe is.
    fn keep(&self, text: &str) {
        self.err.write(Piece::Kept, format!("{text}\n").as_bytes());
    }

    fn event(&self, event: &serde_json::Value) {
        self.raw(&words::stamped(event.clone()).to_string());
    }

    /// The picture is drawn from the first event on.
    fn draw(&self) {
        if self.mode == Mode::Terminal {
            let live: Arc<dyn Picture> = Arc::<Live>::clone(&self.live);
            self.err.show(Some(live));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

impl EventSink for Reporter {
    fn record(&self, event: Event<'_>) {
        if self.mode == Mode::Json {
            self.event(&words::json(&event));
        } else {
            self.draw();
            self.people(&event);
        }
    }

    fn follows_logs(&self) -> bool {
        self.mode == Mode::Terminal
    }
}

fn time_of_day() -> String {
    jiff::Timestamp::now()
        .to_string()
        .get(11..19)
        .unwrap_or_default()
        .to_owned()
}
