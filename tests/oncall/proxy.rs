//! A proxy before the engine that writes down every request, and lets through only those that ask.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

const ENGINE: &str = "/var/run/docker.sock";

/// Listens on a socket of its own until the test ends.
pub(crate) struct Recorder {
    folder: tempfile::TempDir,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("engine.sock")).expect("a socket");
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || pass(client, &seen));
            }
        });
        Self { folder, requests }
    }

    pub(crate) fn host(&self) -> String {
        format!(
            "unix://{}",
            self.folder.path().join("engine.sock").display()
        )
    }

    /// `GET /v1.41/containers/json`, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("requests").clone()
    }
}

/// Each request is read whole before it goes on; answers flow back as they come.
fn pass(mut client: UnixStream, seen: &Mutex<Vec<String>>) {
    let mut engine = UnixStream::connect(ENGINE).expect("the engine");
    let (mut answers, mut back) = (
        engine.try_clone().expect("a clone"),
        client.try_clone().expect("a clone"),
    );
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    while let Some(head) = head(&mut client) {
        let line = head.lines().next().unwrap_or_default();
        let request = line.rsplit_once(' ').map_or(line, |(r, _)| r).to_owned();
        let asks = request.starts_with("GET ") || request.starts_with("HEAD ");
        seen.lock().expect("requests").push(request);
        if !asks {
            let refusal = "HTTP/1.1 405 Refused\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";
            let _ = client.write_all(refusal.as_bytes());
            let _ = client.shutdown(Shutdown::Both);
            return;
        }
        if engine.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
    let _ = engine.shutdown(Shutdown::Both);
}

/// The head of one request; those that ask have no body.
fn head(client: &mut UnixStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// The engine behind a TCP port, as a remote one is.
pub(crate) fn over_tcp() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let engine = UnixStream::connect(ENGINE).expect("the engine");
            let (mut from, mut to) = (
                client.try_clone().expect("a clone"),
                engine.try_clone().expect("a clone"),
            );
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
            });
            std::thread::spawn(move || {
                let (mut engine, mut client) = (engine, client);
                let _ = std::io::copy(&mut engine, &mut client);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
    format!("tcp://{address}")
}
