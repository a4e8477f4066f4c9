//! Executables in `.deployctl/hooks/`.

use std::os::unix::fs::PermissionsExt as _;

use crate::app::{App, ONE};

fn hook(app: &App, name: &str, script: &str) {
    let folder = app.path(".deployctl/hooks");
    std::fs::create_dir_all(&folder).expect("a folder");
    for path in [app.path(".deployctl"), folder] {
        mode(&path, 0o700);
    }
    app.write(
        &format!(".deployctl/hooks/{name}"),
        &format!("#!/bin/sh\n{script}\n"),
    );
    mode(&app.path(&format!(".deployctl/hooks/{name}")), 0o755);
}

fn mode(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
}

const TELL: &str = r#"echo "$DEPLOYCTL_HOOK $DEPLOYCTL_PROJECT $DEPLOYCTL_RELEASE $DEPLOYCTL_TAG from ${DEPLOYCTL_PREVIOUS_TAG:-nothing} $DEPLOYCTL_OUTCOME" | tee -a "$DEPLOYCTL_DIRECTORY/told"; pwd >> told"#;

#[test]
fn hooks_run_around_releases_and_are_told_about_them() {
    let app = App::new(ONE);
    for name in [
        "pre-deploy",
        "post-deploy",
        "pre-rollback",
        "post-rollback",
        "on-failure",
    ] {
        hook(&app, name, TELL);
    }
    app.run(&["deploy", "v1"])
        .expect_code(0)
        .says("hook:pre-deploy | pre-deploy");
    app.run(&["deploy", "v1"])
        .expect_code(0)
        .says("nothing to do");
    app.run(&["deploy", "crash"]).expect_code(8);
    app.run(&["deploy", "v2"]).expect_code(0);
    app.run(&["rollback"]).expect_code(0);
    let (project, directory) = (
        &app.project,
        app.directory.path().canonicalize().expect("a path"),
    );
    let expected: Vec<String> = [
        format!("pre-deploy {project} 1 v1 from nothing "),
        format!("post-deploy {project} 1 v1 from nothing succeeded"),
        format!("pre-deploy {project} 2 crash from v1 "),
        format!("on-failure {project} 2 crash from v1 rolled-back"),
        format!("pre-deploy {project} 3 v2 from v1 "),
        format!("post-deploy {project} 3 v2 from v1 succeeded"),
        format!("pre-rollback {project} 4 v1 from v2 "),
        format!("post-rollback {project} 4 v1 from v2 succeeded"),
    ]
    .into_iter()
    .flat_map(|line| [line, directory.display().to_string()])
    .collect();
    assert_eq!(app.read("told").lines().collect::<Vec<_>>(), expected);
    let journal = app.read(&format!(".deployctl/{project}/releases/1/journal"));
    for entry in ["hook-begun", "hook-ended", "pre-deploy", "post-deploy"] {
        assert!(journal.contains(entry), "{journal}");
    }
    app.run(&["logs", "--release", "1"])
        .expect_code(0)
        .says("pre-deploy");
}

#[test]
fn a_pre_deploy_hook_that_fails_ends_the_deploy_before_anything_is_touched() {
    let app = App::running(ONE, "v1");
    let before = app.world();
    hook(&app, "pre-deploy", "echo not on a friday; exit 3");
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says("not on a friday")
        .says("the hook `pre-deploy` ended with 3")
        .says(".deployctl/hooks/pre-deploy");
    assert_eq!(app.world(), before);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
    app.run(&["recover"])
        .expect_code(0)
        .says("nothing to recover");
    app.run(&["history"]).expect_code(0).says("failed");
    // What waits for ever is ended, with all that it started.
    app.write(
        "compose.prod.yml",
        &format!("{ONE}x-deployctl: {{hook_timeout: 1s}}\n"),
    );
    hook(&app, "pre-deploy", "sleep 1000 & sleep 1000");
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says("did not end within 1 s");
    hook(&app, "pre-deploy", "exit 0");
    hook(&app, "post-deploy", "exit 1");
    app.run(&["deploy", "v2"])
        .expect_code(0)
        .says("the hook `post-deploy` ended with 1");
    assert_eq!(app.serves(), ["api-1 v2 running"]);
}

#[test]
fn a_hook_that_others_could_have_written_is_refused() {
    let app = App::running(ONE, "v1");
    let before = app.world();
    hook(&app, "post-deploy", "touch ran");
    let path = app.path(".deployctl/hooks/post-deploy");
    mode(&path, 0o775);
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says("can be written by others")
        .says("chmod go-w");
    mode(&path, 0o755);
    mode(&app.path(".deployctl/hooks"), 0o777);
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says("can be written by others");
    mode(&app.path(".deployctl/hooks"), 0o755);
    std::os::unix::fs::chown(&path, Some(1234), None).expect("its owner");
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says("belongs to user 1234")
        .says("sudo chown 0");
    std::fs::remove_file(&path).expect("gone");
    std::os::unix::fs::symlink("/bin/true", &path).expect("a link");
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says("is a link")
        .says("cp --remove-destination");
    assert_eq!(app.world(), before);
    assert!(!app.path("ran").exists());
    std::fs::remove_file(&path).expect("gone");
    hook(&app, "post-deploy", "touch ran");
    mode(&path, 0o644);
    app.run(&["deploy", "v2"]).expect_code(0).says("chmod +x");
    assert!(!app.path("ran").exists());
}
