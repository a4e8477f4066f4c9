//! What is mounted from this host is there, and the container's user may write it.

use super::{Finding, Host, Severity};
use crate::project::model::{Project, Service};

pub(super) fn paths(
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
