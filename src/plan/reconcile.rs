//! Compares what is asked for with what is there, and lists the steps from one to the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::plan::PlanError;
use crate::plan::build::Draft;
use crate::plan::graph;
use crate::plan::judge;
use crate::plan::lanes::Steps;
use crate::plan::observed::{Container, Observed};
use crate::plan::options::{Intent, Options, Orphans};
use crate::plan::spec::{ContainerSpec, PlannedId, label};
use crate::plan::step::{Action, Cause, Change, ContainerRef, Lane, Plan, StageKind};
use crate::plan::strategy::Strategy;
use crate::project::model::{Project, Service};

pub(crate) mod containers;
mod jobs;
mod order;
mod rolling;
mod scope;
mod stages;
mod waiting;

use rolling::Update;

/// Makes the plan that brings the project from what is observed to what the files say.
///
/// A plan without changes has no steps but, where the tag line of the env file is behind, those that mend it.
pub fn reconcile(
    project: &Project,
    observed: &Observed,
    options: &Options,
) -> Result<Plan, PlanError> {
    let mut planner = Planner::new(project, observed, options)?;
    if options.intent == Intent::Migrate {
        planner.migration()?;
        return Ok(planner.finish());
    }
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
    /// The containers that stand for a service, by number; one-offs and what was put aside do not.
    standing: BTreeMap<&'a str, Vec<&'a Container>>,
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
    updates: BTreeMap<String, Update>,
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
            scope: scope::scope(project, observed, options)?,
            standing: standing(observed),
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
        self.tolerate(name, service, &judged);
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

    /// So many of the containers that are replaced may fail.
    fn tolerate(
        &mut self,
        name: &str,
        service: &Service,
        judged: &[(&'a Container, Option<Cause>)],
    ) {
        let replaced = judged.iter().filter(|(_, cause)| cause.is_some()).count();
        let tolerated = self.strategy(service).tolerated(replaced);
        if tolerated > 0 {
            self.plan.tolerated.insert(name.to_owned(), tolerated);
        }
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
            .filter(|c| !known(c.service()) && !c.is_put_aside())
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

    fn containers(&self, name: &str) -> impl Iterator<Item = &'a Container> + use<'a> {
        let found = self.standing.get(name).cloned().unwrap_or_default();
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

    fn update(&mut self, name: &str) -> &mut Update {
        self.updates.entry(name.to_owned()).or_default()
    }

    fn strategy(&self, service: &Service) -> Strategy {
        Strategy::of(service, self.options.intent)
    }

    fn add_spec(&mut self, spec: ContainerSpec) {
        self.plan.specs.insert(spec.id.clone(), spec);
    }
}

fn standing(observed: &Observed) -> BTreeMap<&str, Vec<&Container>> {
    let mut standing: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    let containers = observed.containers.iter();
    for container in containers.filter(|c| !c.is_oneoff() && !c.is_put_aside()) {
        let service = standing.entry(container.service()).or_default();
        service.push(container);
    }
    for containers in standing.values_mut() {
        containers.sort_by_key(|c| c.number());
    }
    standing
}
