//! Keys that are valid in Compose and not carried out: named, never dropped in silence.

use super::{Finding, Severity};
use crate::project::model::Service;

/// Keys that are valid in Compose and not carried out.
pub(super) fn support(name: &str, service: &Service, findings: &mut Vec<Finding>) {
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
