//! `git clean -fdx` and the engine's prunes, at rest and in mid-deploy.

use crate::app::{App, signal};
use crate::engine::{Outlive, SecondEngine};
use crate::world::{
    PAIR, World, assert_at_rest, assert_new, assert_old, assert_one_world, serving, write_data,
};

#[test]
fn a_history_that_is_deleted_at_rest_costs_the_history_alone() {
    let app = serving(PAIR, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    let before = World::look(&app);
    std::fs::remove_dir_all(app.path(".deployctl")).expect("removed");
    app.run(&["deploy", "v2"])
        .expect_code(0)
        .says("nothing to do");
    std::fs::remove_dir_all(app.path(".deployctl")).expect("removed");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(assert_at_rest(&app, "back by .rollback-tag").tag(), "v1");
    std::fs::remove_dir_all(app.path(".deployctl")).expect("removed");
    app.run(&["deploy", "v2"]).expect_code(0);
    let now = assert_at_rest(&app, "v2 again");
    assert_eq!((now.tag(), now.names()), ("v2", before.names()));
    assert_eq!(now.id("db"), before.id("db"));
}

#[test]
fn a_history_that_is_deleted_in_mid_deploy_leaves_one_world() {
    for (line, tag) in [(6, "v2"), (12, "v2"), (14, "unhealthy"), (18, "v2")] {
        let app = serving(PAIR, "v1");
        let before = World::look(&app);
        let case = format!(".deployctl deleted at line {line} of a deploy of {tag}");
        let mut child = app.spawn(&["deploy", tag]);
        assert!(app.journal_reaches(line, &mut child), "{case}");
        std::fs::remove_dir_all(app.path(".deployctl")).expect("removed");
        let code = child.wait().expect("an end").code();
        match (code, tag) {
            (Some(0), "v2") => assert_new(&app, &before, tag, &case),
            (Some(8 | 7), _) => assert_old(&app, &before, &case),
            _ => panic!("{case}: code {code:?}"),
        }
        app.run(&["deploy", "v3"]).expect_code(0);
    }
}

#[test]
fn what_a_killed_deploy_left_is_put_right_though_its_journal_is_gone() {
    let app = serving(PAIR, "v1");
    for line in [6, 12, 14, 16, 20] {
        let before = World::look(&app);
        let tag = if before.tag() == "v1" { "v2" } else { "v1" };
        let case = format!("killed at line {line}, then git clean -fdx");
        let mut child = app.spawn(&["deploy", tag]);
        assert!(app.journal_reaches(line, &mut child), "{case}");
        signal(&child, "KILL");
        child.wait().expect("an end");
        std::fs::remove_dir_all(app.path(".deployctl")).expect("removed");
        app.run(&["deploy", tag]).expect_code(0);
        let now = assert_at_rest(&app, &case);
        assert_eq!((now.tag(), now.names()), (tag, before.names()), "{case}");
        assert_eq!(now.id("db"), before.id("db"), "{case}");
    }
}

#[test]
fn prunes_at_rest_take_no_way_back() {
    let engine = SecondEngine::start(Outlive::Nothing);
    let app = begin(&engine);
    app.run(&["deploy", "v2"]).expect_code(0);
    let before = World::look(&app);
    for prune in [
        &["network", "prune", "-f"][..],
        &["image", "prune", "-af"],
        &["container", "prune", "-f"],
    ] {
        app.docker(prune);
        assert_eq!(World::look(&app), before, "{prune:?}");
    }
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(assert_at_rest(&app, "back after prunes").tag(), "v1");
    app.docker(&["system", "prune", "-af"]);
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(assert_at_rest(&app, "back after system prune").tag(), "v2");
}

#[test]
fn prunes_in_mid_deploy_leave_one_world() {
    let engine = SecondEngine::start(Outlive::Nothing);
    let app = begin(&engine);
    let prunes = [
        &["image", "prune", "-af"][..],
        &["network", "prune", "-f"],
        &["system", "prune", "-af"],
    ];
    for prune in prunes {
        for line in [6, 14, 20] {
            let before = World::look(&app);
            let tag = if before.tag() == "v1" { "v2" } else { "v1" };
            let case = format!("{prune:?} at line {line}");
            let mut child = app.spawn(&["deploy", tag]);
            assert!(app.journal_reaches(line, &mut child), "{case}");
            app.docker(prune);
            let code = child.wait().expect("an end").code();
            if code == Some(9) {
                // What was put aside has been removed: the message says so, and a deploy makes it anew.
                app.run(&["deploy", tag]).expect_code(0);
                assert_eq!(assert_at_rest(&app, &case).tag(), tag);
            } else {
                assert_one_world(&app, &before, tag, &format!("{case}, code {code:?}"));
            }
        }
    }
}

fn begin(engine: &SecondEngine) -> App {
    let app = App::on(&engine.host(), PAIR);
    app.run(&["deploy", "v1"]).expect_code(0);
    write_data(&app);
    app
}
