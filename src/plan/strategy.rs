//! How the containers of a service are replaced: `deploy.update_config`, on the way back `deploy.rollback_config`.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::plan::options::Intent;
use crate::project::model::{GoDuration, Service, UpdateConfig};

/// How the containers of a service are replaced, in Swarm's words and with Swarm's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strategy {
    /// Which of two containers runs first.
    pub order: Order,
    /// How many containers are replaced at a time; `None` is all at once.
    pub parallelism: Option<NonZeroUsize>,
    /// Between a container that is replaced and the next one.
    pub delay: Duration,
    /// How long a new container is watched once it is healthy, where it is written.
    pub monitor: Option<Duration>,
    /// Which part of the replaced containers may fail.
    pub max_failure_ratio: f32,
}

/// Which of two containers runs first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The old one stops, then the new one starts.
    StopFirst,
    /// The new one starts and is healthy, then the old one stops.
    StartFirst,
}

impl Strategy {
    /// The strategy of a service.
    ///
    /// A key that `rollback_config` does not write is that of `update_config`: in Swarm a rollback would
    /// be stop-first then, and lose requests that the deploy did not.
    pub fn of(service: &Service, intent: Intent) -> Self {
        let deploy = service.deploy.as_ref();
        let update = deploy.and_then(|d| d.update_config.as_ref());
        let rollback = deploy
            .and_then(|d| d.rollback_config.as_ref())
            .filter(|_| intent == Intent::Rollback);
        let written = [rollback, update];
        let duration = |key: fn(&UpdateConfig) -> Option<GoDuration>| {
            pick(written, key).map(GoDuration::as_std)
        };
        let order = pick(written, |c| c.order.clone());
        Self {
            order: match order.as_deref() {
                Some("start-first") => Order::StartFirst,
                _ => Order::StopFirst,
            },
            parallelism: NonZeroUsize::new(
                pick(written, |c| c.parallelism)
                    .map_or(1, |n| usize::try_from(n).unwrap_or(usize::MAX)),
            ),
            delay: duration(|c| c.delay).unwrap_or_default(),
            monitor: duration(|c| c.monitor),
            max_failure_ratio: pick(written, |c| c.max_failure_ratio).map_or(0.0, |ratio| ratio.0),
        }
    }

    /// How many lanes replace so many containers side by side.
    pub fn lanes(&self, containers: usize) -> usize {
        let most = self.parallelism.map_or(containers, NonZeroUsize::get);
        most.min(containers)
    }

    /// How many of so many replaced containers may fail: no more than the ratio says.
    pub fn tolerated(&self, containers: usize) -> usize {
        let count = u16::try_from(containers).unwrap_or(u16::MAX);
        (1..=count)
            .take_while(|failed| f32::from(*failed) / f32::from(count) <= self.max_failure_ratio)
            .count()
    }
}

fn pick<T>(
    written: [Option<&UpdateConfig>; 2],
    key: impl Fn(&UpdateConfig) -> Option<T>,
) -> Option<T> {
    written.into_iter().flatten().find_map(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::model::{Deploy, Float};

    fn service(update: UpdateConfig, rollback: Option<UpdateConfig>) -> Service {
        Service {
            deploy: Some(Box::new(Deploy {
                update_config: Some(update),
                rollback_config: rollback,
                ..Deploy::default()
            })),
            ..Service::default()
        }
    }

    #[test]
    fn nothing_written_is_one_at_a_time_and_stop_first() {
        let strategy = Strategy::of(&Service::default(), Intent::Deploy);
        assert_eq!(strategy.order, Order::StopFirst);
        assert_eq!(strategy.lanes(3), 1);
        assert_eq!(strategy.delay, Duration::ZERO);
        assert_eq!(strategy.monitor, None);
        assert_eq!(strategy.tolerated(100), 0);
    }

    #[test]
    fn a_parallelism_of_0_is_all_at_once() {
        let update = UpdateConfig {
            parallelism: Some(0),
            ..UpdateConfig::default()
        };
        let strategy = Strategy::of(&service(update, None), Intent::Deploy);
        assert_eq!(strategy.lanes(5), 5);
    }

    #[test]
    fn as_many_may_fail_as_the_ratio_says_and_not_one_more() {
        let update = UpdateConfig {
            max_failure_ratio: Some(Float(0.3)),
            ..UpdateConfig::default()
        };
        let strategy = Strategy::of(&service(update, None), Intent::Deploy);
        assert_eq!([1, 3, 4, 10].map(|n| strategy.tolerated(n)), [0, 0, 1, 3]);
    }

    #[test]
    fn a_rollback_takes_its_own_keys_and_the_others_from_the_update() {
        let update = UpdateConfig {
            order: Some("start-first".into()),
            parallelism: Some(2),
            ..UpdateConfig::default()
        };
        let rollback = UpdateConfig {
            parallelism: Some(0),
            ..UpdateConfig::default()
        };
        let service = service(update, Some(rollback));
        let forward = Strategy::of(&service, Intent::Deploy);
        let back = Strategy::of(&service, Intent::Rollback);
        assert_eq!((forward.lanes(4), back.lanes(4)), (2, 4));
        assert_eq!(back.order, Order::StartFirst);
    }
}
