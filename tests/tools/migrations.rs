//! `migrate`, and rollbacks over a change of the schema.

use crate::BOX;
use crate::app::{App, ONE};

fn schema(app: &App) -> String {
    app.run(&["exec", "db", "cat", "/data/schema"])
        .expect_code(0)
        .out
        .trim()
        .to_owned()
}

#[test]
fn migrate_runs_the_job_alone_and_is_in_the_history() {
    let app = App::running(BOX, "v1");
    let before = app.world();
    let env = app.read(".env.prod");
    let ran = app
        .command(&["migrate", "v2", "--reason", "ahead of v2"])
        .env("SCHEMA", "2")
        .output()
        .expect("the binary");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(schema(&app), "2");
    assert_eq!(
        app.world(),
        before,
        "no service is touched, and no job is left"
    );
    assert_eq!(app.read(".env.prod"), env);
    app.run(&["history"])
        .expect_code(0)
        .says("migrate")
        .says("ahead of v2");
    app.run(&["status"])
        .expect_code(0)
        .says("release 1 (v1) succeeded");
    app.run(&["logs", "migrate"])
        .expect_code(0)
        .says("migrating");
    // It is no release: there is nothing to go back to.
    app.run(&["rollback"]).expect_code(2);
    let failed = app
        .command(&["migrate"])
        .env("SCHEMA", "fail")
        .output()
        .expect("the binary");
    assert_eq!(failed.status.code(), Some(7));
    assert_eq!(app.world(), before);
    app.run(&["deploy", "v2"]).expect_code(0);
}

#[test]
fn migrate_says_when_it_cannot() {
    let app = App::running(ONE, "v1");
    app.run(&["migrate"])
        .expect_code(2)
        .says("no service migrates")
        .says("`profiles: [migrate]`");
    let app = App::running(BOX, "v1");
    app.run(&["stop", "db"]).expect_code(0);
    app.run(&["migrate"])
        .expect_code(4)
        .says("deployctl start db");
}

#[test]
fn a_rollback_over_a_change_of_the_schema_has_to_be_asked_for() {
    let app = App::new(BOX);
    app.run(&["deploy", "v1"]).expect_code(0);
    // The same schema: nothing stands in the way.
    app.run(&["deploy", "v2"]).expect_code(0);
    app.run(&["rollback"]).expect_code(0);
    app.set("SCHEMA", "2");
    app.run(&["deploy", "v3"]).expect_code(0);
    assert_eq!(schema(&app), "2");
    let before = app.world();
    app.run(&["rollback"])
        .expect_code(4)
        .says("changed the database's schema (`2`)")
        .says("(`1`)")
        .says("backup=/backups/7.sql")
        .says("psql < /backups/7.sql")
        .says("--across-migration");
    assert_eq!(app.world(), before);
    app.run(&["rollback", "--across-migration"])
        .expect_code(0)
        .says("backup=/backups/7.sql");
    assert!(
        app.serves().contains(&"api-1 v1 running".to_owned()),
        "{:?}",
        app.serves()
    );
}

#[test]
fn a_migration_that_did_not_end_leaves_an_unknown_schema() {
    let app = App::running(BOX, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    app.set("SCHEMA", "fail");
    app.run(&["deploy", "v3"]).expect_code(7);
    app.run(&["rollback", "v1"])
        .expect_code(4)
        .says("unknown: its migration did not end");
}
