//! Waits for what a step has begun: containers that become healthy, jobs that end, `monitor`.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use crate::engine::{Engine, LogOptions};
use crate::execute::event::{Event, EventSink};
use crate::execute::failure::Failure;
use crate::execute::run::Runner;
use crate::plan::step::{ContainerRef, Lane, StageKind, Until};
use crate::state::Store;

/// How long the output of a job that has ended may still come.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

impl<E: Engine, S: Store, R: EventSink> Runner<'_, E, S, R> {
    pub(super) async fn wait(
        &self,
        kind: StageKind,
        lane: &Lane,
        container: &ContainerRef,
        until: Until,
        timeout: Duration,
    ) -> Result<(), Failure> {
        let id = self.performer.id(container).await?;
        let name = self.name_of(container);
        self.watch.add(&id, &name, until).await;
        let verdict = tokio::time::timeout(timeout, self.watch.ready(&id));
        let verdict = if until == Until::Completed {
            self.with_output(kind, &lane.name, &id, verdict).await
        } else if self.performer.events.follows_logs() {
            self.with_tail(&lane.name, &id, verdict).await
        } else {
            verdict.await
        };
        let result = verdict.unwrap_or_else(|_| Err(timed_out(&lane.name, &name, until, timeout)));
        if until == Until::Completed {
            self.watch.forget(&id);
            return result;
        }
        if let Err(failure) = &result {
            self.culprits.borrow_mut().insert(id.clone());
            if self.tolerates(&id, failure) {
                return Ok(());
            }
        }
        result
    }

    /// Shows what a container writes while it is awaited, to whom looks at it.
    async fn with_tail<T>(&self, lane: &str, id: &str, verdict: impl Future<Output = T>) -> T {
        let tail = async {
            let options = LogOptions {
                follow: true,
                ..LogOptions::default()
            };
            if let Ok(mut lines) = self.performer.engine.logs(id, &options).await {
                while let Some(Ok(line)) = lines.next().await {
                    let line = &line.text;
                    self.performer.events.record(Event::Tail { lane, line });
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            biased;
            result = verdict => result,
            never = tail => never,
        }
    }

    /// Whether the release goes on without a container: `max_failure_ratio` lets so many of its service fail.
    pub(super) fn tolerates(&self, id: &str, failure: &Failure) -> bool {
        let service = self.service_of(id);
        let allowed = self.plan.tolerated.get(&service).copied().unwrap_or(0);
        let mut tolerated = self.tolerated.borrow_mut();
        let failed = tolerated.iter().filter(|t| self.service_of(t) == service);
        if failed.count() >= allowed {
            return false;
        }
        tolerated.insert(id.to_owned());
        self.watch.forget(id);
        self.performer.events.record(Event::Warning(format!(
            "{failure}; the release goes on, since `max_failure_ratio` of service `{service}` lets {allowed} of its new containers fail"
        )));
        true
    }

    /// Streams a job's output while it is awaited.
    async fn with_output<T>(
        &self,
        kind: StageKind,
        job: &str,
        id: &str,
        verdict: impl Future<Output = T>,
    ) -> T {
        let output = self.output(kind, job, id);
        let (mut output, mut verdict) = (std::pin::pin!(output), std::pin::pin!(verdict));
        let result = tokio::select! {
            biased;
            () = &mut output => return verdict.await,
            result = &mut verdict => result,
        };
        // The engine ends the stream when the container has ended; its last lines are worth a moment.
        let _ = tokio::time::timeout(LAST_OUTPUT, output).await;
        result
    }

    async fn output(&self, kind: StageKind, job: &str, id: &str) {
        let options = LogOptions {
            follow: true,
            ..LogOptions::default()
        };
        let Ok(mut lines) = self.performer.engine.logs(id, &options).await else {
            return;
        };
        while let Some(Ok(line)) = lines.next().await {
            self.performer.store.log(job, &line.text);
            self.performer.events.record(Event::Output {
                source: job,
                stream: line.stream,
                line: &line.text,
            });
            if kind == StageKind::Backup
                && let Some(backup) = line.text.strip_prefix("backup=")
            {
                *self.backup.borrow_mut() = Some(backup.trim().to_owned());
            }
        }
    }

    /// Each container has to have run for its time; the stage's watch tells of a failure.
    pub(super) async fn monitor(
        &self,
        containers: &[(ContainerRef, Duration)],
    ) -> Result<(), Failure> {
        let mut until = Instant::now();
        for (container, duration) in containers {
            let id = self.performer.id(container).await?;
            if self.tolerated.borrow().contains(&id) {
                continue;
            }
            let since = self.watch.ready_since(&id).unwrap_or_else(Instant::now);
            until = until.max(since + *duration);
        }
        tokio::time::sleep_until(until).await;
        Ok(())
    }
}

fn timed_out(lane: &str, name: &str, until: Until, after: Duration) -> Failure {
    match until {
        Until::Completed => Failure::JobTimedOut {
            job: lane.to_owned(),
            after,
        },
        Until::Healthy => Failure::TimedOut {
            container: name.to_owned(),
            awaited: "healthy",
            after,
        },
        Until::Running => Failure::TimedOut {
            container: name.to_owned(),
            awaited: "running",
            after,
        },
    }
}
