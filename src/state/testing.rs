//! Helpers of this module's tests.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

const SMALL_DISK: &str = "DEPLOYCTL_TEST_SMALL_DISK";
const OTHER_USER: &str = "DEPLOYCTL_TEST_OTHER_USER";

/// The user and group `nobody`.
pub(super) const NOBODY: u32 = 65534;

/// The names in a folder, sorted.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Fails where the test is not run by root.
pub(super) fn as_root() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test changes owners and has to be run by root"
    );
}

/// Runs the test again, alone, with a file system of 256 KiB that only it sees.
pub(super) fn in_small_disk(test: &str, body: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(SMALL_DISK) {
        return body(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=256k none "$0" && exec "$1" --exact "$2""#;
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "sh", "-c", script])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(SMALL_DISK, folder.path());
    expect_one_passed(command);
}

/// Runs the test again, alone, by a user that owns nothing; the folder is root's.
pub(super) fn as_nobody(test: &str, prepare: impl FnOnce(&Path), body: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(OTHER_USER) {
        return body(Path::new(&folder));
    }
    as_root();
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    // A copy, since the build folder need not be open to everybody.
    let copy = tempfile::tempdir().unwrap();
    let executable = copy.path().join("test");
    // By a process of its own: a child of another test could hold our file open for writing, and
    // what is open for writing cannot be run.
    let status = Command::new("cp")
        .arg(std::env::current_exe().unwrap())
        .arg(&executable)
        .status();
    assert!(status.unwrap().success());
    open_to_all(copy.path());
    open_to_all(folder.path());
    let mut command = Command::new(executable);
    command
        .args(["--exact", test])
        .env(OTHER_USER, folder.path())
        .current_dir("/")
        .gid(NOBODY)
        .uid(NOBODY);
    expect_one_passed(command);
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn expect_one_passed(mut command: Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
