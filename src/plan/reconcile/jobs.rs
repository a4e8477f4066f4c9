//! One-off containers of the profiles `backup`, `migrate` and `smoke`.

use super::Planner;
use crate::plan::PlanError;
use crate::plan::graph;
use crate::plan::lanes::{self, Hooks, Wait};
use crate::plan::options::Intent;
use crate::plan::spec::{ContainerSpec, PlannedId, SCHEMA_AFTER, SCHEMA_BEFORE};
use crate::plan::step::{Action, Cause, ContainerRef, Lane, StageKind, Step, Until};

impl Planner<'_> {
    /// One-offs of the profiles, run when a deploy changes anything at all.
    pub(super) fn jobs(&mut self) -> Result<(), PlanError> {
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
            self.migration()?;
        }
        for name in graph::profile_services(self.project, "smoke") {
            let lane = self.job(name, "smoke")?;
            self.smoke.push(lane);
        }
        Ok(())
    }

    /// The jobs of profile `migrate`, whatever the services look like.
    pub(super) fn migration(&mut self) -> Result<(), PlanError> {
        let schema = self.schema();
        if let Some((name, command)) = &schema {
            let lane = self.schema_lane(name, command, SCHEMA_BEFORE)?;
            self.job_stages.push((StageKind::Migrate, lane));
        }
        for name in graph::profile_services(self.project, "migrate") {
            let lane = self.job(name, "migrate")?;
            self.job_stages.push((StageKind::Migrate, lane));
        }
        if let Some((name, command)) = &schema {
            let lane = self.schema_lane(name, command, SCHEMA_AFTER)?;
            self.job_stages.push((StageKind::Migrate, lane));
        }
        Ok(())
    }

    /// The command of `x-deployctl.schema`, and the service whose image knows it: the first that migrates.
    fn schema(&self) -> Option<(String, Vec<String>)> {
        let written = self
            .project
            .extensions
            .get("x-deployctl")
            .and_then(|x| x.get("schema"))?;
        let words = written.as_array()?.iter();
        let command: Vec<String> = words
            .filter_map(|w| w.as_str().map(str::to_owned))
            .collect();
        let service = graph::profile_services(self.project, "migrate");
        Some(((*service.first()?).to_owned(), command)).filter(|(_, c)| !c.is_empty())
    }

    fn schema_lane(
        &mut self,
        name: &str,
        command: &[String],
        lane: &str,
    ) -> Result<Lane, PlanError> {
        let mut service = self.project.service(name).cloned().unwrap_or_default();
        service.command = Some(command.to_vec());
        let mut spec = self.draft(name, &service).oneoff("schema");
        spec.id = PlannedId(lane.to_owned());
        spec.name = format!("{}-{}", spec.name, lane.replace(':', "-"));
        spec.final_name.clone_from(&spec.name);
        self.one_off(lane, name, spec)
    }

    fn job(&mut self, name: &str, job: &str) -> Result<Lane, PlanError> {
        let service = self.project.service(name).filter(|s| s.image.is_some());
        let service = service.ok_or_else(|| PlanError::NoImage {
            service: name.to_owned(),
        })?;
        let spec = self.draft(name, service).oneoff(job);
        self.one_off(name, name, spec)
    }

    /// Created, run to its end, removed.
    fn one_off(
        &mut self,
        lane: &str,
        service: &str,
        spec: ContainerSpec,
    ) -> Result<Lane, PlanError> {
        if spec.image.is_empty() {
            return Err(PlanError::NoImage {
                service: service.to_owned(),
            });
        }
        self.change(service, &spec.name, Action::Run, &Cause::Job);
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
            name: lane.to_owned(),
            steps,
        })
    }
}
