//! What a deploy looks like: on a terminal of any kind, in GitHub Actions, as JSON.

use std::process::{Command, Stdio};

use crate::app::{App, ONE, Ran};

/// Runs a deploy on a terminal of this size; what the terminal got to see.
fn on_terminal(app: &App, columns: u32, arguments: &str, environment: &[(&str, &str)]) -> String {
    let binary = env!("CARGO_BIN_EXE_deployctl");
    let line = format!("stty cols {columns} rows 12; {binary} {arguments}; echo code $?");
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .current_dir(app.directory.path())
        .env("TERM", "xterm")
        .env_remove("GITHUB_ACTIONS")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    for (name, value) in environment {
        command.env(name, value);
    }
    let output = command.output().expect("script, of util-linux");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Without what moves the cursor or colours.
fn visible(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("\x1b[") {
        text.push_str(&rest[..at]);
        let behind = &rest[at + 2..];
        let end = behind.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        rest = &behind[end + 1..];
    }
    text.push_str(rest);
    text.trim_matches(['\r', '\n']).to_owned()
}

#[test]
fn a_terminal_shows_what_goes_on_and_nothing_of_it_is_left() {
    let app = App::running(ONE, "v1");
    let seen = on_terminal(&app, 50, "deploy v2", &[]);
    assert!(seen.contains("code 0"), "{seen}");
    assert!(
        seen.contains("\x1b[J"),
        "a picture is drawn and taken away: {seen:?}"
    );
    assert!(seen.contains("wait until"), "{seen}");
    assert!(
        seen.contains("| tiny v2 listening"),
        "the log of what is waited for: {seen}"
    );
    let drawn = seen.split("\x1b[J").filter(|p| p.contains("wait until"));
    let wide: Vec<String> = drawn
        .flat_map(|p| p.lines().map(visible))
        .filter(|l| l.contains("wait until") && !l.ends_with(" s)") && l.chars().count() > 50)
        .collect();
    assert_eq!(
        wide, [""; 0],
        "no line of the picture is wider than the terminal"
    );
    let last = seen.rsplit("\x1b[J").next().unwrap_or_default();
    assert!(last.contains("release 2 (v2) serves"), "{last}");
    let going = |l: &str| l.contains("wait until") && !l.trim_end().ends_with(" s)");
    assert!(!last.lines().any(going), "only what is over stays: {last}");
}

#[test]
fn no_color_and_dumb_terminals_are_respected() {
    let app = App::running(ONE, "v1");
    let plain = on_terminal(&app, 80, "deploy v2", &[("NO_COLOR", "1")]);
    assert!(
        plain.contains("code 0") && plain.contains("\x1b[J"),
        "{plain}"
    );
    for colour in ["\x1b[1m", "\x1b[2m", "\x1b[32m"] {
        assert!(!plain.contains(colour), "{plain:?}");
    }
    let dumb = on_terminal(&app, 80, "deploy v3", &[("TERM", "dumb")]);
    assert!(
        dumb.contains("code 0") && dumb.contains("(v3) serves"),
        "{dumb}"
    );
    assert!(!dumb.contains('\x1b'), "{dumb:?}");
}

#[test]
fn github_gets_groups_a_marked_error_with_the_containers_words_and_a_summary() {
    let app = App::running(ONE, "v1");
    let output = app
        .command(&["deploy", "unhealthy", "--summary"])
        .env("GITHUB_ACTIONS", "true")
        .output();
    let failed = Ran::from(output.expect("the binary")).expect_code(8);
    let lines: Vec<&str> = failed.err.lines().collect();
    let count = |start: &str| lines.iter().filter(|l| l.starts_with(start)).count();
    assert!(count("::group::") >= 2, "{}", failed.err);
    assert_eq!(count("::group::"), count("::endgroup::"));
    let error = lines
        .iter()
        .find(|l| l.starts_with("::error title=deployctl::"));
    let error = error.expect("a marked error");
    assert!(error.contains("is unhealthy"), "{error}");
    assert!(error.contains("%0A  | tiny unhealthy listening"), "{error}");
    assert!(error.contains("migrations are pending"), "{error}");
    assert!(
        failed
            .out
            .starts_with("### deploy unhealthy: failed (exit code 8)\n"),
        "{}",
        failed.out
    );
    assert!(
        failed.out.contains("release 2 (unhealthy): rolled back"),
        "{}",
        failed.out
    );
    let done = app
        .run(&["--ci", "github", "deploy", "v2", "--summary"])
        .expect_code(0);
    assert!(done.err.contains("::group::update"), "{}", done.err);
    assert!(
        done.out
            .contains("| `api` | `127.0.0.1:5000/test/tiny:v2` |"),
        "{}",
        done.out
    );
}

#[test]
fn with_json_every_line_is_json_also_the_log_of_what_is_asked() {
    let app = App::running(ONE, "v1");
    let ran = app.run(&["deploy", "v2", "--json", "-vv"]).expect_code(0);
    for line in ran.err.lines().chain(ran.out.lines()) {
        let json: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(json.is_ok(), "{line}");
    }
    assert!(ran.err.contains("\"event\":\"log\""), "{}", ran.err);
    assert!(ran.out.contains("\"outcome\":\"succeeded\""), "{}", ran.out);
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let app = App::running(ONE, "v1");
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let output = app.command(&["config"]).stdout(full).output();
    Ran::from(output.expect("the binary"))
        .expect_code(4)
        .says("cannot write to standard output")
        .says("df -h");
}
