//! One project, several owners: directories, hosts, users, engines.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::app::{App, Ran, signal};
use crate::engine::{Outlive, SecondEngine};
use crate::world::{PAIR, World, assert_at_rest, assert_new, assert_old, serving};

/// Nobody in particular.
const USER: u32 = 65534;

#[test]
fn a_second_clone_and_another_host_are_refused() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let clone = tempfile::tempdir().expect("a folder");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(app.path("."))
        .arg(clone.path())
        .status();
    assert!(copied.expect("cp").success());
    let ran = app
        .command(&["deploy", "v2"])
        .current_dir(clone.path())
        .output();
    Ran::from(ran.expect("the binary"))
        .expect_code(4)
        .says("belongs to another directory");
    assert_old(&app, &before, "a second clone");
    let script = "hostname another-host && exec \"$0\" \"$@\"";
    let ran = app
        .under(&["unshare", "--uts", "sh", "-c", script], &["deploy", "v2"])
        .output();
    let ran = Ran::from(ran.expect("unshare")).expect_code(4);
    assert!(ran.err.contains("another-host"), "{}", ran.err);
    assert_old(&app, &before, "another host");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "the owner");
}

#[test]
fn root_and_the_owner_deploy_in_turn_and_every_file_stays_the_owners() {
    let app = App::new(PAIR);
    give(app.directory.path(), USER);
    as_user(&app, &["deploy", "v1"]).expect_code(0);
    crate::world::write_data(&app);
    for (round, tag) in ["v2", "v3", "v1"].into_iter().enumerate() {
        let before = World::look(&app);
        if round % 2 == 0 {
            app.run(&["deploy", tag]).expect_code(0);
        } else {
            as_user(&app, &["deploy", tag]).expect_code(0);
        }
        assert_new(&app, &before, tag, &format!("round {round}"));
        all_belong_to(app.directory.path(), USER);
    }
    // What root leaves unfinished the owner recovers.
    let before = World::look(&app);
    leave_unfinished(&app);
    all_belong_to(app.directory.path(), USER);
    as_user(&app, &["recover"]).expect_code(0);
    assert_old(&app, &before, "recovered by the owner");
    as_user(&app, &["rollback"]).expect_code(0);
    assert_eq!(assert_at_rest(&app, "rolled back by the owner").tag(), "v3");
}

#[test]
fn a_folder_that_is_a_strangers_is_an_error_before_anything_is_touched() {
    let app = App::new(PAIR);
    give(app.directory.path(), USER);
    as_user(&app, &["deploy", "v1"]).expect_code(0);
    crate::world::write_data(&app);
    let before = World::look(&app);
    give(&app.path(".deployctl"), 1234);
    as_user(&app, &["deploy", "v2"])
        .expect_code(4)
        .says("chown");
    assert_eq!(World::look(&app), before, "a stranger's folder");
    give(&app.path(".deployctl"), USER);
    give(app.directory.path(), 1234);
    for entry in std::fs::read_dir(app.directory.path())
        .expect("a folder")
        .flatten()
    {
        give(&entry.path(), 1234);
    }
    as_user(&app, &["deploy", "v2"]).expect_code(4);
    assert_eq!(World::look(&app), before, "a stranger's directory");
    give(app.directory.path(), USER);
    as_user(&app, &["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "the owner's again");
}

#[test]
fn an_unfinished_release_of_another_engine_is_left_alone() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    leave_unfinished(&app);
    let other = SecondEngine::start(Outlive::Nothing);
    let left = World::look(&app);
    for words in [&["recover"][..], &["deploy", "v2"], &["rollback"]] {
        let ran = app.command(words).env("DOCKER_HOST", other.host()).output();
        Ran::from(ran.expect("the binary"))
            .expect_code(4)
            .says("another engine")
            .says("DOCKER_HOST");
        assert_eq!(World::look(&app), left, "{words:?}");
    }
    app.run(&["recover"]).expect_code(0);
    assert_old(&app, &before, "the engine it belongs to");
}

#[test]
fn a_context_that_names_another_engine_by_now_recovers_nothing() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    leave_unfinished(&app);
    let other = SecondEngine::start(Outlive::Nothing);
    let left = World::look(&app);
    let configuration = tempfile::tempdir().expect("a folder");
    write_context(configuration.path(), "elsewhere", &other.host());
    write_context(configuration.path(), "here", "unix:///var/run/docker.sock");
    let recover = |context: &str| {
        let ran = app
            .command(&["recover"])
            .env_remove("DOCKER_HOST")
            .env("DOCKER_CONFIG", configuration.path())
            .env("DOCKER_CONTEXT", context)
            .output();
        Ran::from(ran.expect("the binary"))
    };
    recover("elsewhere").expect_code(4).says("another engine");
    assert_eq!(World::look(&app), left);
    recover("unknown").expect_code(4).says("unknown");
    assert_eq!(World::look(&app), left);
    recover("here").expect_code(0);
    assert_old(&app, &before, "the context it belongs to");
}

/// A deploy that is killed in the middle of its update.
fn leave_unfinished(app: &App) {
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(14, &mut child));
    signal(&child, "KILL");
    child.wait().expect("an end");
}

/// As `docker context create` writes it.
fn write_context(configuration: &Path, name: &str, host: &str) {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(name)
        .iter()
        .fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    let folder = configuration.join("contexts/meta").join(hash);
    std::fs::create_dir_all(&folder).expect("a folder");
    let meta = serde_json::json!({
        "Name": name,
        "Metadata": {},
        "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": false}},
    });
    std::fs::write(folder.join("meta.json"), meta.to_string()).expect("a context");
}

/// FUSE stands for NFS and the like, which need a server in the kernel; the warning goes by the file system's kind.
#[test]
fn a_lock_on_a_network_file_system_is_warned_of_and_the_deploy_goes_on() {
    let app = serving(PAIR, "v1");
    let folder = tempfile::tempdir().expect("a folder");
    let mounted = Mounted::over(app.directory.path(), folder.path());
    let ran = app
        .command(&["deploy", "v2", "--adopt"])
        .current_dir(&mounted.0)
        .output();
    Ran::from(ran.expect("the binary"))
        .expect_code(0)
        .says("the lock is on a network file system (FUSE): other hosts may not see it");
    assert_eq!(World::look(&app).tag(), "v2");
    let local = app.run(&["deploy", "v1", "--adopt"]).expect_code(0);
    assert!(!local.err.contains("network file system"), "{}", local.err);
}

/// A folder seen through FUSE.
struct Mounted(PathBuf);

impl Mounted {
    fn over(folder: &Path, at: &Path) -> Self {
        let mounted = Command::new("bindfs").arg(folder).arg(at).status();
        assert!(mounted.expect("bindfs: scripts/test installs it").success());
        Self(at.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("fusermount").arg("-u").arg(&self.0).status();
    }
}

/// The command as an ordinary user who may speak to the engine.
fn as_user(app: &App, arguments: &[&str]) -> Ran {
    let group = std::fs::metadata("/var/run/docker.sock")
        .expect("a socket")
        .gid();
    let user = USER.to_string();
    let groups = group.to_string();
    let words = [
        "setpriv", "--reuid", &user, "--regid", &user, "--groups", &groups,
    ];
    // The binary may lie where only root can look: it is handed over open.
    let binary = std::fs::File::open(env!("CARGO_BIN_EXE_deployctl")).expect("the binary");
    let program = app.path("../").join(format!("deployctl-{}", app.project));
    std::io::copy(
        &mut std::io::BufReader::new(binary),
        &mut std::fs::File::create(&program).expect("a file"),
    )
    .expect("copied");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("a program");
    let output = Command::new(words[0])
        .args(&words[1..])
        .arg(&program)
        .args(arguments)
        .current_dir(app.directory.path())
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output();
    std::fs::remove_file(program).expect("removed");
    Ran::from(output.expect("setpriv"))
}

/// With all that is in it.
fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).expect("these tests run as root");
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        give(&entry.path(), user);
    }
}

#[track_caller]
fn all_belong_to(folder: &Path, user: u32) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let metadata = entry.metadata().expect("it is there");
        assert_eq!(metadata.uid(), user, "{}", entry.path().display());
        all_belong_to(&entry.path(), user);
    }
}
