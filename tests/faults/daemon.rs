//! The daemon restarts, is killed, loses its power.

use std::process::Child;
use std::time::{Duration, Instant};

use deployctl::engine::docker::DockerEngine;
use deployctl::engine::{Engine as _, EngineError, EventKind};
use futures_util::StreamExt as _;
use nix::sys::signal::Signal;

use crate::app::{App, Ran};
use crate::engine::{Outlive, SecondEngine};
use crate::figures::note;
use crate::world::{PAIR, Stands, World, assert_new, assert_one_world, inspect, text, write_data};

/// Lines of the journal of a deploy of `PAIR`: in the migration, before the old container stops, in the window
/// in which nothing serves, waiting for health, behind the commit.
const PHASES: [usize; 5] = [6, 11, 14, 20, 26];

#[test]
fn an_engine_that_restarts_leaves_one_world() {
    in_each_phase(Signal::SIGTERM, Outlive::Nothing, "unless-stopped");
}

#[test]
fn an_engine_that_is_killed_leaves_one_world_with_every_service_up() {
    in_each_phase(Signal::SIGKILL, Outlive::Nothing, "unless-stopped");
}

#[test]
fn an_engine_that_is_killed_leaves_one_world_of_services_that_are_always_up() {
    in_each_phase(Signal::SIGKILL, Outlive::Nothing, "always");
}

#[test]
fn an_engine_whose_containers_outlive_it_leaves_one_world() {
    in_each_phase(Signal::SIGTERM, Outlive::Daemon, "always");
    in_each_phase(Signal::SIGKILL, Outlive::Daemon, "unless-stopped");
}

/// Else a container that was healthy in this second, and has been started again since, counts as healthy at once.
#[test]
fn what_happened_before_a_subscription_is_not_told() {
    let app = App::running(PAIR, "v1");
    let id = World::look(&app).id("api").to_owned();
    app.docker(&["pause", &id]);
    let told = told_until(&app, "unpause", || drop(app.docker(&["unpause", &id])));
    assert!(!told.contains(&"pause".to_owned()), "{told:?}");
}

/// Of a project with many healthchecks nearly all events are of their runs.
#[test]
fn a_command_that_runs_in_a_container_is_no_event() {
    let app = App::running(PAIR, "v1");
    let id = World::look(&app).id("api").to_owned();
    let told = told_until(&app, "pause", || {
        app.docker(&["exec", &id, "/tiny", "health"]);
        app.docker(&["pause", &id]);
    });
    app.docker(&["unpause", &id]);
    let of_commands = told.iter().filter(|kind| kind.starts_with("exec"));
    assert_eq!(of_commands.count(), 0, "{told:?}");
}

/// The events without a meaning of their own that a subscription tells, until one of this kind.
fn told_until(app: &App, last: &str, act: impl FnOnce()) -> Vec<String> {
    let told = async {
        let engine = DockerEngine::connect(&std::env::vars().collect()).await?;
        let mut events = engine.events(&app.project).await?;
        act();
        let mut told = Vec::new();
        while told.last().is_none_or(|kind| kind != last) {
            let event = events.next().await.expect("the stream goes on")?;
            if let EventKind::Other(kind) = event.kind {
                told.push(kind);
            }
        }
        Ok::<_, EngineError>(told)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let told =
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), told).await });
    told.expect("in time").expect("an engine that answers")
}

#[test]
fn after_a_power_cut_recover_brings_one_world_up() {
    for policy in ["unless-stopped", "always"] {
        let mut engine = SecondEngine::start(Outlive::Nothing);
        let app = begin(&engine, policy);
        for line in PHASES {
            let before = World::look(&app);
            let tag = other(&before);
            let case = format!("power cut at line {line}, {policy}");
            let mut child = app.spawn(&["deploy", tag]);
            assert!(app.journal_reaches(line, &mut child), "{case}");
            child.kill().expect("killed");
            child.wait().expect("an end");
            engine.cut_power();
            engine.boot();
            assert_one_of_each_at_most(&app, &case);
            let began = Instant::now();
            app.run(&["recover"]).expect_code(0);
            note("recover after a power cut, ms", began.elapsed().as_millis());
            assert_one_world(&app, &before, tag, &case);
        }
    }
}

fn in_each_phase(signal: Signal, outlive: Outlive, policy: &str) {
    let mut engine = SecondEngine::start(outlive);
    let app = begin(&engine, policy);
    for line in PHASES {
        let before = World::look(&app);
        let tag = other(&before);
        let case = format!("{signal} at line {line}, {policy}, {outlive:?} outlived");
        let mut child = app
            .command(&["deploy", tag])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the binary");
        assert!(app.journal_reaches(line, &mut child), "{case}");
        engine.end(signal);
        engine.boot();
        let ran = ended(child, &case);
        note(
            "code after a fault of the engine",
            format!("{} ({case})", ran.code),
        );
        assert_one_of_each_at_most(&app, &case);
        let stands = match ran.code {
            9 | 1 | 4 => {
                app.run(&["recover"]).expect_code(0);
                assert_one_world(&app, &before, tag, &case)
            }
            0 | 7 | 8 => assert_one_world(&app, &before, tag, &format!("{case}: {}", ran.err)),
            code => panic!("{case}: code {code}: {}", ran.err),
        };
        match ran.code {
            0 => assert_eq!(stands, Stands::New, "{case}"),
            7 | 8 => assert_eq!(stands, Stands::Old, "{case}"),
            _ => {}
        }
        // Whatever stands: the next command works.
        let now = World::look(&app);
        let tag = other(&now);
        app.run(&["deploy", tag]).expect_code(0);
        assert_new(&app, &now, tag, &case);
    }
}

fn begin(engine: &SecondEngine, policy: &str) -> App {
    let compose = PAIR.replace("unless-stopped", policy);
    let app = App::on(&engine.host(), &compose);
    app.run(&["deploy", "v1"]).expect_code(0);
    write_data(&app);
    app
}

/// What was put aside does not come up by itself beside the other.
#[track_caller]
fn assert_one_of_each_at_most(app: &App, case: &str) {
    let running = inspect(app);
    let api = running.iter().filter(|c| {
        text(c, "/State/Status") == "running"
            && text(c, "/Config/Labels/com.docker.compose.service") == "api"
    });
    assert!(
        api.count() <= 1,
        "{case}: two beside each other: {running:?}"
    );
}

/// The command goes on by itself, and ends by itself.
fn ended(mut child: Child, case: &str) -> Ran {
    let deadline = Instant::now() + Duration::from_mins(4);
    while child.try_wait().expect("a child").is_none() {
        assert!(Instant::now() < deadline, "{case}: never ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ran::from(child.wait_with_output().expect("an end"))
}

fn other(world: &World) -> &'static str {
    if world.tag() == "v1" { "v2" } else { "v1" }
}
