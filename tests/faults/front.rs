//! Stands in front of a registry or an engine, and breaks what passes through.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::app::docker;

/// The first byte of a TLS client's greeting.
const TLS_HANDSHAKE: u8 = 0x16;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// Answered in the other's place: status line, further header lines, body.
    Answer(&'static str, &'static str, &'static str),
    /// Never answered.
    Hang,
    /// The answer breaks off after so many bytes.
    Cut(usize),
    /// One byte of the answer, counted from its end, is another one.
    Spoil(usize),
    /// The answer comes in pieces with pauses between them.
    Slow(Duration),
}

type Decide = Arc<dyn Fn(&str) -> Fate + Send + Sync>;

/// A listener; its threads end with the test's process.
pub(crate) struct Front {
    /// `127.0.0.1:PORT`, or a socket's path.
    pub(crate) address: String,
    decide: Arc<Mutex<Decide>>,
    seen: Arc<Mutex<Vec<String>>>,
    _folder: Option<tempfile::TempDir>,
}

impl Front {
    /// In front of a registry; every request is `GET /v2/…`.
    pub(crate) fn of_registry(
        registry: &str,
        decide: impl Fn(&str) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let front = Self::new(address, None, decide);
        let (registry, shared) = (registry.to_owned(), front.shared());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let registry = registry.clone();
                spawn(
                    client,
                    move || TcpStream::connect(&registry),
                    shared.clone(),
                );
            }
        });
        front
    }

    /// In front of an engine's socket; its address is one for `DOCKER_HOST`.
    pub(crate) fn of_engine(
        engine: &Path,
        decide: impl Fn(&str) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let front = Self::new(format!("unix://{}", socket.display()), Some(folder), decide);
        let (engine, shared): (PathBuf, _) = (engine.to_owned(), front.shared());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let engine = engine.clone();
                spawn(client, move || UnixStream::connect(&engine), shared.clone());
            }
        });
        front
    }

    /// From now on others.
    pub(crate) fn now(&self, decide: impl Fn(&str) -> Fate + Send + Sync + 'static) {
        *self.decide.lock().expect("no panic") = Arc::new(decide);
    }

    /// The requests so far: `GET /v2/`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }

    fn new(
        address: String,
        folder: Option<tempfile::TempDir>,
        decide: impl Fn(&str) -> Fate + Send + Sync + 'static,
    ) -> Self {
        Self {
            address,
            decide: Arc::new(Mutex::new(Arc::new(decide))),
            seen: Arc::default(),
            _folder: folder,
        }
    }

    fn shared(&self) -> Shared {
        Shared {
            decide: Arc::clone(&self.decide),
            seen: Arc::clone(&self.seen),
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if !self.address.starts_with("unix:") {
            forget_images(&self.address);
        }
    }
}

/// Takes the names of a registry that is gone off the engine.
pub(crate) fn forget_images(registry: &str) {
    let filter = format!("reference={registry}/*/*");
    let format = "{{.Repository}}:{{.Tag}}";
    for image in docker(&["images", "--filter", &filter, "--format", format]).lines() {
        let removed = Command::new("docker").args(["rmi", "-f", image]).output();
        drop(removed.expect("docker"));
    }
}

#[derive(Clone)]
struct Shared {
    decide: Arc<Mutex<Decide>>,
    seen: Arc<Mutex<Vec<String>>>,
}

trait Stream: Read + Write + Send + Sized + 'static {
    fn again(&self) -> std::io::Result<Self>;
    fn end(&self);
}

impl Stream for TcpStream {
    fn again(&self) -> std::io::Result<Self> {
        self.try_clone()
    }
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Stream for UnixStream {
    fn again(&self) -> std::io::Result<Self> {
        self.try_clone()
    }
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

fn spawn<C: Stream, U: Stream>(
    client: C,
    connect: impl FnOnce() -> std::io::Result<U> + Send + 'static,
    shared: Shared,
) {
    std::thread::spawn(move || {
        // A connection that breaks is the other side's matter.
        let _ = handle(&client, connect, &shared);
        client.end();
    });
}

/// One request for each connection.
fn handle<C: Stream, U: Stream>(
    client: &C,
    connect: impl FnOnce() -> std::io::Result<U>,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut from = client.again()?;
    let mut to = client.again()?;
    let Some((head, rest)) = read_head(&mut from)? else {
        return Ok(());
    };
    let mut words = head.split(' ');
    let request = [
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    ]
    .join(" ");
    let decide = Arc::clone(&*shared.decide.lock().expect("no panic"));
    let fate = decide(&request);
    shared.seen.lock().expect("no panic").push(request);
    match fate {
        Fate::Hang => loop {
            std::thread::park();
        },
        Fate::Answer(status, headers, body) => {
            let length = body.len();
            return write!(
                to,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
        _ => {}
    }
    let upstream = connect()?;
    let (mut up, mut down) = (upstream.again()?, upstream.again()?);
    up.write_all(closing(&head).as_bytes())?;
    up.write_all(&rest)?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut up);
    });
    let passed = answer(&mut down, &mut to, &fate);
    upstream.end();
    passed
}

fn answer(down: &mut impl Read, to: &mut impl Write, fate: &Fate) -> std::io::Result<()> {
    match fate {
        Fate::Cut(bytes) => {
            let mut some = down.take(*bytes as u64);
            std::io::copy(&mut some, to).map(drop)
        }
        Fate::Spoil(from_end) => {
            let mut all = Vec::new();
            down.read_to_end(&mut all)?;
            let at = all.len().saturating_sub(*from_end);
            all[at] ^= 1;
            to.write_all(&all)
        }
        Fate::Slow(pause) => {
            let mut piece = vec![0; 64 * 1024];
            loop {
                let read = down.read(&mut piece)?;
                if read == 0 {
                    return Ok(());
                }
                to.write_all(&piece[..read])?;
                std::thread::sleep(*pause);
            }
        }
        _ => {
            let mut piece = vec![0; 64 * 1024];
            loop {
                let read = down.read(&mut piece)?;
                if read == 0 {
                    return Ok(());
                }
                to.write_all(&piece[..read])?;
            }
        }
    }
}

fn read_head(from: &mut impl Read) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), rest)));
        }
        let read = from.read(&mut piece)?;
        // The engine tries TLS first; who is not answered there is waited for, for ten seconds.
        let greets = bytes.is_empty() && piece[0] == TLS_HANDSHAKE;
        if read == 0 || greets {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece[..read]);
    }
}

/// The same request, for a connection that ends with its answer.
fn closing(head: &str) -> String {
    if head.to_lowercase().contains("\r\nupgrade:") {
        return head.to_owned();
    }
    let lines = head.trim_end().split("\r\n");
    let kept = lines.filter(|l| !l.to_lowercase().starts_with("connection:"));
    kept.collect::<Vec<_>>().join("\r\n") + "\r\nConnection: close\r\n\r\n"
}
