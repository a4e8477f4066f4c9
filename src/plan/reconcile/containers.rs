//! What becomes of one container of a service: kept, started, replaced, restarted, removed, created.

use super::Planner;
use crate::plan::PlanError;
use crate::plan::build::{container_name, restart_policy};
use crate::plan::lanes::{self, Hooks, Swap};
use crate::plan::observed::{Container, ContainerState, RestartPolicy};
use crate::plan::options::Intent;
use crate::plan::step::{Action, Cause, ContainerRef, Lane, Step};
use crate::project::model::Service;

impl<'a> Planner<'a> {
    pub(super) fn existing(
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
                let signal = lanes::final_step(step, "a signal cannot be taken back", &cause);
                self.update(name).beside(vec![signal]);
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
                self.update(name).beside(steps);
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
        if let Some(path) = assets_path(service) {
            let shared = lanes::share_assets(old, &new, path, &cause);
            self.creates
                .entry(name.to_owned())
                .or_default()
                .extend(shared);
        }
        let swap = Swap {
            old,
            new: &new,
            temporary: &temporary,
            name: &final_name,
            release: self.options.release,
            wait: self.wait(name, service),
            cause: &cause,
            hooks: hooks(service),
            monitor: self.watched(name, service),
        };
        let reference = ContainerRef::Planned(new.clone());
        // One that starts first has been watched before the old one stops.
        let watch = match first {
            _ if self.stays_put(name) => None,
            Action::RecreateStartFirst => None,
            _ => self.monitor(name, service, &reference),
        };
        let steps = match first {
            _ if self.stays_put(name) => lanes::swap_names(&swap),
            Action::RecreateStartFirst => lanes::start_first(&swap, &restart_policy(service)),
            _ => lanes::stop_first(&swap),
        };
        self.removals.push(removal(name, old, &cause));
        self.add_spec(spec);
        self.update(name).roll(steps, watch);
        Ok(())
    }

    pub(super) fn missing(
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
            self.update(name).beside(steps);
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
        let watch = self.monitor(name, service, &reference);
        self.update(name).roll(steps, watch);
    }

    pub(super) fn remove(&mut self, name: &str, container: &'a Container, cause: &Cause) {
        self.touched.insert(container.id.clone());
        self.change(name, &container.name, Action::Remove, cause);
        let service = self.project.service(name);
        let hooks = service.map(hooks).unwrap_or_default();
        let steps = lanes::stop(container, hooks, cause);
        self.update(name).remove(steps);
        self.removals.push(removal(name, container, cause));
    }
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

fn hooks(service: &Service) -> Hooks {
    Hooks {
        post_start: !service.post_start.is_empty(),
        pre_stop: !service.pre_stop.is_empty(),
    }
}

/// The folder of the hashed files that a release keeps beside those of the next one: `x-deployctl.assets.path`.
pub(crate) fn assets_path(service: &Service) -> Option<&str> {
    service
        .extensions
        .get("x-deployctl")?
        .get("assets")?
        .get("path")?
        .as_str()
}

fn reload_signal(service: &Service) -> Option<&str> {
    service
        .extensions
        .get("x-deployctl")?
        .get("reload")?
        .as_str()
}
