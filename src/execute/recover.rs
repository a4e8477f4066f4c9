//! Finishes or undoes what a killed run left, from its journal alone.

use std::path::Path;

use crate::engine::Engine;
use crate::execute::commit::{EngineSince, close, finish_commit};
use crate::execute::event::EventSink;
use crate::execute::failure::Finished;
use crate::execute::perform::{Known, Performer};
use crate::execute::room::Room;
use crate::execute::unwind::Unwind;
use crate::plan::image::PlannedImage;
use crate::plan::repair::{Repair, World};
use crate::plan::step::{Before, MissingLine, Stage, Step, VariableValue};
use crate::state::{Entry, Header, Outcome, Store};

/// What a journal says.
#[derive(Debug, Clone, PartialEq)]
pub struct Journalled {
    /// Who, where and what for.
    pub header: Header,
    /// The plan; empty when the run was killed before it was written.
    pub stages: Vec<Stage>,
    /// Its images.
    pub images: Vec<PlannedImage>,
    /// What served before.
    pub before: Vec<Before>,
    /// Steps whose effect may have happened.
    pub begun: Vec<u32>,
    /// Steps whose effect is known to be over.
    pub done: Vec<u32>,
    /// Ids of what was created, by step.
    pub created: Vec<(u32, String)>,
    /// Whether the new release stands.
    pub committed: bool,
    /// How it was closed, if it was.
    pub closed: Option<Outcome>,
}

impl Journalled {
    /// Reads the entries of a journal; `None` where there is not even a header.
    pub fn from_entries(entries: Vec<Entry>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let Some(Entry::Begin(header)) = entries.next() else {
            return None;
        };
        let mut journal = Self {
            header,
            stages: Vec::new(),
            images: Vec::new(),
            before: Vec::new(),
            begun: Vec::new(),
            done: Vec::new(),
            created: Vec::new(),
            committed: false,
            closed: None,
        };
        for entry in entries {
            match entry {
                Entry::Planned {
                    stages,
                    images,
                    before,
                } => {
                    (journal.stages, journal.images, journal.before) = (stages, images, before);
                }
                Entry::StepBegun { number } => journal.begun.push(number),
                Entry::StepDone { number, created } => {
                    journal.done.push(number);
                    journal.created.extend(created.map(|id| (number, id)));
                }
                Entry::Committed => journal.committed = true,
                // A commit whose line could not be made durable is no commit.
                Entry::Unwinding { .. } => journal.committed = false,
                Entry::Closed { outcome } => journal.closed = Some(outcome),
                Entry::Begin(_)
                | Entry::HookBegun { .. }
                | Entry::HookEnded { .. }
                | Entry::StepFailed { .. }
                | Entry::UndoBegun { .. }
                | Entry::UndoDone { .. } => {}
            }
        }
        Some(journal)
    }
}

/// Brings one world about: the new one where the journal says `committed`, else the old one.
pub async fn recover<E: Engine, S: Store, R: EventSink>(
    engine: &E,
    store: &S,
    events: &R,
    journal: &Journalled,
) -> Finished {
    let performer = Performer {
        engine,
        store,
        events,
        mark: &journal.header.mark,
        known: known(journal),
        source: None,
        room: Room::default(),
    };
    if journal.committed {
        let problems = finish_commit(
            &performer,
            &journal.stages,
            &journal.before,
            EngineSince::Lost,
        )
        .await;
        return Finished {
            outcome: Outcome::Succeeded,
            failed: None,
            problems,
            backup: None,
            images: Vec::new(),
        };
    }
    let unwind = Unwind {
        performer: &performer,
        stages: &journal.stages,
        before: &journal.before,
        begun: &journal.begun,
        done: &journal.done,
    };
    let reason = "the run was killed";
    let back = unwind.run(reason).await;
    let outcome = if back.problems.is_empty() {
        Outcome::RolledBack
    } else {
        Outcome::Degraded
    };
    let problems = close(&performer, outcome, Some(reason), back);
    Finished {
        outcome,
        failed: None,
        problems,
        backup: None,
        images: Vec::new(),
    }
}

/// Brings about the world that was told from names and labels; returns what could not be done.
///
/// Nothing is written ahead: what a kill leaves of it is told from names and labels, too.
pub async fn repair<E: Engine, R: EventSink>(
    engine: &E,
    events: &R,
    repair: &Repair,
    mark: &str,
) -> Vec<String> {
    let performer = Performer {
        engine,
        store: &Unwritten,
        events,
        mark,
        known: Known::default(),
        source: None,
        room: Room::default(),
    };
    if repair.world == World::New {
        let (stages, before) = (&repair.stages, &repair.before);
        return finish_commit(&performer, stages, before, EngineSince::There).await;
    }
    let steps = repair.stages.iter().flat_map(|s| &s.lanes);
    let all: Vec<u32> = steps.flat_map(|l| &l.steps).map(|s| s.number).collect();
    let unwind = Unwind {
        performer: &performer,
        stages: &repair.stages,
        before: &repair.before,
        begun: &all,
        done: &all,
    };
    unwind.run("a run ended without its journal").await.problems
}

/// A store for what needs none.
struct Unwritten;

impl Store for Unwritten {
    type Error = std::convert::Infallible;

    fn append(&self, _: &Entry) -> Result<(), Self::Error> {
        Ok(())
    }

    fn write_variable(
        &self,
        _: &Path,
        _: &str,
        _: &VariableValue,
        _: MissingLine,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    fn write_rollback_tag(&self, _: &str) -> Result<(), Self::Error> {
        Ok(())
    }

    fn record(&self, _: Outcome, _: Option<&str>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn log(&self, _: &str, _: &str) {}
}

fn known(journal: &Journalled) -> Known {
    let known = Known::new(&journal.stages, journal.images.iter().cloned());
    let steps = || {
        journal
            .stages
            .iter()
            .flat_map(|s| &s.lanes)
            .flat_map(|l| &l.steps)
    };
    for (number, id) in &journal.created {
        match steps().find(|s| s.number == *number).map(|s| &s.step) {
            Some(Step::Create { container, .. }) => {
                known
                    .created
                    .borrow_mut()
                    .insert(container.clone(), id.clone());
            }
            Some(Step::Pull { image }) => {
                if let Some(image) = known.images.borrow_mut().get_mut(image) {
                    image.id = Some(id.clone());
                }
            }
            _ => {}
        }
    }
    known
}
