//! Whether a service's new container starts before its old one stops, and what forbids it.

use super::Planner;
use crate::plan::PlanError;
use crate::plan::strategy::{Order, Strategy};
use crate::project::model::{Port, Service};

impl Planner<'_> {
    pub(super) fn starts_first(&self, name: &str, service: &Service) -> Result<bool, PlanError> {
        let strategy = self.strategy(service);
        if strategy.order != Order::StartFirst || self.completed.contains(name) {
            return Ok(false);
        }
        match obstacle(service, &strategy) {
            None => Ok(true),
            Some(reason) => Err(PlanError::StartFirst {
                service: name.to_owned(),
                reason,
            }),
        }
    }
}

/// Why two containers of a service cannot run at once.
fn obstacle(service: &Service, strategy: &Strategy) -> Option<String> {
    let shared = |mode: &&str| {
        *mode == "host" || mode.starts_with("service:") || mode.starts_with("container:")
    };
    if let Some(mode) = service.network_mode.as_deref().filter(shared) {
        return Some(format!(
            "two containers cannot share `network_mode: {mode}`"
        ));
    }
    let addressed = service.mac_address.is_some()
        || service.networks.values().flatten().any(|n| {
            n.ipv4_address.is_some() || n.ipv6_address.is_some() || n.mac_address.is_some()
        });
    if addressed {
        return Some("it has a fixed address, which two containers cannot have at once".into());
    }
    let replicas = usize::try_from(service.replicas()).unwrap_or(0);
    let at_once = replicas + strategy.lanes(replicas);
    service.ports.iter().find_map(|port| crowded(port, at_once))
}

/// A published port holds one container, a range as many as it has ports.
fn crowded(port: &Port, containers: usize) -> Option<String> {
    let published = port
        .published
        .as_deref()
        .filter(|p| !p.is_empty() && *p != "0")?;
    let Some((first, last)) = published.split_once('-') else {
        return Some(format!(
            "the published port {published} can be held by one container only"
        ));
    };
    let ports = last.parse::<usize>().ok()? + 1 - first.parse::<usize>().ok()?;
    (ports < containers).then(|| {
        format!("the published range {published} has {ports} ports, and {containers} containers run at once")
    })
}
