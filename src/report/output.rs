//! Writing that never blocks and never fails: a deploy outlives its reader.
//!
//! Lines go to a thread of their own. Where the reader is stuck they are dropped and counted; where it is
//! gone they are dropped.

use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// How many pieces may wait for the reader.
const WAITING: usize = 4096;
/// How long the end of a command waits for its reader.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// One of the two standard streams.
pub struct Output {
    sender: SyncSender<Piece>,
    done: Mutex<Receiver<()>>,
    dropped: Arc<AtomicUsize>,
}

enum Piece {
    Text(Vec<u8>),
    Finish,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self::new(std::io::stdout())
    }

    /// Standard error.
    pub fn stderr() -> Self {
        Self::new(std::io::stderr())
    }

    /// Any writer.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(WAITING);
        let (done_sender, done) = sync_channel(1);
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&dropped);
        std::thread::spawn(move || write_all(writer, &receiver, &done_sender, &count));
        Self {
            sender,
            done: Mutex::new(done),
            dropped,
        }
    }

    /// Hands text over; drops it where the reader is stuck.
    pub fn write(&self, text: &[u8]) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Piece::Text(text.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A writer for others (the log of `-vv`), with the same manners.
    pub fn handle(&self) -> Handle {
        Handle {
            sender: self.sender.clone(),
            dropped: Arc::clone(&self.dropped),
        }
    }

    /// Waits until everything is written, but not for a reader that is stuck.
    pub fn finish(&self) {
        if self.sender.try_send(Piece::Finish).is_ok()
            && let Ok(done) = self.done.lock()
        {
            let _ = done.recv_timeout(LAST_WORDS);
        }
    }
}

/// Writes to an [`Output`]; never blocks and never fails.
#[derive(Clone)]
pub struct Handle {
    sender: SyncSender<Piece>,
    dropped: Arc<AtomicUsize>,
}

impl Write for Handle {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Piece::Text(text.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn write_all(
    mut writer: impl Write,
    pieces: &Receiver<Piece>,
    done: &SyncSender<()>,
    dropped: &AtomicUsize,
) {
    for piece in pieces {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(writer, "({lost} lines were dropped: nobody read them)");
        }
        // A reader that is gone, a full disk: the deploy goes on.
        match piece {
            Piece::Text(text) => {
                let _ = writer.write_all(&text).and_then(|()| writer.flush());
            }
            Piece::Finish => {
                let _ = writer.flush();
                let _ = done.try_send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_pipe_that_nobody_reads_does_not_block() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let output = Output::new(writer);
        let started = Instant::now();
        for _ in 0..20_000 {
            output.write(&[b'x'; 100]);
        }
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "{:?}",
            started.elapsed()
        );
        assert!(output.dropped.load(Ordering::Relaxed) > 0);
        drop(reader);
    }

    #[test]
    fn a_pipe_whose_reader_is_gone_is_no_failure() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = Output::new(writer);
        output.write(b"text\n");
        output.finish();
    }

    #[test]
    fn everything_is_written_in_order_before_the_end() {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let output = Output::new(writer);
        output.write(b"one\n");
        output.write(b"two\n");
        output.finish();
        let mut text = [0_u8; 8];
        std::io::Read::read_exact(&mut reader, &mut text).expect("text");
        assert_eq!(&text, b"one\ntwo\n");
    }
}
