//! How long services do not answer while a release replaces them: measured, to be foreseen the next time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::execute::{Event, EventSink};
use crate::plan::step::{Step, Until};

/// Passes events on, and measures from each service's first stop until its new container is ready.
pub(super) struct Gaps<'a, R> {
    inner: &'a R,
    stopped: RefCell<BTreeMap<String, Instant>>,
    /// Services whose new container was ready before an old one was stopped: they have no gap.
    beside: RefCell<BTreeSet<String>>,
    measured: RefCell<BTreeMap<String, u64>>,
}

impl<'a, R> Gaps<'a, R> {
    pub(super) fn over(inner: &'a R) -> Self {
        Self {
            inner,
            stopped: RefCell::default(),
            beside: RefCell::default(),
            measured: RefCell::default(),
        }
    }

    fn is_ready(&self, lane: &str) {
        let Some(since) = self.stopped.borrow_mut().remove(lane) else {
            self.beside.borrow_mut().insert(lane.to_owned());
            return;
        };
        let gap = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut measured = self.measured.borrow_mut();
        let longest = measured.entry(lane.to_owned()).or_default();
        *longest = gap.max(*longest);
    }

    /// Milliseconds by service.
    pub(super) fn take(&self) -> BTreeMap<String, u64> {
        self.measured.take()
    }
}

impl<R: EventSink> EventSink for Gaps<'_, R> {
    fn record(&self, event: Event<'_>) {
        match &event {
            Event::StepStarted { lane, step }
                if matches!(step.step, Step::Stop { .. })
                    && !self.beside.borrow().contains(*lane) =>
            {
                let mut stopped = self.stopped.borrow_mut();
                let since = stopped.entry((*lane).to_owned());
                since.or_insert_with(Instant::now);
            }
            Event::StepSucceeded { lane, step, .. } => {
                let ready =
                    matches!(&step.step, Step::Await { until, .. } if *until != Until::Completed);
                if ready {
                    self.is_ready(lane);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::step::{Cause, ContainerRef, PlannedStep, Undo};

    struct Nobody;

    impl EventSink for Nobody {
        fn record(&self, _: Event<'_>) {}
    }

    fn planned(step: Step) -> PlannedStep {
        PlannedStep {
            number: 1,
            step,
            undo: Undo::Run(Vec::new()),
            cause: Cause::Release,
        }
    }

    /// What is measured of a lane that stops (`s`) and waits (`w`) in this order.
    fn measured(order: &str) -> Vec<String> {
        let container = ContainerRef::Existing {
            id: "1".to_owned(),
            name: "shop-api-1".to_owned(),
        };
        let stop = planned(Step::Stop {
            container: container.clone(),
            grace: None,
        });
        let wait = planned(Step::Await {
            container,
            until: Until::Healthy,
            timeout: Duration::ZERO,
        });
        let gaps = Gaps::over(&Nobody);
        for letter in order.chars() {
            let step = if letter == 's' { &stop } else { &wait };
            gaps.record(Event::StepStarted { lane: "api", step });
            gaps.record(Event::StepSucceeded {
                lane: "api",
                step,
                elapsed: Duration::ZERO,
            });
        }
        gaps.take().into_keys().collect()
    }

    #[test]
    fn a_gap_is_from_the_stop_to_the_ready_container_and_start_first_has_none() {
        assert_eq!(measured("sw"), ["api"]);
        assert_eq!(measured("swsw"), ["api"]);
        assert_eq!(measured("ws"), [""; 0]);
        assert_eq!(measured("wsws"), [""; 0]);
    }
}
