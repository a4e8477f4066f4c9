//! Values that nobody may see are nowhere but where they belong.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use crate::app::App;
use crate::world::{World, assert_old, inspect};

const FROM_ENV: &str = "planted-env-value-4711";
const FROM_FILE: &str = "planted-secret-file-4712";
const IN_URL: &str = "planted-url-password-4713";
const INTERPOLATED: &str = "planted-interpolated-4714";

const WITH_SECRETS: &str = r#"
services:
  api:
    image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}
    restart: unless-stopped
    stop_grace_period: 2s
    env_file: [api.env]
    environment:
      DATABASE_URL: postgres://shop:${DB_PASSWORD}@db/shop
      TOKEN: ${TOKEN}
    secrets: [key]
    healthcheck: {test: ["CMD", "/tiny", "health"], interval: 200ms, timeout: 5s, retries: 3}
  migrate:
    image: 127.0.0.1:5000/test/tiny:${MIGRATE_TAG:-v1}
    command: [job]
    profiles: [migrate]
    env_file: [api.env]
secrets:
  key: {file: ./key.txt}
"#;

#[test]
fn secrets_are_in_the_releases_model_and_in_containers_and_nowhere_else() {
    let app = App::new(WITH_SECRETS);
    app.write("api.env", &format!("PASSWORD={FROM_ENV}\n"));
    app.write("key.txt", FROM_FILE);
    app.set("DB_PASSWORD", IN_URL);
    app.set("TOKEN", INTERPOLATED);
    let all = [FROM_ENV, FROM_FILE, IN_URL, INTERPOLATED];
    let mut said = String::new();
    let mut say = |words: &[&str], code: i32| {
        let ran = app.run(words).expect_code(code);
        said.push_str(&ran.out);
        said.push_str(&ran.err);
    };
    say(&["deploy", "v1", "-vv"], 0);
    say(&["deploy", "v2", "--json"], 0);
    say(&["deploy", "unhealthy", "-vv"], 8);
    app.set("MIGRATE_TAG", "badmigration");
    say(&["deploy", "v3"], 7);
    app.set("MIGRATE_TAG", "v1");
    app.set("TOKEN", "another-value-4715");
    say(&["plan", "v3"], 0);
    say(&["plan", "v3", "--json"], 0);
    say(&["rollback", "-vv"], 0);
    for words in [
        &["status"][..],
        &["status", "--json"],
        &["history", "--json"],
        &["check"],
        &["logs"],
    ] {
        say(words, 0);
    }
    app.write(".env.prod", &(app.read(".env.prod") + "BROKEN=\"no end\n"));
    say(&["deploy", "v1"], 3);
    for secret in all.iter().chain(&["another-value-4715"]) {
        assert!(!said.contains(secret), "{secret} was shown: {said}");
    }
    assert_nowhere(&app, &all, &["api.env", "key.txt", ".env.prod"]);
    for container in inspect(&app) {
        let labels = container
            .pointer("/Config/Labels")
            .expect("labels")
            .to_string();
        let arguments = container.pointer("/Args").expect("arguments").to_string();
        for secret in all {
            assert!(
                !labels.contains(secret) && !arguments.contains(secret),
                "{labels} {arguments}"
            );
        }
    }
}

#[test]
fn files_and_folders_are_the_owners_alone() {
    let app = App::running(crate::app::ONE, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    let mut looked = 0;
    each(&app.path(".deployctl"), &mut |path| {
        let mode = std::fs::symlink_metadata(path).expect("it is there").mode();
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode & 0o7777, expected, "{}", path.display());
        looked += 1;
    });
    assert!(looked > 8, "{looked}");
}

#[test]
fn a_symbolic_link_in_a_files_place_is_not_followed() {
    let app = App::running(crate::app::ONE, "v1");
    let before = World::look(&app);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let victim = elsewhere.path().join("victim");
    std::fs::write(&victim, "precious").expect("written");
    let precious = |case: &str| {
        let text = std::fs::read_to_string(&victim).expect("it is there");
        assert_eq!(text, "precious", "{case}");
        let names = std::fs::read_dir(elsewhere.path())
            .expect("a folder")
            .count();
        assert_eq!(names, 1, "{case}");
    };
    // In the lock's place, and in that of the whole folder.
    std::fs::remove_file(app.path(".deploy.lock")).expect("removed");
    symlink(&victim, app.path(".deploy.lock")).expect("a link");
    app.run(&["deploy", "v2"]).expect_code(4);
    precious("lock");
    std::fs::remove_file(app.path(".deploy.lock")).expect("removed");
    let state = app.path(".deployctl");
    std::fs::rename(&state, app.path("kept")).expect("renamed");
    symlink(elsewhere.path(), &state).expect("a link");
    app.run(&["deploy", "v2"]).expect_code(4);
    precious("folder");
    std::fs::remove_file(&state).expect("removed");
    std::fs::rename(app.path("kept"), &state).expect("renamed");
    assert_old(&app, &before, "refused links");
    // In the journal's place: refused, or taken away, as it is no journal.
    let journal = state.join(&app.project).join("journal");
    symlink(&victim, &journal).expect("a link");
    let ran = app.run(&["deploy", "v2"]);
    assert!([0, 4, 9].contains(&ran.code), "{}", ran.err);
    precious("journal");
    let _ = std::fs::remove_file(&journal);
    app.run(&["deploy", "v2"]).expect_code(0);
    precious("afterwards");
    assert_eq!(app.read(".rollback-tag"), "v1\n");
}

/// No file of the app directory holds these, but for those named and the releases' own models.
#[track_caller]
pub(crate) fn assert_nowhere(app: &App, secrets: &[&str], but: &[&str]) {
    let mut looked = 0;
    each(app.directory.path(), &mut |path| {
        let name = path.strip_prefix(app.directory.path()).expect("below it");
        let model = name.ends_with("model.json") || name.ends_with("compose.yml");
        if path.is_dir()
            || but.iter().any(|b| Path::new(b) == name)
            || (model && name.starts_with(".deployctl"))
        {
            return;
        }
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        for secret in secrets {
            assert!(
                !text.contains(secret),
                "{secret} stands in {}",
                name.display()
            );
        }
        looked += 1;
    });
    assert!(looked > 5, "{looked} files");
}

fn each(folder: &Path, look: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        look(&path);
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            each(&path, look);
        }
    }
}
