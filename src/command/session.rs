//! The streams of a command in a container joined with those of this process, until it ends.

use std::io::IsTerminal as _;
use std::pin::Pin;

use futures_util::StreamExt as _;
use nix::sys::termios::{self, SetArg, Termios};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::engine::docker::DockerEngine;
use crate::engine::{Attached, Terminal, TerminalSize};
use crate::error::{Error, ErrorKind};
use crate::report::Reporter;

/// What a session is with.
pub(super) enum Peer<'a> {
    /// A command in a running container.
    Exec(&'a str),
    /// A container of its own.
    Container(&'a str),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The other side did.
    ThereFirst,
    /// SIGINT or SIGTERM here, or the reader of the output is gone: the exit code for it.
    Here(u8),
}

/// As shells report a process that SIGINT ended.
const INTERRUPTED: u8 = 130;
/// As shells report a process that SIGPIPE ended.
const NO_READER: u8 = 141;
const PIECE: usize = 64 * 1024;

/// A terminal where there is one at both ends and nobody says no.
pub(super) fn terminal(no_tty: bool) -> Terminal {
    if !no_tty && std::io::stdin().is_terminal() && Reporter::stdout_is_terminal() {
        Terminal::Tty
    } else {
        Terminal::None
    }
}

/// Copies input there and output here until the output ends.
pub(super) async fn join(
    engine: &DockerEngine,
    peer: &Peer<'_>,
    attached: Attached,
    terminal: Terminal,
    reporter: &Reporter,
    cancel: &CancellationToken,
) -> Result<Ended, Error> {
    let _raw = (terminal == Terminal::Tty)
        .then(RawTerminal::enter)
        .flatten();
    let Attached { mut output, input } = attached;
    let copying = async {
        while let Some(piece) = output.next().await {
            let piece = piece?;
            if !reporter.pass_on(piece.stream, &piece.bytes).await {
                return Ok(Ended::Here(NO_READER));
            }
        }
        // The last of a dump may still wait for its reader.
        Ok(if reporter.delivered().await {
            Ended::ThereFirst
        } else {
            Ended::Here(NO_READER)
        })
    };
    let feeding = async {
        feed(input).await;
        // The command may go on without its input.
        std::future::pending::<()>().await;
    };
    let sizes = async {
        if terminal == Terminal::Tty {
            follow_size(engine, peer).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = copying => ended,
        () = feeding => Ok(Ended::ThereFirst),
        () = sizes => Ok(Ended::ThereFirst),
        () = cancel.cancelled() => Ok(Ended::Here(INTERRUPTED)),
    }
}

/// An exit code as a process can have it.
pub(super) fn exit_code(code: i64) -> u8 {
    u8::try_from(code).unwrap_or(1)
}

/// Standard input, to its end.
async fn feed(mut input: Pin<Box<dyn AsyncWrite + Send>>) {
    let mut stdin = tokio::io::stdin();
    let mut piece = vec![0; PIECE];
    while let Ok(read @ 1..) = stdin.read(&mut piece).await {
        let written = input.write_all(&piece[..read]).await;
        if written.is_err() || input.flush().await.is_err() {
            return;
        }
    }
    // The end of the input: `psql < file` ends by it.
    let _ = input.shutdown().await;
}

async fn follow_size(engine: &DockerEngine, peer: &Peer<'_>) {
    let Ok(mut changed) = signal(SignalKind::window_change()) else {
        return;
    };
    loop {
        if let Some(size) = size() {
            // Early on the process may not be there yet; a size that cannot be told is no failure.
            let _ = match peer {
                Peer::Exec(id) => engine.resize_exec(id, size).await,
                Peer::Container(id) => engine.resize(id, size).await,
            };
        }
        changed.recv().await;
    }
}

fn size() -> Option<TerminalSize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdin()).ok()?;
    Some(TerminalSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// The terminal hands every key on, until this is dropped.
struct RawTerminal(Termios);

impl RawTerminal {
    fn enter() -> Option<Self> {
        let before = termios::tcgetattr(std::io::stdin()).ok()?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        termios::tcsetattr(std::io::stdin(), SetArg::TCSANOW, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, &self.0);
    }
}

/// The error of a command that could not even be begun.
pub(super) fn not_begun(what: &str) -> Error {
    Error::new(ErrorKind::Check, what.to_owned())
}
