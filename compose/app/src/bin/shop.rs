//! The example shop: API, worker, migration and smoke test in one image.

use std::time::Duration;

use postgres::{Client, NoTls};
use shop::{handle_term, health, serve, smoke, stopping, var};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let code = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve"] => api(),
        ["worker"] => worker(),
        ["migrate"] => migrate(),
        ["health"] => health(&port()),
        ["smoke", url] => if behaviour() == "smokefail" { fail("smoke: /orders shows no prices") } else { smoke(url) },
        _ => fail("shop: serve | worker | migrate | health | smoke URL"),
    };
    std::process::exit(code);
}

fn port() -> String {
    var("PORT", "8000")
}

fn behaviour() -> String {
    var("BEHAVIOUR", "good")
}

fn connect() -> Result<Client, postgres::Error> {
    Client::connect(&var("DATABASE_URL", "host=db user=shop dbname=shop"), NoTls)
}

fn api() -> i32 {
    handle_term(false);
    if behaviour() == "crash" {
        return fail("shop: cannot start: SECRET_KEY is not set");
    }
    let version = var("VERSION", "none");
    println!("shop {version} listening on {}", port());
    let served = serve(&port(), move |method, path| match (method, path) {
        ("GET", "/up") => up(),
        ("GET", "/version") => (200, version.clone()),
        ("POST", "/orders") => orders("insert into orders (item) values ('book')"),
        ("GET", "/orders") => orders("select"),
        _ => (200, format!("shop {version}")),
    });
    served.map_or_else(|e| fail(&e.to_string()), |()| 0)
}

fn up() -> (u16, String) {
    if behaviour() == "unhealthy" {
        return (503, "not ready: the price list cannot be read".into());
    }
    match connect().and_then(|mut c| c.simple_query("select 1")) {
        Ok(_) => (200, "ok".into()),
        Err(error) => (503, format!("no database: {error}")),
    }
}

fn orders(query: &str) -> (u16, String) {
    let answer = connect().and_then(|mut client| {
        if query != "select" {
            client.execute(query, &[])?;
        }
        client.query_one("select count(*) from orders", &[])
    });
    match answer {
        Ok(row) => (200, format!("{} orders", row.get::<_, i64>(0))),
        Err(error) => (503, error.to_string()),
    }
}

fn worker() -> i32 {
    handle_term(false);
    println!("worker {} waits for orders", var("VERSION", "none"));
    while !stopping() {
        std::thread::sleep(Duration::from_millis(100));
    }
    0
}

/// Each version leaves its mark in the schema, once.
fn migrate() -> i32 {
    let version = var("VERSION", "none");
    println!("migrating to {version}");
    match behaviour().as_str() {
        "badmigration" => return fail("migration 0007 failed: relation \"prices\" does not exist"),
        "slowmigration" => {
            println!("waiting for a lock on table orders");
            return worker();
        }
        _ => {}
    }
    let column = version.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let done = connect().and_then(|mut client| {
        client.batch_execute("create table if not exists orders (id serial primary key, item text not null, made timestamptz default now())")?;
        client.batch_execute(&format!("alter table orders add column if not exists seen_by_{column} boolean default false"))
    });
    match done {
        Ok(()) => {
            println!("the schema knows {version}");
            0
        }
        Err(error) => fail(&format!("migration failed: {error}")),
    }
}

fn fail(message: &str) -> i32 {
    eprintln!("{message}");
    1
}
