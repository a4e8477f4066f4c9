//! What has to be right before anything is touched, and what a person should know.

use std::collections::BTreeSet;

use crate::plan::judge::{network_name, volume_name};
use crate::plan::observed::Observed;
use crate::plan::spec::label;
use crate::plan::step::{Action, Plan};
use crate::project::model::{Project, Service};

/// One finding of a check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Whether it ends the command.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// What to type next.
    pub hint: Option<String>,
}

/// Whether a finding ends the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// Nothing is touched.
    Error,
}

/// What only the host can tell.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Published ports (`HOST_IP:PORT/PROTOCOL`) that somebody listens on.
    pub busy_ports: Vec<String>,
    /// Paths of binds, configs and secrets that are not there.
    pub missing_paths: BTreeSet<String>,
}

/// Checks a plan against the engine and the host.
pub fn check(project: &Project, observed: &Observed, plan: &Plan, host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    networks(project, observed, &mut findings);
    volumes(project, observed, &mut findings);
    for (name, service) in created_services(project, plan) {
        ports(name, service, observed, project, host, &mut findings);
        paths(project, name, service, host, &mut findings);
        support(name, service, &mut findings);
    }
    findings
}

/// The services for which the plan creates a container.
pub fn created_services<'a>(project: &'a Project, plan: &Plan) -> Vec<(&'a str, &'a Service)> {
    let names: BTreeSet<&str> = plan
        .specs
        .values()
        .map(|s| s.service_name.as_str())
        .collect();
    let all = project.services.iter().chain(&project.disabled_services);
    all.filter(|(name, _)| names.contains(name.as_str()))
        .map(|(n, s)| (n.as_str(), s))
        .collect()
}

fn networks(project: &Project, observed: &Observed, findings: &mut Vec<Finding>) {
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

fn volumes(project: &Project, observed: &Observed, findings: &mut Vec<Finding>) {
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

/// A port that the project's own container gives up is free.
fn ports(
    name: &str,
    service: &Service,
    observed: &Observed,
    project: &Project,
    host: &Host,
    findings: &mut Vec<Finding>,
) {
    for port in &service.ports {
        let Some(published) = port
            .published
            .as_deref()
            .filter(|p| !p.is_empty() && *p != "0" && !p.contains('-'))
        else {
            continue;
        };
        let protocol = port.protocol.as_deref().unwrap_or("tcp");
        let holds = |c: &&crate::plan::Container| {
            c.is_running()
                && c.ports.iter().any(|p| {
                    p.published.to_string() == published
                        && p.protocol == protocol
                        && overlaps(&p.host_ip, port.host_ip.as_deref())
                })
        };
        let ours = observed
            .containers
            .iter()
            .filter(holds)
            .any(|c| c.service() == name || project.service(c.service()).is_none());
        let other = observed
            .strangers
            .iter()
            .chain(observed.containers.iter().filter(|c| c.service() != name))
            .find(holds);
        let holder = match other {
            Some(container) => format!("container `{}`", container.name),
            None if !ours
                && host
                    .busy_ports
                    .iter()
                    .any(|b| *b == listen(port.host_ip.as_deref(), published, protocol)) =>
            {
                "a process on this host".to_owned()
            }
            None => continue,
        };
        findings.push(Finding {
            severity: Severity::Error,
            message: format!("port {published}/{protocol} of service `{name}` is taken by {holder}"),
            hint: Some(format!("free it, or publish another one in the compose file; to see who listens: ss -lntp 'sport = :{published}'")),
        });
    }
}

/// How a published port is named in [`Host::busy_ports`].
pub fn listen(host_ip: Option<&str>, published: &str, protocol: &str) -> String {
    format!(
        "{}:{published}/{protocol}",
        host_ip.filter(|ip| !ip.is_empty()).unwrap_or("0.0.0.0")
    )
}

fn overlaps(theirs: &str, ours: Option<&str>) -> bool {
    let any = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::");
    let ours = ours.unwrap_or_default();
    any(theirs) || any(ours) || theirs == ours
}

fn paths(
    project: &Project,
    name: &str,
    service: &Service,
    host: &Host,
    findings: &mut Vec<Finding>,
) {
    for mount in service
        .volumes
        .iter()
        .filter(|v| v.r#type.as_deref() == Some("bind"))
    {
        let Some(source) = mount
            .source
            .as_ref()
            .filter(|s| host.missing_paths.contains(*s))
        else {
            continue;
        };
        let created = mount.bind.as_ref().is_some_and(|b| b.create_host_path);
        let (severity, message) = if created {
            (
                Severity::Warning,
                format!(
                    "service `{name}` mounts `{source}`, which is not there: the engine makes an empty folder"
                ),
            )
        } else {
            (
                Severity::Error,
                format!("service `{name}` mounts `{source}`, which is not there"),
            )
        };
        findings.push(Finding {
            severity,
            message,
            hint: Some(format!("mkdir -p {source}")),
        });
    }
    let secrets = service
        .secrets
        .iter()
        .map(|r| (r, &project.secrets, "secret"));
    let configs = service
        .configs
        .iter()
        .map(|r| (r, &project.configs, "config"));
    for (reference, objects, kind) in secrets.chain(configs) {
        let Some(object) = reference.source.as_ref().and_then(|s| objects.get(s)) else {
            continue;
        };
        let Some(file) = object
            .file
            .as_ref()
            .filter(|f| host.missing_paths.contains(*f))
        else {
            continue;
        };
        findings.push(Finding {
            severity: Severity::Error,
            message: format!(
                "the file `{file}` of {kind} `{}` is not there",
                reference.source.as_deref().unwrap_or_default()
            ),
            hint: None,
        });
    }
}

/// Keys that are valid in Compose and not carried out.
fn support(name: &str, service: &Service, findings: &mut Vec<Finding>) {
    let update = service
        .deploy
        .as_ref()
        .and_then(|d| d.update_config.as_ref());
    let ignored = [
        ("develop", service.develop.is_some()),
        ("provider", service.provider.is_some()),
        ("models", !service.models.is_empty()),
        ("use_api_socket", service.use_api_socket),
        ("credential_spec", service.credential_spec.is_some()),
        (
            "deploy.placement",
            service.deploy.as_ref().is_some_and(|d| {
                !d.placement.constraints.is_empty() || !d.placement.preferences.is_empty()
            }),
        ),
        (
            "deploy.endpoint_mode",
            service
                .deploy
                .as_ref()
                .is_some_and(|d| d.endpoint_mode.is_some()),
        ),
        (
            "deploy.rollback_config",
            service
                .deploy
                .as_ref()
                .is_some_and(|d| d.rollback_config.is_some()),
        ),
        (
            "deploy.update_config.parallelism",
            update.is_some_and(|u| u.parallelism.is_some()),
        ),
        (
            "deploy.update_config.delay",
            update.is_some_and(|u| u.delay.is_some()),
        ),
        (
            "deploy.update_config.max_failure_ratio",
            update.is_some_and(|u| u.max_failure_ratio.is_some()),
        ),
    ];
    for (key, _) in ignored.into_iter().filter(|(_, set)| *set) {
        findings.push(Finding {
            severity: Severity::Warning,
            message: format!("service `{name}`: `{key}` is not carried out"),
            hint: None,
        });
    }
    if let Some(action @ ("pause" | "continue")) = update.and_then(|u| u.failure_action.as_deref())
    {
        findings.push(Finding {
            severity: Severity::Warning,
            message: format!("service `{name}`: `failure_action: {action}` is treated as `rollback`, since a mix of versions has no exit code"),
            hint: None,
        });
    }
}

/// Whether a plan recreates anything that a port or path matters for.
pub fn creates(plan: &Plan) -> bool {
    plan.changes
        .iter()
        .any(|c| !matches!(c.action, Action::Remove | Action::Signal))
}
