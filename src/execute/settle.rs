//! Waits until containers outside of any plan are healthy: after `start` and `restart`.

use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::Engine;
use crate::execute::failure::Failure;
use crate::execute::room::Room;
use crate::execute::watch::Watch;
use crate::plan::step::Until;

/// Starts each container and waits until it is as it should be; the first failure of each is kept.
///
/// Takes id, name, and what to wait for.
pub async fn start_and_settle<E: Engine>(
    engine: &E,
    project: &str,
    containers: &[(String, String, Until)],
    timeout: Duration,
) -> Vec<(String, Failure)> {
    let watch = Watch::new(engine, project);
    let room = Room::default();
    let settling = join_all(containers.iter().map(|(id, name, until)| {
        let (watch, room) = (&watch, &room);
        async move {
            let waiting = async {
                // What is started before events are read could be missed.
                watch.subscribed().await;
                let place = room.place().await;
                engine.start(id).await?;
                drop(place);
                watch.add(id, name, *until).await;
                watch.ready(id).await
            };
            let result = tokio::time::timeout(timeout, waiting).await;
            let result = result.unwrap_or_else(|_| {
                Err(Failure::TimedOut {
                    container: name.clone(),
                    awaited: "healthy",
                    after: timeout,
                })
            });
            result.err().map(|failure| (id.clone(), failure))
        }
    }));
    tokio::select! {
        failures = settling => failures.into_iter().flatten().collect(),
        never = watch.run() => match never {},
    }
}
