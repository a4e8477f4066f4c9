//! How long services do not answer while a release replaces them: measured, to be foreseen the next time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

use crate::execute::{Event, EventSink};
use crate::plan::step::{Step, Until};

/// Passes events on, and measures from each service's first stop until its new container is ready.
pub(super) struct Gaps<'a, R> {
    inner: &'a R,
    stopped: RefCell<BTreeMap<String, Instant>>,
    measured: RefCell<BTreeMap<String, u64>>,
}

impl<'a, R> Gaps<'a, R> {
    pub(super) fn over(inner: &'a R) -> Self {
        Self {
            inner,
            stopped: RefCell::default(),
            measured: RefCell::default(),
        }
    }

    /// Milliseconds by service.
    pub(super) fn take(&self) -> BTreeMap<String, u64> {
        self.measured.take()
    }
}

impl<R: EventSink> EventSink for Gaps<'_, R> {
    fn record(&self, event: Event<'_>) {
        match &event {
            Event::StepStarted { lane, step } if matches!(step.step, Step::Stop { .. }) => {
                let mut stopped = self.stopped.borrow_mut();
                stopped
                    .entry((*lane).to_owned())
                    .or_insert_with(Instant::now);
            }
            Event::StepSucceeded { lane, step, .. } => {
                let ready =
                    matches!(&step.step, Step::Await { until, .. } if *until != Until::Completed);
                // With start-first the wait comes before the stop: then there is no gap.
                if ready && let Some(since) = self.stopped.borrow_mut().remove(*lane) {
                    let gap = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                    let mut measured = self.measured.borrow_mut();
                    let longest = measured.entry((*lane).to_owned()).or_default();
                    *longest = gap.max(*longest);
                }
            }
            _ => {}
        }
        self.inner.record(event);
    }

    fn follows_logs(&self) -> bool {
        self.inner.follows_logs()
    }
}
