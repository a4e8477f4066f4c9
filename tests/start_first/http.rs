//! A client that asks once and tells what came: requests, events, a websocket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Asks `address` for a path; status and body.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = connect(address);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    )
    .expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let status = text.split(' ').nth(1).and_then(|s| s.parse().ok());
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.expect("a status"), body.unwrap_or_default())
}

/// Begins a request and returns once the server has it; [`Begun::rest`] waits for the answer.
pub(crate) struct Begun(TcpStream);

impl Begun {
    pub(crate) fn get(address: &str, path: &str) -> Self {
        let mut stream = connect(address);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").expect("sent");
        Self(stream)
    }

    pub(crate) fn rest(mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).expect("an answer");
        text
    }
}

/// An open websocket.
pub(crate) struct WebSocket(BufReader<TcpStream>);

impl WebSocket {
    pub(crate) fn open(address: &str) -> Self {
        let mut stream = connect(address);
        write!(stream, "GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").expect("sent");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while reader.read_line(&mut head).expect("a head") > 2 {}
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        // The example of RFC 6455.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self(reader)
    }

    /// Sends a text and returns the answer.
    pub(crate) fn echo(&mut self, text: &str) -> String {
        let length = u8::try_from(text.len()).expect("a short text");
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.0.get_mut().write_all(&frame).expect("sent");
        let mut head = [0; 2];
        self.0.read_exact(&mut head).expect("a frame");
        let mut answer = vec![0; usize::from(head[1])];
        self.0.read_exact(&mut answer).expect("a text");
        String::from_utf8(answer).expect("text")
    }

    /// Says goodbye; the server answers it.
    pub(crate) fn close(mut self) {
        let goodbye = [0x88, 0x80, 0, 0, 0, 0];
        self.0.get_mut().write_all(&goodbye).expect("sent");
        let mut answer = [0; 2];
        self.0.read_exact(&mut answer).expect("its goodbye");
        assert_eq!(answer, [0x88, 0]);
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    let set = stream.set_read_timeout(Some(Duration::from_secs(30)));
    set.expect("a time limit");
    stream
}
