//! Keys that are valid in Compose and not carried out: named, never dropped in silence.

use super::{Finding, Severity};
use crate::project::model::Service;

/// Keys that are valid in Compose and not carried out.
pub(super) fn support(name: &str, service: &Service, findings: &mut Vec<Finding>) {
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
    ];
    for (key, _) in ignored.into_iter().filter(|(_, set)| *set) {
        findings.push(Finding {
            severity: Severity::Warning,
            message: format!("service `{name}`: `{key}` is not carried out"),
            hint: None,
        });
    }
    let deploy = service.deploy.as_ref();
    let configs = deploy.map(|d| [&d.update_config, &d.rollback_config]);
    let actions = configs.into_iter().flatten().flatten();
    let action = actions
        .filter_map(|c| c.failure_action.as_deref())
        .find(|action| matches!(*action, "pause" | "continue"));
    if let Some(action) = action {
        findings.push(Finding {
            severity: Severity::Warning,
            message: format!("service `{name}`: `failure_action: {action}` is treated as `rollback`, since a mix of versions has no exit code"),
            hint: None,
        });
    }
}
