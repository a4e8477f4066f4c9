//! After a commit: what has to serve does, also when the engine has crashed meanwhile.
//!
//! An engine that comes back after a crash leaves `unless-stopped` containers where they lie (seen on 20.10).

use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::Engine;
use crate::execute::away::while_away;
use crate::execute::event::EventSink;
use crate::execute::failure::Failure;
use crate::execute::perform::Performer;
use crate::execute::watch::Watch;
use crate::plan::observed::{Container, ContainerState, Health};
use crate::plan::spec::label;
use crate::plan::step::{Before, ContainerRef, Stage, StageKind, Step, Until};
use crate::state::Store;

/// How long a container may take to serve again.
const AGAIN: Duration = Duration::from_mins(2);

/// Starts what lies there of the new release and of what it left alone, and waits for it; returns what does
/// not serve.
pub(super) async fn bring_up<E: Engine, S: Store, R: EventSink>(
    performer: &Performer<'_, E, S, R>,
    stages: &[Stage],
    before: &[Before],
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut awaited = Vec::new();
    let mut project = String::new();
    for container in serving(stages, before) {
        match start(performer, &container).await {
            Ok(Some((found, until))) => {
                found
                    .label(label::PROJECT)
                    .unwrap_or_default()
                    .clone_into(&mut project);
                awaited.push((found.id, container.to_string(), until));
            }
            // Somebody removed it: that is not the engine's doing.
            Ok(None) => {}
            Err(failure) => problems.push(format!("{container}: {failure}")),
        }
    }
    let watch = Watch::new(performer.engine, &project);
    let watched = &watch;
    let waiting = join_all(awaited.iter().map(|(id, name, until)| async move {
        watched.add(id, name, *until).await;
        match tokio::time::timeout(AGAIN, watched.ready(id)).await {
            Ok(result) => result.err().map(|failure| failure.to_string()),
            Err(_) => Some(format!("{name} does not serve after {} s", AGAIN.as_secs())),
        }
    }));
    let late = tokio::select! {
        late = waiting => late,
        never = watch.run() => match never {},
    };
    problems.extend(late.into_iter().flatten());
    problems
}

/// The containers that run at rest: started and not for a job, or left alone.
fn serving(stages: &[Stage], before: &[Before]) -> Vec<ContainerRef> {
    let steps = || stages.iter().flat_map(|s| &s.lanes).flat_map(|l| &l.steps);
    let goes = |id: &str| {
        steps().any(|s| {
            matches!(&s.step, Step::Stop { container: ContainerRef::Existing { id: gone, .. }, .. }
                | Step::Remove { container: ContainerRef::Existing { id: gone, .. } } if gone == id)
        })
    };
    let is_job = |started: &ContainerRef| {
        steps().any(|s| {
            matches!(&s.step, Step::Await { container, until: Until::Completed, .. } if container == started)
        })
    };
    let kept = before
        .iter()
        .filter(|b| b.state == ContainerState::Running && !goes(&b.id))
        .map(|b| ContainerRef::Existing {
            id: b.id.clone(),
            name: b.name.clone(),
        });
    let in_service =
        |stage: &&Stage| matches!(stage.kind, StageKind::Dependencies(_) | StageKind::Wave(_));
    let started = stages
        .iter()
        .filter(in_service)
        .flat_map(|s| &s.lanes)
        .flat_map(|l| &l.steps)
        .filter_map(|s| match &s.step {
            Step::Start { container } if !is_job(container) => Some(container.clone()),
            _ => None,
        });
    kept.chain(started).collect()
}

async fn start<E: Engine, S: Store, R: EventSink>(
    performer: &Performer<'_, E, S, R>,
    container: &ContainerRef,
) -> Result<Option<(Container, Until)>, Failure> {
    let Some(id) = while_away(async || performer.find(container).await).await? else {
        return Ok(None);
    };
    let found = while_away(async || Ok(performer.engine.inspect(&id).await?)).await?;
    let Some(found) = found else { return Ok(None) };
    if !found.is_running() {
        while_away(async || {
            let _place = performer.room.place().await;
            Ok(performer.engine.start(&id).await?)
        })
        .await?;
    }
    let details = found.details.as_ref();
    let probed = details.is_some_and(|d| d.has_healthcheck) || found.health != Health::None;
    let until = if probed {
        Until::Healthy
    } else {
        Until::Running
    };
    Ok(Some((found, until)))
}
