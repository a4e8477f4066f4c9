//! `plan`: field by field, and nothing is changed by it or by anything else that only looks.

use std::collections::BTreeMap;
use std::path::Path;

use crate::app::{App, ONE, Ran};
use crate::proxy::Recorder;

/// Every file below a folder with its bytes.
fn files(folder: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.insert(
                path.display().to_string(),
                std::fs::read(&path).expect("bytes"),
            );
        }
    }
}

#[test]
fn what_only_looks_asks_and_never_changes_anything() {
    let app = App::running(ONE, "v1");
    let engine = Recorder::start();
    let (world, mut before) = (app.world(), BTreeMap::new());
    files(app.directory.path(), &mut before);
    for (arguments, code) in [
        (&["plan", "v2"][..], 0),
        (&["plan", "v2", "--exit-code", "--json"], 10),
        (&["status", "--wide"], 0),
        (&["check", "v2"], 0),
        (&["adopt"], 0),
        (&["history"], 0),
        (&["history", "show", "1"], 0),
        (&["logs", "--tail", "3"], 0),
    ] {
        let output = app
            .command(arguments)
            .env("DOCKER_HOST", engine.host())
            .output()
            .expect("the binary");
        Ran::from(output).expect_code(code);
    }
    let requests = engine.requests();
    assert!(requests.len() > 20, "{requests:#?}");
    let changing: Vec<&String> = requests
        .iter()
        .filter(|r| !r.starts_with("GET ") && !r.starts_with("HEAD "))
        .collect();
    assert_eq!(changing, [""; 0]);
    let mut after = BTreeMap::new();
    files(app.directory.path(), &mut after);
    assert_eq!(before, after, "no file is written");
    assert_eq!(world, app.world());
}

#[test]
fn a_changing_command_would_have_been_refused_by_that_proxy() {
    let app = App::running(ONE, "v1");
    let engine = Recorder::start();
    let output = app
        .command(&["deploy", "v2"])
        .env("DOCKER_HOST", engine.host())
        .output()
        .expect("the binary");
    assert_ne!(output.status.code(), Some(0));
    assert!(engine.requests().iter().any(|r| r.starts_with("POST ")));
    app.run(&["recover"]).expect_code(0);
}

#[test]
fn each_field_that_differs_is_named_and_no_value_of_a_variable_is_shown() {
    let with = |mode: &str, volume: &str| {
        format!(
            "{ONE}    environment: {{MODE: {mode}, TOKEN: \"${{TOKEN}}\"}}\n    command: [serve]\n    volumes: [\"{volume}:/data\"]\nvolumes: {{one: {{}}, two: {{}}}}\n"
        )
    };
    let app = App::new(&with("geheim-1", "one"));
    app.set("TOKEN", "geheim-2");
    app.run(&["deploy", "v1"]).expect_code(0);
    app.set("TOKEN", "geheim-3");
    app.write("compose.prod.yml", &with("geheim-4", "two"));
    let plan = app
        .run(&["plan", "v2"])
        .expect_code(0)
        .says("environment.MODE: another value (***)")
        .says("environment.TOKEN: another value (***)")
        .says("volumes[/data].source: one → two")
        .says("image: 127.0.0.1:5000/test/tiny:v1 → 127.0.0.1:5000/test/tiny:v2")
        .says("gap: its stop (at most 10 s) and its boot, which no release has measured yet");
    assert!(!plan.out.contains("geheim"), "{}", plan.out);
    app.run(&["deploy", "v2"]).expect_code(0);
    app.run(&["plan", "v3"])
        .expect_code(0)
        .says("s (an estimate: as long as in release 2)");
    let json = app.run(&["plan", "v3", "--json"]).expect_code(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["changes"][0]["fields"][0]["field"], "image");
    assert_eq!(json["changes"][0]["gap"]["kind"], "measured");
    assert_eq!(json["changes"][0]["action"], "recreate");
}

#[test]
fn only_the_file_that_changed_is_named() {
    let app = App::new(&format!(
        "{ONE}    volumes: [\"./a.conf:/etc/a.conf:ro\", \"./b.conf:/etc/b.conf:ro\"]\n"
    ));
    app.write("a.conf", "a\n");
    app.write("b.conf", "b\n");
    app.run(&["deploy", "v1"]).expect_code(0);
    app.write("b.conf", "other\n");
    let plan = app.run(&["plan"]).expect_code(0).says("content changed");
    assert!(
        plan.out.contains("b.conf") && !plan.out.contains("a.conf"),
        "{}",
        plan.out
    );
}
