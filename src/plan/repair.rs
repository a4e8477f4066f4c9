//! What a run left half done whose journal is gone (`git clean -fdx` in the middle of a deploy), told from
//! names and labels alone: which of the two worlds is nearer, and what brings it about.

use std::collections::BTreeMap;

use crate::plan::build::{parse_restart, restart_policy};
use crate::plan::graph;
use crate::plan::lanes::{self, Steps};
use crate::plan::observed::{Container, ContainerState, Health, Observed, RestartPolicy};
use crate::plan::options::TagChange;
use crate::plan::spec::label;
use crate::plan::step::{
    Before, Cause, ContainerRef, Lane, PlannedStep, Stage, StageKind, Step, Undo,
};
use crate::plan::tag;
use crate::project::model::Project;

/// Puts right what a lost run left.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// Which world it ends in.
    pub world: World,
    /// As a journal would say it: to be taken back, or followed, like any other.
    pub stages: Vec<Stage>,
    /// The containers that serve in the old world.
    pub before: Vec<Before>,
}

/// One of the two that a deploy can end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// The containers that were put aside serve again.
    Old,
    /// The new release was complete: what it replaced goes.
    New,
}

/// Whether anything has a name that containers only have in the middle of a run.
pub fn is_needed(observed: &Observed) -> bool {
    observed
        .containers
        .iter()
        .any(|c| c.is_put_aside() || is_lost_job(c))
}

/// What brings one world about; `None` where nothing was left. The containers are inspected: `details` tell
/// which restart policies were taken away.
pub fn repair(project: &Project, observed: &Observed, tag: Option<&TagChange>) -> Option<Repair> {
    if !is_needed(observed) {
        return None;
    }
    let scene = Scene::of(project, observed);
    let jobs = observed.containers.iter().filter(|c| is_lost_job(c));
    let mut lanes: Vec<Lane> = jobs.map(|c| lane(c.name.clone(), away(c))).collect();
    let world = if scene.is_complete(tag) {
        World::New
    } else {
        World::Old
    };
    let mut before = Vec::new();
    match world {
        World::New => lanes.extend(scene.finish()),
        World::Old => {
            lanes.extend(scene.undo());
            before.extend(scene.olds.values().map(|old| scene.as_it_was(old)));
        }
    }
    let kind = match world {
        World::New => StageKind::Commit,
        World::Old => StageKind::Wave(0),
    };
    let mut stages = vec![Stage { kind, lanes }];
    let mut number = 0;
    let lanes = stages.iter_mut().flat_map(|s| &mut s.lanes);
    for step in lanes.flat_map(|l| &mut l.steps) {
        number += 1;
        step.number = number;
    }
    Some(Repair {
        world,
        stages,
        before,
    })
}

/// The number that the next release gets at least: names of a lost history are not used again.
pub fn next_release(observed: &Observed) -> u32 {
    let numbers = observed.containers.iter().filter_map(release_of);
    numbers.max().map_or(1, |last| last + 1)
}

/// Containers of the ordinary kind, by the name that they have at rest.
struct Scene<'a> {
    project: &'a Project,
    /// What served, or still serves.
    olds: BTreeMap<String, &'a Container>,
    /// What the lost run created.
    news: BTreeMap<String, &'a Container>,
}

impl<'a> Scene<'a> {
    fn of(project: &'a Project, observed: &'a Observed) -> Self {
        let (mut olds, mut news) = (BTreeMap::new(), BTreeMap::new());
        let ordinary = || observed.containers.iter().filter(|c| !c.is_oneoff());
        // Of several lost runs the newest is the one that may still be half done.
        let lost = ordinary().filter_map(|c| Some(split(c)?.2)).max();
        for container in ordinary() {
            let (name, is_old) = match split(container) {
                Some((name, Mark::Before, _)) => (name, true),
                Some((name, Mark::Release, _)) => (name, false),
                None => (
                    container.name.as_str(),
                    release_of(container).is_none() || release_of(container) != lost,
                ),
            };
            let side = if is_old { &mut olds } else { &mut news };
            side.entry(name.to_owned()).or_insert(container);
        }
        Self {
            project,
            olds,
            news,
        }
    }

    /// The new release stands if each of its containers has its name and serves, and if the env file, where it
    /// says a tag, says the new one.
    fn is_complete(&self, tag: Option<&TagChange>) -> bool {
        let serves = |c: &Container| {
            let up = c.is_running() && matches!(c.health, Health::Healthy | Health::None);
            up || (self.is_job(c) && c.status.starts_with("Exited (0)"))
        };
        let promoted = self
            .news
            .iter()
            .all(|(name, c)| c.name == *name && serves(c));
        let put_aside = self.olds.iter().filter(|(name, c)| c.name != **name);
        let replaced = put_aside
            .into_iter()
            .all(|(name, _)| self.news.contains_key(name));
        !self.news.is_empty() && promoted && replaced && tag.is_none_or(|t| self.agrees(t))
    }

    fn agrees(&self, change: &TagChange) -> bool {
        let services = tag::services(self.project, &change.variable);
        let mut of_tag = self
            .news
            .values()
            .filter(|c| services.contains(c.service()));
        of_tag.all(|c| tag::of_reference(&c.image) == change.in_file.as_deref())
    }

    /// What was replaced goes, and what replaced it gets the policy that it has at rest.
    fn finish(&self) -> Vec<Lane> {
        let policies = self.news.iter().filter_map(|(name, new)| {
            let policy = self.policy(new);
            (policy_of(new) != Some(&policy)).then(|| {
                let step = Step::SetRestart {
                    container: ContainerRef::existing(new),
                    policy,
                };
                lane(name.clone(), vec![lanes::final_step(step, FOUND, &CAUSE)])
            })
        });
        let put_aside = self.olds.iter().filter(|(name, old)| old.name != **name);
        let removals = put_aside.map(|(name, old)| lane(name.clone(), away(old)));
        policies.chain(removals).collect()
    }

    /// Steps that the lost run has taken, for their undos.
    fn undo(&self) -> Vec<Lane> {
        let names = self.olds.keys().chain(self.news.keys());
        let mut lanes: Vec<Lane> = Vec::new();
        for name in names {
            if lanes.iter().any(|l| l.name == *name) {
                continue;
            }
            let (old, new) = (self.olds.get(name), self.news.get(name));
            let mut steps = Steps::new();
            if let Some(new) = new {
                let container = ContainerRef::existing(new);
                steps.push(taken(Step::Remove { container }));
            }
            if let Some(old) = old {
                steps.extend(self.retired(name, old));
            }
            if let Some(new) = new {
                steps.extend(promoted(name, new));
            }
            if !steps.is_empty() {
                lanes.push(lane(name.clone(), steps));
            }
        }
        lanes
    }

    fn retired(&self, name: &str, old: &Container) -> Steps {
        let container = ContainerRef::existing(old);
        let mut steps = Steps::new();
        let policy = self.policy(old);
        if policy_of(old) != Some(&policy) {
            steps.push(taken(Step::SetRestart {
                container: container.clone(),
                policy,
            }));
        }
        if self.is_to_run(name, old) && !old.is_running() {
            steps.push(taken(Step::Start {
                container: container.clone(),
            }));
        }
        if old.name != name {
            steps.push(taken(Step::Rename {
                container,
                from: old.name.clone(),
                to: name.to_owned(),
            }));
        }
        steps
    }

    /// What was put aside served, but for a job that is done; what was not touched is left as it is.
    fn is_to_run(&self, name: &str, old: &Container) -> bool {
        let touched = old.name != name || self.news.contains_key(name);
        old.is_running() || (touched && !self.is_job(old))
    }

    fn as_it_was(&self, old: &Container) -> Before {
        let name = split(old).map_or(old.name.as_str(), |(name, _, _)| name);
        let touched = old.name != name || self.news.contains_key(name);
        Before {
            id: old.id.clone(),
            name: name.to_owned(),
            service: old.service().to_owned(),
            state: if self.is_to_run(name, old) {
                ContainerState::Running
            } else {
                old.state.clone()
            },
            // Where there is no healthcheck, running is enough for this, too.
            health: if touched { Health::Healthy } else { old.health },
            restart: self.policy(old),
            touched,
        }
    }

    /// The policy at rest: what its label says, else what the files say of its service today.
    fn policy(&self, container: &Container) -> RestartPolicy {
        let labelled = container.label(label::RESTART).map(parse_restart);
        let of_service = || {
            self.project
                .service(container.service())
                .map(restart_policy)
        };
        let found = || policy_of(container).cloned().unwrap_or_default();
        labelled.or_else(of_service).unwrap_or_else(found)
    }

    fn is_job(&self, container: &Container) -> bool {
        graph::job_services(self.project).contains(container.service())
    }
}

/// A new container stops, and gives up the name at rest.
fn promoted(name: &str, new: &Container) -> Steps {
    let container = ContainerRef::existing(new);
    let mut steps = Steps::new();
    if new.name == name {
        steps.push(taken(Step::Rename {
            container: container.clone(),
            from: name.to_owned(),
            to: format!("{name}.release-{}", release_of(new).unwrap_or_default()),
        }));
    }
    steps.push(taken(Step::Stop {
        container,
        grace: None,
    }));
    steps
}

/// Stops and removes a container, on whichever way.
fn away(container: &Container) -> Steps {
    let reference = ContainerRef::existing(container);
    let remove = Step::Remove {
        container: reference.clone(),
    };
    let stop = Step::Stop {
        container: reference,
        grace: None,
    };
    vec![PlannedStep {
        undo: Undo::Run(vec![stop, remove.clone()]),
        ..lanes::final_step(remove, FOUND, &CAUSE)
    }]
}

/// A step that a lost run has taken: its undo is what matters.
fn taken(undo: Step) -> PlannedStep {
    lanes::step(undo.clone(), vec![undo], &CAUSE)
}

fn lane(name: String, steps: Steps) -> Lane {
    Lane { name, steps }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// It served before the release.
    Before,
    /// The release created it.
    Release,
}

const FOUND: &str = "it is the end of a run whose journal is gone";
const CAUSE: Cause = Cause::Release;

/// `shop-api-1.before-7` → the name at rest, what the mark says, the release.
fn split(container: &Container) -> Option<(&str, Mark, u32)> {
    let with = |text: &str, mark| {
        let (name, number) = container.name.rsplit_once(text)?;
        Some((name, mark, number.parse().ok()?))
    };
    with(".before-", Mark::Before).or_else(|| with(".release-", Mark::Release))
}

fn release_of(container: &Container) -> Option<u32> {
    container.label(label::RELEASE)?.parse().ok()
}

fn policy_of(container: &Container) -> Option<&RestartPolicy> {
    container.details.as_ref().map(|d| &d.restart)
}

/// A one-off of a deploy: none is left at rest.
fn is_lost_job(container: &Container) -> bool {
    container.is_oneoff() && container.label(label::JOB).is_some()
}
