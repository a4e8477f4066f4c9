//! Webhooks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::app::{App, ONE, Ran};

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

#[test]
fn a_webhook_over_tls_is_told_only_where_its_certificate_is_trusted() {
    let app = App::new(ONE);
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address").port()
    };
    let request = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=hook -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out certificate.pem";
    let made = Command::new("openssl")
        .args(request.split(' '))
        .current_dir(app.directory.path())
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
    let mut server = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-naccept",
            "2",
            "-cert",
            "certificate.pem",
            "-key",
            "key.pem",
        ])
        .args(["-accept", &format!("127.0.0.1:{port}")])
        .current_dir(app.directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    let deadline = Instant::now() + Duration::from_secs(20);
    let listens = || {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
        let address = format!("0100007F:{port:04X} 00000000:0000 0A");
        table.contains(&address)
    };
    while !listens() {
        assert!(Instant::now() < deadline, "openssl does not listen");
        std::thread::yield_now();
    }
    app.write(
        "compose.prod.yml",
        &format!("{ONE}x-deployctl: {{notify: [\"https://127.0.0.1:{port}/hook\"]}}\n"),
    );
    app.run(&["deploy", "v1"])
        .expect_code(0)
        .says("the webhook at 127.0.0.1 was not told: invalid peer certificate");
    let mut answer = server.stdin.take().expect("its input");
    answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("taken");
    let told = app
        .command(&["deploy", "v2"])
        .env("SSL_CERT_FILE", app.path("certificate.pem"))
        .output()
        .map(Ran::from)
        .expect("the binary")
        .expect_code(0);
    assert!(!told.err.contains("was not told"), "{}", told.err);
    drop(answer);
    let _ = server.kill();
    let output = server.wait_with_output().expect("an end");
    let request = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(request.starts_with("POST /hook HTTP/1.1"), "{request}");
    assert!(request.contains("\"event\":\"success\""), "{request}");
}
