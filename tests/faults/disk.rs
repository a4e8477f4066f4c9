//! Disks that are full, read-only or somebody else's; files that are torn or damaged.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::app::{App, REGISTRY, docker};
use crate::client::Client;
use crate::engine::SecondEngine;
use crate::strace::{Point, killed};
use crate::world::{PAIR, World, assert_new, assert_old, assert_one_world, serving, write_data};

#[test]
fn a_full_disk_is_known_before_anything_is_touched_and_fails_nothing_later() {
    let app = App::new(PAIR);
    let env = app.read(".env.prod");
    let disk = Disk::over(app.directory.path(), "1m");
    app.write("compose.prod.yml", PAIR);
    app.write(".env.prod", &env);
    app.run(&["deploy", "v1"]).expect_code(0);
    write_data(&app);
    let before = World::look(&app);
    let client = Client::of(&app, "api");
    let full = fill(&app.path("ballast"));
    app.run(&["deploy", "v2"]).expect_code(4).says("full");
    assert_old(&app, &before, "full disk");
    assert!(!app.path(".rollback-tag").exists(), "no empty file either");
    client.assert_nothing_failed("full disk");
    fs::remove_file(&full).expect("removed");
    // Full from the middle of the update on: an unwind, and its lines, have had their room from the start.
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(14, &mut child));
    let full = fill(&app.path("ballast"));
    let code = child.wait().expect("an end").code();
    let journal = app.path(".deployctl").join(&app.project).join("journal");
    let open = journal.exists();
    fs::remove_file(&full).expect("removed");
    if open || code == Some(9) {
        app.run(&["recover"]).expect_code(0);
    }
    assert_one_world(
        &app,
        &before,
        "v2",
        &format!("disk full in the update, code {code:?}"),
    );
    app.run(&["deploy", "v3"]).expect_code(0);
    assert_eq!(app.variable("IMAGE_TAG"), "v3");
    drop(disk);
}

#[test]
fn a_read_only_directory_touches_nothing() {
    let app = App::new(PAIR);
    let env = app.read(".env.prod");
    let disk = Disk::over(app.directory.path(), "4m");
    app.write("compose.prod.yml", PAIR);
    app.write(".env.prod", &env);
    app.run(&["deploy", "v1"]).expect_code(0);
    write_data(&app);
    let before = World::look(&app);
    disk.remount("ro");
    app.run(&["deploy", "v2"]).expect_code(4);
    assert_eq!(World::look(&app), before, "read-only");
    disk.remount("rw");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "writable again");
}

#[test]
fn an_engines_disk_that_is_too_full_for_the_image_touches_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::over(folder.path(), "48m");
    {
        let engine = SecondEngine::in_folder(folder.path());
        let app = App::on(&engine.host(), PAIR);
        let api = "image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}";
        let repository = format!("test/full-{}", std::process::id());
        let image = format!("{REGISTRY}/{repository}");
        let build = tempfile::tempdir().expect("a folder");
        for (tag, size) in [("v1", 1), ("v2", 12 << 20)] {
            let random = fs::File::open("/dev/urandom").expect("random bytes");
            let mut file = fs::File::create(build.path().join("big")).expect("a file");
            std::io::copy(&mut std::io::Read::take(random, size), &mut file).expect("written");
            let text = format!("FROM {REGISTRY}/test/tiny:{tag}\nCOPY big /big\n");
            fs::write(build.path().join("Dockerfile"), text).expect("written");
            let image = format!("{image}:{tag}");
            docker(&[
                "build",
                "-q",
                "-t",
                &image,
                &build.path().display().to_string(),
            ]);
            docker(&["push", "-q", &image]);
            docker(&["rmi", "-f", &image]);
        }
        app.write(
            "compose.prod.yml",
            &PAIR.replace(api, &format!("image: {image}:${{IMAGE_TAG}}")),
        );
        app.run(&["deploy", "v1"]).expect_code(0);
        write_data(&app);
        let before = World::look(&app);
        let client = Client::of(&app, "api");
        // Room for half of the image.
        let ballast = folder.path().join("ballast");
        let full = fill(&ballast);
        let size = fs::metadata(&full).expect("a file").len();
        fs::File::options()
            .write(true)
            .open(&full)
            .and_then(|f| f.set_len(size.saturating_sub(8 << 20)))
            .expect("shorter");
        let ran = app.run(&["deploy", "v2"]);
        assert!([4, 6].contains(&ran.code), "{}: {}", ran.code, ran.err);
        let ran = ran.says("disk");
        assert_old(&app, &before, &ran.err);
        client.assert_nothing_failed("engine's disk full");
        fs::remove_file(&full).expect("removed");
        app.run(&["deploy", "v2"]).expect_code(0);
        assert_new(&app, &before, "v2", "room again");
    }
    drop(disk);
}

#[test]
fn a_journal_torn_in_its_last_line_is_recovered_and_one_damaged_before_stops() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let journal = app.path(".deployctl").join(&app.project).join("journal");
    for (line, bytes) in [(4, 1), (12, 20), (15, 60)] {
        assert!(killed(&app, &["deploy", "v2"], Point::Written, line));
        let text = fs::read(&journal).expect("a journal");
        fs::write(&journal, &text[..text.len() - bytes]).expect("torn");
        app.run(&["recover"]).expect_code(0);
        assert_old(
            &app,
            &before,
            &format!("{bytes} bytes torn off at line {line}"),
        );
    }
    assert!(killed(&app, &["deploy", "v2"], Point::Written, 12));
    let whole = fs::read_to_string(&journal).expect("a journal");
    fs::write(&journal, whole.replacen("step-begun", "step-bygone", 1)).expect("damaged");
    let world = World::look(&app);
    for words in [&["deploy", "v2"][..], &["recover"], &["rollback"]] {
        app.run(words).expect_code(9).says("damaged").says("sed -n");
        assert_eq!(World::look(&app), world, "{words:?} touches nothing");
    }
    // What a later program wrote is left to it.
    fs::write(&journal, later(&whole)).expect("written");
    app.run(&["recover"])
        .expect_code(9)
        .says("recover with the program that wrote it");
    fs::write(&journal, whole).expect("as it was");
    app.run(&["recover"]).expect_code(0);
    assert_old(&app, &before, "the journal as it was");
    // Empty: nothing was begun.
    fs::write(&journal, "").expect("written");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "an empty journal");
}

#[test]
fn a_record_that_cannot_be_read_is_named_and_touches_nothing() {
    let app = serving(PAIR, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    let before = World::look(&app);
    let releases = app.path(".deployctl").join(&app.project).join("releases");
    let record = releases.join("2/record.json");
    let whole = fs::read_to_string(&record).expect("a record");
    let later = whole.replace("\"format\": 1", "\"format\": 99");
    assert_ne!(later, whole);
    for (text, says) in [
        ("", "damaged"),
        ("{\"format\": 1, \"num", "damaged"),
        (&later, "later deployctl"),
    ] {
        fs::write(&record, text).expect("written");
        app.run(&["deploy", "v3"])
            .expect_code(4)
            .says(says)
            .says("record.json");
        assert_old(&app, &before, says);
    }
    // One that is gone is no obstacle, nor is a damaged one of before the release that serves.
    fs::remove_file(&record).expect("removed");
    app.run(&["deploy", "v3"]).expect_code(0);
    assert_new(&app, &before, "v3", "a record that is gone");
    let before = World::look(&app);
    fs::write(releases.join("1/record.json"), "").expect("written");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "an old record that is damaged");
    app.run(&["history"])
        .expect_code(0)
        .says("releases/1/record.json` is damaged");
}

/// A header of the next format, with its sum.
fn later(journal: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let first = journal.lines().next().expect("a header");
    let (_, entry) = first.split_once("\"entry\":").expect("an entry");
    let entry = entry.strip_suffix('}').expect("its end");
    let entry = entry.replacen("\"format\":1", "\"format\":2", 1);
    let sum = Sha256::digest(format!("1{entry}"));
    let sum = u32::from_be_bytes([sum[0], sum[1], sum[2], sum[3]]);
    format!("{{\"seq\":1,\"sum\":\"{sum:08x}\",\"entry\":{entry}}}\n")
}

/// Writes until nothing more goes in.
fn fill(path: &Path) -> PathBuf {
    let mut file = fs::File::create(path).expect("a file");
    for size in [1 << 20, 4096, 1] {
        let piece = vec![1; size];
        while file.write_all(&piece).is_ok() {}
    }
    path.to_owned()
}

/// A small disk in a folder's place.
struct Disk(PathBuf);

impl Disk {
    fn over(folder: &Path, size: &str) -> Self {
        let options = format!("size={size},mode=0755");
        let words = ["-t", "tmpfs", "-o", &options, "tmpfs"];
        let mounted = Command::new("mount").args(words).arg(folder).status();
        assert!(mounted.expect("mount").success(), "these tests run as root");
        Self(folder.to_owned())
    }

    fn remount(&self, how: &str) {
        let words = ["-o", &format!("remount,{how}")];
        let mounted = Command::new("mount").args(words).arg(&self.0).status();
        assert!(mounted.expect("mount").success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
