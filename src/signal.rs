//! Signals: the first SIGINT or SIGTERM unwinds, the second one exits at once; SIGHUP is nobody's business.

use std::cell::Cell;
use std::rc::Rc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals of one run.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// Cancelled by the first signal.
    pub cancel: CancellationToken,
    first: Rc<Cell<Option<&'static str>>>,
}

impl Signals {
    /// Begins to listen.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            cancel: CancellationToken::new(),
            first: Rc::default(),
        })
    }

    /// Which signal came first, for the message.
    pub fn first(&self) -> Rc<Cell<Option<&'static str>>> {
        Rc::clone(&self.first)
    }

    /// Listens for ever; to be polled beside the work.
    pub async fn listen(mut self) -> std::convert::Infallible {
        loop {
            let (name, code) = tokio::select! {
                _ = self.interrupt.recv() => ("SIGINT", 130),
                _ = self.terminate.recv() => ("SIGTERM", 143),
                // A lost connection does not stop a deploy.
                _ = self.hang_up.recv() => continue,
            };
            if self.cancel.is_cancelled() {
                exit(code);
            }
            self.first.set(Some(name));
            self.cancel.cancel();
        }
    }
}

/// The journal stays as it is: the next command recovers.
#[expect(clippy::exit, reason = "somebody asked twice: no unwind, no clean-up")]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}
