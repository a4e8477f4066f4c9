//! Webhooks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::app::{App, ONE};

/// Takes requests and answers each with a status; head and body are handed on.
fn listener(status: &'static str) -> (u16, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let (mut head, mut line) = (String::new(), String::new());
            while stream.read_line(&mut line).is_ok_and(|n| n > 2) {
                head.push_str(&std::mem::take(&mut line));
            }
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("Content-Length: "));
            let mut body = vec![0; length.and_then(|l| l.parse().ok()).expect("a length")];
            stream.read_exact(&mut body).expect("a body");
            let _ = write!(
                stream.get_mut(),
                "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = send.send((head, String::from_utf8(body).expect("text")));
        }
    });
    (port, receive)
}

fn next(told: &Receiver<(String, String)>) -> (String, String) {
    told.recv_timeout(Duration::from_secs(20))
        .expect("a request")
}

#[test]
fn webhooks_are_told_how_releases_go() {
    let (port, told) = listener("200 OK");
    let hooks = format!(
        "x-deployctl:\n  notify:\n    - {{url: \"${{HOOK}}\", on: [start, success, failure, rollback, degraded], headers: {{X-Key: \"${{KEY}}\"}}}}\n    - {{url: \"http://127.0.0.1:{port}/chat\", type: slack, on: [rollback]}}\n"
    );
    let app = App::new(&format!("{ONE}{hooks}"));
    app.set("HOOK", &format!("http://127.0.0.1:{port}/secret-path?x=1"));
    app.set("KEY", "secret-key");
    app.run(&["deploy", "v1"]).expect_code(0);
    let (head, body) = next(&told);
    assert!(
        head.starts_with("POST /secret-path?x=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("X-Key: secret-key"), "{head}");
    assert!(body.contains("\"event\":\"start\""), "{body}");
    let (_, body) = next(&told);
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&body["event"], &body["tag"], &body["release"]),
        (&"success".into(), &"v1".into(), &1.into())
    );
    assert_eq!(body["project"], app.project.as_str());
    // Nothing happens, so nothing is told: the next one is of the failing release.
    app.run(&["deploy", "v1"]).expect_code(0);
    let failed = app.run(&["deploy", "crash"]).expect_code(8);
    assert!(next(&told).1.contains("\"event\":\"start\""));
    let bodies = [next(&told).1, next(&told).1].join("\n");
    assert!(bodies.contains("\"event\":\"rollback\""), "{bodies}");
    assert!(bodies.contains("{\"text\":\""), "{bodies}");
    assert!(bodies.contains("the old containers are back"), "{bodies}");
    assert!(!failed.err.contains("secret-"), "{}", failed.err);
    // A tag that does not exist fails before there is a release.
    app.run(&["deploy", "v99"]).expect_code(6);
    assert!(next(&told).1.contains("\"exit_code\":6"));
}

#[test]
fn a_webhook_that_fails_never_fails_a_deploy() {
    let (port, told) = listener("500 Oh No");
    let closed = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let app = App::new(&format!(
        "{ONE}x-deployctl: {{notify: [\"http://127.0.0.1:{port}/secret\", \"http://{closed}/secret\"]}}\n"
    ));
    let ran = app.run(&["deploy", "v1"]).expect_code(0);
    let ran = ran
        .says("the webhook at 127.0.0.1 was not told: it answered 500")
        .says("refused");
    assert!(!ran.err.contains("secret"), "{}", ran.err);
    next(&told);
    app.write(
        "compose.prod.yml",
        &format!("{ONE}x-deployctl: {{notify: [\"ftp://a/secret\"]}}\n"),
    );
    let refused = app
        .run(&["deploy", "v2"])
        .expect_code(3)
        .says("x-deployctl.notify");
    assert!(!refused.err.contains("secret"), "{}", refused.err);
}
