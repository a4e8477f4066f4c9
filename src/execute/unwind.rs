//! Brings the old containers back: names, then starts, then the removal of what was new.
//!
//! Every undo leaves alone what is as it should be, so an unwind that was killed can be run again.

use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::{Engine, EngineError, Scope};
use crate::execute::away::{ASK_AGAIN, while_away};
use crate::execute::event::{Event, EventSink};
use crate::execute::failure::Failure;
use crate::execute::perform::{Performer, with_causes};
use crate::execute::watch::Watch;
use crate::plan::observed::{Container, ContainerState, Health};
use crate::plan::step::{Before, ContainerRef, Lane, PlannedStep, Stage, Step, Undo, Until};
use crate::state::{Entry, Store};

/// How long the old containers may take to be as they were.
const AS_BEFORE: Duration = Duration::from_mins(2);
/// How often everything is taken back before what is left is a problem: a call of a killed run that the
/// engine still carries out can undo an undo.
const ATTEMPTS: u32 = 3;

/// What has been begun and is to be taken back.
pub(super) struct Unwind<'a, E, S, R> {
    pub performer: &'a Performer<'a, E, S, R>,
    pub stages: &'a [Stage],
    pub before: &'a [Before],
    /// Numbers of the steps whose effect may have happened.
    pub begun: &'a [u32],
    /// Numbers of the steps whose effect is known to be over; the engine may still carry out the others.
    pub done: &'a [u32],
}

/// What an unwind came to.
#[derive(Debug, Default)]
pub(super) struct Back {
    /// What is not as it was.
    pub problems: Vec<String>,
    /// Somebody removed what would have to come back, and all else is as it was: no second try mends that.
    pub is_final: bool,
}

/// The order of an unwind. A container that shares another's network can only start when that one runs,
/// so starts go forward through the plan while everything else goes backward.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// New containers stop, names go back.
    Names,
    /// Old containers start, with their own restart policies.
    Starts,
    /// Proxies have the time to learn of the old containers that serve again (start-first).
    Delays,
    /// New containers stop that served until then.
    LastStops,
    /// What was created goes.
    Removals,
}

impl<E: Engine, S: Store, R: EventSink> Unwind<'_, E, S, R> {
    /// Takes everything back and waits until the old containers are as they were; returns what is not.
    pub(super) async fn run(&self, reason: &str) -> Back {
        self.performer.events.record(Event::Unwinding { reason });
        self.note(&Entry::Unwinding {
            reason: reason.to_owned(),
        });
        let mut problems = self.attempt().await;
        let mut lost = self.lost().await;
        for _ in 1..ATTEMPTS {
            if problems.is_empty() || problems == lost {
                break;
            }
            tokio::time::sleep(ASK_AGAIN).await;
            problems = self.attempt().await;
            lost = self.lost().await;
        }
        Back {
            is_final: problems == lost,
            problems,
        }
    }

    /// The old containers that somebody removed.
    async fn lost(&self) -> Vec<String> {
        let mut lost = Vec::new();
        for before in self.before {
            if let Ok(None) = self.inspect(&before.id).await {
                lost.push(gone(before));
            }
        }
        lost
    }

    async fn attempt(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for phase in [Phase::Names, Phase::Starts] {
            problems.extend(self.phase(phase).await);
        }
        problems.extend(self.restore_untouched().await);
        if problems.is_empty() && self.has_last_stops() {
            problems.extend(self.verify().await);
        }
        for phase in [Phase::Delays, Phase::LastStops, Phase::Removals] {
            problems.extend(self.phase(phase).await);
        }
        if problems.is_empty() {
            self.verify().await
        } else {
            problems
        }
    }

    fn has_last_stops(&self) -> bool {
        let steps = self.stages.iter().flat_map(|s| &s.lanes);
        steps
            .flat_map(|l| &l.steps)
            .any(|s| matches!(s.undo, Undo::RunLast(_)) && self.begun.contains(&s.number))
    }

    async fn phase(&self, phase: Phase) -> Vec<String> {
        let mut stages: Vec<&Stage> = self.stages.iter().collect();
        if phase != Phase::Starts {
            stages.reverse();
        }
        let mut problems = Vec::new();
        for stage in stages {
            let lanes = join_all(stage.lanes.iter().map(|lane| self.lane(lane, phase))).await;
            problems.extend(lanes.into_iter().flatten());
        }
        problems
    }

    async fn lane(&self, lane: &Lane, phase: Phase) -> Vec<String> {
        let mut problems = Vec::new();
        let mut steps: Vec<&PlannedStep> = lane
            .steps
            .iter()
            .filter(|s| self.begun.contains(&s.number))
            .collect();
        // Within a lane always newest first: the policy comes back with, or after, the start.
        steps.reverse();
        for planned in steps {
            if phase == Phase::Names && self.may_still_stop(planned) {
                // Where this fails the start and the verification tell what it means.
                self.performer.events.record(Event::Undoing {
                    step: &planned.step,
                });
                let _ = self.persist(&planned.step).await;
            }
            let due: Vec<&Step> = match &planned.undo {
                Undo::Run(undos) => undos.iter().filter(|u| phase_of(u) == phase).collect(),
                Undo::RunLast(undos) if phase == Phase::LastStops => undos.iter().collect(),
                Undo::RunLast(_) | Undo::Nothing(_) => continue,
            };
            for undo in due {
                self.note(&Entry::UndoBegun {
                    number: planned.number,
                });
                self.performer.events.record(Event::Undoing { step: undo });
                match self.persist(undo).await {
                    Ok(()) => self.note(&Entry::UndoDone {
                        number: planned.number,
                    }),
                    Err(failure) => {
                        let message = failure.to_string();
                        self.performer.events.record(Event::UndoFailed {
                            step: undo,
                            message: message.clone(),
                        });
                        problems.push(format!("{}: {message}", lane.name));
                    }
                }
            }
        }
        problems
    }

    /// The engine goes on with a stop whose caller is gone: it is brought to its end first, else it would
    /// end the container right after its start.
    fn may_still_stop(&self, planned: &PlannedStep) -> bool {
        let existing = matches!(
            &planned.step,
            Step::Stop {
                container: ContainerRef::Existing { .. },
                ..
            }
        );
        existing && !self.done.contains(&planned.number)
    }

    /// Takes one undo step, waiting for an engine that is away.
    async fn persist(&self, step: &Step) -> Result<(), Failure> {
        while_away(async || self.undo(step).await).await
    }

    /// A container that the killed run never created needs no undo.
    async fn undo(&self, step: &Step) -> Result<(), Failure> {
        let container = match step {
            Step::Start { .. } => None,
            other => container_of(other),
        };
        if let Some(reference @ ContainerRef::Planned(_)) = container {
            let Some(id) = self.performer.find(reference).await? else {
                return Ok(());
            };
            // Somebody else may have removed what we created: that is where we were going.
            if self.performer.engine.inspect(&id).await?.is_none() {
                return Ok(());
            }
        }
        let _room = self.performer.room.for_step(step).await;
        match self.performer.perform(step).await {
            Err(Failure::Engine(EngineError::NotFound { message })) => {
                if let Some(ContainerRef::Existing { id, .. }) = container_of(step)
                    && self.performer.engine.inspect(id).await?.is_none()
                {
                    // The verification tells of it, once.
                    return Ok(());
                }
                Err(EngineError::NotFound { message }.into())
            }
            result => result.map(|_| ()),
        }
    }

    /// After a crash of the engine containers that the plan did not touch lie there, too.
    async fn restore_untouched(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for before in self
            .before
            .iter()
            .filter(|b| b.state == ContainerState::Running)
        {
            let container = ContainerRef::Existing {
                id: before.id.clone(),
                name: before.name.clone(),
            };
            let runs = match self.inspect(&before.id).await {
                Ok(Some(container)) => container.is_running(),
                Ok(None) => true,
                Err(failure) => {
                    problems.push(format!("{}: {failure}", before.name));
                    continue;
                }
            };
            if !runs && let Err(failure) = self.persist(&Step::Start { container }).await {
                problems.push(format!("{}: {failure}", before.name));
            }
        }
        problems
    }

    /// Waits until each container is as it was observed before.
    async fn verify(&self) -> Vec<String> {
        let watch = Watch::new(self.performer.engine, &self.project().await);
        let checks = join_all(
            self.before
                .iter()
                .map(|before| self.as_before(&watch, before)),
        );
        tokio::select! {
            problems = checks => problems.into_iter().flatten().collect(),
            never = watch.run() => match never {},
        }
    }

    async fn as_before(&self, watch: &Watch<'_, E>, before: &Before) -> Option<String> {
        let name = &before.name;
        let found = match self.inspect(&before.id).await {
            Ok(Some(container)) => container,
            Ok(None) => {
                return Some(gone(before));
            }
            Err(failure) => return Some(format!("{name}: {failure}")),
        };
        if found.name != *name {
            return Some(format!(
                "container `{name}` is still named `{}`",
                found.name
            ));
        }
        if before.state != ContainerState::Running {
            return None;
        }
        let until = if before.health == Health::Healthy {
            Until::Healthy
        } else {
            Until::Running
        };
        watch.add(&before.id, name, until).await;
        let verdict = tokio::time::timeout(AS_BEFORE, watch.ready(&before.id)).await;
        match verdict {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure.to_string()),
            Err(_) => Some(format!(
                "container `{name}` is not healthy again after {} s",
                AS_BEFORE.as_secs()
            )),
        }
    }

    async fn inspect(&self, id: &str) -> Result<Option<Container>, Failure> {
        while_away(async || Ok(self.performer.engine.inspect(id).await?)).await
    }

    /// The project's name, for the event stream: from the label of any container that was there.
    async fn project(&self) -> String {
        for before in self.before {
            if let Ok(Some(container)) = self.inspect(&before.id).await
                && let Some(project) = container.label(crate::plan::spec::label::PROJECT)
            {
                return project.to_owned();
            }
        }
        Scope::default().project
    }

    /// The unwind goes on when the disk is full: the journal still says what was begun.
    fn note(&self, entry: &Entry) {
        if let Err(error) = self.performer.store.append(entry) {
            self.performer
                .events
                .record(Event::Warning(with_causes(&error)));
        }
    }
}

fn phase_of(step: &Step) -> Phase {
    match step {
        Step::Start { .. }
        | Step::SetRestart {
            container: ContainerRef::Existing { .. },
            ..
        } => Phase::Starts,
        Step::Delay { .. } => Phase::Delays,
        Step::Remove { .. } | Step::RemoveNetwork { .. } => Phase::Removals,
        _ => Phase::Names,
    }
}

/// The container of a step that takes something back.
fn container_of(step: &Step) -> Option<&ContainerRef> {
    match step {
        Step::Start { container }
        | Step::Stop { container, .. }
        | Step::Rename { container, .. }
        | Step::Remove { container }
        | Step::SetRestart { container, .. } => Some(container),
        _ => None,
    }
}

fn gone(before: &Before) -> String {
    format!(
        "container `{}` ({}) is gone: somebody removed it",
        before.name,
        short(&before.id)
    )
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
