//! One project, several owners: directories, hosts, users, engines.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
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
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(14, &mut child));
    signal(&child, "KILL");
    child.wait().expect("an end");
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
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(14, &mut child));
    signal(&child, "KILL");
    child.wait().expect("an end");
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
