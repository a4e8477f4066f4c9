//! What GitHub Actions reads out of a log: groups that fold, errors and warnings that are marked.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// How many lines go into the marked error; GitHub cuts what is longer.
const LINES: usize = 20;

/// The open group, and what a failure will have said last.
#[derive(Debug, Default)]
pub(super) struct Github {
    open: Cell<bool>,
    last: RefCell<VecDeque<String>>,
}

impl Github {
    pub(super) fn open(&self, title: &str) -> String {
        self.open.set(true);
        self.last.borrow_mut().clear();
        format!("::group::{}", escape(title))
    }

    pub(super) fn close(&self) -> Option<String> {
        self.open.take().then(|| "::endgroup::".to_owned())
    }

    /// A line that belongs to the error if one follows.
    pub(super) fn remember(&self, line: String) {
        let mut last = self.last.borrow_mut();
        last.push_back(line);
        if last.len() > LINES {
            last.pop_front();
        }
    }

    /// What the failed container said.
    pub(super) fn evidence(
        &self,
        container: &str,
        state: &str,
        log: &[String],
        probe: Option<&str>,
    ) {
        self.last.borrow_mut().clear();
        let log = &log[log.len().saturating_sub(LINES - 2)..];
        self.remember(format!("{container}: {state}"));
        for line in log {
            self.remember(format!("  | {}", super::screen::plain(line)));
        }
        if let Some(probe) = probe {
            self.remember(format!("last probe: {}", super::screen::plain(probe)));
        }
    }

    /// The error with the container's last lines in the mark itself: it is shown where nobody opens the log.
    pub(super) fn error(&self, message: &str) -> String {
        let mut text = vec![message.to_owned()];
        text.extend(self.last.take());
        format!("::error title=deployctl::{}", escape(&text.join("\n")))
    }
}

pub(super) fn warning(text: &str) -> String {
    format!("::warning title=deployctl::{}", escape(text))
}

/// Workflow commands take one line.
fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_carries_the_last_lines_of_the_failed_container() {
        let github = Github::default();
        assert_eq!(github.open("update"), "::group::update");
        let log: Vec<String> = (0..30).map(|n| format!("line {n}")).collect();
        github.evidence("shop-api-1", "exited (1)", &log, Some("exit 1: 50%"));
        assert_eq!(github.close().as_deref(), Some("::endgroup::"));
        assert_eq!(github.close(), None);
        let error = github.error("release 3 failed");
        assert!(
            error.starts_with("::error title=deployctl::release 3 failed%0Ashop-api-1: exited (1)%0A  | line 12%0A"),
            "{error}"
        );
        assert!(
            error.ends_with("| line 29%0Alast probe: exit 1: 50%25"),
            "{error}"
        );
        assert_eq!(github.error("again"), "::error title=deployctl::again");
    }

    #[test]
    fn a_failed_job_is_marked_with_what_it_wrote_in_its_own_stage() {
        let github = Github::default();
        github.open("backup");
        github.remember("backup | fine".to_owned());
        github.open("migrate");
        github.remember("migrate | no table".to_owned());
        assert_eq!(
            github.error("it failed"),
            "::error title=deployctl::it failed%0Amigrate | no table"
        );
    }
}
