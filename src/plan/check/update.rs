//! What a person should know of a service whose containers are replaced while it serves.

use super::{Finding, Severity};
use crate::plan::observed::Observed;
use crate::plan::reconcile::containers::assets_path;
use crate::plan::step::{Action, Plan};
use crate::project::model::Service;

pub(super) fn update(
    name: &str,
    service: &Service,
    observed: &Observed,
    plan: &Plan,
    findings: &mut Vec<Finding>,
) {
    let beside = |change: &&crate::plan::step::Change| {
        change.service == name && change.action == Action::RecreateStartFirst
    };
    if plan.changes.iter().any(|c| beside(&c)) {
        writers(name, service, findings);
        unchecked(name, service, observed, findings);
    }
    assets(name, service, findings);
}

/// Two containers write into one directory for as long as both run.
fn writers(name: &str, service: &Service, findings: &mut Vec<Finding>) {
    let mounts = service.volumes.iter().filter(|v| {
        let kind = v.r#type.as_deref();
        !v.read_only && matches!(kind, Some("volume" | "bind")) && v.source.is_some()
    });
    let written: Vec<String> = mounts
        .filter_map(|v| {
            Some(format!(
                "`{}:{}`",
                v.source.as_deref()?,
                v.target.as_deref()?
            ))
        })
        .collect();
    if !written.is_empty() {
        findings.push(Finding {
            severity: Severity::Warning,
            message: format!(
                "service `{name}` starts first: the old and the new container write {} at the same time",
                written.join(", ")
            ),
            hint: Some("SQLite in WAL mode and uploads can bear it, a database server cannot: mount it `:ro`, or write `order: stop-first`".to_owned()),
        });
    }
}

/// Without a healthcheck nobody knows when the new container serves.
fn unchecked(name: &str, service: &Service, observed: &Observed, findings: &mut Vec<Finding>) {
    let image = service.image.as_ref();
    let image = image.and_then(|i| observed.images.get(i));
    let checked = match &service.healthcheck {
        Some(check) => !check.disable && check.test.first().is_none_or(|t| t != "NONE"),
        // An image that is still to be pulled may have one.
        None => image.is_none_or(|i| i.healthcheck.is_some()),
    };
    if !checked {
        findings.push(Finding {
            severity: Severity::Warning,
            message: format!("service `{name}` starts first and has no healthcheck: the old container stops although nobody knows whether the new one serves"),
            hint: Some("write a `healthcheck:` that asks what users ask".to_owned()),
        });
    }
}

fn assets(name: &str, service: &Service, findings: &mut Vec<Finding>) {
    let Some(path) = assets_path(service) else {
        return;
    };
    let wrong = if !path.starts_with('/') || path.trim_matches('/').is_empty() {
        "is no absolute path of a folder"
    } else if service.read_only {
        "cannot be written: the service is `read_only`"
    } else {
        return;
    };
    findings.push(Finding {
        severity: Severity::Error,
        message: format!("service `{name}`: `x-deployctl.assets.path` `{path}` {wrong}"),
        hint: Some(
            "name the folder in the image: x-deployctl: {assets: {path: /app/public/assets}}"
                .to_owned(),
        ),
    });
}
