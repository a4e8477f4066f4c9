//! Watches containers by the engine's event stream, and knows their verdicts.
//!
//! The stream can end with the engine; then it is subscribed anew and everything is inspected. A `die`
//! alone is never a verdict: an engine that shuts down reports the end of healthy containers, too.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};

use crate::engine::{ContainerEvent, Engine, EventKind};
use crate::execute::failure::Failure;
use crate::plan::observed::{Container, ContainerState, Health};
use crate::plan::step::Until;

/// Between two inspections of what is being waited for: a safety net under the events.
const INSPECT_EVERY: Duration = Duration::from_secs(5);
/// Between two attempts to subscribe while the engine is away.
const RESUBSCRIBE: Duration = Duration::from_millis(200);
/// So many exits of a container with a restart policy are a failure.
const EXITS: i64 = 3;

/// The verdicts of the containers of one run.
pub(super) struct Watch<'a, E> {
    engine: &'a E,
    project: String,
    seen: RefCell<BTreeMap<String, Seen>>,
    subscribed: Cell<bool>,
    lost: Cell<bool>,
    changed: Notify,
}

struct Seen {
    name: String,
    until: Until,
    verdict: Verdict,
    out_of_memory: bool,
    /// How often the engine had restarted it before it was ready.
    restarts: i64,
}

#[derive(Clone)]
enum Verdict {
    Pending,
    Ready(Instant),
    Failed(Failure),
}

impl<'a, E: Engine> Watch<'a, E> {
    pub(super) fn new(engine: &'a E, project: &str) -> Self {
        Self {
            engine,
            project: project.to_owned(),
            seen: RefCell::default(),
            subscribed: Cell::new(false),
            lost: Cell::new(false),
            changed: Notify::new(),
        }
    }

    /// Reads events for ever; to be polled beside what waits for verdicts.
    pub(super) async fn run(&self) -> std::convert::Infallible {
        loop {
            if let Ok(mut events) = self.engine.events(&self.project).await {
                self.subscribed.set(true);
                self.changed.notify_waiters();
                self.inspect_all().await;
                // Not begun anew by each event: a healthcheck is one, several times a second.
                let mut look =
                    tokio::time::interval_at(Instant::now() + INSPECT_EVERY, INSPECT_EVERY);
                look.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tokio::select! {
                        event = events.next() => match event {
                            Some(Ok(event)) => self.take(event).await,
                            Some(Err(_)) | None => break,
                        },
                        _ = look.tick() => self.inspect_all().await,
                    }
                }
            }
            self.subscribed.set(false);
            self.lost.set(true);
            tokio::time::sleep(RESUBSCRIBE).await;
        }
    }

    /// Whether the engine was away at any time.
    pub(super) fn was_lost(&self) -> bool {
        self.lost.get()
    }

    /// Waits until events are being read: what is started afterwards cannot be missed.
    pub(super) async fn subscribed(&self) {
        self.wait_for(|| self.subscribed.get().then_some(())).await;
    }

    /// Begins to watch a container, and looks at it once.
    pub(super) async fn add(&self, id: &str, name: &str, until: Until) {
        let seen = Seen {
            name: name.to_owned(),
            until,
            verdict: Verdict::Pending,
            out_of_memory: false,
            restarts: 0,
        };
        self.seen.borrow_mut().insert(id.to_owned(), seen);
        self.inspect(id).await;
    }

    /// Watches a container no longer.
    pub(super) fn forget(&self, id: &str) {
        self.seen.borrow_mut().remove(id);
    }

    /// Waits until a container is as it should be.
    pub(super) async fn ready(&self, id: &str) -> Result<(), Failure> {
        self.wait_for(
            || match self.seen.borrow().get(id).map(|s| s.verdict.clone()) {
                Some(Verdict::Ready(_)) => Some(Ok(())),
                Some(Verdict::Failed(failure)) => Some(Err(failure)),
                Some(Verdict::Pending) | None => None,
            },
        )
        .await
    }

    /// Since when a container is as it should be.
    pub(super) fn ready_since(&self, id: &str) -> Option<Instant> {
        match self.seen.borrow().get(id)?.verdict {
            Verdict::Ready(since) => Some(since),
            _ => None,
        }
    }

    /// Waits until any watched container fails, also one that was ready before; jobs are their lanes' own matter.
    pub(super) async fn failure(&self) -> (String, Failure) {
        self.wait_for(|| {
            self.seen
                .borrow()
                .iter()
                .find_map(|(id, seen)| match &seen.verdict {
                    Verdict::Failed(failure) if seen.until != Until::Completed => {
                        Some((id.clone(), failure.clone()))
                    }
                    _ => None,
                })
        })
        .await
    }

    async fn wait_for<T>(&self, look: impl Fn() -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            changed.await;
        }
    }

    async fn take(&self, event: ContainerEvent) {
        let id = event.container;
        if !self.seen.borrow().contains_key(&id) {
            return;
        }
        match event.kind {
            EventKind::Healthy => self.judge(&id, |seen| match seen.until {
                Until::Healthy => Verdict::ready(&seen.verdict),
                Until::Running | Until::Completed => seen.verdict.clone(),
            }),
            EventKind::Oom => {
                if let Some(seen) = self.seen.borrow_mut().get_mut(&id) {
                    seen.out_of_memory = true;
                }
            }
            EventKind::Unhealthy
            | EventKind::Die { .. }
            | EventKind::Start
            | EventKind::Destroy => {
                self.inspect(&id).await;
            }
            EventKind::Rename | EventKind::Other(_) => {}
        }
    }

    async fn inspect_all(&self) {
        let ids: Vec<String> = self.seen.borrow().keys().cloned().collect();
        for id in ids {
            self.inspect(&id).await;
        }
    }

    /// An engine that is away says nothing of the container.
    async fn inspect(&self, id: &str) {
        match self.engine.inspect(id).await {
            Ok(Some(container)) => {
                self.judge(id, |seen| verdict(seen, &container));
                self.note_restarts(id, &container);
            }
            Ok(None) => self.judge(id, |seen| {
                Verdict::Failed(Failure::Vanished {
                    container: seen.name.clone(),
                })
            }),
            Err(_) => {}
        }
    }

    /// Until it is ready: an exit afterwards is one of the release.
    fn note_restarts(&self, id: &str, container: &Container) {
        if let Some(seen) = self.seen.borrow_mut().get_mut(id)
            && matches!(seen.verdict, Verdict::Pending)
            && let Some(details) = &container.details
        {
            seen.restarts = details.restart_count;
        }
    }

    fn judge(&self, id: &str, verdict: impl Fn(&Seen) -> Verdict) {
        if let Some(seen) = self.seen.borrow_mut().get_mut(id)
            && !matches!(seen.verdict, Verdict::Failed(_))
        {
            seen.verdict = verdict(seen);
        }
        self.changed.notify_waiters();
    }
}

impl Verdict {
    /// Ready, since now or since before.
    fn ready(before: &Self) -> Self {
        match before {
            Self::Ready(since) => Self::Ready(*since),
            _ => Self::Ready(Instant::now()),
        }
    }
}

fn verdict(seen: &Seen, container: &Container) -> Verdict {
    let details = container.details.clone().unwrap_or_default();
    let name = seen.name.clone();
    let ended = matches!(
        container.state,
        ContainerState::Exited | ContainerState::Dead
    );
    if seen.until == Until::Completed {
        return match (ended, details.exit_code) {
            (true, 0) => Verdict::ready(&seen.verdict),
            (true, code) => Verdict::Failed(Failure::JobFailed { job: name, code }),
            (false, _) => Verdict::Pending,
        };
    }
    let restarting = container.state == ContainerState::Restarting;
    let exits = details.restart_count + i64::from(restarting || ended);
    if (details.oom_killed || seen.out_of_memory) && exits > 0 {
        return Verdict::Failed(Failure::OutOfMemory { container: name });
    }
    // With `always` and `unless-stopped` the engine brings it back, be it after its own restart.
    let brought_back = matches!(details.restart.name.as_str(), "always" | "unless-stopped");
    if ended && !brought_back {
        return Verdict::Failed(Failure::Exited {
            container: name,
            code: details.exit_code,
        });
    }
    if matches!(seen.verdict, Verdict::Ready(_)) && details.restart_count > seen.restarts {
        // An engine that restarts does not count what it brings back.
        return Verdict::Failed(Failure::Exited {
            container: name,
            code: details.exit_code,
        });
    }
    if exits >= EXITS {
        return Verdict::Failed(Failure::RestartLoop {
            container: name,
            exits,
            code: details.exit_code,
        });
    }
    match (container.is_running(), seen.until, container.health) {
        (true, Until::Healthy, Health::Unhealthy) => {
            Verdict::Failed(Failure::Unhealthy { container: name })
        }
        (true, Until::Healthy, Health::Starting) | (false, _, _) => Verdict::Pending,
        (true, _, _) => Verdict::ready(&seen.verdict),
    }
}
