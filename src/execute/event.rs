//! What happens while a plan runs, as the report shows it.

use std::time::Duration;

use crate::engine::{LogStream, PullProgress};
use crate::plan::step::{PlannedStep, Stage, StageKind, Step};

/// Takes events; never blocks and never fails the deploy.
pub trait EventSink {
    /// Takes one event.
    fn record(&self, event: Event<'_>);

    /// Whether somebody looks at what a container writes while it is being waited for.
    fn follows_logs(&self) -> bool {
        false
    }
}

/// Something that a person may want to see.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A stage begins; `lanes` are the names of what goes on in it.
    StageStarted {
        /// Which.
        kind: StageKind,
        /// Services, images or jobs.
        lanes: Vec<&'a str>,
    },
    /// A step begins.
    StepStarted {
        /// Service, image or job.
        lane: &'a str,
        /// Which.
        step: &'a PlannedStep,
    },
    /// A step is done.
    StepSucceeded {
        /// Service, image or job.
        lane: &'a str,
        /// Which.
        step: &'a PlannedStep,
        /// How long it took.
        elapsed: Duration,
    },
    /// A step failed: the release fails with it.
    StepFailed {
        /// Service, image or job.
        lane: &'a str,
        /// Which.
        step: &'a PlannedStep,
        /// Why.
        message: String,
    },
    /// A pull goes on.
    Pulling {
        /// The image's reference.
        image: &'a str,
        /// How far.
        progress: PullProgress,
    },
    /// A job wrote a line.
    Output {
        /// The job.
        source: &'a str,
        /// Where it was written to.
        stream: LogStream,
        /// The line.
        line: &'a str,
    },
    /// A container that is being waited for wrote a line.
    Tail {
        /// Its service.
        lane: &'a str,
        /// The line.
        line: &'a str,
    },
    /// What a failed container said last: its log and its last probe.
    Evidence {
        /// The container's name.
        container: &'a str,
        /// Last lines of its log.
        log: Vec<String>,
        /// Output of its last probe.
        probe: Option<String>,
        /// Exit code, OOM, restarts: for people.
        state: String,
    },
    /// The new release stands.
    Committed,
    /// The old world is brought back.
    Unwinding {
        /// Why.
        reason: &'a str,
    },
    /// An undo step begins.
    Undoing {
        /// Which.
        step: &'a Step,
    },
    /// An undo step failed.
    UndoFailed {
        /// Which.
        step: &'a Step,
        /// Why.
        message: String,
    },
    /// Worth knowing; changes nothing.
    Warning(String),
    /// Worth knowing.
    Note(String),
}

impl<'a> Event<'a> {
    /// A stage begins; each name in it is said once.
    pub fn stage_started(stage: &'a Stage) -> Self {
        let mut lanes: Vec<&str> = Vec::new();
        for lane in &stage.lanes {
            if !lanes.contains(&lane.name.as_str()) {
                lanes.push(&lane.name);
            }
        }
        Self::StageStarted {
            kind: stage.kind,
            lanes,
        }
    }
}
