//! What has to be right before anything is touched, and what a person should know.

pub mod advice;
pub mod files;
mod owners;
mod paths;
mod ports;
mod proxies;
pub mod proxy;
mod resources;
mod space;
mod support;
mod update;
pub mod volumes;

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
    check_services(
        project,
        observed,
        plan,
        host,
        &created_services(project, plan),
    )
}

/// The same for services that the plan leaves alone, too.
pub fn check_services(
    project: &Project,
    observed: &Observed,
    plan: &Plan,
    host: &Host,
    services: &[(&str, &Service)],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    resources::networks(project, observed, &mut findings);
    resources::volumes(project, observed, &mut findings);
    space::space(observed, plan, host, &mut findings);
    proxies::proxies(project, plan, host, &mut findings);
    for (name, service) in services {
        ports::ports(name, service, observed, project, host, &mut findings);
        paths::paths(project, name, service, host, &mut findings);
        owners::owners(name, service, observed, host, &mut findings);
        volumes::volumes(project, name, service, observed, host, &mut findings);
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

/// A project for the tests of findings.
#[cfg(test)]
mod testing {
    use std::collections::BTreeMap;

    use crate::plan::observed::{LocalImage, Observed};
    use crate::project::{LoadOptions, Project, load, locate};

    /// The project `shop` of this file, by the real loader.
    pub(super) fn project(compose: &str) -> Project {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("compose.prod.yml");
        std::fs::write(path, format!("name: shop\n{compose}")).expect("written");
        let options = LoadOptions {
            directory: folder.path().to_owned(),
            ..LoadOptions::default()
        };
        let location = locate(&options).expect("a project");
        load(&location, &options).expect("a model")
    }

    /// An engine that has every image of the project, changed as the test likes.
    pub(super) fn observed(project: &Project, change: impl Fn(&mut LocalImage)) -> Observed {
        let images = project.services.values().filter_map(|s| {
            let reference = s.image.clone()?;
            let mut image = LocalImage {
                id: format!("sha256:{reference}"),
                user: "1000:1000".to_owned(),
                architecture: "amd64".to_owned(),
                ..LocalImage::default()
            };
            change(&mut image);
            Some((reference, image))
        });
        Observed {
            images: images.collect::<BTreeMap<_, _>>(),
            ..Observed::default()
        }
    }
}
