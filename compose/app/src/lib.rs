//! What both programs of the example share: a small HTTP server, a small HTTP client, and signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static STOPPING: AtomicBool = AtomicBool::new(false);

/// A variable, or what stands for it.
pub fn var(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// Whether SIGTERM has come.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::Relaxed)
}

extern "C" fn on_term(_: libc::c_int) {
    STOPPING.store(true, Ordering::Relaxed);
}

extern "C" fn on_term_ignored(_: libc::c_int) {}

/// As process 1 a program has to ask for SIGTERM.
pub fn handle_term(ignore: bool) {
    let handler = if ignore { on_term_ignored as extern "C" fn(libc::c_int) } else { on_term };
    // SAFETY: the handlers only store to an atomic.
    unsafe {
        libc::signal(libc::SIGTERM, handler as libc::sighandler_t);
        libc::signal(libc::SIGINT, handler as libc::sighandler_t);
    }
}

/// Serves until SIGTERM. `answer` gets method and path, and gives status and body.
pub fn serve(port: &str, answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> std::io::Result<()> {
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    listener.set_nonblocking(true)?;
    let answer = std::sync::Arc::new(answer);
    while !stopping() {
        match listener.accept() {
            Ok((stream, _)) => {
                let answer = std::sync::Arc::clone(&answer);
                std::thread::spawn(move || {
                    let _ = stream.set_nonblocking(false);
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
                    let _ = talk(stream, &*answer);
                });
            }
            Err(_) => wait_for(&listener),
        }
    }
    Ok(())
}

/// Waits for a connection or a signal.
fn wait_for(listener: &TcpListener) {
    use std::os::fd::AsRawFd;
    let mut poll = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, which lives as long as the call.
    unsafe { libc::poll(&raw mut poll, 1, 200) };
}

fn talk(stream: TcpStream, answer: &dyn Fn(&str, &str) -> (u16, String)) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("/").to_owned());
        let (mut length, mut close) = (0, stopping());
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            let header = header.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            close |= header.starts_with("connection:") && header.contains("close");
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (status, text) = answer(&method, &path);
        let reason = if status == 200 { "OK" } else { "Service Unavailable" };
        let connection = if close { "close" } else { "keep-alive" };
        write!(stream, "HTTP/1.1 {status} {reason}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{text}", text.len())?;
        if close {
            return Ok(());
        }
    }
}

/// Asks once; gives status and body.
pub fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let status = text.split_whitespace().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map(|(_, b)| b.to_owned()).unwrap_or_default();
    Ok((status, body))
}

/// A health probe of this container: exit code 0 for 200.
pub fn health(port: &str) -> i32 {
    match get(&format!("127.0.0.1:{port}"), "/up") {
        Ok((200, body)) => {
            println!("{body}");
            0
        }
        Ok((status, body)) => {
            println!("status {status}: {body}");
            1
        }
        Err(error) => {
            println!("{error}");
            1
        }
    }
}

/// Asks `http://HOST:PORT/PATH` and expects 200.
pub fn smoke(url: &str) -> i32 {
    let rest = url.trim_start_matches("http://");
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    match get(address, &format!("/{path}")) {
        Ok((200, body)) => {
            println!("smoke: {url} says {body}");
            0
        }
        other => {
            eprintln!("smoke: {url} failed: {other:?}");
            1
        }
    }
}
