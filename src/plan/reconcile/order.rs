//! Whether a service's new container starts before its old one stops.

use super::Planner;
use crate::plan::PlanError;
use crate::project::model::Service;

impl Planner<'_> {
    pub(super) fn starts_first(
        &mut self,
        name: &str,
        service: &Service,
    ) -> Result<bool, PlanError> {
        let update = service
            .deploy
            .as_ref()
            .and_then(|d| d.update_config.as_ref());
        if update.and_then(|u| u.order.as_deref()) != Some("start-first")
            || self.completed.contains(name)
        {
            return Ok(false);
        }
        let impossible = |reason: &str| {
            Err(PlanError::StartFirst {
                service: name.to_owned(),
                reason: reason.to_owned(),
            })
        };
        if let Some(mode) = service
            .network_mode
            .as_deref()
            .filter(|m| *m == "host" || m.starts_with("service:"))
        {
            return impossible(&format!(
                "two containers cannot share `network_mode: {mode}`"
            ));
        }
        if service.networks.values().flatten().any(|n| {
            n.ipv4_address.is_some() || n.ipv6_address.is_some() || n.mac_address.is_some()
        }) {
            return impossible("it has a fixed address, which two containers cannot have at once");
        }
        let fixed = |p: &&crate::project::model::Port| {
            p.published
                .as_deref()
                .is_some_and(|p| !p.is_empty() && p != "0" && !p.contains('-'))
        };
        if let Some(port) = service.ports.iter().find(fixed) {
            return impossible(&format!(
                "the published port {} can be held by one container only",
                port.published.as_deref().unwrap_or_default()
            ));
        }
        Ok(true)
    }
}
