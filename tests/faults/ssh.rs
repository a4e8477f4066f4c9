//! A connection that is lost while a deploy runs: a real sshd on loopback, with and without a terminal.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::world::{PAIR, World, assert_new, assert_old, serving};

#[test]
fn a_connection_lost_in_mid_deploy_does_not_stop_it() {
    let server = Server::start();
    for (tty, line) in [("-tt", 5), ("-T", 5), ("-tt", 14), ("-T", 20)] {
        let app = serving(PAIR, "v1");
        let before = World::look(&app);
        server.lose(&app, tty, line, "v2");
        assert_new(
            &app,
            &before,
            "v2",
            &format!("ssh {tty} lost at line {line}"),
        );
    }
}

#[test]
fn a_bad_release_is_rolled_back_though_nobody_is_connected_any_more() {
    let server = Server::start();
    for tty in ["-tt", "-T"] {
        let app = serving(PAIR, "v1");
        let before = World::look(&app);
        server.lose(&app, tty, 16, "unhealthy");
        assert_old(&app, &before, &format!("ssh {tty} lost, bad release"));
    }
}

struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for key in ["host", "client"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(path(key))
                .status();
            assert!(made.expect("ssh-keygen").success());
        }
        std::fs::copy(path("client.pub"), path("authorized")).expect("a key");
        let port = free_port();
        let settings = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n",
            path("host").display(),
            path("authorized").display()
        );
        std::fs::write(path("config"), settings).expect("a config");
        // The user and the folder that sshd wants are there for it alone.
        let passwd = std::fs::read_to_string("/etc/passwd").expect("users");
        let user = "sshd:x:74:65534::/run/sshd:/usr/sbin/nologin\n";
        std::fs::write(path("passwd"), passwd + user).expect("users");
        let alone = r#"mount --bind "$1" /etc/passwd && mkdir -p /run/sshd && shift && exec "$@""#;
        let process = Command::new("unshare")
            .args(["-m", "sh", "-c", alone, "sh"])
            .arg(path("passwd"))
            .arg(sshd())
            .args(["-D", "-e", "-f"])
            .arg(path("config"))
            .stderr(std::fs::File::create(path("log")).expect("a log"))
            .spawn()
            .expect("sshd");
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || std::fs::read_to_string(path("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "sshd: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            folder,
            port,
            process,
        }
    }

    /// Deploys through a connection that is cut once the journal has so many lines; returns when the
    /// deploy, which goes on by itself, has ended.
    fn lose(&self, app: &App, tty: &str, line: usize, tag: &str) {
        let script = format!(
            "cd {} && {} deploy {tag}",
            app.directory.path().display(),
            env!("CARGO_BIN_EXE_deployctl")
        );
        let mut client = Command::new("ssh")
            .args([tty, "-F", "none", "-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"])
            .arg("-i")
            .arg(self.folder.path().join("client"))
            .args(["-p", &self.port.to_string(), "127.0.0.1", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("ssh");
        assert!(
            app.journal_reaches(line, &mut client),
            "ssh ended: {}",
            std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
        );
        client.kill().expect("killed");
        client.wait().expect("an end");
        let ended = Command::new("flock")
            .args(["-w", "60"])
            .arg(app.path(".deploy.lock"))
            .arg("true")
            .status();
        assert!(ended.expect("flock").success(), "the deploy never ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The machine's own, else the one that scripts/test unpacks: nothing is to listen on port 22 for a test.
fn sshd() -> PathBuf {
    let unpacked = std::env::var_os("DEPLOYCTL_TEST_SSHD").map(PathBuf::from);
    let found = unpacked
        .into_iter()
        .chain([PathBuf::from("/usr/sbin/sshd")]);
    let mut found = found.filter(|p| Path::exists(p));
    found.next().expect("sshd: scripts/test unpacks it")
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
