//! The picture of a running release: the steps that go on, how far the pulls are, what a container writes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::output::Picture;
use super::screen::{fit, plain, width};
use crate::engine::PullProgress;

/// Lines of a container's log that are shown while it is being waited for.
const TAIL: usize = 3;
/// Steps that are shown at once; more are counted.
const STEPS: usize = 12;
/// Columns of a pull's bar.
const BAR: usize = 20;

/// What goes on.
#[derive(Debug, Default)]
pub(super) struct Live {
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    stage: Option<(String, Instant)>,
    steps: Vec<Step>,
    pulls: BTreeMap<String, PullProgress>,
    dim: bool,
}

#[derive(Debug)]
struct Step {
    lane: String,
    number: u32,
    text: String,
    since: Instant,
    tail: VecDeque<String>,
}

impl Live {
    /// A picture with or without colours.
    pub(super) fn new(coloured: bool) -> Self {
        let live = Self::default();
        live.now().dim = coloured;
        live
    }

    pub(super) fn stage(&self, title: &str) {
        let mut now = self.now();
        now.clear();
        now.stage = Some((title.to_owned(), Instant::now()));
    }

    pub(super) fn begin(&self, lane: &str, number: u32, text: String) {
        self.now().steps.push(Step {
            lane: lane.to_owned(),
            number,
            text,
            since: Instant::now(),
            tail: VecDeque::new(),
        });
    }

    pub(super) fn end(&self, number: u32) {
        self.now().steps.retain(|s| s.number != number);
    }

    pub(super) fn pull(&self, image: &str, progress: PullProgress) {
        self.now().pulls.insert(image.to_owned(), progress);
    }

    /// A line of the container that a lane waits for.
    pub(super) fn tail(&self, lane: &str, line: &str) {
        let mut now = self.now();
        if let Some(step) = now.steps.iter_mut().rfind(|s| s.lane == lane) {
            step.tail.push_back(plain(line));
            if step.tail.len() > TAIL {
                step.tail.pop_front();
            }
        }
    }

    pub(super) fn clear(&self) {
        self.now().clear();
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn clear(&mut self) {
        self.stage = None;
        self.steps.clear();
        self.pulls.clear();
    }

    fn dim(&self, text: &str) -> String {
        if self.dim {
            format!("\x1b[2m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn step(&self, step: &Step, columns: usize) -> Vec<String> {
        let text = match self.pulls.get(&step.lane).filter(|p| p.layers > 0) {
            Some(progress) => format!("{}  {}", step.lane, bar(progress, columns)),
            None => format!("{}: {}", step.lane, step.text),
        };
        let mut lines = vec![with_time(
            &format!("  {text}"),
            step.since.elapsed(),
            columns,
        )];
        let tail = step
            .tail
            .iter()
            .map(|line| self.dim(&fit(&format!("    | {line}"), columns)));
        lines.extend(tail);
        lines
    }
}

impl Picture for Live {
    fn lines(&self, columns: usize) -> Vec<String> {
        let now = self.now();
        let Some((title, since)) = &now.stage else {
            return Vec::new();
        };
        if now.steps.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![with_time(title, since.elapsed(), columns)];
        for step in now.steps.iter().take(STEPS) {
            lines.extend(now.step(step, columns));
        }
        if now.steps.len() > STEPS {
            lines.push(format!("  and {} more", now.steps.len() - STEPS));
        }
        lines
    }
}

/// The time stands at the right, as far as there is room.
fn with_time(text: &str, time: Duration, columns: usize) -> String {
    let time = format!("{:.1} s", time.as_secs_f64());
    let columns = columns.saturating_sub(1);
    let Some(room) = columns.checked_sub(time.len() + 2).filter(|r| *r >= 16) else {
        return fit(text, columns);
    };
    let text = fit(text, room);
    let gap = room.min(70) - width(&text).min(room.min(70));
    format!("{text}{}  {time}", " ".repeat(gap))
}

/// `[=====>    ] 3 of 7 layers, 12 of 40 MB`; without the bar where there is no room for it.
fn bar(progress: &PullProgress, columns: usize) -> String {
    let words = format!(
        "{} of {} layers, {} of {} MB",
        progress.layers_done,
        progress.layers,
        progress.current / 1_000_000,
        progress.total / 1_000_000
    );
    if columns < 80 {
        return words;
    }
    let part = |whole: u64, done: u64| {
        let bar = u64::try_from(BAR).unwrap_or(0);
        usize::try_from(done.min(whole) * bar / whole.max(1)).unwrap_or(0)
    };
    // Small layers come without a size.
    let done = if progress.total > 0 {
        part(progress.total, progress.current)
    } else {
        part(progress.layers.into(), progress.layers_done.into())
    };
    let head = if done < BAR { ">" } else { "" };
    let rest = " ".repeat(BAR.saturating_sub(done + head.len()));
    format!("[{}{head}{rest}] {words}", "=".repeat(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: PullProgress = PullProgress {
        current: 10_000_000,
        total: 40_000_000,
        layers_done: 1,
        layers: 4,
    };

    fn without_times(lines: &[String]) -> Vec<String> {
        let cut = |l: &String| {
            l.split("  0.")
                .next()
                .unwrap_or_default()
                .trim_end()
                .to_owned()
        };
        lines.iter().map(cut).collect()
    }

    #[test]
    fn steps_pulls_and_the_log_of_what_is_waited_for_are_shown() {
        let live = Live::new(false);
        live.stage("update");
        live.begin("api", 3, "wait until shop-api-1 is healthy".to_owned());
        for line in ["one", "two", "three", "four"] {
            live.tail("api", line);
        }
        live.begin("tiny:v2", 4, "pull tiny:v2".to_owned());
        live.pull("tiny:v2", PROGRESS);
        assert_eq!(
            without_times(&live.lines(100)),
            [
                "update",
                "  api: wait until shop-api-1 is healthy",
                "    | two",
                "    | three",
                "    | four",
                "  tiny:v2  [=====>              ] 1 of 4 layers, 10 of 40 MB",
            ]
        );
        live.end(3);
        live.end(4);
        assert_eq!(live.lines(100), [""; 0]);
    }

    #[test]
    fn a_narrow_terminal_gets_no_bar_and_no_time_that_it_has_no_room_for() {
        let live = Live::new(true);
        live.stage("pull");
        live.begin("tiny:v2", 1, "pull tiny:v2".to_owned());
        live.pull("tiny:v2", PROGRESS);
        live.tail("tiny:v2", &"long ".repeat(30));
        for columns in [10, 20, 40, 79] {
            let lines = live.lines(columns);
            assert!(lines.iter().all(|l| width(l) <= columns), "{lines:#?}");
            let text = lines.concat().replace("\x1b[", "");
            assert!(!text.contains('['), "{text}");
        }
    }

    #[test]
    fn many_steps_are_counted() {
        let live = Live::new(false);
        live.stage("update");
        for number in 0..20 {
            live.begin(&format!("s{number}"), number, "start".to_owned());
        }
        assert_eq!(
            live.lines(80).last().map(String::as_str),
            Some("  and 8 more")
        );
    }
}
