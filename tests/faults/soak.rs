//! Many deploys with faults at random moments; `scripts/soak` starts it.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::app::{App, Ran};
use crate::client::Client;
use crate::figures::note;
use crate::front::{Fate, Front};
use crate::world::{World, assert_at_rest, assert_one_world, inspect, serving, side_by_side, text};

/// Projects side by side.
const SIDE_BY_SIDE: usize = 3;
/// Longer than a deploy of `PAIR` takes on a quiet machine.
const MOMENTS: usize = 2500;
const ERROR: Fate = Fate::Answer("500 Internal Server Error", "", r#"{"message":"soak"}"#);

#[test]
#[ignore = "an hour: scripts/soak"]
fn random_faults_at_random_moments_leave_one_world() {
    let count: usize = number("DEPLOYCTL_SOAK_DEPLOYS", 500);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed: u64 = number("DEPLOYCTL_SOAK_SEED", since.map_or(1, |d| d.as_secs()));
    println!("{count} deploys, DEPLOYCTL_SOAK_SEED={seed}");
    let (done, worst) = (AtomicUsize::new(0), Mutex::new(Duration::ZERO));
    let kills = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE as u64)
            .map(|worker| {
                let (done, worst, kills) = (&done, &worst, &kills);
                scope.spawn(move || {
                    let mut random = Random(seed.wrapping_mul(2 * worker + 3) | 1);
                    let app = serving(&side_by_side(), "v1");
                    app.run(&["deploy", "v2"]).expect_code(0);
                    while done.fetch_add(1, Ordering::SeqCst) < count {
                        if let Some(recovery) = one(&app, &mut random) {
                            kills.fetch_add(1, Ordering::SeqCst);
                            let mut worst = worst.lock().expect("no panic");
                            *worst = recovery.max(*worst);
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().expect("a worker");
        }
    });
    let worst = worst.into_inner().expect("no panic");
    note("soak, deploys", count);
    note("soak, killed at a random moment", kills.into_inner());
    note("soak, worst time to recover, ms", worst.as_millis());
}

/// A deploy or rollback with a fault; how long the recovery took, where it was killed.
fn one(app: &App, random: &mut Random) -> Option<Duration> {
    let before = World::look(app);
    let tags = ["v1", "v2", "v3", "unhealthy", "crash"];
    let tag = tags[random.below(5)];
    let back = before.rollback_tag.clone().unwrap_or_default();
    let (words, tag) = if random.below(5) == 0 && !back.is_empty() {
        (vec!["rollback"], back.trim_end())
    } else {
        (vec!["deploy", tag], tag)
    };
    let moment = Duration::from_millis(random.below(MOMENTS) as u64);
    let fault = [
        "kill", "kill", "kill", "kill", "TERM", "INT", "HUP", "500", "rm", "edit", "none",
    ][random.below(11)];
    let case = format!("{words:?} from {}, {fault} after {moment:?}", before.tag());
    let _ = writeln!(std::io::stderr(), "{case}");
    let client = Client::of(app, "db");
    let calls = random.below(60);
    let count = AtomicUsize::new(0);
    let front = Front::of_engine("/var/run/docker.sock".as_ref(), move |_| {
        if count.fetch_add(1, Ordering::SeqCst) == calls {
            ERROR
        } else {
            Fate::Pass
        }
    });
    let mut command = app.command(&words);
    if fault == "500" {
        command.env("DOCKER_HOST", &front.address);
    }
    let log = std::fs::File::create(app.path("../").join(format!("{}.log", app.project)));
    let log = log.expect("a log");
    let mut child = command
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("the binary");
    std::thread::sleep(moment);
    let running = child.try_wait().expect("a child").is_none();
    match fault {
        "kill" if running => child.kill().expect("killed"),
        "TERM" | "INT" | "HUP" if running => crate::app::signal(&child, fault),
        "rm" => remove_one(app),
        "edit" => app.set("ADDED", &moment.as_millis().to_string()),
        _ => {}
    }
    let code = child.wait().expect("an end").code();
    let mut recovery = None;
    if code.is_none() {
        let began = Instant::now();
        let ran: Ran = app.run(&["recover"]);
        ran.expect_code(0);
        recovery = Some(began.elapsed());
    }
    match fault {
        // What somebody removed may have been the way back: the next deploy makes it.
        "rm" => {
            app.run(&["deploy", "v1"]).expect_code(0);
            assert_at_rest(app, &case);
        }
        "edit" => {
            assert_at_rest(app, &case);
        }
        _ if tag != before.tag() => {
            assert_one_world(app, &before, tag, &format!("{case}, code {code:?}"));
        }
        _ => {
            assert_at_rest(app, &case);
        }
    }
    client.assert_nothing_failed(&case);
    recovery
}

/// Any container of the service that releases replace.
fn remove_one(app: &App) {
    let containers = inspect(app);
    let path = "/Config/Labels/com.docker.compose.service";
    if let Some(found) = containers.iter().find(|c| text(c, path) == "api") {
        let id = text(found, "/Id");
        let removed = std::process::Command::new("docker")
            .args(["rm", "-f", &id])
            .output();
        drop(removed.expect("docker"));
    }
}

fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let written = std::env::var(name).ok();
    written
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Xorshift: repeatable by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below a bound")
    }
}
