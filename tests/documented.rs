//! Every command line of the documentation and of `--help`, typed as it stands there into a shell, on a real engine.
//!
//! Each page has an app directory of its own, in which two releases were deployed, and its lines are typed in their order.
//! A line has to end with 0 unless `documented/exceptions.rs` says otherwise, with the reason.

#[path = "e2e/app.rs"]
#[expect(dead_code, reason = "shared with the other tests of the real engine")]
mod app;
#[path = "docs/code.rs"]
mod code;
#[path = "documented/exceptions.rs"]
mod exceptions;
#[path = "documented/reader.rs"]
mod reader;

use std::collections::BTreeSet;
use std::sync::Mutex;

use code::{CommandLine, command_lines, pages, read, root};
use exceptions::{EXCEPTIONS, Exception};
use reader::Reader;

/// Pages that are read at a time: the engine does most of the work.
const READERS: usize = 6;

#[test]
fn every_command_line_of_the_documentation_does_what_its_page_says() {
    let pages = Mutex::new(documented());
    let (wrong, excepted) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while let Some(lines) = { pages.lock().expect("pages").pop() } {
                    let reader = Reader::of(&lines[0].page, &lines);
                    for line in &lines {
                        let exception = exception(line);
                        if let Some((index, _)) = exception {
                            excepted.lock().expect("exceptions").insert(index);
                        }
                        if let Err(said) = reader.types(&line.text, exception.map(|(_, e)| e)) {
                            let told = format!("{}: `{}`: {said}", line.page, line.text);
                            wrong.lock().expect("what is wrong").push(told);
                        }
                    }
                }
            });
        }
    });
    let excepted = excepted.into_inner().expect("exceptions");
    let mut wrong = wrong.into_inner().expect("what is wrong");
    for (index, exception) in EXCEPTIONS.iter().enumerate() {
        if !excepted.contains(&index) {
            wrong.push(format!("{exception:?} is in the documentation no more"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The command lines of each page, those with the most to do last: they are taken first.
fn documented() -> Vec<Vec<CommandLine>> {
    let mut all: Vec<Vec<CommandLine>> = pages()
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "md"))
        .map(|(path, text)| {
            let page = path.strip_prefix(root()).expect("below the root");
            command_lines(&page.display().to_string(), &text)
        })
        .collect();
    all.extend(Reader::helps());
    all.retain(|lines| !lines.is_empty());
    let count: usize = all.iter().map(Vec::len).sum();
    assert!(count > 120, "only {count} command lines were found");
    all.sort_by_key(Vec::len);
    all
}

fn exception(line: &CommandLine) -> Option<(usize, &'static Exception)> {
    EXCEPTIONS
        .iter()
        .enumerate()
        .find(|(_, e)| e.page == line.page && e.line == line.text)
}

#[test]
fn the_workflow_deploys_through_the_gate_of_its_key() {
    let workflow = read("docs/github-workflow.yml");
    let script = workflow
        .split("run: |\n")
        .nth(1)
        .expect("a script")
        .replace("${{ github.sha }}", "abc123")
        .replace("${{ secrets.DEPLOY_HOST }}", "deploy@host")
        .replace("${{ secrets.DEPLOY_KEY }}", "a key")
        .replace("${{ secrets.DEPLOY_KNOWN_HOSTS }}", "a host's key");
    assert!(!script.contains("${{"), "{script}");
    let reader = Reader::of("docs/github-workflow.yml", &[]);
    reader
        .shell(&format!("export THROUGH_THE_GATE=yes\n{script}"))
        .expect_code(0)
        .says("::group::");
    reader
        .shell("deployctl status")
        .expect_code(0)
        .says("sha-abc123");
}

#[test]
fn systemd_takes_the_unit_that_recovers_at_boot() {
    let page = read("docs/from-systemd.md");
    let unit = page
        .split("```ini\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let app = tempfile::tempdir().expect("an app directory");
    let directory = app.path().display().to_string();
    let unit = unit.expect("a unit").replace("/srv/app", &directory);
    // systemd asks whether the program is there.
    std::os::unix::fs::symlink(
        env!("CARGO_BIN_EXE_deployctl"),
        app.path().join("deployctl"),
    )
    .expect("a link");
    let file = app.path().join("deployctl-recover.service");
    std::fs::write(&file, unit).expect("written");
    let verified = std::process::Command::new("systemd-analyze")
        .args(["--man=no", "verify"])
        .arg(&file)
        .output()
        .expect("systemd-analyze");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
}
