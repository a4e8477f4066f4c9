//! An HTTP server that ends as a well-behaved one does: after SIGTERM it takes no new connection, finishes
//! what it has begun and goes. For tests and measurements of deploys under load.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shop::{handle_term, health, stopping, var};

/// Set by SIGUSR1 (`web drain`): `/up` says 503 while everything else goes on.
static DRAINING: AtomicBool = AtomicBool::new(false);
/// Connections that are open.
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// How long a connection that says nothing is listened to before SIGTERM is looked for.
const TICK: i32 = 20;

/// What the server is told by its environment.
struct Settings {
    version: String,
    behaviour: String,
    /// POST requests are written down here, a line each: who received it, and its `X-Id`.
    record: String,
    /// Folder of the files below `/assets/`.
    assets: String,
    /// After SIGTERM new connections are taken for so long.
    linger: Duration,
    ready: AtomicBool,
}

struct Request {
    method: String,
    path: String,
    id: String,
    websocket_key: Option<String>,
    close: bool,
    body: Vec<u8>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let code = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["serve"] => server().map_or_else(|e| fail(&e.to_string()), |()| 0),
        ["health"] => health(&var("PORT", "8080")),
        ["drain", seconds] => drain(seconds.parse().unwrap_or(0.0)),
        ["hook", name] => hook(name),
        _ => fail("web: serve | health | drain SECONDS | hook NAME"),
    };
    std::process::exit(code);
}

fn server() -> std::io::Result<()> {
    handle_term(false);
    // SAFETY: the handler only stores to an atomic.
    unsafe { libc::signal(libc::SIGUSR1, on_drain as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    let settings = Arc::new(Settings {
        version: var("VERSION", "none"),
        behaviour: var("BEHAVIOUR", "good"),
        record: var("RECORD", ""),
        assets: var("ASSETS", "/assets"),
        linger: milliseconds("LINGER_MS"),
        ready: AtomicBool::new(false),
    });
    let boot = milliseconds("BOOT_MS");
    // An eager one listens at once and is not ready for as long as it boots.
    let eager = var("EAGER", "") == "1";
    if !eager {
        std::thread::sleep(boot);
    }
    if settings.behaviour == "crash" {
        return Err(std::io::Error::other("web: cannot start: SECRET_KEY is missing"));
    }
    let listener = TcpListener::bind(("0.0.0.0", var("PORT", "8080").parse().unwrap_or(8080)))?;
    listener.set_nonblocking(true)?;
    let booted = Instant::now() + if eager { boot } else { Duration::ZERO };
    println!("web {} listening", settings.version);
    let mut stopped: Option<Instant> = None;
    loop {
        settings.ready.store(Instant::now() >= booted, Ordering::Relaxed);
        if stopping() && stopped.get_or_insert_with(Instant::now).elapsed() >= settings.linger {
            break;
        }
        wait_readable(listener.as_raw_fd(), TICK);
        take_all(&listener, &settings);
    }
    // What has been accepted by the kernel already is not to be reset.
    take_all(&listener, &settings);
    drop(listener);
    while OPEN.load(Ordering::Relaxed) > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn take_all(listener: &TcpListener, settings: &Arc<Settings>) {
    while let Ok((stream, _)) = listener.accept() {
        let settings = Arc::clone(settings);
        OPEN.fetch_add(1, Ordering::Relaxed);
        let spawned = std::thread::Builder::new().stack_size(128 << 10).spawn(move || {
            let _ = stream.set_nonblocking(false);
            let _ = stream.set_nodelay(true);
            let _ = talk(&stream, &settings);
            OPEN.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            OPEN.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Answers one request after another, until the other side or SIGTERM ends it.
fn talk(stream: &TcpStream, settings: &Settings) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        // Between two requests a connection is idle: after SIGTERM it may go.
        while reader.buffer().is_empty() && !wait_readable(stream.as_raw_fd(), TICK) {
            if stopping() {
                return Ok(());
            }
        }
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let Some(request) = read(&mut reader)? else { return Ok(()) };
        let close = request.close || stopping();
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            (_, ["events", count]) => return events(stream, count.parse().unwrap_or(10)),
            (_, ["ws"]) => return websocket(stream, &mut reader, &request),
            _ => {}
        }
        let (status, body) = answer(&request, &parts, settings);
        let reason = match status {
            200 => "OK",
            404 => "Not Found",
            _ => "Service Unavailable",
        };
        let connection = if close { "close" } else { "keep-alive" };
        let mut text = format!("HTTP/1.1 {status} {reason}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n", body.len()).into_bytes();
        text.extend_from_slice(&body);
        (&mut &*stream).write_all(&text)?;
        if close {
            return Ok(());
        }
    }
}

fn answer(request: &Request, parts: &[&str], settings: &Settings) -> (u16, Vec<u8>) {
    let ready = settings.ready.load(Ordering::Relaxed);
    let up = ready && settings.behaviour != "unhealthy" && !DRAINING.load(Ordering::Relaxed);
    match (request.method.as_str(), parts) {
        (_, ["up"]) if up => (200, b"ok".to_vec()),
        (_, ["up"]) => (503, b"not ready".to_vec()),
        _ if !ready => (503, b"booting".to_vec()),
        ("POST", _) => {
            if !settings.record.is_empty() && record(settings, &request.id).is_err() {
                return (503, b"cannot write it down".to_vec());
            }
            (200, format!("{} {}", request.body.len(), settings.version).into_bytes())
        }
        (_, ["slow", ms]) => {
            std::thread::sleep(Duration::from_millis(ms.parse().unwrap_or(2000)));
            (200, format!("slow {}", settings.version).into_bytes())
        }
        (_, ["assets", name]) if !name.contains("..") => {
            std::fs::read(format!("{}/{name}", settings.assets)).map_or((404, b"no such file".to_vec()), |bytes| (200, bytes))
        }
        _ => (200, settings.version.clone().into_bytes()),
    }
}

fn record(settings: &Settings, id: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&settings.record)?;
    file.write_all(format!("{} {id}\n", settings.version).as_bytes())
}

fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let mut request = Request {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or("/").to_owned(),
        id: String::new(),
        websocket_key: None,
        close: words.next() == Some("HTTP/1.0"),
        body: Vec::new(),
    };
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "connection" => request.close |= value.eq_ignore_ascii_case("close"),
            "x-id" => value.clone_into(&mut request.id),
            "sec-websocket-key" => request.websocket_key = Some(value.to_owned()),
            _ => {}
        }
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}

/// Server-sent events, ten a second.
fn events(mut stream: &TcpStream, count: u32) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n")?;
    for number in 1..=count {
        stream.write_all(format!("data: {number}\n\n").as_bytes())?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Sends text frames back until the other side closes.
fn websocket(mut stream: &TcpStream, reader: &mut BufReader<&TcpStream>, request: &Request) -> std::io::Result<()> {
    let key = request.websocket_key.clone().unwrap_or_default();
    let accept = base64(&sha1(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes()));
    stream.write_all(format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes())?;
    loop {
        let mut head = [0_u8; 6];
        reader.read_exact(&mut head)?;
        let length = usize::from(head[1] & 0x7f);
        if head[1] & 0x80 == 0 || length > 125 {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text)?;
        for (index, byte) in text.iter_mut().enumerate() {
            *byte ^= head[2 + index % 4];
        }
        let mut frame = vec![head[0], head[1] & 0x7f];
        frame.extend_from_slice(&text);
        stream.write_all(&frame)?;
        if head[0] & 0x0f == 8 {
            return Ok(());
        }
    }
}

extern "C" fn on_drain(_: libc::c_int) {
    DRAINING.store(true, Ordering::Relaxed);
}

/// A `pre_stop` hook: the server says that it is not up, and proxies that ask have the time to see it.
fn drain(seconds: f64) -> i32 {
    // SAFETY: a signal to process 1 of this container, which handles it.
    if unsafe { libc::kill(1, libc::SIGUSR1) } != 0 {
        return fail("web: there is no server to drain");
    }
    std::thread::sleep(Duration::from_secs_f64(seconds));
    0
}

/// A hook that leaves a line in the record, to be found by a test.
fn hook(name: &str) -> i32 {
    let line = format!("{} {name}\n", var("VERSION", "none"));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(var("RECORD", "/record"));
    file.and_then(|mut f| f.write_all(line.as_bytes())).map_or_else(|e| fail(&e.to_string()), |()| 0)
}

fn milliseconds(name: &str) -> Duration {
    Duration::from_millis(var(name, "0").parse().unwrap_or(0))
}

/// Whether there is something to read within so many milliseconds.
fn wait_readable(descriptor: i32, timeout: i32) -> bool {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, which lives as long as the call.
    unsafe { libc::poll(&raw mut poll, 1, timeout) > 0 }
}

fn fail(message: &str) -> i32 {
    eprintln!("{message}");
    1
}

/// The handshake of a websocket needs it (RFC 6455, RFC 3174).
fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        let mut words = [0_u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        for i in 16..80 {
            words[i] = (words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (i, word) in words.iter().enumerate() {
            let (f, k) = match i / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, value) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(value);
        }
    }
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let at = (number >> (18 - 6 * digit)) & 63;
            text.push(if digit <= group.len() { char::from(DIGITS[at as usize]) } else { '=' });
        }
    }
    text
}
