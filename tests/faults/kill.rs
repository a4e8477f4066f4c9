//! `kill -9` at every line of the journal and at every file that takes its place, then the next command.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::client::Client;
use crate::figures::note;
use crate::strace::{Point, killed};
use crate::world::{Stands, World, assert_at_rest, assert_one_world, serving, side_by_side};

/// Projects side by side.
const SIDE_BY_SIDE: usize = 3;

#[test]
fn a_deploy_killed_at_every_line_ends_in_one_world() {
    let tried = at_every_line("deploy", |app| {
        let other = if app.variable("IMAGE_TAG") == "v1" {
            "v2"
        } else {
            "v1"
        };
        vec!["deploy".to_owned(), other.to_owned()]
    });
    assert!(tried.points > 60, "{tried:?}");
    assert!(tried.old > 20 && tried.new > 5, "{tried:?}");
}

#[test]
fn a_rollback_killed_at_every_line_ends_in_one_world() {
    let tried = at_every_line("rollback", |_| vec!["rollback".to_owned()]);
    assert!(tried.points > 50, "{tried:?}");
    assert!(tried.old > 20 && tried.new > 5, "{tried:?}");
}

#[test]
fn a_failing_deploy_killed_at_every_line_of_its_way_back_ends_in_the_old_world() {
    let tried = at_every_line("unwind", |_| {
        vec!["deploy".to_owned(), "unhealthy".to_owned()]
    });
    assert!(tried.points > 60, "{tried:?}");
    assert_eq!(tried.new, 0, "{tried:?}");
}

#[test]
fn a_recovery_killed_at_every_line_is_recovered() {
    // Where the recovery begins: in the middle of the update, and behind the commit.
    let begun_at = |committed: bool| {
        let app = serving(&side_by_side(), "v1");
        app.run(&["deploy", "v2"]).expect_code(0);
        let journal = app
            .path(".deployctl")
            .join(&app.project)
            .join("releases/2/journal");
        let text = std::fs::read_to_string(journal).expect("a journal");
        let end = text
            .lines()
            .position(|l| l.contains("\"committed\""))
            .expect("a commit");
        if committed { end + 2 } else { end - 2 }
    };
    for committed in [false, true] {
        let line = begun_at(committed);
        let mut points = 0;
        for point in [Point::Unwritten, Point::Written, Point::Replaced] {
            let app = serving(&side_by_side(), "v1");
            for n in 1.. {
                let before = World::look(&app);
                let tag = if before.tag() == "v1" { "v2" } else { "v1" };
                let case = format!("recovery, committed: {committed}, {point:?} {n}");
                let client = Client::of(&app, "db");
                assert!(
                    killed(&app, &["deploy", tag], Point::Unwritten, line),
                    "{case}"
                );
                let again = killed(&app, &["recover"], point, n);
                app.run(&["recover"]).expect_code(0);
                let stands = assert_one_world(&app, &before, tag, &case);
                assert_eq!(stands == Stands::New, committed, "{case}");
                client.assert_nothing_failed(&case);
                if !again {
                    break;
                }
                points += 1;
            }
        }
        assert!(points >= 6, "only {points} points");
        note("kill points, recover", points);
    }
}

#[derive(Debug, Default)]
struct Tried {
    points: usize,
    old: usize,
    new: usize,
    worst: Duration,
}

/// Kills a command at each of its points; each is followed by `recover`, `deploy` or `rollback`.
fn at_every_line(name: &str, command: fn(&App) -> Vec<String>) -> Tried {
    let mut all = Tried::default();
    for point in [Point::Unwritten, Point::Written, Point::Replaced] {
        let (next, last) = (AtomicUsize::new(1), AtomicUsize::new(usize::MAX));
        let work = || {
            let app = serving(&side_by_side(), "v1");
            app.run(&["deploy", "v2"]).expect_code(0);
            let mut tried = Tried::default();
            loop {
                let n = next.fetch_add(1, Ordering::SeqCst);
                if n >= last.load(Ordering::SeqCst) {
                    break tried;
                }
                if !one(&app, name, command, point, n, &mut tried) {
                    last.fetch_min(n, Ordering::SeqCst);
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                let tried = worker.join().expect("a worker");
                all.points += tried.points;
                all.old += tried.old;
                all.new += tried.new;
                all.worst = all.worst.max(tried.worst);
            }
        });
    }
    note(&format!("kill points, {name}"), all.points);
    note(
        &format!("worst time to recover, {name}, ms"),
        all.worst.as_millis(),
    );
    all
}

/// One kill and what follows; false when the command had ended before.
fn one(
    app: &App,
    name: &str,
    command: fn(&App) -> Vec<String>,
    point: Point,
    n: usize,
    tried: &mut Tried,
) -> bool {
    let before = World::look(app);
    let words = command(app);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let tag = match words.get(1) {
        Some(tag) => (*tag).to_owned(),
        None => before
            .rollback_tag
            .clone()
            .unwrap_or_default()
            .trim_end()
            .to_owned(),
    };
    let case = format!("{name} {point:?} {n}");
    let client = Client::of(app, "db");
    if !killed(app, &words, point, n) {
        assert_at_rest(app, &case);
        client.assert_nothing_failed(&case);
        return false;
    }
    tried.points += 1;
    let began = Instant::now();
    match n % 3 {
        0 => {
            app.run(&["recover"]).expect_code(0);
            tried.worst = tried.worst.max(began.elapsed());
            match assert_one_world(app, &before, &tag, &case) {
                Stands::Old => tried.old += 1,
                Stands::New => tried.new += 1,
            }
        }
        1 => {
            let asked = if tag == "unhealthy" { "v3" } else { &tag };
            let after = app.run(&["deploy", asked]).expect_code(0);
            let recovered = after.err.contains("the old containers serve again");
            let stood = after.err.contains("it was committed");
            tried.old += usize::from(recovered || !stood);
            tried.new += usize::from(stood);
            let now = assert_at_rest(app, &case);
            assert_eq!(now.tag(), asked, "{case}");
            assert_eq!(now.id("db"), before.id("db"), "{case}");
        }
        _ => {
            app.run(&["rollback"]).expect_code(0);
            let now = assert_at_rest(app, &case);
            assert_eq!(now.names(), before.names(), "{case}");
            assert_eq!(now.id("db"), before.id("db"), "{case}");
        }
    }
    client.assert_nothing_failed(&case);
    true
}
