//! How much the engine is asked to do at once.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::plan::step::Step;

/// Creates, starts and removals side by side.
const AT_ONCE: usize = 16;

/// Room for what takes the engine's time, not the container's. More at once would wait in the engine, for its disk, with
/// the deadlines of their calls running.
pub(super) struct Room(Semaphore);

/// Kept while the engine works.
pub(super) type Place<'a> = Option<SemaphorePermit<'a>>;

impl Default for Room {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Room {
    /// Waits for a place, where a step takes one.
    pub(super) async fn for_step(&self, step: &Step) -> Place<'_> {
        match step {
            Step::Create { .. } | Step::Start { .. } | Step::Remove { .. } => self.place().await,
            _ => None,
        }
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Place<'_> {
        self.0.acquire().await.ok()
    }
}
