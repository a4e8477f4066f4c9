//! An app directory with a Compose file, deployed by the real binary to the real engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) const REGISTRY: &str = "127.0.0.1:5000";

/// Three waves of services on one tag, with a migration: `db`, then `api` (two containers) and `worker`, then `web`.
pub(crate) const SHOP: &str = r#"
x-tiny: &tiny
  image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}
  restart: unless-stopped
  stop_grace_period: 2s
  healthcheck: {test: ["CMD", "/tiny", "health"], interval: 500ms, timeout: 2s, retries: 2}
services:
  db:
    <<: *tiny
    image: 127.0.0.1:5000/test/tiny:v1
    volumes: ["data:/data"]
  api:
    <<: *tiny
    scale: 2
    networks: [default, back]
    depends_on: {db: {condition: service_healthy}}
  worker:
    <<: *tiny
    container_name: ${COMPOSE_PROJECT_NAME}-the-worker
    depends_on: {db: {condition: service_healthy}}
  web:
    <<: *tiny
    image: 127.0.0.1:5000/test/tiny:${WEB_TAG:-${IMAGE_TAG}}
    depends_on: {api: {condition: service_healthy}}
  migrate:
    image: 127.0.0.1:5000/test/tiny:${MIGRATE_TAG:-v1}
    command: [job]
    profiles: [migrate]
    depends_on: {db: {condition: service_healthy}}
  smoke:
    image: 127.0.0.1:5000/test/tiny:${SMOKE_TAG:-v1}
    command: [smoke, "http://web:8080/version"]
    profiles: [smoke]
networks: {back: {}}
volumes: {data: {}}
"#;

/// One service, which boots at once.
pub(crate) const ONE: &str = r#"
services:
  api:
    image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}
    restart: unless-stopped
    healthcheck: {test: ["CMD", "/tiny", "health"], interval: 500ms, timeout: 2s, retries: 2}
"#;

/// An app directory; everything of its project is removed in the end.
pub(crate) struct App {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) project: String,
    /// The engine's address, where it is not the machine's own; what is on it goes with it.
    pub(crate) host: Option<String>,
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl App {
    /// A directory with this Compose file and a tag that nothing has deployed yet.
    pub(crate) fn new(compose: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let project = format!("e2e-{}-{number}", std::process::id());
        let app = Self {
            directory: tempfile::tempdir().expect("a directory"),
            project,
            host: None,
        };
        app.write("compose.prod.yml", compose);
        app.write(
            ".env.prod",
            &format!(
                "# settings\nCOMPOSE_PROJECT_NAME={}\nIMAGE_TAG=none\nLOG_LEVEL=info\n",
                app.project
            ),
        );
        app
    }

    /// A directory whose project is on another engine.
    pub(crate) fn on(host: &str, compose: &str) -> Self {
        let mut app = Self::new(compose);
        app.host = Some(host.to_owned());
        app
    }

    /// A directory whose project runs a tag.
    pub(crate) fn running(compose: &str, tag: &str) -> Self {
        let app = Self::new(compose);
        app.run(&["deploy", tag]).expect_code(0);
        app
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Rewrites a variable of the env file, as CI does with sed.
    pub(crate) fn set(&self, name: &str, value: &str) {
        let text = self.read(".env.prod");
        let mut lines: Vec<String> = text
            .lines()
            .filter(|l| !l.starts_with(&format!("{name}=")))
            .map(str::to_owned)
            .collect();
        lines.push(format!("{name}={value}"));
        self.write(".env.prod", &(lines.join("\n") + "\n"));
    }

    pub(crate) fn variable(&self, name: &str) -> String {
        let text = self.read(".env.prod");
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix(&format!("{name}=")));
        line.unwrap_or_default().to_owned()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.under(&[], arguments)
    }

    /// The command, started by another program: `strace -o trace deployctl …`.
    pub(crate) fn under(&self, program: &[&str], arguments: &[&str]) -> Command {
        let words = [program, &[env!("CARGO_BIN_EXE_deployctl")], arguments].concat();
        let mut command = Command::new(words[0]);
        command
            .current_dir(self.directory.path())
            .args(&words[1..])
            .stdin(Stdio::null());
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        for name in [
            "IMAGE_TAG",
            "COMPOSE_FILE",
            "COMPOSE_PROJECT_NAME",
            "GITHUB_ACTIONS",
            "CI",
        ] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().expect("the binary"))
    }

    /// Begins a command and goes on.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary")
    }

    /// Waits until the running command's journal has so many lines; false when the command ended before.
    pub(crate) fn journal_reaches(&self, lines: usize, child: &mut Child) -> bool {
        let journal = self.path(".deployctl").join(&self.project).join("journal");
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let text = std::fs::read_to_string(&journal).unwrap_or_default();
            if text.lines().count() >= lines {
                return true;
            }
            if child.try_wait().expect("a child").is_some() {
                return false;
            }
            assert!(
                Instant::now() < deadline,
                "the journal never had {lines} lines"
            );
            // Shorter than any step; without a pause the test would take the core that the engine needs.
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Runs docker on the project's engine.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        docker_at(self.host.as_deref(), arguments)
    }

    /// Every container of the project: id → name, image, state, health.
    pub(crate) fn world(&self) -> BTreeMap<String, String> {
        let filter = format!("label=com.docker.compose.project={}", self.project);
        let ids = self.docker(&["ps", "-aq", "--no-trunc", "--filter", &filter]);
        ids.lines()
            .map(|id| {
                let inspected = self.docker(&["inspect", id]);
                (id.to_owned(), state(&inspected))
            })
            .collect()
    }

    /// Names without the project's, and tags: `api-1 v1`.
    pub(crate) fn serves(&self) -> Vec<String> {
        let prefix = format!("/{}-", self.project);
        let mut all: Vec<String> = self
            .world()
            .values()
            .map(|line| {
                let mut words = line.split(' ');
                let (name, image) = (
                    words.next().unwrap_or_default(),
                    words.next().unwrap_or_default(),
                );
                let state = words.next().unwrap_or_default();
                let tag = image.rsplit(':').next().unwrap_or_default();
                format!(
                    "{} {tag} {state}",
                    name.strip_prefix(&prefix).unwrap_or(name)
                )
            })
            .collect();
        all.sort();
        all
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if self.host.is_some() {
            return;
        }
        let filter = format!("label=com.docker.compose.project={}", self.project);
        let remove = |list: &[&str], command: &[&str]| {
            let found = docker(&[list, &["--filter", &filter]].concat());
            for id in found.lines() {
                let _ = Command::new("docker").args(command).arg(id).output();
            }
        };
        remove(&["ps", "-aq"], &["rm", "-f", "-v"]);
        remove(&["network", "ls", "-q"], &["network", "rm"]);
        remove(&["volume", "ls", "-q"], &["volume", "rm"]);
        let held = docker(&[
            "ps",
            "-aq",
            "--filter",
            "label=io.deployctl.hold",
            "--filter",
            "status=created",
        ]);
        // Those of other tests are theirs: only what this directory's mark names is removed.
        for id in held.lines() {
            // One of theirs may be gone by now.
            let format = "{{index .Config.Labels \"io.deployctl.journal\"}}";
            let inspected = Command::new("docker")
                .args(["inspect", "--format", format, id])
                .output();
            let mark = inspected.map_or_else(|_| Vec::new(), |output| output.stdout);
            let mark = String::from_utf8_lossy(&mark);
            if mark
                .trim()
                .ends_with(&self.directory.path().display().to_string())
            {
                let _ = Command::new("docker").args(["rm", id]).output();
            }
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.err.contains(text) || self.out.contains(text),
            "no `{text}` in\nstdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Name, image, state, health and restart policy of a container.
fn state(inspected: &str) -> String {
    let inspected: serde_json::Value = serde_json::from_str(inspected).expect("JSON");
    let text = |path: &str| {
        inspected[0]
            .pointer(path)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let paths = [
        "/Name",
        "/Config/Image",
        "/State/Status",
        "/State/Health/Status",
        "/HostConfig/RestartPolicy/Name",
    ];
    paths.map(text).join(" ")
}

/// Runs docker; a missing engine fails the test.
pub(crate) fn docker(arguments: &[&str]) -> String {
    docker_at(None, arguments)
}

/// Runs docker on another engine.
pub(crate) fn docker_at(host: Option<&str>, arguments: &[&str]) -> String {
    let mut command = Command::new("docker");
    if let Some(host) = host {
        command.env("DOCKER_HOST", host);
    }
    let output = command
        .args(arguments)
        .output()
        .expect("docker: run scripts/engine first");
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Pushes an image under another tag.
pub(crate) fn push_as(tag: &str, repository: &str, new: &str) {
    let (from, to) = (
        format!("{REGISTRY}/test/tiny:{tag}"),
        format!("{REGISTRY}/{repository}:{new}"),
    );
    docker(&["tag", &from, &to]);
    docker(&["push", "-q", &to]);
    docker(&["rmi", &to]);
}

/// Sends a signal to a child.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .expect("kill");
    assert!(status.success());
}

/// docker compose, for the tests of adoption.
pub(crate) fn compose(directory: &Path, arguments: &[&str]) -> Ran {
    let program = std::env::var("DEPLOYCTL_TEST_COMPOSE")
        .expect("DEPLOYCTL_TEST_COMPOSE names docker compose: scripts/test sets it");
    let files = ["-f", "compose.prod.yml", "--env-file", ".env.prod"];
    Ran::from(
        Command::new(program)
            .current_dir(directory)
            .args(files)
            .args(arguments)
            .output()
            .expect("docker compose"),
    )
}
