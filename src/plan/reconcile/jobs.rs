//! One-off containers of the profiles `backup`, `migrate` and `smoke`.

use super::Planner;
use crate::plan::PlanError;
use crate::plan::graph;
use crate::plan::lanes::{self, Hooks, Wait};
use crate::plan::options::Intent;
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
}
