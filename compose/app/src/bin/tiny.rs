//! A server of a few hundred kilobytes that behaves as its image says; for tests.

use std::time::{Duration, Instant};

use shop::{get, handle_term, health, serve, smoke, stopping, var};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let code = match words.as_slice() {
        [] | ["serve"] => server(),
        ["health"] => health(&var("PORT", "8080")),
        ["job"] => job(),
        ["backup"] => {
            println!("backup=/backups/shop.sql");
            0
        }
        ["smoke", url] => if var("BEHAVIOUR", "good") == "smokefail" { fail("smoke: the page is wrong", 1) } else { smoke(url) },
        ["get", address, path] => get(address, path).map_or(1, |(status, body)| {
            println!("{status} {body}");
            0
        }),
        ["write", file, text] => std::fs::write(file, text).map_or_else(|e| fail(&e.to_string(), 1), |()| 0),
        ["cat", file] => std::fs::read_to_string(file).map_or_else(|e| fail(&e.to_string(), 1), |text| {
            print!("{text}");
            0
        }),
        ["env", name] => {
            println!("{}", var(name, "(unset)"));
            0
        }
        ["sleep", seconds] => sleep(seconds.parse().unwrap_or(1)),
        _ => fail("tiny: serve | health | job | backup | smoke URL | write FILE TEXT | cat FILE | env NAME | sleep SECONDS", 2),
    };
    std::process::exit(code);
}

fn server() -> i32 {
    let (version, behaviour, port) = (var("VERSION", "none"), var("BEHAVIOUR", "good"), var("PORT", "8080"));
    handle_term(behaviour == "ignoreterm");
    let after = Duration::from_millis(var("BEHAVIOUR_MS", "0").parse().unwrap_or(0));
    std::thread::sleep(Duration::from_millis(var("BOOT_MS", "0").parse().unwrap_or(0)));
    match behaviour.as_str() {
        "crash" => return fail(&format!("tiny {version}: cannot start: SECRET_KEY is missing"), 1),
        "crashlater" => {
            std::thread::spawn(move || {
                std::thread::sleep(after);
                std::process::exit(fail("tiny: lost the database", 1));
            });
        }
        "oom" => {
            std::thread::spawn(move || {
                std::thread::sleep(after);
                let mut eaten: Vec<Vec<u8>> = Vec::new();
                loop {
                    eaten.push(vec![1; 1 << 20]);
                }
            });
        }
        _ => {}
    }
    println!("tiny {version} listening on {port}");
    let up = behaviour != "unhealthy";
    let served = serve(&port, move |_, path| match path {
        "/up" if up => (200, "ok".into()),
        "/up" => (503, "not ready: migrations are pending".into()),
        "/version" => (200, version.clone()),
        _ => (200, path.strip_prefix("/env/").map_or_else(|| format!("tiny {version}"), |name| var(name, "(unset)"))),
    });
    served.map_or_else(|e| fail(&e.to_string(), 1), |()| 0)
}

fn job() -> i32 {
    let (version, behaviour) = (var("VERSION", "none"), var("BEHAVIOUR", "good"));
    println!("migrating to {version}");
    match behaviour.as_str() {
        "badmigration" => fail("alembic: relation \"orders\" does not exist", 3),
        "slowmigration" => {
            println!("waiting for a lock on table orders");
            sleep(100_000)
        }
        _ => {
            println!("done");
            0
        }
    }
}

fn sleep(seconds: u64) -> i32 {
    handle_term(false);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end && !stopping() {
        std::thread::sleep(Duration::from_millis(50));
    }
    i32::from(stopping()) * 143
}

fn fail(message: &str, code: i32) -> i32 {
    eprintln!("{message}");
    code
}
