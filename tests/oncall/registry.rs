//! A registry that asks who one is: a login that is missing, expired, or given for one command.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::app::{App, ONE, Ran};

const REAL: &str = "127.0.0.1:5000";
/// `ci:geheim`
const ALLOWED: &str = "Basic Y2k6Z2VoZWlt";

/// The real registry behind a door.
fn guarded() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || answer(client));
        }
    });
    address
}

/// One request for each connection.
fn answer(mut client: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    // The engine tries TLS first, which begins with this byte.
    if client.peek(&mut byte).unwrap_or(0) == 0 || byte[0] == 0x16 {
        return;
    }
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |name: &str| {
        head.lines()
            .find_map(|l| {
                l.split_once(": ")
                    .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            })
            .map(|(_, value)| value.to_owned())
    };
    if header("Authorization").as_deref() != Some(ALLOWED) {
        let body =
            "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}";
        let refusal = format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"door\"\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = client.write_all(refusal.as_bytes());
        return;
    }
    let mut lines: Vec<&str> = head.trim_end().lines().collect();
    lines.retain(|l| {
        let name = l.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !matches!(name.as_str(), "authorization" | "connection")
    });
    let request = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    let mut registry = TcpStream::connect(REAL).expect("the registry");
    registry.write_all(request.as_bytes()).expect("sent");
    let _ = std::io::copy(&mut registry, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}

/// Runs a command with a docker configuration of its own and a password on standard input.
fn run(app: &App, arguments: &[&str], configuration: &str, password: &str) -> Ran {
    std::fs::create_dir_all(app.path("docker")).expect("a folder");
    app.write("docker/config.json", configuration);
    app.write("password", password);
    let stdin = std::fs::File::open(app.path("password")).expect("a file");
    let output = app
        .command(arguments)
        .env("DOCKER_CONFIG", app.path("docker"))
        .stdin(stdin)
        .output();
    Ran::from(output.expect("the binary"))
}

#[test]
fn a_missing_an_expired_and_a_given_login_are_told_apart() {
    let registry = guarded();
    let app = App::new(&ONE.replace(REAL, &registry));
    run(&app, &["deploy", "v1"], "{}", "")
        .expect_code(6)
        .says(&format!("nobody is logged in to `{registry}`"))
        .says(&format!("hint: docker login {registry}"));
    let stored =
        |password: &str| format!("{{\"auths\":{{\"{registry}\":{{\"auth\":\"{password}\"}}}}}}");
    // `ci:alt`
    run(&app, &["deploy", "v1"], &stored("Y2k6YWx0"), "")
        .expect_code(6)
        .says("it has expired, was revoked, or is wrong")
        .says(&format!(
            "hint: docker logout {registry}; docker login {registry}"
        ));
    let login = format!("ci@{registry}");
    let given = ["deploy", "v1", "--registry-password-stdin", &login];
    run(&app, &given, "{}", "falsch\n")
        .expect_code(6)
        .says("the login to")
        .says("from standard input is not accepted");
    run(&app, &given, "{}", "")
        .expect_code(2)
        .says("no password came on standard input")
        .says("echo \"$TOKEN\" | deployctl deploy");
    run(&app, &["check", "v1"], "{}", "")
        .expect_code(6)
        .says("error    images: access to")
        .says(&format!("docker login {registry}"));
    // What was given beats what is stored, and is kept nowhere.
    run(&app, &given, &stored("Y2k6YWx0"), "geheim\n").expect_code(0);
    assert_eq!(app.serves(), ["api-1 v1 running"]);
    let found = std::process::Command::new("grep")
        .args(["-rl", "geheim", "--exclude=password"])
        .arg(app.directory.path())
        .output()
        .expect("grep");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}
