//! Following: the log of containers that come later, and a deploy that another shell runs.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::app::{App, ONE, Ran, signal};

#[test]
fn a_followed_log_goes_on_in_the_container_that_comes_next() {
    let app = App::running(ONE, "v1");
    let mut child = app
        .command(&["logs", "-f", "api"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let mut lines = BufReader::new(child.stdout.take().expect("output")).lines();
    let mut next = |wanted: &str| {
        lines
            .by_ref()
            .map(|l| l.expect("a line"))
            .find(|l| l.contains(wanted))
            .expect("the line")
    };
    assert_eq!(next("listening"), "api-1  | tiny v1 listening on 8080");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_eq!(next("listening"), "api-1  | tiny v2 listening on 8080");
    crate::app::docker(&["restart", "-t", "0", &format!("{}-api-1", app.project)]);
    assert_eq!(next("listening"), "api-1  | tiny v2 listening on 8080");
    signal(&child, "INT");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_followed_log() {
    let app = App::running(ONE, "v1");
    let mut child = app
        .command(&["logs", "-f"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let mut output = BufReader::new(child.stdout.take().expect("output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    drop(output);
    crate::app::docker(&["restart", "-t", "0", &format!("{}-api-1", app.project)]);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

#[test]
fn attach_follows_a_deploy_and_ends_with_its_exit_code() {
    let compose = format!(
        "{ONE}  migrate:\n    image: 127.0.0.1:5000/test/tiny:v1\n    command: [job]\n    profiles: [migrate]\n"
    );
    let app = App::running(&compose, "v1");
    app.run(&["attach"])
        .expect_code(4)
        .says("no command runs here that could be followed")
        .says("deployctl attach --wait 1m");
    for (tag, code, said) in [
        ("v2", 0, "release 2 (v2) serves"),
        ("unhealthy", 8, "is unhealthy"),
    ] {
        let follower = app
            .command(&["attach", "--wait", "30s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary");
        app.run(&["deploy", tag]).expect_code(code);
        let followed = Ran::from(follower.wait_with_output().expect("an end"));
        followed
            .expect_code(code)
            .says("following `")
            .says("migrate | migrating to v1")
            .says("api: start")
            .says(said);
    }
}
