//! Signals at exact lines of the journal, and readers that are gone or stuck.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;

use crate::client::Client;
use crate::strace::{Point, run};
use crate::world::{PAIR, World, assert_new, assert_old, serving};

#[test]
fn sigint_or_sigterm_at_any_line_unwinds_and_says_so() {
    let app = serving(PAIR, "v1");
    let (mut undone, mut done) = (0, 0);
    for n in (1..60).step_by(3) {
        let signal = if n % 2 == 0 { "INT" } else { "TERM" };
        let case = format!("SIG{signal} at line {n}");
        let before = World::look(&app);
        let tag = other(&before);
        let client = Client::of(&app, "db");
        let words = Point::Written.words(&app, &n.to_string(), &format!("signal={signal}"));
        let ran = run(&app, &words, &["deploy", tag]);
        client.assert_nothing_failed(&case);
        match ran.code {
            0 => {
                assert_new(&app, &before, tag, &case);
                done += 1;
                if done > 2 {
                    break;
                }
            }
            7 => {
                assert!(ran.err.contains("were not touched"), "{case}: {}", ran.err);
                assert_old(&app, &before, &case);
            }
            8 => {
                let ran = ran.says("interrupted");
                assert_old(&app, &before, &case);
                undone += usize::from(ran.err.contains("the old containers are back"));
            }
            code => panic!("{case}: code {code}\n{}", ran.err),
        }
    }
    assert!(undone > 3, "{undone} interrupted after the first stop");
    assert!(done > 0, "a signal behind the commit changes nothing");
}

#[test]
fn a_second_signal_exits_at_once_and_the_next_command_recovers() {
    let app = serving(PAIR, "v1");
    let cases = [
        ("INT", 130, 6),
        ("TERM", 143, 12),
        ("INT", 130, 16),
        ("TERM", 143, 20),
    ];
    for (number, (signal, code, n)) in cases.into_iter().enumerate() {
        let case = format!("SIG{signal} twice from line {n}");
        let before = World::look(&app);
        let tag = other(&before);
        // From the line on every line brings another signal: the second comes in the unwind.
        let words = Point::Written.words(&app, &format!("{n}+"), &format!("signal={signal}"));
        let ran = run(&app, &words, &["deploy", tag]);
        assert_eq!(ran.code, code, "{case}: {}", ran.err);
        let state = app.path(".deployctl").join(&app.project);
        assert!(state.join("journal").exists(), "{case}: journal open");
        if number % 2 == 0 {
            app.run(&["recover"])
                .expect_code(0)
                .says("the old containers serve again");
            assert_old(&app, &before, &case);
        } else {
            app.run(&["deploy", tag]).expect_code(0);
            assert_new(&app, &before, tag, &case);
        }
    }
}

#[test]
fn sighup_at_every_line_stops_nothing() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let words = Point::Written.words(&app, "1+", "signal=HUP");
    run(&app, &words, &["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "SIGHUP");
}

#[test]
fn a_reader_that_reads_no_more_stops_nothing() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    fill(&writer);
    let status = app
        .command(&["deploy", "v2", "-vv"])
        .stdout(writer.try_clone().expect("a pipe"))
        .stderr(writer)
        .status();
    assert_eq!(status.expect("an end").code(), Some(0));
    assert_new(&app, &before, "v2", "a full pipe");
    drop(reader);
}

#[test]
fn a_reader_that_is_gone_does_not_keep_a_bad_release() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = app
        .command(&["deploy", "unhealthy"])
        .stdout(writer.try_clone().expect("a pipe"))
        .stderr(writer)
        .status();
    assert_eq!(status.expect("an end").code(), Some(8));
    assert_old(&app, &before, "nobody reads");
}

/// Writes until nothing more goes in.
fn fill(writer: &std::io::PipeWriter) {
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut options = std::fs::File::options();
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        nix::fcntl::OFlag::O_NONBLOCK.bits(),
    );
    let mut again = options.write(true).open(path).expect("the pipe");
    while again.write(&[b'x'; 1]).is_ok() {}
}

fn other(before: &World) -> &'static str {
    if before.tag() == "v1" { "v2" } else { "v1" }
}
