//! The lanes of one service: which of its containers are replaced side by side, and which wait.

use std::time::Duration;

use crate::plan::lanes::{self, Steps};
use crate::plan::step::{Cause, ContainerRef, PlannedStep, Step};
use crate::plan::strategy::Strategy;

/// What happens to the containers of one service in its wave.
#[derive(Default)]
pub(super) struct Update {
    /// Containers that are replaced or restarted: so many at a time as `parallelism` says.
    rolling: Vec<Unit>,
    /// What has nothing to wait for: containers that are started beside the others, signals.
    beside: Vec<Steps>,
    /// Containers that are not needed any more go when the first lane is through.
    removals: Steps,
}

/// One container that is replaced or restarted.
struct Unit {
    steps: Steps,
    /// How long it is watched before the next one.
    watch: Option<(ContainerRef, Duration)>,
}

impl Update {
    pub(super) fn roll(&mut self, steps: Steps, watch: Option<(ContainerRef, Duration)>) {
        self.rolling.push(Unit { steps, watch });
    }

    pub(super) fn beside(&mut self, steps: Steps) {
        self.beside.push(steps);
    }

    pub(super) fn remove(&mut self, steps: Steps) {
        self.removals.extend(steps);
    }

    /// As Swarm does it: so many lanes, and in each one container after another, with the delay in between.
    pub(super) fn lanes(self, strategy: &Strategy) -> Vec<Steps> {
        let count = strategy.lanes(self.rolling.len());
        let mut lanes: Vec<Steps> = vec![Steps::new(); count];
        let mut watches: Vec<Option<(ContainerRef, Duration)>> = vec![None; count];
        for (index, unit) in self.rolling.into_iter().enumerate() {
            let (lane, watch) = (&mut lanes[index % count], &mut watches[index % count]);
            if !lane.is_empty() {
                lane.extend(watch.take().map(|(c, duration)| monitor(&c, duration)));
                if !strategy.delay.is_zero() {
                    let duration = strategy.delay;
                    lane.push(wait(Step::Delay { duration }));
                }
            }
            lane.extend(unit.steps);
            *watch = unit.watch;
        }
        lanes.extend(self.beside);
        match lanes.first_mut() {
            Some(first) => first.extend(self.removals),
            None if self.removals.is_empty() => {}
            None => lanes.push(self.removals),
        }
        lanes
    }
}

/// Watches one container before the next step of its lane.
fn monitor(container: &ContainerRef, duration: Duration) -> PlannedStep {
    wait(Step::Monitor {
        containers: vec![(container.clone(), duration)],
    })
}

fn wait(step: Step) -> PlannedStep {
    lanes::final_step(step, "waiting changes nothing", &Cause::Release)
}
