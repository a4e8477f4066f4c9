//! What has to be right before anything is touched, and what a person should know.

mod owners;
mod paths;
mod ports;
mod proxies;
mod resources;
mod space;
mod support;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use ports::listen;

use crate::plan::observed::Observed;
use crate::plan::step::Plan;
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
    /// Owner and mode of bind-mounted files and folders.
    pub ownership: BTreeMap<String, Ownership>,
    /// Configuration files of reverse proxies that services mount: path and text.
    pub proxy_files: BTreeMap<String, String>,
    /// The engine's data directory and the bytes that are free there; asked where something is to be pulled.
    pub free_space: Option<(PathBuf, u64)>,
}

/// Who owns a file, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// Numeric user id.
    pub uid: u32,
    /// Numeric group id.
    pub gid: u32,
    /// Permission bits, as in stat(2).
    pub mode: u32,
}

/// Checks a plan against the engine and the host.
pub fn check(project: &Project, observed: &Observed, plan: &Plan, host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    resources::networks(project, observed, &mut findings);
    resources::volumes(project, observed, &mut findings);
    space::space(observed, plan, host, &mut findings);
    proxies::proxies(project, plan, host, &mut findings);
    for (name, service) in created_services(project, plan) {
        ports::ports(name, service, observed, project, host, &mut findings);
        paths::paths(project, name, service, host, &mut findings);
        owners::owners(name, service, observed, host, &mut findings);
        support::support(name, service, &mut findings);
        update::update(name, service, observed, plan, &mut findings);
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
