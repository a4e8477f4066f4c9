//! The engine's socket accepts and never answers, or answers with an error of its own once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::app::{App, Ran};
use crate::figures::note;
use crate::front::{Fate, Front};
use crate::world::{PAIR, Stands, World, assert_new, assert_old, assert_one_world, serving};

const SOCKET: &str = "/var/run/docker.sock";
const ERROR: Fate = Fate::Answer(
    "500 Internal Server Error",
    "",
    r#"{"message":"faults: something went wrong"}"#,
);
/// Workers, each with a project of its own.
const SIDE_BY_SIDE: usize = 3;

#[test]
fn an_engine_that_never_answers_is_said_to_be_out_of_reach() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let front = Front::of_engine(SOCKET.as_ref(), |_| Fate::Hang);
    let began = Instant::now();
    through(&front, &app, &["deploy", "v2"])
        .expect_code(4)
        .says("did not answer");
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "{:?}",
        began.elapsed()
    );
    assert_old(&app, &before, "a socket that hangs");
}

/// Asked for at once, the starts of a large project would wait in the engine until their deadline.
#[test]
fn sixteen_containers_start_at_once_and_the_others_give_up_with_the_first_that_fails() {
    let service = |n| {
        format!("  s{n}: {{image: '127.0.0.1:5000/test/tiny:${{IMAGE_TAG}}', network_mode: none}}")
    };
    let services: Vec<String> = (0..20).map(service).collect();
    let app = App::new(&format!("services:\n{}\n", services.join("\n")));
    let front = Front::of_engine(SOCKET.as_ref(), |request| {
        if request.contains("/start") {
            Fate::Hang
        } else {
            Fate::Pass
        }
    });
    let began = Instant::now();
    through(&front, &app, &["deploy", "v1"])
        .expect_code(8)
        .says("did not answer `start` within 30 s");
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "{:?}",
        began.elapsed()
    );
    let seen = front.seen();
    let starts = seen.iter().filter(|request| request.contains("/start"));
    assert_eq!(starts.count(), 16, "{seen:?}");
    assert_eq!(app.serves(), [""; 0]);
}

#[test]
fn one_error_of_the_engine_at_any_call_leaves_one_world() {
    let (next, last) = (AtomicUsize::new(1), AtomicUsize::new(usize::MAX));
    let calls = AtomicUsize::new(0);
    let work = || {
        let app = serving(PAIR, "v1");
        loop {
            let n = next.fetch_add(1, Ordering::SeqCst);
            if n >= last.load(Ordering::SeqCst) {
                break;
            }
            if fails_at(&app, n) {
                calls.fetch_add(1, Ordering::SeqCst);
            } else {
                last.fetch_min(n, Ordering::SeqCst);
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().expect("a worker");
        }
    });
    let calls = calls.into_inner();
    assert!(calls > 25, "only {calls} calls");
    note("calls of the engine that answered 500 once", calls);
}

#[test]
fn a_name_is_waited_for_while_its_container_is_being_removed() {
    const TAKEN: Fate = Fate::Answer(
        "409 Conflict",
        "",
        r#"{"message":"Conflict. The container name is already in use by container \"abc\"."}"#,
    );
    const REMOVING: Fate = Fate::Answer(
        "200 OK",
        "",
        r#"{"Id":"abc","Name":"/x","State":{"Status":"removing"}}"#,
    );
    const REMOVED: Fate = Fate::Answer("200 OK", "", r#"{"StatusCode":137}"#);
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    // The first container of the new release finds its name taken, once; whose name it is, is asked next.
    let (taken, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let front = Front::of_engine(SOCKET.as_ref(), move |request| {
        let first = |count: &AtomicUsize| count.fetch_add(1, Ordering::SeqCst) == 0;
        if request.contains("/containers/create?name=") && first(&taken) {
            TAKEN
        } else if request.contains("/containers/abc/wait") {
            REMOVED
        } else if taken.load(Ordering::SeqCst) > 0
            && request.starts_with("GET ")
            && request.contains("/containers/")
            && first(&asked)
        {
            REMOVING
        } else {
            Fate::Pass
        }
    });
    through(&front, &app, &["deploy", "v2"]).expect_code(0);
    let seen = front.seen();
    let at = |part: &str| seen.iter().position(|request| request.contains(part));
    let (Some(create), Some(wait)) = (at("/containers/create"), at("/containers/abc/wait")) else {
        panic!("{seen:#?}");
    };
    assert!(wait > create, "{seen:#?}");
    assert!(seen[wait].contains("condition=removed"), "{}", seen[wait]);
    assert_new(&app, &before, "v2", "a name that becomes free");
}

/// The end of a job is looked at again, though the healthchecks of others are told of all the time.
#[test]
fn a_job_whose_end_could_not_be_looked_at_is_not_waited_for_until_its_deadline() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let (started, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let front = Front::of_engine(SOCKET.as_ref(), move |request| {
        if request.ends_with("/start") {
            started.fetch_add(1, Ordering::SeqCst);
        }
        let inspection = request.starts_with("GET ")
            && request.contains("/json")
            && request.contains("/containers/")
            && !request.contains("/containers/json");
        // At the start of the job and at its end.
        if inspection
            && started.load(Ordering::SeqCst) > 0
            && refused.fetch_add(1, Ordering::SeqCst) < 2
        {
            ERROR
        } else {
            Fate::Pass
        }
    });
    through(&front, &app, &["deploy", "v2", "--job-timeout", "30s"]).expect_code(0);
    assert_new(&app, &before, "v2", "a job that was looked at again");
}

/// A deploy whose `n`-th call fails; false when it had fewer.
fn fails_at(app: &App, n: usize) -> bool {
    let before = World::look(app);
    let tag = if before.tag() == "v1" { "v2" } else { "v1" };
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let front = Front::of_engine(SOCKET.as_ref(), move |_| {
        if counted.fetch_add(1, Ordering::SeqCst) + 1 == n {
            ERROR
        } else {
            Fate::Pass
        }
    });
    let ran = through(&front, app, &["deploy", tag]);
    let seen = front.seen();
    let Some(call) = seen.get(n - 1) else {
        assert_eq!(ran.code, 0, "{}", ran.err);
        return false;
    };
    let case = format!("500 at call {n}, {call}: {}", ran.err);
    let stands = assert_one_world(app, &before, tag, &case);
    let honest = match ran.code {
        0 => stands == Stands::New,
        1 | 4 | 6 | 7 | 8 => stands == Stands::Old,
        _ => false,
    };
    assert!(honest, "code {} and {stands:?}: {case}", ran.code);
    true
}

fn through(front: &Front, app: &App, arguments: &[&str]) -> Ran {
    let output = app
        .command(arguments)
        .env("DOCKER_HOST", &front.address)
        .output();
    Ran::from(output.expect("the binary"))
}
