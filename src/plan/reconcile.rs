//! Compares what is asked for with what is there, and lists the steps from one to the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::plan::build::{Draft, container_name, restart_policy};
use crate::plan::graph;
use crate::plan::judge;
use crate::plan::lanes::{self, Hooks, Steps, Swap, Wait};
use crate::plan::observed::{Container, ContainerState, ImageHealthcheck, Observed, RestartPolicy};
use crate::plan::options::{Intent, Options, Orphans};
use crate::plan::release;
use crate::plan::spec::{ContainerSpec, PlannedId, label};
use crate::plan::step::{
    Action, Before, Cause, Change, ContainerRef, Lane, Plan, Stage, StageKind, Step, Until,
};
use crate::project::model::{Project, Service};

/// No plan can be made.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// `--service` names none.
    #[error("no service `{name}` in the project")]
    UnknownService {
        /// As given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A container of somebody else has a name that is needed.
    #[error("the container name `{name}` is taken by {holder}")]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        holder: String,
    },
    /// `container_name` allows one container only.
    #[error("service `{service}` has a `container_name` and {replicas} replicas")]
    FixedName {
        /// The service.
        service: String,
        /// How many are asked for.
        replicas: u32,
    },
    /// Two containers of the service cannot run at once.
    #[error("service `{service}` cannot start first: {reason}")]
    StartFirst {
        /// The service.
        service: String,
        /// Why not.
        reason: String,
    },
    /// The service has no image.
    #[error("service `{service}` has no `image`")]
    NoImage {
        /// The service.
        service: String,
    },
}

/// Makes the plan that brings the project from what is observed to what the files say.
///
/// A plan without changes has no steps but, where the tag line of the env file is behind, those that mend it.
pub fn reconcile(
    project: &Project,
    observed: &Observed,
    options: &Options,
) -> Result<Plan, PlanError> {
    let mut planner = Planner::new(project, observed, options)?;
    planner.services()?;
    planner.orphans();
    planner.jobs()?;
    Ok(planner.finish())
}

/// The containers that a plan would touch: to be inspected before the plan is made for good.
pub fn touched(plan: &Plan) -> Vec<String> {
    plan.before
        .iter()
        .filter(|b| b.touched)
        .map(|b| b.id.clone())
        .collect()
}

struct Planner<'a> {
    project: &'a Project,
    observed: &'a Observed,
    options: &'a Options,
    scope: BTreeSet<String>,
    /// Services that run to completion in their ordinary container.
    completed: BTreeSet<String>,
    recreated: BTreeSet<String>,
    restarted: BTreeSet<String>,
    touched: BTreeSet<String>,
    plan: Plan,
    /// Creation of new containers, by service.
    creates: BTreeMap<String, Steps>,
    /// What happens in a service's wave.
    updates: BTreeMap<String, Steps>,
    /// What is removed in the end.
    removals: Vec<Lane>,
    monitored: Vec<(ContainerRef, Duration)>,
    job_stages: Vec<(StageKind, Lane)>,
    smoke: Vec<Lane>,
}

impl<'a> Planner<'a> {
    fn new(
        project: &'a Project,
        observed: &'a Observed,
        options: &'a Options,
    ) -> Result<Self, PlanError> {
        let completed = graph::job_services(project);
        Ok(Self {
            scope: scope(project, observed, options)?,
            project,
            observed,
            options,
            completed,
            recreated: BTreeSet::new(),
            restarted: BTreeSet::new(),
            touched: BTreeSet::new(),
            plan: Plan::default(),
            creates: BTreeMap::new(),
            updates: BTreeMap::new(),
            removals: Vec::new(),
            monitored: Vec::new(),
            job_stages: Vec::new(),
            smoke: Vec::new(),
        })
    }

    /// Judges every service, parents first.
    fn services(&mut self) -> Result<(), PlanError> {
        for wave in graph::waves(self.project, &self.scope) {
            for name in wave {
                if let Some(service) = self.project.services.get(&name) {
                    self.service(&name, service)?;
                }
            }
        }
        Ok(())
    }

    fn service(&mut self, name: &str, service: &'a Service) -> Result<(), PlanError> {
        let replicas = u32::try_from(service.replicas()).unwrap_or(0);
        if replicas > 1 && service.container_name.is_some() {
            return Err(PlanError::FixedName {
                service: name.to_owned(),
                replicas,
            });
        }
        if service.image.is_none() {
            return Err(PlanError::NoImage {
                service: name.to_owned(),
            });
        }
        let hash = self.known_hash(name, service);
        let mut judged: Vec<(&'a Container, Option<Cause>)> = self
            .containers(name)
            .map(|c| {
                let cause = judge::diverged(
                    self.project,
                    self.observed,
                    self.options,
                    name,
                    service,
                    c,
                    hash.as_deref(),
                    &self.recreated,
                );
                (c, cause)
            })
            .collect();
        judged.sort_by_key(|(c, cause)| (cause.is_some(), c.number(), c.id.clone()));
        let surplus = judged.split_off(judged.len().min(replicas as usize));
        let count = u32::try_from(judged.len() + surplus.len()).unwrap_or(u32::MAX);
        let fresh = count == 0;
        for (container, cause) in judged {
            self.existing(name, service, container, cause)?;
        }
        let mut number = self
            .containers(name)
            .map(Container::number)
            .max()
            .unwrap_or(0);
        for _ in count..replicas {
            number += 1;
            let cause = if fresh {
                Cause::Missing
            } else {
                Cause::Scaled {
                    from: count,
                    to: replicas,
                }
            };
            self.missing(name, service, number, &cause)?;
        }
        for (container, _) in surplus {
            self.remove(
                name,
                container,
                &Cause::Scaled {
                    from: count,
                    to: replicas,
                },
            );
        }
        Ok(())
    }

    fn existing(
        &mut self,
        name: &str,
        service: &'a Service,
        container: &'a Container,
        cause: Option<Cause>,
    ) -> Result<(), PlanError> {
        match cause {
            Some(cause @ Cause::ContentChanged { .. })
                if reload_signal(service).is_some() && container.is_running() =>
            {
                let signal = reload_signal(service).unwrap_or_default().to_owned();
                self.touched.insert(container.id.clone());
                self.change(name, &container.name, Action::Signal, &cause);
                let step = Step::Signal {
                    container: ContainerRef::existing(container),
                    signal,
                };
                self.update(
                    name,
                    vec![lanes::final_step(
                        step,
                        "a signal cannot be taken back",
                        &cause,
                    )],
                );
            }
            Some(cause) => self.replace(name, service, container, &cause)?,
            None if self.follows_restart(service) && container.is_running() => {
                self.restart(name, service, container);
            }
            None if self.rests(name, container) => {}
            None => {
                self.touched.insert(container.id.clone());
                self.change(name, &container.name, Action::Start, &Cause::NotRunning);
                let reference = ContainerRef::existing(container);
                self.monitor(name, service, &reference);
                let steps = lanes::start(
                    &reference,
                    self.wait(name, service),
                    hooks(service),
                    &Cause::NotRunning,
                );
                self.update(name, steps);
            }
        }
        Ok(())
    }

    /// Whether a container that is as configured needs nothing: it runs, or it is a job that has ended well.
    fn rests(&self, name: &str, container: &Container) -> bool {
        if !self.completed.contains(name) {
            return matches!(
                container.state,
                ContainerState::Running | ContainerState::Paused
            );
        }
        self.options.intent == Intent::Rollback
            || container.is_running()
            || container.status.starts_with("Exited (0)")
    }

    fn replace(
        &mut self,
        name: &str,
        service: &'a Service,
        old: &'a Container,
        cause: &Cause,
    ) -> Result<(), PlanError> {
        let number = old.number().max(1);
        let final_name = container_name(self.project, name, service, number);
        let first = if self.starts_first(name, service)? && old.is_running() {
            Action::RecreateStartFirst
        } else {
            Action::Recreate
        };
        let temporary = if old.name == final_name {
            format!("{final_name}.release-{}", self.options.release)
        } else {
            final_name.clone()
        };
        self.require_free(&temporary, old)?;
        self.require_free(&final_name, old)?;
        let restart = match first {
            Action::RecreateStartFirst => RestartPolicy {
                name: "on-failure".into(),
                maximum_retry_count: 2,
            },
            _ => restart_policy(service),
        };
        let spec =
            self.draft(name, service)
                .ordinary(number, temporary.clone(), Some(old), restart);
        let (new, cause) = (spec.id.clone(), cause.clone());
        self.recreated.insert(name.to_owned());
        self.touched.insert(old.id.clone());
        self.change(name, &final_name, first, &cause);
        self.creates
            .entry(name.to_owned())
            .or_default()
            .push(lanes::create(&new, &temporary, &cause));
        let swap = Swap {
            old,
            new: &new,
            temporary: &temporary,
            name: &final_name,
            release: self.options.release,
            wait: self.wait(name, service),
            cause: &cause,
            hooks: hooks(service),
        };
        let steps = match first {
            _ if self.stays_put(name) => lanes::swap_names(&swap),
            Action::RecreateStartFirst => lanes::start_first(&swap, &restart_policy(service)),
            _ => lanes::stop_first(&swap),
        };
        self.removals.push(removal(name, old, &cause));
        if !self.stays_put(name) {
            self.monitor(name, service, &ContainerRef::Planned(new));
        }
        self.add_spec(spec);
        self.update(name, steps);
        Ok(())
    }

    fn missing(
        &mut self,
        name: &str,
        service: &'a Service,
        number: u32,
        cause: &Cause,
    ) -> Result<(), PlanError> {
        let final_name = container_name(self.project, name, service, number);
        self.require_name(&final_name)?;
        let spec = self.draft(name, service).ordinary(
            number,
            final_name.clone(),
            None,
            restart_policy(service),
        );
        let reference = ContainerRef::Planned(spec.id.clone());
        self.recreated.insert(name.to_owned());
        self.change(name, &final_name, Action::Create, cause);
        self.creates
            .entry(name.to_owned())
            .or_default()
            .push(lanes::create(&spec.id, &final_name, cause));
        if !self.stays_put(name) {
            self.monitor(name, service, &reference);
            let steps = lanes::start(&reference, self.wait(name, service), hooks(service), cause);
            self.update(name, steps);
        }
        self.add_spec(spec);
        Ok(())
    }

    fn restart(&mut self, name: &str, service: &'a Service, container: &'a Container) {
        let parent = service
            .depends_on
            .iter()
            .find(|(p, d)| d.restart && self.moved(p))
            .map(|(p, _)| p.clone());
        let cause = Cause::FollowsService {
            service: parent.unwrap_or_default(),
        };
        let reference = ContainerRef::existing(container);
        self.restarted.insert(name.to_owned());
        self.touched.insert(container.id.clone());
        self.change(name, &container.name, Action::Restart, &cause);
        let mut steps = lanes::stop(container, hooks(service), &cause);
        let policy = container
            .details
            .as_ref()
            .map(|d| d.restart.clone())
            .unwrap_or_default();
        steps.extend(lanes::start(
            &reference,
            self.wait(name, service),
            hooks(service),
            &cause,
        ));
        if policy.restarts() {
            let never = RestartPolicy::never();
            steps.push(lanes::step(
                Step::SetRestart {
                    container: reference.clone(),
                    policy,
                },
                vec![Step::SetRestart {
                    container: reference.clone(),
                    policy: never,
                }],
                &cause,
            ));
        }
        self.monitor(name, service, &reference);
        self.update(name, steps);
    }

    fn remove(&mut self, name: &str, container: &'a Container, cause: &Cause) {
        self.touched.insert(container.id.clone());
        self.change(name, &container.name, Action::Remove, cause);
        self.update(name, lanes::stop(container, Hooks::default(), cause));
        self.removals.push(removal(name, container, cause));
    }

    /// Containers of services that the files do not know any more.
    fn orphans(&mut self) {
        if !self.options.services.is_empty() {
            return;
        }
        let known = |name: &str| self.project.service(name).is_some();
        let orphans: Vec<&'a Container> = self
            .observed
            .containers
            .iter()
            .filter(|c| !known(c.service()) && !is_put_aside(c))
            .collect();
        match self.options.orphans {
            Orphans::Remove => orphans.into_iter().for_each(|c| self.remove(c.service(), c, &Cause::Orphan)),
            Orphans::Report => self.plan.warnings.extend(orphans.iter().map(|c| {
                format!(
                    "container `{}` is an orphan: no service `{}` in the project; `--remove-orphans` removes it",
                    c.name,
                    c.service()
                )
            })),
        }
    }

    /// One-offs of the profiles, run when a deploy changes anything at all.
    fn jobs(&mut self) -> Result<(), PlanError> {
        let changing = self.plan.changes.iter().any(|c| c.action != Action::Remove);
        if !changing {
            return Ok(());
        }
        let serving = self
            .observed
            .containers
            .iter()
            .any(|c| c.is_running() && !c.is_oneoff());
        let deploys = self.options.intent == Intent::Deploy;
        if deploys && serving {
            for name in graph::profile_services(self.project, "backup") {
                let lane = self.job(name, "backup")?;
                self.job_stages.push((StageKind::Backup, lane));
            }
        } else if deploys && !graph::profile_services(self.project, "backup").is_empty() {
            self.plan
                .warnings
                .push("no backup: nothing runs yet".into());
        }
        if deploys {
            for name in graph::profile_services(self.project, "migrate") {
                let lane = self.job(name, "migrate")?;
                self.job_stages.push((StageKind::Migrate, lane));
            }
        }
        for name in graph::profile_services(self.project, "smoke") {
            let lane = self.job(name, "smoke")?;
            self.smoke.push(lane);
        }
        Ok(())
    }

    fn job(&mut self, name: &str, job: &str) -> Result<Lane, PlanError> {
        let service = self.project.service(name).filter(|s| s.image.is_some());
        let service = service.ok_or_else(|| PlanError::NoImage {
            service: name.to_owned(),
        })?;
        let spec = self.draft(name, service).oneoff(job);
        self.change(name, &spec.name, Action::Run, &Cause::Job);
        let container = ContainerRef::Planned(spec.id.clone());
        let wait = Wait {
            until: Until::Completed,
            timeout: self.options.job_timeout,
        };
        let mut steps = vec![lanes::create(&spec.id, &spec.name, &Cause::Job)];
        steps.extend(lanes::start(
            &container,
            wait,
            Hooks::default(),
            &Cause::Job,
        ));
        steps.push(lanes::final_step(
            Step::Remove { container },
            "the job has run",
            &Cause::Job,
        ));
        self.add_spec(spec);
        Ok(Lane {
            name: name.to_owned(),
            steps,
        })
    }

    fn finish(mut self) -> Plan {
        let before = self.before();
        if self.plan.changes.is_empty() {
            self.plan.stages = release::only_tag_line(self.options);
        } else {
            self.plan.stages = self.stages();
        }
        let mut plan = self.plan;
        plan.before = before;
        plan.images = used_images(self.options, &plan);
        let steps = plan
            .stages
            .iter_mut()
            .flat_map(|s| &mut s.lanes)
            .flat_map(|l| &mut l.steps);
        for (number, step) in (0_u32..).zip(steps) {
            step.number = number;
        }
        plan
    }

    fn stages(&mut self) -> Vec<Stage> {
        let mut stages: Vec<Stage> = release::put_back(self.options).into_iter().collect();
        stages.extend(release::pull(self.options, &self.needed_images()));
        stages.extend(self.prepare());
        stages.extend(self.dependency_stages());
        for kind in [StageKind::Backup, StageKind::Migrate] {
            if kind == StageKind::Migrate {
                stages.extend(self.completed_stages());
            }
            let lanes = self.job_stages.iter().filter(|(k, _)| *k == kind);
            stages.extend(lanes.map(|(_, lane)| Stage {
                kind,
                lanes: vec![lane.clone()],
            }));
        }
        stages.extend(self.create_stages());
        for (index, wave) in self.update_waves().into_iter().enumerate() {
            stages.push(Stage {
                kind: StageKind::Wave(index + 1),
                lanes: wave,
            });
        }
        if !self.monitored.is_empty() {
            let step = Step::Monitor {
                containers: self.monitored.clone(),
            };
            let steps = vec![lanes::final_step(
                step,
                "watching changes nothing",
                &Cause::Release,
            )];
            stages.push(Stage {
                kind: StageKind::Monitor,
                lanes: vec![Lane {
                    name: "monitor".into(),
                    steps,
                }],
            });
        }
        stages.extend(self.smoke.iter().map(|lane| Stage {
            kind: StageKind::Smoke,
            lanes: vec![lane.clone()],
        }));
        stages.extend(release::commit(self.options));
        stages.extend(release::clean(
            self.options,
            std::mem::take(&mut self.removals),
        ));
        stages
    }

    /// Networks and volumes that are needed and not there.
    fn prepare(&self) -> Option<Stage> {
        let services = || self.plan.specs.values().map(|s| &s.service);
        let networks: BTreeSet<&String> = services().flat_map(|s| s.networks.keys()).collect();
        let volumes: BTreeSet<&String> = services()
            .flat_map(|s| &s.volumes)
            .filter(|v| v.r#type.as_deref() == Some("volume"))
            .filter_map(|v| v.source.as_ref())
            .collect();
        let mut lanes = Vec::new();
        for key in networks {
            let name = judge::network_name(self.project, key);
            let external = self.project.networks.get(key).is_some_and(|n| n.external);
            if external || self.observed.networks.iter().any(|n| n.name == name) {
                continue;
            }
            let undo = vec![Step::RemoveNetwork { name: name.clone() }];
            let step = lanes::step(
                Step::CreateNetwork {
                    key: key.clone(),
                    name: name.clone(),
                },
                undo,
                &Cause::Missing,
            );
            lanes.push(Lane {
                name: format!("network {name}"),
                steps: vec![step],
            });
        }
        for key in volumes {
            let name = judge::volume_name(self.project, key);
            let external = self.project.volumes.get(key).is_some_and(|v| v.external);
            if external || self.observed.volumes.iter().any(|v| v.name == name) {
                continue;
            }
            let step = Step::CreateVolume {
                key: key.clone(),
                name: name.clone(),
            };
            let steps = vec![lanes::final_step(
                step,
                "a volume is never removed",
                &Cause::Missing,
            )];
            lanes.push(Lane {
                name: format!("volume {name}"),
                steps,
            });
        }
        (!lanes.is_empty()).then_some(Stage {
            kind: StageKind::Prepare,
            lanes,
        })
    }

    /// What jobs depend on and what does not run: created and awaited before them.
    fn dependency_stages(&mut self) -> Vec<Stage> {
        let jobs = self.job_stages.iter().map(|(_, lane)| lane.name.clone());
        let jobs: BTreeSet<String> = jobs.chain(self.completed_moving()).collect();
        let idle: BTreeSet<String> = jobs
            .iter()
            .flat_map(|job| graph::dependencies(self.project, job))
            .filter(|name| !jobs.contains(name) && !self.completed.contains(name))
            .filter(|name| !self.containers(name).any(Container::is_running))
            .collect();
        let mut stages = Vec::new();
        for wave in graph::waves(self.project, &idle) {
            let lanes: Vec<Lane> = wave
                .into_iter()
                .filter_map(|name| self.whole_lane(name))
                .collect();
            if !lanes.is_empty() {
                stages.push(Stage {
                    kind: StageKind::Dependencies(stages.len() + 1),
                    lanes,
                });
            }
        }
        stages
    }

    /// Services that run to completion, in the order in which they await one another.
    fn completed_stages(&mut self) -> Vec<Stage> {
        if self.options.intent == Intent::Rollback {
            return Vec::new();
        }
        let moving: BTreeSet<String> = self.completed_moving().collect();
        let waves = graph::waves(self.project, &moving);
        let stages = waves.into_iter().map(|wave| {
            let lanes = wave
                .into_iter()
                .filter_map(|name| self.whole_lane(name))
                .collect();
            Stage {
                kind: StageKind::Migrate,
                lanes,
            }
        });
        stages.collect()
    }

    fn completed_moving(&self) -> std::vec::IntoIter<String> {
        let moving =
            |name: &&String| self.creates.contains_key(*name) || self.updates.contains_key(*name);
        self.completed
            .iter()
            .filter(moving)
            .cloned()
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Creation and update of a service in one lane; taken out of the later stages.
    fn whole_lane(&mut self, name: String) -> Option<Lane> {
        let mut steps = self.creates.remove(&name).unwrap_or_default();
        steps.extend(self.updates.remove(&name).unwrap_or_default());
        (!steps.is_empty()).then_some(Lane { name, steps })
    }

    /// New containers, those whose namespace or volumes others share before the others.
    fn create_stages(&mut self) -> Vec<Stage> {
        let mut open = std::mem::take(&mut self.creates);
        let mut stages = Vec::new();
        while !open.is_empty() {
            let waits = |name: &String| {
                let service = self.project.services.get(name);
                service.is_some_and(|s| {
                    graph::shared_services(s).any(|p| p != name && open.contains_key(p))
                })
            };
            let ready: BTreeSet<String> = open.keys().filter(|n| !waits(n)).cloned().collect();
            // The loader refuses cycles; should one come through, the rest goes in one stage.
            let (now, later) = open
                .into_iter()
                .partition::<BTreeMap<_, _>, _>(|(n, _)| ready.is_empty() || ready.contains(n));
            let lanes = now
                .into_iter()
                .map(|(name, steps)| Lane { name, steps })
                .collect();
            stages.push(Stage {
                kind: StageKind::Create,
                lanes,
            });
            open = later;
        }
        stages
    }

    fn update_waves(&mut self) -> Vec<Vec<Lane>> {
        let names: BTreeSet<String> = self.updates.keys().cloned().collect();
        let mut waves = graph::waves(self.project, &names);
        let placed: BTreeSet<String> = waves.iter().flatten().cloned().collect();
        let orphans: Vec<String> = names.difference(&placed).cloned().collect();
        if !orphans.is_empty() {
            waves.push(orphans);
        }
        waves
            .into_iter()
            .map(|wave| {
                wave.into_iter()
                    .filter_map(|name| self.whole_lane(name))
                    .collect::<Vec<_>>()
            })
            .filter(|lanes| !lanes.is_empty())
            .collect()
    }

    fn before(&self) -> Vec<Before> {
        self.observed
            .containers
            .iter()
            .filter(|c| !c.is_oneoff() && !is_put_aside(c))
            .map(|c| Before {
                id: c.id.clone(),
                name: c.name.clone(),
                service: c.service().to_owned(),
                state: c.state.clone(),
                health: c.health,
                restart: c
                    .details
                    .as_ref()
                    .map(|d| d.restart.clone())
                    .unwrap_or_default(),
                touched: self.touched.contains(&c.id),
            })
            .collect()
    }

    fn needed_images(&self) -> BTreeSet<String> {
        self.plan
            .specs
            .values()
            .map(|spec| spec.image.clone())
            .collect()
    }

    /// The config hash, unless it covers the id of a container that is not created yet.
    fn known_hash(&self, name: &str, service: &Service) -> Option<String> {
        let mut ids = crate::project::ServiceReferences::new();
        for parent in graph::shared_services(service) {
            if self.recreated.contains(parent) {
                return None;
            }
            ids.insert(
                parent.to_owned(),
                self.containers(parent).next()?.id.clone(),
            );
        }
        Some(self.project.config_hash(name, &ids))
    }

    fn draft<'b>(&'b self, name: &'b str, service: &'b Service) -> Draft<'b> {
        let references = graph::shared_services(service)
            .filter_map(|parent| {
                let created = self.plan.specs.get(&PlannedId(format!("{parent}-1")));
                let planned = created.map(|spec| ContainerRef::Planned(spec.id.clone()));
                let reference = planned
                    .or_else(|| self.containers(parent).next().map(ContainerRef::existing))?;
                Some((parent.to_owned(), reference))
            })
            .collect();
        Draft {
            project: self.project,
            options: self.options,
            name,
            service,
            references,
        }
    }

    fn containers(&self, name: &str) -> impl Iterator<Item = &'a Container> + use<'a, '_> {
        let name = name.to_owned();
        let observed = self.observed;
        let mut found: Vec<&'a Container> = observed
            .containers
            .iter()
            .filter(move |c| c.service() == name && !c.is_oneoff() && !is_put_aside(c))
            .collect();
        found.sort_by_key(|c| c.number());
        found.into_iter()
    }

    /// A job does not run again on the way back: its container is only exchanged.
    fn stays_put(&self, name: &str) -> bool {
        self.options.intent == Intent::Rollback && self.completed.contains(name)
    }

    fn moved(&self, name: &str) -> bool {
        self.recreated.contains(name) || self.restarted.contains(name)
    }

    fn follows_restart(&self, service: &Service) -> bool {
        service
            .depends_on
            .iter()
            .any(|(parent, d)| d.restart && self.moved(parent))
    }

    fn wait(&self, name: &str, service: &Service) -> Wait {
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

    fn monitor(&mut self, name: &str, service: &Service, container: &ContainerRef) {
        if self.completed.contains(name) {
            return;
        }
        let written = service
            .deploy
            .as_ref()
            .and_then(|d| d.update_config.as_ref())
            .and_then(|u| u.monitor);
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
        let duration = written.map_or(unwritten, crate::project::model::GoDuration::as_std);
        if !duration.is_zero() {
            self.monitored.push((container.clone(), duration));
        }
    }

    fn starts_first(&mut self, name: &str, service: &Service) -> Result<bool, PlanError> {
        let update = service
            .deploy
            .as_ref()
            .and_then(|d| d.update_config.as_ref());
        if update.and_then(|u| u.order.as_deref()) != Some("start-first")
            || self.completed.contains(name)
        {
            return Ok(false);
        }
        let impossible = |reason: &str| {
            Err(PlanError::StartFirst {
                service: name.to_owned(),
                reason: reason.to_owned(),
            })
        };
        if let Some(mode) = service
            .network_mode
            .as_deref()
            .filter(|m| *m == "host" || m.starts_with("service:"))
        {
            return impossible(&format!(
                "two containers cannot share `network_mode: {mode}`"
            ));
        }
        if service.networks.values().flatten().any(|n| {
            n.ipv4_address.is_some() || n.ipv6_address.is_some() || n.mac_address.is_some()
        }) {
            return impossible("it has a fixed address, which two containers cannot have at once");
        }
        let fixed = |p: &&crate::project::model::Port| {
            p.published
                .as_deref()
                .is_some_and(|p| !p.is_empty() && p != "0" && !p.contains('-'))
        };
        if let Some(port) = service.ports.iter().find(fixed) {
            return impossible(&format!(
                "the published port {} can be held by one container only",
                port.published.as_deref().unwrap_or_default()
            ));
        }
        Ok(true)
    }

    /// The name must be free, or held by the container that is replaced.
    fn require_free(&self, name: &str, old: &Container) -> Result<(), PlanError> {
        if old.name == name {
            Ok(())
        } else {
            self.require_name(name)
        }
    }

    fn require_name(&self, name: &str) -> Result<(), PlanError> {
        let holder = self
            .observed
            .containers
            .iter()
            .chain(&self.observed.strangers)
            .find(|c| c.name == name);
        holder.map_or(Ok(()), |c| {
            let project = c
                .label(label::PROJECT)
                .map(|p| format!(" of project `{p}`"))
                .unwrap_or_default();
            Err(PlanError::NameTaken {
                name: name.to_owned(),
                holder: format!("container {}{project}", c.short_id()),
            })
        })
    }

    fn change(&mut self, service: &str, container: &str, action: Action, cause: &Cause) {
        self.plan.changes.push(Change {
            service: service.to_owned(),
            container: container.to_owned(),
            action,
            cause: cause.clone(),
        });
    }

    fn update(&mut self, name: &str, steps: Steps) {
        self.updates
            .entry(name.to_owned())
            .or_default()
            .extend(steps);
    }

    fn add_spec(&mut self, spec: ContainerSpec) {
        self.plan.specs.insert(spec.id.clone(), spec);
    }
}

/// The services that a plan looks at: all that are enabled and no profile's jobs, or those asked for
/// with what they depend on and what does not run.
fn scope(
    project: &Project,
    observed: &Observed,
    options: &Options,
) -> Result<BTreeSet<String>, PlanError> {
    let ordinary = |name: &&String| {
        project
            .services
            .get(*name)
            .is_some_and(|s| !graph::is_profile_job(s))
    };
    if options.services.is_empty() {
        return Ok(project.services.keys().filter(ordinary).cloned().collect());
    }
    let mut scope = BTreeSet::new();
    for name in &options.services {
        if !project.services.contains_key(name) {
            let known = project.services.keys().cloned().collect();
            return Err(PlanError::UnknownService {
                name: name.clone(),
                known,
            });
        }
        let runs = |n: &String| {
            observed
                .containers
                .iter()
                .any(|c| c.service() == n && c.is_running())
        };
        scope.extend(
            graph::dependencies(project, name)
                .into_iter()
                .filter(|n| !runs(n))
                .filter(|n| ordinary(&n)),
        );
        scope.insert(name.clone());
    }
    Ok(scope)
}

/// A container that a release put aside, or created and did not promote.
pub fn is_put_aside(container: &Container) -> bool {
    let tail = |mark: &str| {
        container
            .name
            .rsplit_once(mark)
            .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    tail(".before-") || tail(".release-")
}

fn removal(name: &str, container: &Container, cause: &Cause) -> Lane {
    let step = Step::Remove {
        container: ContainerRef::existing(container),
    };
    Lane {
        name: name.to_owned(),
        steps: vec![lanes::final_step(step, "the new release stands", cause)],
    }
}

fn used_images(options: &Options, plan: &Plan) -> BTreeMap<String, crate::plan::PlannedImage> {
    let used: BTreeSet<&String> = plan.specs.values().map(|s| &s.image).collect();
    options
        .images
        .iter()
        .filter(|(key, _)| used.contains(key))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn hooks(service: &Service) -> Hooks {
    Hooks {
        post_start: !service.post_start.is_empty(),
        pre_stop: !service.pre_stop.is_empty(),
    }
}

fn reload_signal(service: &Service) -> Option<&str> {
    service
        .extensions
        .get("x-deployctl")?
        .get("reload")?
        .as_str()
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
