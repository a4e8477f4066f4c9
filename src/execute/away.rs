//! An engine that is away (restarting, killed) is waited for.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::EngineError;
use crate::execute::failure::Failure;

/// How long an engine that is away is waited for.
const ENGINE_AWAY: Duration = Duration::from_mins(2);
/// Between two questions to an engine that is away.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(200);
/// How often an engine that failed itself is asked again.
const FAILURES: u32 = 2;

/// Tries again while the engine is away, and twice after an error of its own.
pub(super) async fn while_away<T>(
    attempt: impl AsyncFn() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + ENGINE_AWAY;
    let mut failures = 0;
    loop {
        match attempt().await {
            Err(Failure::Engine(error)) if error.is_away() && Instant::now() < deadline => {}
            Err(Failure::Engine(EngineError::Refused { status: 500.., .. }))
                if failures < FAILURES =>
            {
                failures += 1;
            }
            result => return result,
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}
