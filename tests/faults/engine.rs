//! An engine of one's own, to be restarted, killed, and cut from the power; what it holds goes with it.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::docker_at;

/// How long a daemon may take to answer.
const UP: Duration = Duration::from_mins(2);

/// Whether containers outlive their daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlive {
    Daemon,
    Nothing,
}

pub(crate) struct SecondEngine {
    folder: tempfile::TempDir,
    number: u8,
    outlive: Outlive,
    root: PathBuf,
    containerd: Option<Child>,
    dockerd: Option<Child>,
}

impl SecondEngine {
    pub(crate) fn start(outlive: Outlive) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("data");
        Self::with_data(folder, root, outlive)
    }

    /// Keeps its data in a folder that is there already: a small disk.
    pub(crate) fn in_folder(root: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::with_data(folder, root.to_owned(), Outlive::Nothing)
    }

    fn with_data(folder: tempfile::TempDir, root: PathBuf, outlive: Outlive) -> Self {
        static NUMBER: AtomicU8 = AtomicU8::new(0);
        let mut engine = Self {
            folder,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            outlive,
            root,
            containerd: None,
            dockerd: None,
        };
        engine.boot();
        engine
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    /// Starts what does not run, and waits until it answers.
    pub(crate) fn boot(&mut self) {
        if self.containerd.is_none() {
            self.start_containerd();
        }
        let _ = fs::remove_file(self.path("pid"));
        let pool = format!("base=10.{}.0.0/16,size=24", 200 + (self.number % 50));
        let namespace = format!("faults-{}", self.number);
        let mut command = self.alone("dockerd");
        command
            .arg("--data-root")
            .arg(&self.root)
            .arg("--exec-root")
            .arg(self.path("exec"))
            .arg("--pidfile")
            .arg(self.path("pid"))
            .arg("--containerd")
            .arg(self.path("containerd.sock"))
            .args(["-H", &self.host(), "--bip", &default_bridge()])
            // The rules are the other engine's.
            .args(["--iptables=false", "--ip-masq=false"])
            .args(["--default-address-pool", &pool, "--shutdown-timeout", "5"]);
        command.args(["--containerd-namespace", &namespace]);
        command.args([
            "--containerd-plugins-namespace",
            &format!("{namespace}-plugins"),
        ]);
        if self.outlive == Outlive::Daemon {
            command.arg("--live-restore");
        }
        self.dockerd = Some(command.spawn().expect("dockerd: run scripts/engine first"));
        let deadline = Instant::now() + UP;
        while !self.answers() {
            let log = || fs::read_to_string(self.path("dockerd.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "dockerd: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the daemon, by SIGTERM or SIGKILL, and waits for its end.
    pub(crate) fn end(&mut self, signal: Signal) {
        let mut dockerd = self.dockerd.take().expect("a daemon");
        send(dockerd.id(), signal);
        dockerd.wait().expect("an end");
    }

    /// Nothing runs any more, all at once: daemon, containerd, shims, containers, and their mounts.
    pub(crate) fn cut_power(&mut self) {
        for process in self.processes() {
            send(process, Signal::SIGKILL);
        }
        let children = [self.dockerd.take(), self.containerd.take()];
        for mut child in children.into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        // What the shims were still starting.
        for process in self.processes() {
            send(process, Signal::SIGKILL);
        }
        // A boot finds these empty: they are on /run.
        for gone in ["exec", "state"] {
            let _ = fs::remove_dir_all(self.path(gone));
        }
    }

    fn start_containerd(&mut self) {
        let config = format!(
            "version = 2\nroot = \"{0}\"\nstate = \"{1}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"{2}\"\n",
            self.root.join("containerd-root").display(),
            self.path("state").display(),
            self.path("containerd.sock").display()
        );
        fs::write(self.path("containerd.toml"), config).expect("a config");
        let mut command = self.alone("containerd");
        command.arg("--config").arg(self.path("containerd.toml"));
        self.containerd = Some(command.spawn().expect("containerd"));
        let deadline = Instant::now() + UP;
        while UnixStream::connect(self.path("containerd.sock")).is_err() {
            assert!(Instant::now() < deadline, "containerd did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its mounts are its own, and are gone with its last process; what it does not know of cannot keep it busy.
    fn alone(&self, program: &str) -> Command {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.path(&format!("{program}.log")))
            .expect("a log");
        // All daemons see the same mounts: those of the first.
        let mut command = if let Some(first) = &self.containerd {
            let mut command = Command::new("nsenter");
            command.arg(format!("--mount=/proc/{}/ns/mnt", first.id()));
            command
        } else {
            // Nor does it share its identity with the machine's engine, which keeps it there.
            let own = self.path("etc");
            fs::create_dir_all(&own).expect("a folder");
            let script = "mkdir -p /etc/docker && mount --bind \"$0\" /etc/docker && exec \"$@\"";
            let mut command = Command::new("unshare");
            command.args(["-m", "sh", "-c", script]).arg(own);
            command
        };
        command.arg(program);
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        command
    }

    fn answers(&self) -> bool {
        let asked = Command::new("docker")
            .env("DOCKER_HOST", self.host())
            .args(["version", "--format", "{{.Server.Version}}"])
            .output();
        asked.is_ok_and(|output| output.status.success())
    }

    /// Processes that name this engine's folder, and what descends from them.
    fn processes(&self) -> Vec<u32> {
        let folder = self.folder.path().display().to_string();
        let mut found: Vec<u32> = Vec::new();
        let all: Vec<(u32, u32, String)> = fs::read_dir("/proc")
            .expect("/proc")
            .flatten()
            .filter_map(|entry| {
                let id: u32 = entry.file_name().to_str()?.parse().ok()?;
                let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
                let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?;
                let line = fs::read(entry.path().join("cmdline")).ok()?;
                let line = String::from_utf8_lossy(&line).into_owned();
                Some((id, parent.parse().ok()?, line))
            })
            .collect();
        let daemons = ["dockerd", "containerd", "runc"];
        for (id, _, line) in &all {
            if line.contains(&folder) && daemons.iter().any(|d| line.contains(d)) {
                found.push(*id);
            }
        }
        loop {
            let more: Vec<u32> = all
                .iter()
                .filter(|(id, parent, _)| found.contains(parent) && !found.contains(id))
                .map(|(id, _, _)| *id)
                .collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for SecondEngine {
    fn drop(&mut self) {
        if self.answers() {
            // Bridges are the machine's, and would stay.
            let host = self.host();
            let docker = |words: &[&str]| docker_at(Some(&host), words);
            for id in docker(&["ps", "-aq"]).lines() {
                docker(&["rm", "-f", id]);
            }
            for id in docker(&["network", "ls", "-q", "-f", "type=custom"]).lines() {
                docker(&["network", "rm", id]);
            }
        }
        self.cut_power();
    }
}

/// The address of the other engine's bridge, which both use then: a daemon that is told of another bridge, or of
/// none, removes that one. Asked of the engine: on the device it is missing for a moment while a daemon starts.
fn default_bridge() -> String {
    let wanted = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}{{end}}";
    let shown = docker_at(None, &["network", "inspect", "bridge", "--format", wanted]);
    let (gateway, subnet) = shown.trim().split_once(' ').expect("an address of docker0");
    let (_, length) = subnet.split_once('/').expect("a subnet of docker0");
    format!("{gateway}/{length}")
}

/// Only to processes of this engine; one that is gone already is fine.
fn send(process: u32, signal: Signal) {
    let process = i32::try_from(process).expect("a process number");
    let _ = kill(Pid::from_raw(process), signal);
}
