//! Sends requests at a constant rate, counts every one that fails, and never repeats one.
//!
//!     load ADDRESS RATE          ends when its standard input does, and prints what happened as JSON
//!
//! Requests are short ones and ones of 2 s, over kept and over fresh connections, GET, and POST with a
//! body and an `X-Id` of their own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A request that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(10);
const BODY: &str = "item=book&price=12.50&note=a+body+that+has+to+arrive+once";

/// A kind of request, its part of all requests, and the workers that share it.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    part: f64,
    workers: u32,
    method: &'static str,
    path: &'static str,
    kept: bool,
}

const KINDS: [Kind; 6] = [
    Kind { name: "get-kept", part: 0.48, workers: 24, method: "GET", path: "/version", kept: true },
    Kind { name: "get-fresh", part: 0.25, workers: 16, method: "GET", path: "/version", kept: false },
    Kind { name: "post-kept", part: 0.15, workers: 12, method: "POST", path: "/orders", kept: true },
    Kind { name: "post-fresh", part: 0.10, workers: 8, method: "POST", path: "/orders", kept: false },
    Kind { name: "slow-kept", part: 0.01, workers: 30, method: "GET", path: "/slow/2000", kept: true },
    Kind { name: "slow-fresh", part: 0.01, workers: 30, method: "GET", path: "/slow/2000", kept: false },
];

/// What one worker saw.
#[derive(Default)]
struct Seen {
    sent: u64,
    /// When requests that succeeded were sent, in microseconds since the start.
    succeeded: Vec<u64>,
    /// How long they took, in microseconds; those of 2 s left out.
    took: Vec<u64>,
    /// When, which kind, why.
    failed: Vec<(u64, String)>,
    /// Requests by the version that answered.
    versions: BTreeMap<String, u64>,
    /// The POST requests that were answered well.
    stored: Vec<String>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match words.as_slice() {
        [address, rate] => address.parse().ok().zip(rate.parse().ok()),
        _ => None,
    };
    let Some((address, rate)) = parsed else {
        eprintln!("load: ADDRESS RATE, as in 127.0.0.1:8080 1000");
        std::process::exit(2);
    };
    let seen = run(address, rate);
    println!("{}", report(seen));
}

fn run(address: SocketAddr, rate: f64) -> Seen {
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let mut workers = Vec::new();
    for kind in KINDS {
        for worker in 0..kind.workers {
            let stop = Arc::clone(&stop);
            let thread = std::thread::Builder::new().stack_size(128 << 10);
            let work = move || work(address, rate, kind, worker, start, &stop);
            workers.push(thread.spawn(work).expect("a thread"));
        }
    }
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    stop.store(true, Ordering::Relaxed);
    let mut all = Seen::default();
    for worker in workers {
        let seen = worker.join().expect("a worker");
        all.sent += seen.sent;
        all.succeeded.extend(seen.succeeded);
        all.took.extend(seen.took);
        all.failed.extend(seen.failed);
        all.stored.extend(seen.stored);
        for (version, count) in seen.versions {
            *all.versions.entry(version).or_default() += count;
        }
    }
    all
}

/// Sends its share of a kind, each at its time: a slow answer does not make the next one rarer.
fn work(address: SocketAddr, rate: f64, kind: Kind, worker: u32, start: Instant, stop: &AtomicBool) -> Seen {
    let between = f64::from(kind.workers) / (rate * kind.part);
    let mut seen = Seen::default();
    let mut kept: Option<BufReader<TcpStream>> = None;
    let mut due = between * f64::from(worker) / f64::from(kind.workers);
    for number in 0_u64.. {
        let wait = start + Duration::from_secs_f64(due);
        std::thread::sleep(wait.saturating_duration_since(Instant::now()));
        due += between;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("{}-{}-{worker}-{number}", std::process::id(), kind.name);
        let sent = Instant::now();
        let at = u64::try_from(sent.duration_since(start).as_micros()).unwrap_or(u64::MAX);
        seen.sent += 1;
        match ask(address, kind, &id, &mut kept) {
            Ok(body) => {
                seen.succeeded.push(at);
                if !kind.path.starts_with("/slow") {
                    seen.took.push(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
                }
                *seen.versions.entry(body.rsplit(' ').next().unwrap_or_default().to_owned()).or_default() += 1;
                if kind.method == "POST" {
                    seen.stored.push(id);
                }
            }
            Err(reason) => {
                kept = None;
                seen.failed.push((at, format!("{}: {reason}", kind.name)));
            }
        }
    }
    seen
}

fn ask(address: SocketAddr, kind: Kind, id: &str, kept: &mut Option<BufReader<TcpStream>>) -> Result<String, String> {
    let say = |step: &str, error: &std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("{step}: timed out"),
        kind => format!("{step}: {kind}"),
    };
    let mut reader = match kept.take() {
        Some(reader) => reader,
        None => {
            let stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(|e| say("connect", &e))?;
            let set = stream.set_read_timeout(Some(TIMEOUT)).and_then(|()| stream.set_nodelay(true));
            set.map_err(|e| say("connect", &e))?;
            BufReader::new(stream)
        }
    };
    let connection = if kind.kept { "keep-alive" } else { "close" };
    let mut text = format!("{} {} HTTP/1.1\r\nHost: shop.test\r\nX-Id: {id}\r\nConnection: {connection}\r\n", kind.method, kind.path);
    match kind.method {
        "POST" => text.push_str(&format!("Content-Length: {}\r\n\r\n{BODY}", BODY.len())),
        _ => text.push_str("\r\n"),
    }
    reader.get_mut().write_all(text.as_bytes()).map_err(|e| say("send", &e))?;
    let (status, body, close) = answer(&mut reader).map_err(|e| say("receive", &e))?;
    if status != 200 {
        return Err(format!("status {status}"));
    }
    if kind.method == "POST" && !body.starts_with(&format!("{} ", BODY.len())) {
        return Err(format!("a body that is not as sent: {body}"));
    }
    if body.is_empty() {
        return Err("an empty body".to_owned());
    }
    if kind.kept && !close {
        *kept = Some(reader);
    }
    Ok(body)
}

/// Status, body, and whether the connection ends with it.
fn answer(reader: &mut BufReader<TcpStream>) -> std::io::Result<(u16, String, bool)> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let status = line.split_whitespace().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let (mut length, mut chunked, mut close) = (None, false, line.starts_with("HTTP/1.0"));
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let header = header.trim_end().to_ascii_lowercase();
        let Some((name, value)) = header.split_once(':') else { break };
        match (name, value.trim()) {
            ("content-length", value) => length = value.parse::<usize>().ok(),
            ("transfer-encoding", "chunked") => chunked = true,
            ("connection", "close") => close = true,
            _ => {}
        }
    }
    let body = match length {
        Some(length) => exactly(reader, length)?,
        None if chunked => chunks(reader)?,
        None => {
            close = true;
            let mut all = Vec::new();
            reader.read_to_end(&mut all)?;
            all
        }
    };
    Ok((status, String::from_utf8_lossy(&body).into_owned(), close))
}

fn exactly(reader: &mut BufReader<TcpStream>, length: usize) -> std::io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn chunks(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(|_| ErrorKind::InvalidData)?;
        all.extend(exactly(reader, length)?);
        reader.read_line(&mut String::new())?;
        if length == 0 {
            return Ok(all);
        }
    }
}

fn report(mut seen: Seen) -> String {
    seen.succeeded.sort_unstable();
    seen.took.sort_unstable();
    seen.failed.sort_unstable();
    let gap = seen.succeeded.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
    let quantile = |q: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index below the length")]
        let index = (seen.took.len() as f64 * q) as usize;
        seen.took.get(index.min(seen.took.len().saturating_sub(1))).copied().unwrap_or(0)
    };
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, reason) in &seen.failed {
        *reasons.entry(reason).or_default() += 1;
    }
    let object = |pairs: Vec<(&str, u64)>| {
        let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k:?}: {v}")).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    let versions = seen.versions.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let stored: Vec<String> = seen.stored.iter().map(|id| format!("{id:?}")).collect();
    format!(
        "{{\"sent\": {}, \"failed\": {}, \"reasons\": {}, \"versions\": {}, \"first_failure_us\": {}, \"last_failure_us\": {}, \"longest_gap_us\": {gap}, \"p50_us\": {}, \"p99_us\": {}, \"max_us\": {}, \"stored\": [{}]}}",
        seen.sent,
        seen.failed.len(),
        object(reasons.into_iter().collect()),
        object(versions),
        seen.failed.first().map_or(0, |f| f.0),
        seen.failed.last().map_or(0, |f| f.0),
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        stored.join(", "),
    )
}
