//! How long a started container is awaited and watched.

use std::time::Duration;

use super::Planner;
use crate::plan::lanes::Wait;
use crate::plan::observed::ImageHealthcheck;
use crate::plan::step::{ContainerRef, Until};
use crate::project::model::Service;

impl Planner<'_> {
    pub(super) fn wait(&self, name: &str, service: &Service) -> Wait {
        if self.completed.contains(name) {
            return Wait {
                until: Until::Completed,
                timeout: self.options.job_timeout,
            };
        }
        let image = service
            .image
            .as_ref()
            .and_then(|i| self.observed.images.get(i));
        let timing = health_timing(service, image.and_then(|i| i.healthcheck));
        Wait {
            until: Until::Healthy,
            timeout: self.options.timeout.max(timing),
        }
    }

    /// Has a container watched in the end, beside all the others; returns for how long where it is written,
    /// since then the next one of its service waits for it.
    pub(super) fn monitor(
        &mut self,
        name: &str,
        service: &Service,
        container: &ContainerRef,
    ) -> Option<(ContainerRef, Duration)> {
        let duration = self.watched(name, service);
        if duration.is_zero() {
            return None;
        }
        self.monitored.push((container.clone(), duration));
        let written = self.strategy(service).monitor.is_some();
        written.then(|| (container.clone(), duration))
    }

    /// How long a new container is watched: as `monitor` says; without it 5 s where there is no healthcheck.
    pub(super) fn watched(&self, name: &str, service: &Service) -> Duration {
        if self.completed.contains(name) {
            return Duration::ZERO;
        }
        let image = service
            .image
            .as_ref()
            .and_then(|i| self.observed.images.get(i));
        let checked = has_healthcheck(service)
            || service.healthcheck.is_none() && image.is_some_and(|i| i.healthcheck.is_some());
        let unwritten = if checked {
            Duration::ZERO
        } else {
            Duration::from_secs(5)
        };
        self.strategy(service).monitor.unwrap_or(unwritten)
    }
}

fn has_healthcheck(service: &Service) -> bool {
    service.healthcheck.as_ref().is_some_and(|h| {
        !h.disable && !h.test.is_empty() && h.test.first().is_none_or(|t| t != "NONE")
    })
}

/// How long a service may take until its healthcheck has spoken: start period and all retries, and a second more.
fn health_timing(service: &Service, image: Option<ImageHealthcheck>) -> Duration {
    let own = service.healthcheck.as_ref();
    if own.is_some_and(|h| h.disable) || own.is_none() && image.is_none() {
        return Duration::ZERO;
    }
    let image = image.unwrap_or_default();
    let pick = |own: Option<Duration>, image: Option<Duration>, engine: u64| {
        own.or(image).unwrap_or(Duration::from_secs(engine))
    };
    let duration = |d: Option<crate::project::model::GoDuration>| {
        d.map(crate::project::model::GoDuration::as_std)
    };
    let interval = pick(own.and_then(|h| duration(h.interval)), image.interval, 30);
    let timeout = pick(own.and_then(|h| duration(h.timeout)), image.timeout, 30);
    let start = pick(
        own.and_then(|h| duration(h.start_period)),
        image.start_period,
        0,
    );
    let retries = own
        .and_then(|h| h.retries)
        .and_then(|r| u32::try_from(r).ok())
        .or(image.retries)
        .unwrap_or(3);
    start + (interval + timeout) * retries.max(1) + Duration::from_secs(1)
}
