//! `history`, one release in full, and what differs between two.

use crate::app::{App, ONE};

#[test]
fn a_release_is_shown_in_full_and_compared_with_another() {
    let compose = format!(
        "{ONE}    environment: {{MODE: geheim-1}}\n  migrate:\n    image: 127.0.0.1:5000/test/tiny:v1\n    command: [job]\n    profiles: [migrate]\n"
    );
    let app = App::running(&compose, "v1");
    app.write("compose.prod.yml", &compose.replace("geheim-1", "geheim-2"));
    let output = app
        .command(&["deploy", "v2", "--reason", "new mode"])
        .env("SUDO_USER", "anna")
        .env("GITHUB_SERVER_URL", "https://github.com")
        .env("GITHUB_REPOSITORY", "acme/shop")
        .env("GITHUB_RUN_ID", "4711")
        .env("GITHUB_SHA", "0123456789abcdef")
        .output();
    assert!(output.expect("the binary").status.success());
    app.run(&["history"])
        .expect_code(0)
        .says("anna@")
        .says("4711")
        .says("new mode");
    app.run(&["history", "show", "2"])
        .expect_code(0)
        .says("release 2 (v2): deploy, succeeded")
        .says("https://github.com/acme/shop/actions/runs/4711, commit 0123456789ab")
        .says("log of migrate:")
        .says("  | migrating to v1")
        .says("gap of api: ")
        .says("  committed");
    let diff = app
        .run(&["history", "diff", "1", "2"])
        .expect_code(0)
        .says("environment.MODE: another value (***)")
        .says("image: 127.0.0.1:5000/test/tiny:v1 → 127.0.0.1:5000/test/tiny:v2");
    assert!(!diff.out.contains("geheim"), "{}", diff.out);
    let json = app
        .run(&["history", "diff", "v1", "v2", "--json"])
        .expect_code(0)
        .out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        json["services"]["api"][1]["to"],
        "127.0.0.1:5000/test/tiny:v2"
    );
    let json = app
        .run(&["history", "show", "2", "--json"])
        .expect_code(0)
        .out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(
        json["logs"]["migrate"]
            .as_str()
            .expect("a log")
            .contains("done")
    );
    app.run(&["history", "show", "99"])
        .expect_code(2)
        .says("no release `99` in the history")
        .says("hint: deployctl history");
    app.run(&["logs", "--release", "2"])
        .expect_code(0)
        .says("migrate  | migrating to v1");
    app.run(&["logs", "--release", "9"])
        .expect_code(4)
        .says("see `deployctl history`");
}
