//! An engine in memory, for tests: containers that behave as their image says, and faults on demand.

mod calls;
mod world;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use tokio::sync::{Notify, mpsc};

pub use world::{Behaviour, World};

use crate::engine::{ContainerEvent, EngineError, EventKind};
use crate::plan::observed::Health;

/// What goes wrong at which changing call (counted from 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and has no effect.
    FailBefore(usize),
    /// The call has its effect and fails all the same.
    FailAfter(usize),
    /// The caller dies before the effect: the call never returns.
    CrashBefore(usize),
    /// The caller dies after the effect.
    CrashAfter(usize),
    /// The caller dies while the engine waits for a container to stop. The engine goes on without it: the
    /// container ends with so many later calls, or with the next stop.
    CrashInStop(usize, usize),
}

/// An engine in memory.
#[derive(Default)]
pub struct MemoryEngine {
    world: RefCell<World>,
    fault: Cell<Option<Fault>>,
    calls: Cell<usize>,
    crashed: Cell<bool>,
    crash: Notify,
    subscribers: RefCell<Vec<mpsc::UnboundedSender<ContainerEvent>>>,
    least: RefCell<BTreeMap<String, usize>>,
    /// A stop that nobody waits for any more: which container, and in how many calls it ends.
    stopping: RefCell<Option<(String, usize)>>,
}

impl MemoryEngine {
    /// An engine that holds what `world` says.
    pub fn new(world: World) -> Self {
        Self {
            world: RefCell::new(world),
            ..Self::default()
        }
    }

    /// Looks at what it holds.
    pub fn world(&self) -> std::cell::Ref<'_, World> {
        self.world.borrow()
    }

    /// Changes what it holds, behind everybody's back.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.borrow_mut());
    }

    /// Arms a fault and begins to count calls anew.
    pub fn arm(&self, fault: Option<Fault>) {
        self.fault.set(fault);
        self.calls.set(0);
        self.crashed.set(false);
        self.least.borrow_mut().clear();
    }

    /// The least number of containers of a service that served at one time since [`Self::arm`].
    pub fn least_serving(&self, service: &str) -> Option<usize> {
        self.least.borrow().get(service).copied()
    }

    /// How many changing calls there were since [`Self::arm`].
    pub fn calls(&self) -> usize {
        self.calls.get()
    }

    /// Returns when an armed crash has come: the caller is to be dropped then.
    pub async fn crashed(&self) {
        while !self.crashed.get() {
            self.crash.notified().await;
        }
    }

    /// Ends the event stream, as an engine does that restarts.
    pub fn end_streams(&self) {
        self.subscribers.borrow_mut().clear();
    }

    /// Carries out one changing call, with the fault that is armed for it.
    async fn effect<T>(
        &self,
        call: &str,
        act: impl FnOnce(&mut World) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        // Gives the lanes beside this one their turn, as a real call would.
        tokio::task::yield_now().await;
        self.go_on_stopping();
        self.count_serving();
        let number = self.calls.get();
        self.calls.set(number + 1);
        let broken = || EngineError::Refused {
            call: call.to_owned(),
            status: 500,
            message: "a fault of the test".into(),
        };
        match self.fault.get() {
            Some(Fault::FailBefore(n)) if n == number => return Err(broken()),
            Some(Fault::CrashBefore(n)) if n == number => return self.die().await,
            _ => {}
        }
        let result = act(&mut self.world.borrow_mut());
        self.count_serving();
        self.publish();
        match self.fault.get() {
            Some(Fault::FailAfter(n)) if n == number => Err(broken()),
            Some(Fault::CrashAfter(n)) if n == number => self.die().await,
            _ => result,
        }
    }

    /// Ends the stop that nobody waits for, if there is one.
    pub fn end_stop(&self) {
        if let Some((container, _)) = self.stopping.borrow_mut().take() {
            let _ = self.world.borrow_mut().stop(&container);
        }
    }

    fn go_on_stopping(&self) {
        let mut stopping = self.stopping.borrow_mut();
        match stopping.take() {
            Some((container, 0)) => {
                // One that has been removed meanwhile stops no more.
                let _ = self.world.borrow_mut().stop(&container);
            }
            Some((container, calls)) => *stopping = Some((container, calls - 1)),
            None => {}
        }
    }

    async fn die<T>(&self) -> T {
        self.crashed.set(true);
        self.crash.notify_waiters();
        std::future::pending().await
    }

    fn count_serving(&self) {
        let world = self.world.borrow();
        let mut serving: BTreeMap<&str, usize> = BTreeMap::new();
        for container in world.containers.values().filter(|c| !c.is_oneoff()) {
            let serves = container.is_running()
                && matches!(container.health, Health::Healthy | Health::None);
            *serving.entry(container.service()).or_default() += usize::from(serves);
        }
        let mut least = self.least.borrow_mut();
        for (service, now) in serving {
            let known = least.entry(service.to_owned()).or_insert(now);
            *known = now.min(*known);
        }
    }

    fn publish(&self) {
        let events = std::mem::take(&mut self.world.borrow_mut().events);
        let mut subscribers = self.subscribers.borrow_mut();
        for (container, kind) in events {
            let event = ContainerEvent {
                container,
                kind,
                time_nano: 0,
            };
            subscribers.retain(|s| s.send(event.clone()).is_ok());
        }
    }
}

impl World {
    fn event(&mut self, container: &str, kind: EventKind) {
        self.events.push((container.to_owned(), kind));
    }
}
