//! Published ports are free, or held by the container that gives them up.

use super::{Finding, Host, Severity};
use crate::plan::observed::Observed;
use crate::project::model::{Project, Service};

/// A port that the project's own container gives up is free.
pub(super) fn ports(
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
