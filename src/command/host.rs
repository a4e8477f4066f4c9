//! What only this host can tell: ports that somebody listens on, paths that are not there or belong to others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::plan::Plan;
use crate::plan::check::{Host, Ownership, created_services, listen};
use crate::project::model::{Project, Service};

/// Looks at what the plan's new containers need of this host.
pub(super) fn look(project: &Project, plan: &Plan) -> Host {
    let services = created_services(project, plan);
    let busy_ports = services.iter().flat_map(|(_, s)| busy(s)).collect();
    let paths = services.iter().flat_map(|(_, s)| sources(project, s));
    let missing_paths: BTreeSet<String> = paths.filter(|p| !Path::new(p).exists()).collect();
    let binds = services.iter().flat_map(|(_, s)| binds(s));
    let ownership = binds.filter_map(|path| Some((path.clone(), ownership(&path)?)));
    Host {
        busy_ports,
        missing_paths,
        ownership: ownership.collect(),
        proxy_files: proxy_files(project),
        free_space: None,
    }
}

/// Larger files are no configuration that somebody writes.
const LARGEST_CONFIGURATION: u64 = 256 * 1024;

/// The files of any service whose name says that a proxy reads them; those that cannot be read are none.
fn proxy_files(project: &Project) -> BTreeMap<String, String> {
    let paths = project.services.values().flat_map(|s| sources(project, s));
    let read = paths.filter_map(|path| {
        let extension = Path::new(&path).extension()?.to_str()?;
        let is_proxy = matches!(extension, "conf" | "cfg");
        let about = std::fs::metadata(&path).ok().filter(|_| is_proxy)?;
        if !about.is_file() || about.len() > LARGEST_CONFIGURATION {
            return None;
        }
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path, text))
    });
    read.collect()
}

/// The bytes that an ordinary process may still write beside a path; `None` where the host does not tell.
pub(super) fn free_space(path: &Path) -> Option<(PathBuf, u64)> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    let blocks = found.blocks_available();
    Some((
        path.to_owned(),
        blocks.saturating_mul(found.fragment_size()),
    ))
}

fn ownership(path: &str) -> Option<Ownership> {
    let found = std::fs::metadata(path).ok()?;
    Some(Ownership {
        uid: found.uid(),
        gid: found.gid(),
        mode: found.mode(),
    })
}

fn busy(service: &Service) -> Vec<String> {
    let ports = service.ports.iter().filter_map(|port| {
        let published = port.published.as_deref()?;
        let number: u16 = published.parse().ok().filter(|n| *n != 0)?;
        let protocol = port.protocol.as_deref().unwrap_or("tcp");
        let ip = port
            .host_ip
            .as_deref()
            .and_then(|ip| ip.parse().ok())
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        is_busy(SocketAddr::new(ip, number), protocol)
            .then(|| listen(port.host_ip.as_deref(), published, protocol))
    });
    ports.collect()
}

/// Only what is surely taken counts: a port that may not be bound is the engine's to judge.
fn is_busy(address: SocketAddr, protocol: &str) -> bool {
    let bound = match protocol {
        "tcp" => TcpListener::bind(address).map(drop),
        "udp" => UdpSocket::bind(address).map(drop),
        _ => return false,
    };
    bound.is_err_and(|e| e.kind() == std::io::ErrorKind::AddrInUse)
}

fn binds(service: &Service) -> impl Iterator<Item = String> {
    service
        .volumes
        .iter()
        .filter(|v| v.r#type.as_deref() == Some("bind"))
        .filter_map(|v| v.source.clone())
}

fn sources(project: &Project, service: &Service) -> Vec<String> {
    let secrets = service
        .secrets
        .iter()
        .filter_map(|r| project.secrets.get(r.source.as_ref()?)?.file.clone());
    let configs = service
        .configs
        .iter()
        .filter_map(|r| project.configs.get(r.source.as_ref()?)?.file.clone());
    binds(service).chain(secrets).chain(configs).collect()
}
