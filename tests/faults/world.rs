//! What stands after a fault: the old world or the new one, whole, with nothing left over.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::app::App;

/// A service that no tag concerns, with data, and one that goes with the tag after a migration.
pub(crate) const PAIR: &str = r#"
x-tiny: &tiny
  restart: unless-stopped
  stop_grace_period: 2s
  healthcheck: {test: ["CMD", "/tiny", "health"], interval: 200ms, timeout: 5s, retries: 3}
services:
  db:
    <<: *tiny
    image: 127.0.0.1:5000/test/tiny:v1
    user: "0"
    volumes: ["data:/data"]
  api:
    <<: *tiny
    image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}
    depends_on: {db: {condition: service_healthy}}
  migrate:
    image: 127.0.0.1:5000/test/tiny:${MIGRATE_TAG:-v1}
    command: [job]
    profiles: [migrate]
volumes: {data: {}}
"#;

/// The same for many projects side by side: without networks of their own (the engine has addresses for some thirty at
/// once), and what no tag concerns is seldom checked: a check is a process in a container.
pub(crate) fn side_by_side() -> String {
    let seldom =
        r#"healthcheck: {test: ["CMD", "/tiny", "health"], interval: 2s, timeout: 5s, retries: 3}"#;
    let bridge = "restart: unless-stopped\n  network_mode: bridge";
    PAIR.replace("restart: unless-stopped", bridge)
        .replace("user: \"0\"", &format!("user: \"0\"\n    {seldom}"))
        .replace("command: [job]", "command: [job]\n    network_mode: none")
}

/// What a volume holds before a fault and has to hold afterwards.
const DATA: &str = "written before the fault";

/// Which world stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    Old,
    New,
}

/// Everything that a fault must not mix up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct World {
    /// By id.
    pub(crate) containers: BTreeMap<String, Container>,
    pub(crate) env: String,
    pub(crate) rollback_tag: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) image: String,
    pub(crate) state: String,
    pub(crate) health: String,
    pub(crate) restart: String,
    /// What the process itself answers.
    pub(crate) version: String,
    /// What its volumes hold.
    pub(crate) data: Vec<String>,
}

impl World {
    /// Looks at everything; writes the data of volumes where there is none yet.
    pub(crate) fn look(app: &App) -> Self {
        let containers = inspect(app);
        let containers = containers
            .iter()
            .map(|c| (text(c, "/Id"), Container::of(c)));
        Self {
            containers: containers.collect(),
            env: app.read(".env.prod"),
            rollback_tag: std::fs::read_to_string(app.path(".rollback-tag")).ok(),
        }
    }

    pub(crate) fn tag(&self) -> &str {
        let mut lines = self.env.lines();
        let value = lines.find_map(|l| l.strip_prefix("IMAGE_TAG="));
        value.expect("a tag line")
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.containers.values().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The id of the only container of a service.
    #[track_caller]
    pub(crate) fn id(&self, service: &str) -> &str {
        let mut ids = self
            .containers
            .iter()
            .filter(|(_, c)| c.service == service)
            .map(|(id, _)| id.as_str());
        let id = ids.next().expect("a container of the service");
        assert_eq!(ids.next(), None, "one container of `{service}`");
        id
    }
}

/// Begins with a tag that serves, and data in the volumes.
pub(crate) fn serving(compose: &str, tag: &str) -> App {
    let app = App::running(compose, tag);
    write_data(&app);
    app
}

pub(crate) fn write_data(app: &App) {
    for container in inspect(app) {
        for file in data_files(&container) {
            std::fs::write(file, DATA).expect("data written: these tests run as root");
        }
    }
}

/// The old world or the new one, whole; says which.
#[track_caller]
pub(crate) fn assert_one_world(app: &App, before: &World, tag: &str, case: &str) -> Stands {
    let now = assert_at_rest(app, case);
    if now.tag() == before.tag() {
        assert_eq!(now, *before, "{case}: the old world");
        return Stands::Old;
    }
    assert_eq!(now.tag(), tag, "{case}: the env file names the new tag");
    assert_eq!(now.names(), before.names(), "{case}: names and count");
    for (id, container) in &now.containers {
        if container.image.ends_with(&format!(":{tag}")) && !before.containers.contains_key(id) {
            assert_eq!(container.version, tag, "{case}: {container:?}");
        } else {
            let same = before.containers.get(id);
            assert_eq!(Some(container), same, "{case}: not the release's matter");
        }
    }
    let line = |tag: &str| format!("IMAGE_TAG={tag}\n");
    let env = before.env.replace(&line(before.tag()), &line(tag));
    assert_eq!(now.env, env, "{case}: the tag line alone");
    let rollback = now.rollback_tag.as_deref();
    assert_eq!(
        rollback,
        Some(format!("{}\n", before.tag()).as_str()),
        "{case}: .rollback-tag"
    );
    assert!(
        before.containers.len() == now.containers.len()
            && now.containers.values().any(|c| c.version == tag),
        "{case}: the new release serves: {now:?}"
    );
    Stands::New
}

/// The old world stands.
#[track_caller]
pub(crate) fn assert_old(app: &App, before: &World, case: &str) {
    assert_eq!(assert_at_rest(app, case), *before, "{case}: the old world");
}

/// The new world stands.
#[track_caller]
pub(crate) fn assert_new(app: &App, before: &World, tag: &str, case: &str) {
    assert_eq!(
        assert_one_world(app, before, tag, case),
        Stands::New,
        "{case}"
    );
}

/// No command runs and none left anything: lock free, journal closed, no temporary names, all data there,
/// and what the env file names is what serves.
#[track_caller]
pub(crate) fn assert_at_rest(app: &App, case: &str) -> World {
    let journal = app.path(".deployctl").join(&app.project).join("journal");
    let journal = std::fs::read_to_string(journal).unwrap_or_default();
    let last = journal.lines().last();
    assert!(
        last.is_none_or(|line| line.contains("\"closed\"")),
        "{case}: an open journal: {journal}"
    );
    assert!(lock_is_free(app), "{case}: the lock is held");
    let leftovers = leftovers(app.directory.path());
    assert!(leftovers.is_empty(), "{case}: {leftovers:?}");
    let now = World::look(app);
    for container in now.containers.values() {
        let name = &container.name;
        let temporary = [".before-", ".release-", "-run-"];
        assert!(
            !temporary.iter().any(|part| name.contains(part)),
            "{case}: a temporary name: {now:?}"
        );
        if container.restart != "no" {
            assert_eq!(container.state, "running", "{case}: {now:?}");
        }
        assert!(
            container.data.iter().all(|text| text == DATA),
            "{case}: the data of {name}: {:?}",
            container.data
        );
        if container.service != "db" && container.state == "running" {
            let served = container.image.rsplit(':').next().unwrap_or_default();
            assert_eq!(served, now.tag(), "{case}: {name} and the env file");
        }
    }
    let rollback = now.rollback_tag.as_deref().map(str::trim_end);
    assert_ne!(
        rollback,
        Some(now.tag()),
        "{case}: a way back that goes nowhere"
    );
    now
}

pub(crate) fn lock_is_free(app: &App) -> bool {
    let lock = app.path(".deploy.lock");
    let status = Command::new("flock")
        .arg("-n")
        .arg(lock)
        .arg("true")
        .status();
    status.expect("flock").success()
}

/// Files that only a running command may have.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            found.extend(leftovers(&path));
        } else if name.ends_with(".deployctl-new") || name.ends_with(".writing") {
            found.push(path);
        }
    }
    found
}

/// Every container that is labelled as the project's or bears a name of it.
pub(crate) fn inspect(app: &App) -> Vec<serde_json::Value> {
    let listed = asked(app, "/containers/json?all=1").expect("a list");
    let listed = listed.as_array().cloned().unwrap_or_default();
    let named = format!("{}-", app.project);
    let ours = listed.iter().filter(|c| {
        let names = c.pointer("/Names").and_then(|n| n.as_array());
        let mut names = names.into_iter().flatten().filter_map(|n| n.as_str());
        text(c, "/Labels/com.docker.compose.project") == app.project
            || names.any(|name| name.contains(&named))
    });
    // One that the engine was still removing when it listed them is gone by now.
    ours.filter_map(|c| asked(app, &format!("/containers/{}/json", text(c, "/Id"))))
        .collect()
}

/// What the engine answers; nothing where it knows no such thing.
fn asked(app: &App, path: &str) -> Option<serde_json::Value> {
    let host = app.host.as_deref().unwrap_or("unix:///var/run/docker.sock");
    let socket = host.trim_start_matches("unix://");
    let mut stream = UnixStream::connect(socket).expect("the engine: run scripts/engine first");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    match head.split(' ').nth(1) {
        Some("200") => Some(serde_json::from_str(body).expect("JSON")),
        Some("404") => None,
        _ => panic!("{path}: {answer}"),
    }
}

impl Container {
    fn of(inspected: &serde_json::Value) -> Self {
        let running = text(inspected, "/State/Status") == "running";
        let version = running.then(|| address(inspected)).flatten();
        let data = data_files(inspected);
        Self {
            name: text(inspected, "/Name").trim_start_matches('/').to_owned(),
            service: text(inspected, "/Config/Labels/com.docker.compose.service"),
            image: text(inspected, "/Config/Image"),
            state: text(inspected, "/State/Status"),
            health: text(inspected, "/State/Health/Status"),
            restart: text(inspected, "/HostConfig/RestartPolicy/Name"),
            version: version.map_or_else(String::new, |address| get(&address, "/version")),
            data: data
                .iter()
                .map(|file| std::fs::read_to_string(file).unwrap_or_default())
                .collect(),
        }
    }
}

pub(crate) fn text(value: &serde_json::Value, path: &str) -> String {
    let found = value.pointer(path).and_then(|v| v.as_str());
    found.unwrap_or_default().to_owned()
}

fn data_files(inspected: &serde_json::Value) -> Vec<PathBuf> {
    let mounts = inspected.pointer("/Mounts").and_then(|m| m.as_array());
    let volumes = mounts.into_iter().flatten();
    volumes
        .filter(|m| text(m, "/Type") == "volume")
        .map(|m| Path::new(&text(m, "/Source")).join("kept"))
        .collect()
}

/// Where a container's server is reached from this machine.
pub(crate) fn address(inspected: &serde_json::Value) -> Option<String> {
    let networks = inspected.pointer("/NetworkSettings/Networks")?;
    let mut addresses = networks
        .as_object()?
        .values()
        .map(|n| text(n, "/IPAddress"));
    addresses
        .find(|a| !a.is_empty())
        .map(|a| format!("{a}:8080"))
}

/// What a server answers; its error where it does not.
pub(crate) fn get(address: &str, path: &str) -> String {
    request(address, path).unwrap_or_else(|error| error.to_string())
}

pub(crate) fn request(address: &str, path: &str) -> std::io::Result<String> {
    let address = address.parse().map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    if head.split(' ').nth(1) != Some("200") {
        return Err(std::io::Error::other(format!("answered `{answer}`")));
    }
    Ok(body.to_owned())
}
