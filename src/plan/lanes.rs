//! The sequences of steps by which one container comes, goes or is replaced.

use std::time::Duration;

use crate::plan::observed::{Container, RestartPolicy};
use crate::plan::spec::PlannedId;
use crate::plan::step::{Cause, ContainerRef, HookKind, PlannedStep, Step, Undo, Until};

/// Steps of one lane, numbered later.
pub type Steps = Vec<PlannedStep>;

/// A container that takes the place of another one.
pub struct Swap<'a> {
    /// The container that serves.
    pub old: &'a Container,
    /// The one that the plan creates.
    pub new: &'a PlannedId,
    /// The name that it was created with.
    pub temporary: &'a str,
    /// The name at rest.
    pub name: &'a str,
    /// Number of the release, for the name of the old container.
    pub release: u32,
    /// How the new container is awaited.
    pub wait: Wait,
    /// Why.
    pub cause: &'a Cause,
    /// Whether the service has hooks.
    pub hooks: Hooks,
    /// How long one that starts first is watched before the old one stops.
    pub monitor: Duration,
}

/// How a started container is awaited.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    /// What for.
    pub until: Until,
    /// How long.
    pub timeout: Duration,
}

/// Whether a service has hooks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hooks {
    /// Commands after the start.
    pub post_start: bool,
    /// Commands before the stop.
    pub pre_stop: bool,
}

/// Creates a container; taken back by removing it.
pub fn create(new: &PlannedId, name: &str, cause: &Cause) -> PlannedStep {
    let container = ContainerRef::Planned(new.clone());
    step(
        Step::Create {
            container: new.clone(),
            name: name.to_owned(),
        },
        vec![Step::Remove { container }],
        cause,
    )
}

/// Each of two releases' containers gets the hashed files that only the other one has: while both serve, a page
/// of one asks the other for them.
pub fn share_assets(old: &Container, new: &PlannedId, path: &str, cause: &Cause) -> Steps {
    let (old, runs) = (ContainerRef::existing(old), old.is_running());
    let new = ContainerRef::Planned(new.clone());
    let copy = |from: &ContainerRef, to: &ContainerRef| {
        let step = Step::CopyAssets {
            from: from.clone(),
            to: to.clone(),
            path: path.to_owned(),
        };
        final_step(step, "files beside the others change nothing", cause)
    };
    let back = runs.then(|| copy(&new, &old));
    [copy(&old, &new)].into_iter().chain(back).collect()
}

/// Stop old → rename it away → rename new in → start → wait.
pub fn stop_first(swap: &Swap<'_>) -> Steps {
    let mut steps = retire(swap);
    steps.extend(promote(swap));
    steps.extend(start(
        &ContainerRef::Planned(swap.new.clone()),
        swap.wait,
        swap.hooks,
        swap.cause,
    ));
    steps
}

/// Start new beside old → wait → watch → stop old → rename both → the new one's own restart policy.
pub fn start_first(swap: &Swap<'_>, policy: &RestartPolicy) -> Steps {
    let container = ContainerRef::Planned(swap.new.clone());
    let mut steps = start(&container, swap.wait, swap.hooks, swap.cause);
    for planned in &mut steps {
        // On the way back, too, one of the two serves at any time.
        if let Undo::Run(undos) = &mut planned.undo {
            planned.undo = Undo::RunLast(std::mem::take(undos));
        }
    }
    if !swap.monitor.is_zero() {
        let watch = Step::Monitor {
            containers: vec![(container.clone(), swap.monitor)],
        };
        steps.push(final_step(watch, "watching changes nothing", swap.cause));
    }
    steps.extend(
        retire(swap)
            .into_iter()
            .map(|planned| learning(planned, swap.monitor)),
    );
    steps.extend(promote(swap));
    steps.push(step(
        Step::SetRestart {
            container: container.clone(),
            policy: policy.clone(),
        },
        vec![Step::SetRestart {
            container,
            policy: RestartPolicy::never(),
        }],
        swap.cause,
    ));
    steps
}

/// Once the old container serves again, proxies have as long to learn of it as they had with the new one.
fn learning(mut planned: PlannedStep, monitor: Duration) -> PlannedStep {
    if let (Step::Stop { .. }, Undo::Run(undos)) = (&planned.step, &mut planned.undo)
        && !monitor.is_zero()
    {
        undos.push(Step::Delay { duration: monitor });
    }
    planned
}

/// Swaps the names of two containers that do not run: the old one is put aside, the new one takes its name.
pub fn swap_names(swap: &Swap<'_>) -> Steps {
    let mut steps = retire(swap);
    steps.extend(promote(swap));
    steps
}

/// Starts a container and waits for it; taken back by stopping it.
pub fn start(container: &ContainerRef, wait: Wait, hooks: Hooks, cause: &Cause) -> Steps {
    let drain = hooks.pre_stop.then(|| Step::Hooks {
        container: container.clone(),
        kind: HookKind::PreStop,
    });
    let stop = Step::Stop {
        container: container.clone(),
        grace: None,
    };
    let mut steps = vec![step(
        Step::Start {
            container: container.clone(),
        },
        drain.into_iter().chain([stop]).collect(),
        cause,
    )];
    if hooks.post_start {
        steps.push(hook(container, HookKind::PostStart, cause));
    }
    steps.push(PlannedStep {
        number: 0,
        step: Step::Await {
            container: container.clone(),
            until: wait.until,
            timeout: wait.timeout,
        },
        undo: Undo::Nothing("waiting changes nothing".into()),
        cause: cause.clone(),
    });
    steps
}

/// Stops a container that is to go: nothing may start it again, and the unwind does.
pub fn stop(old: &Container, hooks: Hooks, cause: &Cause) -> Steps {
    let container = ContainerRef::existing(old);
    let mut steps = Steps::new();
    let policy = old
        .details
        .as_ref()
        .map(|d| d.restart.clone())
        .unwrap_or_default();
    if policy.restarts() {
        steps.push(step(
            Step::SetRestart {
                container: container.clone(),
                policy: RestartPolicy::never(),
            },
            vec![Step::SetRestart {
                container: container.clone(),
                policy,
            }],
            cause,
        ));
    }
    if old.is_running() {
        if hooks.pre_stop {
            steps.push(hook(&container, HookKind::PreStop, cause));
        }
        steps.push(step(
            Step::Stop {
                container: container.clone(),
                grace: None,
            },
            vec![Step::Start { container }],
            cause,
        ));
    }
    steps
}

/// A step with the steps that take it back.
pub fn step(step: Step, undo: Vec<Step>, cause: &Cause) -> PlannedStep {
    PlannedStep {
        number: 0,
        step,
        undo: Undo::Run(undo),
        cause: cause.clone(),
    }
}

/// A step that nothing takes back, and why.
pub fn final_step(step: Step, reason: &str, cause: &Cause) -> PlannedStep {
    PlannedStep {
        number: 0,
        step,
        undo: Undo::Nothing(reason.to_owned()),
        cause: cause.clone(),
    }
}

/// The old container stops, and gives up its name where it holds the one at rest.
fn retire(swap: &Swap<'_>) -> Steps {
    let mut steps = stop(swap.old, swap.hooks, swap.cause);
    if swap.old.name == swap.name {
        steps.push(rename(
            ContainerRef::existing(swap.old),
            swap.name,
            &format!("{}.before-{}", swap.name, swap.release),
            swap.cause,
        ));
    }
    steps
}

/// The new container takes the name at rest.
fn promote(swap: &Swap<'_>) -> Option<PlannedStep> {
    (swap.temporary != swap.name).then(|| {
        rename(
            ContainerRef::Planned(swap.new.clone()),
            swap.temporary,
            swap.name,
            swap.cause,
        )
    })
}

fn rename(container: ContainerRef, from: &str, to: &str, cause: &Cause) -> PlannedStep {
    let back = Step::Rename {
        container: container.clone(),
        from: to.to_owned(),
        to: from.to_owned(),
    };
    step(
        Step::Rename {
            container,
            from: from.to_owned(),
            to: to.to_owned(),
        },
        vec![back],
        cause,
    )
}

fn hook(container: &ContainerRef, kind: HookKind, cause: &Cause) -> PlannedStep {
    final_step(
        Step::Hooks {
            container: container.clone(),
            kind,
        },
        "what a hook did is the service's own matter",
        cause,
    )
}
