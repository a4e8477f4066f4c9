//! Ends or disturbs the command at an exact system call; the binary needs no hook for it.

use std::process::{Command, ExitStatus, Stdio};

use crate::app::{App, Ran};

/// Where a command is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Before a journal line is written: the effect that it notes has happened.
    Unwritten,
    /// Once it is written: the effect that it announces has not begun.
    Written,
    /// Before a finished file takes its place: model, record, journal, env file, `.rollback-tag`.
    Replaced,
}

impl Point {
    fn calls(self) -> &'static str {
        match self {
            Self::Unwritten => "write",
            Self::Written => "fdatasync",
            Self::Replaced => "rename,renameat,renameat2",
        }
    }

    /// The words before the command that disturb it at the `n`-th such point, from 1; `n+`: from there on.
    pub(crate) fn words(self, app: &App, n: &str, what: &str) -> Vec<String> {
        let calls = self.calls();
        let journal = app.path(".deployctl").join(&app.project).join("journal");
        let mut words: Vec<String> = ["strace", "-qq", "-o", "/dev/null"]
            .map(str::to_owned)
            .into();
        if self != Self::Replaced {
            words.extend(["-P".to_owned(), journal.display().to_string()]);
        }
        words.extend([
            "-e".to_owned(),
            format!("trace={calls}"),
            "-e".to_owned(),
            format!("inject={calls}:{what}:when={n}"),
        ]);
        words
    }
}

/// `kill -9` at a point; true when it came to that, false when the command had ended before.
pub(crate) fn killed(app: &App, arguments: &[&str], point: Point, n: usize) -> bool {
    let words = point.words(app, &n.to_string(), "signal=KILL");
    let status = command(app, &words, arguments).status();
    was_killed(status.expect("strace: scripts/test installs it"))
}

/// A command under other words, silent.
pub(crate) fn command(app: &App, words: &[String], arguments: &[&str]) -> Command {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = app.under(&words, arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A command under other words.
pub(crate) fn run(app: &App, words: &[String], arguments: &[&str]) -> Ran {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = app.under(&words, arguments).output();
    Ran::from(output.expect("strace: scripts/test installs it"))
}

/// strace ends as its command ended.
fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(9) || status.code() == Some(137)
}
