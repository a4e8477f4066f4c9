//! Runs a plan forward; on the first failure it unwinds.

use std::cell::RefCell;
use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::execute::commit::{EngineSince, close, finish_commit, follows_commit};
use crate::execute::event::{Event, EventSink};
use crate::execute::evidence;
use crate::execute::failure::{Failed, Failure, Finished};
use crate::execute::perform::{Known, Performer, with_causes};
use crate::execute::room::Room;
use crate::execute::unwind::Unwind;
use crate::execute::watch::Watch;
use crate::plan::step::{Action, ContainerRef, Lane, Plan, PlannedStep, Stage, StageKind, Step};
use crate::project::model::Project;
use crate::state::{Entry, Header, Outcome, Store};

/// Everything that a run needs.
pub struct Execution<'a, E, S, R> {
    /// Where containers run.
    pub engine: &'a E,
    /// Where every effect is written down first.
    pub store: &'a S,
    /// Who shows it.
    pub events: &'a R,
    /// The model that containers are created from.
    pub project: &'a Project,
    /// What to do.
    pub plan: &'a Plan,
    /// The journal's first line, which the store has written when it was opened.
    pub header: Header,
    /// SIGINT, SIGTERM.
    pub cancel: CancellationToken,
}

/// Runs a plan: forward to the new release, or back to the old containers.
///
/// The caller holds the deploy lock. Fails itself only where the journal cannot be begun, and then
/// nothing has been touched.
pub async fn run<E: Engine, S: Store, R: EventSink>(
    execution: Execution<'_, E, S, R>,
) -> Result<Finished, S::Error> {
    let plan = execution.plan;
    execution.store.append(&Entry::Planned {
        stages: plan.stages.clone(),
        images: plan.images.values().cloned().collect(),
        before: plan.before.clone(),
    })?;
    let runner = Runner {
        watch: Watch::new(execution.engine, &execution.header.project),
        performer: Performer {
            engine: execution.engine,
            store: execution.store,
            events: execution.events,
            mark: &execution.header.mark,
            known: Known::new(&plan.stages, plan.images.values().cloned()),
            source: Some((execution.project, plan)),
            room: Room::default(),
        },
        plan,
        cancel: execution.cancel.clone(),
        begun: RefCell::default(),
        done: RefCell::default(),
        backup: RefCell::default(),
        culprits: RefCell::default(),
        tolerated: RefCell::default(),
    };
    Ok(runner.run().await)
}

/// A run on its way forward.
pub(super) struct Runner<'a, E, S, R> {
    pub(super) performer: Performer<'a, E, S, R>,
    pub(super) watch: Watch<'a, E>,
    pub(super) plan: &'a Plan,
    cancel: CancellationToken,
    begun: RefCell<Vec<u32>>,
    done: RefCell<Vec<u32>>,
    pub(super) backup: RefCell<Option<String>>,
    /// Failed containers whose last words are to be shown.
    pub(super) culprits: RefCell<BTreeSet<String>>,
    /// Containers that failed where their service's `max_failure_ratio` allows it.
    pub(super) tolerated: RefCell<BTreeSet<String>>,
}

impl<E: Engine, S: Store, R: EventSink> Runner<'_, E, S, R> {
    async fn run(self) -> Finished {
        let forward = async {
            for stage in self.plan.stages.iter().filter(|s| !follows_commit(s.kind)) {
                self.stage(stage).await?;
            }
            self.decide()
        };
        let failed = tokio::select! {
            biased;
            result = forward => result.err(),
            never = self.watch.run() => match never {},
        };
        match failed {
            None => self.after_commit().await,
            Some(failed) => self.back(failed).await,
        }
    }

    /// The line that decides. From here on nothing is undone.
    fn decide(&self) -> Result<(), Failed> {
        let commit = |failure| Failed {
            stage: StageKind::Commit,
            lane: "commit".into(),
            failure,
        };
        if self.cancel.is_cancelled() {
            return Err(commit(Failure::Interrupted));
        }
        let written = self.performer.store.append(&Entry::Committed);
        written.map_err(|error| commit(Failure::Store(with_causes(&error))))?;
        if self.plan.changes.iter().any(|c| c.action != Action::Run) {
            self.performer.events.record(Event::Committed);
        }
        Ok(())
    }

    async fn after_commit(self) -> Finished {
        let backup = self.backup.borrow().clone();
        let engine = if self.watch.was_lost() {
            EngineSince::Lost
        } else {
            EngineSince::There
        };
        let problems = finish_commit(
            &self.performer,
            &self.plan.stages,
            &self.plan.before,
            engine,
        )
        .await;
        let images = self
            .performer
            .known
            .images
            .borrow()
            .values()
            .cloned()
            .collect();
        Finished {
            outcome: Outcome::Succeeded,
            failed: None,
            problems,
            backup,
            images,
        }
    }

    async fn back(self, failed: Failed) -> Finished {
        let backup = self.backup.borrow().clone();
        let reason = failed.failure.to_string();
        let (begun, done) = (self.begun.borrow().clone(), self.done.borrow().clone());
        let unwind = Unwind {
            performer: &self.performer,
            stages: &self.plan.stages,
            before: &self.plan.before,
            begun: &begun,
            done: &done,
        };
        let back = unwind.run(&reason).await;
        let problems = &back.problems;
        let touched = self
            .plan
            .stages
            .iter()
            .any(|stage| touches_serving(stage, &begun));
        let outcome = match (problems.is_empty(), touched) {
            (false, _) => Outcome::Degraded,
            (true, true) => Outcome::RolledBack,
            (true, false) => Outcome::Failed,
        };
        let problems = close(&self.performer, outcome, Some(&reason), back);
        Finished {
            outcome,
            failed: Some(failed),
            problems,
            backup,
            images: Vec::new(),
        }
    }

    /// Runs the lanes of a stage side by side; the first failure stops the others at their next step.
    async fn stage(&self, stage: &Stage) -> Result<(), Failed> {
        self.performer.events.record(Event::stage_started(stage));
        let stop = self.cancel.child_token();
        let first: RefCell<Option<Failed>> = RefCell::default();
        let fail = |lane: &str, failure: Failure| {
            let failed = Failed {
                stage: stage.kind,
                lane: lane.to_owned(),
                failure,
            };
            first.borrow_mut().get_or_insert(failed);
            stop.cancel();
        };
        let lanes = join_all(stage.lanes.iter().map(|lane| async {
            if let Err(failure) = self.lane(stage.kind, lane, &stop).await {
                fail(&lane.name, failure);
            }
        }));
        let others = async {
            let (id, failure) = loop {
                let (id, failure) = self.watch.failure().await;
                if !self.tolerates(&id, &failure) {
                    break (id, failure);
                }
            };
            fail(&self.service_of(&id), failure);
            self.culprits.borrow_mut().insert(id);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            _ = lanes => {}
            () = others => {}
        }
        let culprits = std::mem::take(&mut *self.culprits.borrow_mut());
        for id in culprits {
            self.show_evidence(&id).await;
        }
        let failed = first.borrow_mut().take();
        match failed {
            Some(failed) => Err(failed),
            None => Ok(()),
        }
    }

    async fn lane(
        &self,
        kind: StageKind,
        lane: &Lane,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        for step in &lane.steps {
            self.step(kind, lane, step, stop).await?;
        }
        Ok(())
    }

    /// Written ahead, done, written down; not begun where another step has failed meanwhile.
    async fn step(
        &self,
        kind: StageKind,
        lane: &Lane,
        step: &PlannedStep,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let Performer { store, events, .. } = self.performer;
        let _room = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Failure::Interrupted),
            room = self.performer.room.for_step(&step.step) => room,
        };
        let append = |entry: &Entry| {
            store
                .append(entry)
                .map_err(|e| Failure::Store(with_causes(&e)))
        };
        append(&Entry::StepBegun {
            number: step.number,
        })?;
        self.begun.borrow_mut().push(step.number);
        events.record(Event::StepStarted {
            lane: &lane.name,
            step,
        });
        let started = Instant::now();
        match self.carry_out(kind, lane, &step.step, stop).await {
            Ok(created) => {
                self.done.borrow_mut().push(step.number);
                append(&Entry::StepDone {
                    number: step.number,
                    created,
                })?;
                events.record(Event::StepSucceeded {
                    lane: &lane.name,
                    step,
                    elapsed: started.elapsed(),
                });
                Ok(())
            }
            Err(failure) => {
                let message = if failure == Failure::Interrupted && !self.cancel.is_cancelled() {
                    "given up: another step failed".to_owned()
                } else {
                    failure.to_string()
                };
                // The unwind follows whether this line can be written or not.
                let _ = append(&Entry::StepFailed {
                    number: step.number,
                    message: message.clone(),
                });
                events.record(Event::StepFailed {
                    lane: &lane.name,
                    step,
                    message,
                });
                Err(failure)
            }
        }
    }

    async fn carry_out(
        &self,
        kind: StageKind,
        lane: &Lane,
        step: &Step,
        stop: &CancellationToken,
    ) -> Result<Option<String>, Failure> {
        match step {
            Step::Await {
                container,
                until,
                timeout,
            } => {
                let waiting = self.wait(kind, lane, container, *until, *timeout);
                interruptible(stop, waiting).await.map(|()| None)
            }
            Step::Monitor { containers } => interruptible(stop, self.monitor(containers))
                .await
                .map(|()| None),
            Step::Pull { .. } | Step::Delay { .. } => {
                interruptible(stop, self.performer.perform(step)).await
            }
            Step::Start { .. } => {
                // What is started before events are read could be missed.
                interruptible(stop, async {
                    let _: () = self.watch.subscribed().await;
                    Ok(())
                })
                .await?;
                self.performer.perform(step).await
            }
            _ => self.performer.perform(step).await,
        }
    }

    /// Shows what a failed container said last; a job's output has been shown as it came.
    async fn show_evidence(&self, id: &str) {
        let Performer {
            engine,
            store,
            events,
            ..
        } = self.performer;
        let created = self
            .performer
            .known
            .created
            .borrow()
            .iter()
            .find(|(_, c)| *c == id)
            .map(|(p, _)| p.clone());
        let name = match created {
            Some(planned) => self.name_of(&ContainerRef::Planned(planned)),
            None => self
                .plan
                .before
                .iter()
                .find(|b| b.id == id)
                .map(|b| b.name.clone())
                .unwrap_or_default(),
        };
        evidence::show(engine, store, events, id, &name).await;
    }

    pub(super) fn name_of(&self, container: &ContainerRef) -> String {
        match container {
            ContainerRef::Existing { name, .. } => name.clone(),
            ContainerRef::Planned(id) => self
                .plan
                .specs
                .get(id)
                .map_or_else(|| id.to_string(), |s| s.final_name.clone()),
        }
    }

    pub(super) fn service_of(&self, id: &str) -> String {
        let created = self.performer.known.created.borrow();
        let planned = created
            .iter()
            .find(|(_, created)| *created == id)
            .and_then(|(p, _)| self.plan.specs.get(p));
        let before = self
            .plan
            .before
            .iter()
            .find(|b| b.id == id)
            .map(|b| b.service.clone());
        planned
            .map(|s| s.service_name.clone())
            .or(before)
            .unwrap_or_default()
    }
}

async fn interruptible<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        result = work => result,
        () = stop.cancelled() => Err(Failure::Interrupted),
    }
}

/// Whether anything that serves has been touched: from there on the release is rolled back, not merely failed.
fn touches_serving(stage: &Stage, begun: &[u32]) -> bool {
    let in_service = matches!(stage.kind, StageKind::Dependencies(_) | StageKind::Wave(_));
    let steps = stage
        .lanes
        .iter()
        .flat_map(|l| &l.steps)
        .filter(|s| begun.contains(&s.number));
    steps.map(|s| &s.step).any(|step| match step {
        Step::Start { container }
        | Step::Stop { container, .. }
        | Step::Rename { container, .. }
        | Step::SetRestart { container, .. }
        | Step::Signal { container, .. } => {
            in_service || matches!(container, ContainerRef::Existing { .. })
        }
        _ => false,
    })
}
