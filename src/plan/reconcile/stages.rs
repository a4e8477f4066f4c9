//! Puts the steps into stages: what has to be ready first, the jobs, the waves, the commit, the cleaning.

use std::collections::{BTreeMap, BTreeSet};

use super::Planner;
use crate::plan::graph;
use crate::plan::judge;
use crate::plan::lanes::{self, Steps};
use crate::plan::observed::Container;
use crate::plan::options::{Intent, Options};
use crate::plan::release;
use crate::plan::step::{Before, Cause, Lane, Plan, Stage, StageKind, Step};
use crate::project::model::Service;

impl Planner<'_> {
    pub(super) fn finish(mut self) -> Plan {
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
        if self.options.intent == Intent::Migrate {
            stages.push(release::record());
            return stages;
        }
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
        steps.extend(self.update_lanes(&name).into_iter().flatten());
        (!steps.is_empty()).then_some(Lane { name, steps })
    }

    fn update_lanes(&mut self, name: &str) -> Vec<Steps> {
        let update = self.updates.remove(name).unwrap_or_default();
        let gone = Service::default();
        let service = self.project.service(name).unwrap_or(&gone);
        update.lanes(&self.strategy(service))
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
                let mut lanes = Vec::new();
                for name in wave {
                    let of_service = self.update_lanes(&name).into_iter();
                    lanes.extend(of_service.map(|steps| Lane {
                        name: name.clone(),
                        steps,
                    }));
                }
                lanes
            })
            .filter(|lanes| !lanes.is_empty())
            .collect()
    }

    fn before(&self) -> Vec<Before> {
        self.observed
            .containers
            .iter()
            .filter(|c| !c.is_oneoff() && !c.is_put_aside())
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
