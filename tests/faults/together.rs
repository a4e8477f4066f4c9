//! Several at once, a lock that others hold, a holder that died, a clock that was set back.

use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};

use crate::app::signal;
use crate::client::Client;
use crate::world::{PAIR, World, assert_at_rest, assert_new, assert_old, serving};

#[test]
fn of_many_deploys_at_once_one_runs_and_the_others_say_that_the_lock_is_held() {
    let app = serving(PAIR, "v1");
    let client = Client::of(&app, "db");
    for (round, count) in [2, 10, 50].into_iter().enumerate() {
        let tag = if round % 2 == 0 { "v2" } else { "v1" };
        let mut all: Vec<Child> = (0..count).map(|_| app.spawn(&["deploy", tag])).collect();
        let codes: Vec<i32> = all
            .iter_mut()
            .map(|c| c.wait().expect("an end").code().unwrap_or(-1))
            .collect();
        assert!(codes.contains(&0), "{codes:?}");
        assert!(codes.iter().all(|c| [0, 5].contains(c)), "{codes:?}");
        let now = assert_at_rest(&app, &format!("{count} at once"));
        assert_eq!(now.tag(), tag);
    }
    client.assert_nothing_failed("many at once");
}

#[test]
fn those_who_wait_go_one_after_the_other() {
    let app = serving(PAIR, "v1");
    let tags = ["v2", "v3", "v2", "v3", "v1"];
    let mut all: Vec<Child> = tags
        .iter()
        .map(|tag| app.spawn(&["deploy", tag, "--wait-lock", "5m"]))
        .collect();
    for child in &mut all {
        assert_eq!(child.wait().expect("an end").code(), Some(0));
    }
    let now = assert_at_rest(&app, "five in a row");
    assert!(tags.contains(&now.tag()));
}

#[test]
fn of_two_that_wait_the_older_run_does_not_win() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    app.run(&["deploy", "v3", "--unless-newer", "12"])
        .expect_code(0);
    assert_new(&app, &before, "v3", "run 12");
    let before = World::look(&app);
    app.run(&["deploy", "v2", "--unless-newer", "11"])
        .expect_code(4)
        .says("run 11 is older than run 12")
        .says("v3");
    assert_old(&app, &before, "run 11 comes late");
    // The same run again, and whoever names none, deploys.
    app.run(&["deploy", "v3", "--unless-newer", "12"])
        .expect_code(0)
        .says("nothing to do");
    app.run(&["deploy", "v2"]).expect_code(0);
    app.run(&["deploy", "v1", "--unless-newer", "13"])
        .expect_code(0);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
}

#[test]
fn a_script_with_flock_keeps_all_out_until_it_dies() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let mut script = Command::new("flock")
        .arg("--no-fork")
        .arg(app.path(".deploy.lock"))
        .args(["sh", "-c", "echo held; exec sleep 1000"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock");
    let mut line = String::new();
    let output = script.stdout.take().expect("output");
    std::io::BufReader::new(output)
        .read_line(&mut line)
        .expect("held");
    for words in [&["deploy", "v2"][..], &["rollback"], &["recover"]] {
        app.run(words)
            .expect_code(5)
            .says("the deploy lock is held");
    }
    app.run(&["status"]).expect_code(0);
    let mut waiting = app.spawn(&["deploy", "v2", "--wait-lock", "2m"]);
    signal(&script, "KILL");
    script.wait().expect("an end");
    assert_eq!(waiting.wait().expect("an end").code(), Some(0));
    assert_new(&app, &before, "v2", "the holder died");
}

#[test]
fn what_a_dead_holder_left_keeps_nobody_out() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let mut child = app.spawn(&["deploy", "slow"]);
    assert!(app.journal_reaches(14, &mut child));
    assert!(app.read(".deploy.lock").contains("deploy slow"));
    signal(&child, "KILL");
    child.wait().expect("an end");
    assert!(
        app.read(".deploy.lock").contains("deploy slow"),
        "its name is still there"
    );
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "after a dead holder");
}

#[test]
fn a_clock_that_was_set_back_changes_no_order() {
    let app = serving(PAIR, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    let releases = app.path(".deployctl").join(&app.project).join("releases");
    for number in ["1", "2"] {
        let record = releases.join(number).join("record.json");
        let text = std::fs::read_to_string(&record).expect("a record");
        let later = text.replace("\"20", "\"21");
        assert_ne!(later, text);
        std::fs::write(record, later).expect("written");
    }
    let before = World::look(&app);
    app.run(&["deploy", "v3"]).expect_code(0);
    assert_new(&app, &before, "v3", "deployed in the past");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(assert_at_rest(&app, "rolled back").tag(), "v2");
    app.run(&["status"]).expect_code(0).says("v2");
    assert_eq!(app.read(".rollback-tag"), "v3\n");
}
