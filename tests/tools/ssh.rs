//! `gate`: what an SSH key may do. The table of hostile lines is beside the code.

use crate::app::{App, ONE, Ran};

fn asked(app: &App, gate: &[&str], line: &str) -> Ran {
    let directory = app.directory.path().display().to_string();
    let arguments = [&["-C", &directory, "gate"], gate].concat();
    let mut command = app.command(&arguments);
    command
        .current_dir("/")
        .env("HOME", app.directory.path().parent().expect("a parent"))
        .env("SSH_ORIGINAL_COMMAND", line)
        // What a session can bring along must not reach the command.
        .env("DOCKER_HOST", "tcp://127.0.0.1:1")
        .env("COMPOSE_FILE", "/nowhere.yml")
        .env("COMPOSE_PROJECT_NAME", "another")
        .env("IMAGE_TAG", "v3")
        .env("PATH", "/nowhere");
    Ran::from(command.output().expect("the binary"))
}

#[test]
fn a_key_may_deploy_and_nothing_else() {
    let app = App::running(ONE, "v1");
    let name = app
        .directory
        .path()
        .file_name()
        .expect("a name")
        .to_string_lossy();
    asked(&app, &[], &format!("cd {name} && ./deployctl deploy v2")).expect_code(0);
    assert_eq!(app.serves(), ["api-1 v2 running"]);
    asked(&app, &[], "deployctl status --json")
        .expect_code(0)
        .says("\"v2\"");
    asked(&app, &[], "deployctl rollback").expect_code(0);
    for line in [
        "deployctl logs api",
        "deployctl status; id",
        "sh",
        "cd / && deployctl deploy v2",
        "deployctl -C / deploy v2",
        "",
    ] {
        asked(&app, &[], line)
            .expect_code(2)
            .says("refused: ")
            .says("this key may say: deployctl deploy | rollback | status");
    }
    assert_eq!(app.serves(), ["api-1 v1 running"]);
    asked(&app, &["--allow", "logs"], "deployctl logs --tail 1 api")
        .expect_code(0)
        .says("listening");
    asked(&app, &["--allow", "everything"], "deployctl status")
        .expect_code(2)
        .says("`--allow everything` names nothing")
        .says("it takes: deploy");
    // What a tag may be is still the command's own judgement.
    asked(&app, &[], "deployctl deploy 'v1; id'")
        .expect_code(2)
        .says("no valid image tag");
}
