//! Networks and volumes: external ones are there, the project's own are as they were made.

use std::collections::BTreeSet;

use super::{Finding, Severity};
use crate::plan::judge::{network_name, volume_name};
use crate::plan::observed::Observed;
use crate::plan::spec::label;
use crate::project::model::Project;

pub(super) fn networks(project: &Project, observed: &Observed, findings: &mut Vec<Finding>) {
    let used: BTreeSet<&String> = project
        .services
        .values()
        .flat_map(|s| s.networks.keys())
        .collect();
    for key in used {
        let name = network_name(project, key);
        let found = observed.networks.iter().find(|n| n.name == name);
        let external = project.networks.get(key).is_some_and(|n| n.external);
        match found {
            None if external => findings.push(Finding {
                severity: Severity::Error,
                message: format!("the external network `{name}` does not exist"),
                hint: Some(format!("docker network create {name}")),
            }),
            Some(network) if !external => {
                let theirs = network.labels.get(label::CONFIG_HASH);
                if theirs.is_some_and(|hash| *hash != project.network_hash(key)) {
                    findings.push(Finding {
                        severity: Severity::Error,
                        message: format!("the definition of network `{name}` has changed; docker compose would stop every container on it to make it anew"),
                        hint: Some(format!("give the changed network another key or `name:`, or in a maintenance window: docker compose down, then deploy (network `{name}`)")),
                    });
                }
            }
            _ => {}
        }
    }
}

pub(super) fn volumes(project: &Project, observed: &Observed, findings: &mut Vec<Finding>) {
    let used: BTreeSet<&String> = project
        .services
        .values()
        .flat_map(|s| &s.volumes)
        .filter(|v| v.r#type.as_deref() == Some("volume"))
        .filter_map(|v| v.source.as_ref())
        .collect();
    for key in used {
        let name = volume_name(project, key);
        let found = observed.volumes.iter().find(|v| v.name == name);
        let external = project.volumes.get(key).is_some_and(|v| v.external);
        match found {
            None if external => findings.push(Finding {
                severity: Severity::Error,
                message: format!("the external volume `{name}` does not exist"),
                hint: Some(format!("docker volume create {name}")),
            }),
            Some(volume) if !external => {
                let theirs = volume.labels.get(label::CONFIG_HASH);
                if theirs.is_some_and(|hash| *hash != project.volume_hash(key)) {
                    findings.push(Finding {
                        severity: Severity::Error,
                        message: format!("the definition of volume `{name}` has changed; its data would have to move"),
                        hint: Some("give the changed volume another key or `name:`, and copy the data".to_owned()),
                    });
                }
            }
            _ => {}
        }
    }
}
