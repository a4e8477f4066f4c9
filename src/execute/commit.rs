//! What follows from the journal's line `committed`, and the end of the journal.

use std::cell::Cell;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::execute::away::while_away;
use crate::execute::event::{Event, EventSink};
use crate::execute::failure::Failure;
use crate::execute::perform::{Performer, with_causes};
use crate::execute::serving::bring_up;
use crate::execute::unwind::Back;
use crate::plan::step::{Before, Lane, Stage, StageKind};
use crate::state::{Entry, Outcome, Store};

/// What became of the engine since the plan began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineSince {
    /// It answered all the time.
    There,
    /// It was away, or may have been.
    Lost,
}

/// The stages that follow from the line `committed`: done now, or again by a recovery.
pub(super) async fn finish_commit<E: Engine, S: Store, R: EventSink>(
    performer: &Performer<'_, E, S, R>,
    stages: &[Stage],
    before: &[Before],
    engine: EngineSince,
) -> Vec<String> {
    let mut problems = Vec::new();
    let lost = Cell::new(engine == EngineSince::Lost);
    for stage in stages.iter().filter(|s| follows_commit(s.kind)) {
        performer.events.record(Event::stage_started(stage));
        let lanes = join_all(
            stage
                .lanes
                .iter()
                .map(|lane| follow(performer, lane, &lost)),
        )
        .await;
        let failures: Vec<String> = lanes.into_iter().flatten().collect();
        if stage.kind == StageKind::Clean {
            for f in failures {
                performer.events.record(Event::Warning(f));
            }
        } else {
            problems.extend(failures);
        }
    }
    if lost.get() {
        problems.extend(bring_up(performer, stages, before).await);
    }
    if problems.is_empty() {
        close(performer, Outcome::Succeeded, None, Back::default())
    } else {
        problems
    }
}

async fn follow<E: Engine, S: Store, R: EventSink>(
    performer: &Performer<'_, E, S, R>,
    lane: &Lane,
    lost: &Cell<bool>,
) -> Vec<String> {
    let mut failures = Vec::new();
    for step in &lane.steps {
        let started = Instant::now();
        performer.events.record(Event::StepStarted {
            lane: &lane.name,
            step,
        });
        // What is redone anyway needs no line of its own to be found again; it has one to be read.
        let _ = performer.store.append(&Entry::StepBegun {
            number: step.number,
        });
        let attempt = async || {
            let _room = performer.room.for_step(&step.step).await;
            let result = performer.perform(&step.step).await;
            let away = matches!(&result, Err(Failure::Engine(error)) if error.is_away());
            lost.set(lost.get() || away);
            result
        };
        match while_away(attempt).await {
            Ok(created) => {
                let _ = performer.store.append(&Entry::StepDone {
                    number: step.number,
                    created,
                });
                performer.events.record(Event::StepSucceeded {
                    lane: &lane.name,
                    step,
                    elapsed: started.elapsed(),
                });
            }
            Err(failure) => failures.push(format!("{}: {failure}", lane.name)),
        }
    }
    failures
}

/// Ends the journal where one world stands; leaves it open where `recover` has something left to do.
pub(super) fn close<E: Engine, S: Store, R: EventSink>(
    performer: &Performer<'_, E, S, R>,
    outcome: Outcome,
    reason: Option<&str>,
    back: Back,
) -> Vec<String> {
    let mut problems = back.problems;
    let store = performer.store;
    if (outcome != Outcome::Succeeded || reason.is_some())
        && let Err(error) = store.record(outcome, reason)
    {
        performer.events.record(Event::Warning(with_causes(&error)));
    }
    if (outcome != Outcome::Degraded || back.is_final)
        && let Err(error) = store.append(&Entry::Closed { outcome })
    {
        problems.push(with_causes(&error));
    }
    problems
}

pub(super) fn follows_commit(kind: StageKind) -> bool {
    matches!(kind, StageKind::Commit | StageKind::Clean)
}
