//! What `check` looks up: the engine's set-up, clocks, owners of volumes, env files, proxies.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Level, Report};
use crate::command::host;
use crate::engine::Engine as _;
use crate::engine::docker::DockerEngine;
use crate::plan::check::advice;
use crate::plan::check::files::EnvFile;
use crate::plan::check::proxy::ProxyFile;
use crate::plan::check::{Ownership, volumes};
use crate::plan::observed::Observed;
use crate::project::model::Project;
use crate::state::{Releases, StateDirectory};

/// A difference of clocks that certificates and tokens may stumble upon.
const SKEW: i64 = 5;
/// Larger files are no configuration.
const LONGEST: u64 = 1024 * 1024;
/// Where a proxy of the system has its configuration.
const SYSTEM: [&str; 2] = ["/etc/caddy/Caddyfile", "/etc/caddy/conf.d"];

/// What is known of the engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub advice: advice::Facts,
    /// The engine's data directory.
    pub root: String,
}

/// Engine, version, clock.
pub(super) async fn look(engine: &DockerEngine, report: &mut Report) -> Facts {
    let mut facts = Facts::default();
    match engine.info().await {
        Ok(info) => {
            report.say(
                "engine",
                Level::Ok,
                format!(
                    "{} (API {}) at {}",
                    info.version,
                    info.api_version,
                    engine.address()
                ),
            );
            facts.root.clone_from(&info.root);
            facts.advice.engine = info;
        }
        Err(error) => report.fail("engine", &error.into()),
    }
    match engine.daemon().await {
        Ok(daemon) => {
            facts.advice.log_driver = daemon.log_driver;
            if engine.is_local() {
                facts.advice.logs_are_bounded = Some(logs_are_bounded());
            }
            clock(&daemon.time, report);
        }
        Err(error) => report.fail("engine", &error.into()),
    }
    facts
}

/// The engine's default for containers; without a file it has none.
fn logs_are_bounded() -> bool {
    let text = std::fs::read_to_string("/etc/docker/daemon.json").unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    json.pointer("/log-opts/max-size").is_some()
}

fn clock(theirs: &str, report: &mut Report) {
    let Ok(theirs) = theirs.parse::<jiff::Timestamp>() else {
        return;
    };
    let skew = jiff::Timestamp::now().duration_since(theirs).as_secs();
    if skew.abs() > SKEW {
        let message = format!(
            "this host's clock and the engine's differ by {} s: logs and tokens will not agree",
            skew.abs()
        );
        return report.advise("clock", message, "timedatectl set-ntp true");
    }
    report.say("clock", Level::Ok, "as the engine's");
}

/// A history that lies in the future: the clock was set back.
pub(super) fn history(directory: &Path, project: &str, report: &mut Report) {
    let Ok(state) = StateDirectory::open(directory, project) else {
        return;
    };
    let records = Releases::new(&state).list().unwrap_or_default();
    let newest = records
        .iter()
        .filter_map(|r| r.started.parse::<jiff::Timestamp>().ok())
        .max();
    if newest.is_some_and(|n| n.duration_since(jiff::Timestamp::now()).as_secs() > SKEW) {
        report.advise(
            "clock",
            "a release of the history began in the future: the clock was set back".to_owned(),
            "timedatectl set-ntp true",
        );
    }
}

/// Owners of the folders of volumes that are mounted now; only root sees them.
pub(super) fn volume_owners(observed: &Observed) -> BTreeMap<String, Ownership> {
    let mounts = observed.containers.iter().flat_map(|c| &c.mounts);
    let of_volumes = mounts.filter(|m| m.kind == "volume" && !m.source.is_empty());
    of_volumes
        .filter_map(|m| Some((volumes::key(&m.name), host::ownership(&m.source)?)))
        .collect()
}

/// An env file with its mode; one that is not there is the loader's matter.
pub(super) fn env_file(path: &Path) -> Option<EnvFile> {
    let mode = std::fs::metadata(path).ok()?.mode();
    Some(EnvFile {
        path: path.to_owned(),
        mode,
        text: std::fs::read_to_string(path).ok()?,
    })
}

/// Configurations of Caddy: what services mount, and the system's own.
pub(super) fn proxy_files(project: &Project) -> Vec<ProxyFile> {
    let mounts = project.services.values().flat_map(|s| &s.volumes);
    let binds = mounts.filter(|v| v.r#type.as_deref() == Some("bind"));
    let configs = project.configs.values().filter_map(|c| c.file.clone());
    let sources = binds.filter_map(|v| v.source.clone()).chain(configs);
    let system = SYSTEM.iter().map(|p| (*p).to_owned());
    let mut files: Vec<PathBuf> = Vec::new();
    for path in sources.chain(system).map(PathBuf::from) {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            files.extend(entries.map(|e| e.path()));
        } else {
            files.push(path);
        }
    }
    files.retain(|p| is_proxys(p));
    files.sort();
    files.dedup();
    let read = files.into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(&path).ok()?;
        Some(ProxyFile { path, text })
    });
    read.collect()
}

fn is_proxys(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let named = name.contains("Caddyfile") || name.ends_with(".caddy");
    named && std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() <= LONGEST)
}
