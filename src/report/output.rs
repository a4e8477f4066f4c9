//! Writing that never stops a deploy and never cuts a result.
//!
//! Everything goes to a thread of its own. Progress is dropped, oldest first, and counted where the reader
//! is stuck; results and the lines that end a command wait for their reader.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::Notify;

use super::screen::Screen;

/// How many pieces of progress may wait for the reader.
const WAITING: usize = 4096;
/// How many bytes of a stream of results may wait for the reader.
const ROOM: usize = 1 << 20;
/// How many bytes are handed to the reader at once.
const BATCH: usize = 64 * 1024;
/// A reader that takes nothing for so long is not waited for, where only progress is left.
const STUCK: Duration = Duration::from_secs(2);
/// Between two pictures of a live region.
const PICTURE: Duration = Duration::from_millis(125);

/// One of the two standard streams.
pub struct Output {
    shared: Arc<Shared>,
    /// What the thread will do, until there is something to write.
    thread: Cell<Option<Box<dyn FnOnce() + Send>>>,
}

/// Whether a piece may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Dropped where nobody reads.
    Progress,
    /// Kept, however long it takes.
    Kept,
}

/// How long the end of a command waits for its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as it takes: what is left is a result.
    Endless,
    /// While the reader reads.
    WhileRead,
}

/// What stands below the last line, is drawn over and over, and is gone in the end.
pub trait Picture: Send + Sync {
    /// Its lines, each no wider than so many columns; empty for nothing.
    fn lines(&self, columns: usize) -> Vec<String>;
}

/// How the words for dropped lines look.
pub type Notice = fn(usize) -> String;

/// Text, and the picture below it.
struct Job {
    text: Vec<u8>,
    /// How much of the text was counted in the queue; a notice of lost lines was not.
    counted: usize,
    picture: Option<Arc<dyn Picture>>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    /// Something was written, or cannot be written any more.
    moved: Notify,
    notice: Notice,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Piece, Vec<u8>)>,
    /// Bytes in the queue, and of what is being written.
    bytes: usize,
    progress: usize,
    dropped: usize,
    writing: bool,
    /// The reader is gone.
    gone: bool,
    failed: Option<std::io::Error>,
    picture: Option<Arc<dyn Picture>>,
    /// Nobody writes any more.
    closed: bool,
}

impl Drop for Output {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.work.notify_one();
    }
}

impl Output {
    /// Standard output.
    pub fn stdout(notice: Notice) -> Self {
        Self::over(std::io::stdout(), notice)
    }

    /// Standard error.
    pub fn stderr(notice: Notice) -> Self {
        Self::over(std::io::stderr(), notice)
    }

    /// The descriptor itself: what std buffers in between could be written twice, or not at all.
    fn over(stream: impl Write + AsFd + Send + 'static, notice: Notice) -> Self {
        match stream.as_fd().try_clone_to_owned() {
            Ok(descriptor) => Self::new(std::fs::File::from(descriptor), notice),
            Err(_) => Self::new(stream, notice),
        }
    }

    /// Any writer.
    pub fn new(writer: impl Write + AsFd + Send + 'static, notice: Notice) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            moved: Notify::new(),
            notice,
        });
        let theirs = Arc::clone(&shared);
        Self {
            shared,
            thread: Cell::new(Some(Box::new(move || theirs.write_all(writer)))),
        }
    }

    fn begin(&self) {
        if let Some(write_all) = self.thread.take() {
            std::thread::spawn(write_all);
        }
    }

    /// Hands text over; never waits.
    pub fn write(&self, piece: Piece, text: &[u8]) {
        self.begin();
        self.shared.push(piece, text);
    }

    /// Draws a picture below the lines from now on, or nothing any more.
    pub fn show(&self, picture: Option<Arc<dyn Picture>>) {
        self.begin();
        self.shared.state().picture = picture;
        self.shared.work.notify_one();
    }

    /// Waits until nobody reads any more.
    pub async fn gone(&self) {
        loop {
            let moved = self.shared.moved.notified();
            let mut moved = std::pin::pin!(moved);
            moved.as_mut().enable();
            if self.shared.state().gone {
                return;
            }
            moved.await;
        }
    }

    /// Waits until there is room for more results; false when nobody reads any more.
    pub async fn room(&self) -> bool {
        loop {
            let moved = self.shared.moved.notified();
            let mut moved = std::pin::pin!(moved);
            moved.as_mut().enable();
            {
                let state = self.shared.state();
                if state.gone || state.bytes < ROOM {
                    return !state.gone;
                }
            }
            moved.await;
        }
    }

    /// Waits until everything is read, or cannot be any more; false when nobody reads what is left.
    pub async fn delivered(&self) -> bool {
        loop {
            let moved = self.shared.moved.notified();
            let mut moved = std::pin::pin!(moved);
            moved.as_mut().enable();
            {
                let state = self.shared.state();
                if state.gone || state.queue.is_empty() && !state.writing {
                    return !state.gone;
                }
            }
            moved.await;
        }
    }

    /// Waits until everything is written; with an error where a result could not be.
    pub async fn finish(&self, patience: Patience) -> std::io::Result<()> {
        loop {
            let moved = self.shared.moved.notified();
            let mut moved = std::pin::pin!(moved);
            moved.as_mut().enable();
            {
                let mut state = self.shared.state();
                if state.queue.is_empty() && !state.writing {
                    return state.failed.take().map_or(Ok(()), Err);
                }
            }
            match patience {
                Patience::Endless => moved.await,
                Patience::WhileRead => {
                    if tokio::time::timeout(STUCK, moved).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// A writer for others (the log of `-vv`), with the same manners.
    pub fn handle(&self, form: fn(&[u8]) -> Vec<u8>) -> Handle {
        self.begin();
        Handle {
            shared: Arc::clone(&self.shared),
            form,
        }
    }
}

/// Writes to an [`Output`]; never blocks and never fails.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    form: fn(&[u8]) -> Vec<u8>,
}

impl Write for Handle {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.shared.push(Piece::Progress, &(self.form)(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, piece: Piece, text: &[u8]) {
        let mut state = self.state();
        if state.gone {
            return;
        }
        if piece == Piece::Progress {
            if state.progress == WAITING {
                state.drop_oldest();
            }
            state.progress += 1;
        }
        state.bytes += text.len();
        state.queue.push_back((piece, text.to_vec()));
        self.work.notify_one();
    }

    fn write_all(&self, mut writer: impl Write + AsFd) {
        let mut screen = Screen::default();
        while let Some(job) = self.next(&screen) {
            let bytes = match &job.picture {
                None if screen.is_clear() => job.text,
                picture => {
                    let size = super::screen::size(writer.as_fd());
                    let lines = picture.as_ref().map(|p| p.lines(size.columns));
                    screen.draw(&job.text, lines.unwrap_or_default(), size)
                }
            };
            let written = self.write_out(&mut writer, &bytes);
            let mut state = self.state();
            state.writing = false;
            state.bytes -= job.counted;
            if let Err(error) = written {
                state.gone |= error.kind() == ErrorKind::BrokenPipe;
                if state.gone {
                    state.queue.clear();
                    state.bytes = 0;
                    state.picture = None;
                } else {
                    // A full disk: the deploy goes on, a result says so in the end.
                    state.failed = Some(error);
                }
            }
            drop(state);
            self.moved.notify_waiters();
        }
    }

    /// Waits for something to write: text, or another picture; `None` when nothing comes any more.
    fn next(&self, screen: &Screen) -> Option<Job> {
        let mut state = self.state();
        let begun = Instant::now();
        while state.queue.is_empty() {
            if state.closed {
                return None;
            }
            if state.picture.is_none() {
                if !screen.is_clear() {
                    break;
                }
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            } else {
                let Some(rest) = PICTURE.checked_sub(begun.elapsed()) else {
                    break;
                };
                let waited = self.work.wait_timeout(state, rest);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        state.writing = true;
        let mut batch = Vec::new();
        if state.dropped > 0 {
            batch.extend_from_slice((self.notice)(state.dropped).as_bytes());
            state.dropped = 0;
        }
        let mut counted = 0;
        while batch.len() < BATCH
            && let Some((piece, text)) = state.queue.pop_front()
        {
            state.progress -= usize::from(piece == Piece::Progress);
            counted += text.len();
            batch.extend_from_slice(&text);
        }
        Some(Job {
            text: batch,
            counted,
            picture: state.picture.clone(),
        })
    }

    /// Writes all of it. A descriptor that somebody else made non-blocking is waited for.
    fn write_out(&self, writer: &mut (impl Write + AsFd), mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            match writer.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.moved.notify_waiters();
                }
                Err(error) => wait_or_fail(writer, error)?,
            }
        }
        loop {
            match writer.flush() {
                Ok(()) => return Ok(()),
                Err(error) => wait_or_fail(writer, error)?,
            }
        }
    }
}

fn wait_or_fail(writer: &impl AsFd, error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock => {
            let mut ready = [PollFd::new(writer, PollFlags::OUT)];
            match poll(&mut ready, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
        _ => Err(error),
    }
}

impl State {
    fn drop_oldest(&mut self) {
        let oldest = self.queue.iter().position(|(p, _)| *p == Piece::Progress);
        if let Some((_, text)) = oldest.and_then(|at| self.queue.remove(at)) {
            self.bytes -= text.len();
            self.progress -= 1;
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn notice(lost: usize) -> String {
        format!("({lost} lost)\n")
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(work)
    }

    /// Reads to the end, on a thread of its own.
    fn read(mut pipe: std::io::PipeReader) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("text");
            text
        })
    }

    #[test]
    fn a_pipe_that_nobody_reads_does_not_stop_progress() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let output = Output::new(writer, notice);
        for _ in 0..20_000 {
            output.write(Piece::Progress, &[b'x'; 100]);
        }
        block_on(output.finish(Patience::WhileRead)).expect("no failure");
        let waiting = output.shared.state().queue.len();
        assert!((1..=WAITING).contains(&waiting), "{waiting}");
        drop(reader);
    }

    #[test]
    fn a_stuck_readers_oldest_lines_are_dropped_and_the_closing_one_never() {
        let (pipe, writer) = std::io::pipe().expect("a pipe");
        let output = Output::new(writer, notice);
        for number in 0..20_000 {
            output.write(Piece::Progress, format!("line {number:060}\n").as_bytes());
        }
        output.write(Piece::Kept, b"error: it failed\n");
        let text = read(pipe);
        block_on(output.finish(Patience::Endless)).expect("written");
        drop(output);
        let text = text.join().expect("text");
        assert!(text.ends_with("error: it failed\n"), "{}", text.len());
        assert!(text.contains(&format!("line {:060}\nerror", 19_999)));
        let notices: Vec<&str> = text.lines().filter(|l| l.ends_with("lost)")).collect();
        assert!(!notices.is_empty());
        assert!(text.lines().count() < 20_000);
    }

    #[test]
    fn a_result_of_any_size_is_whole_for_a_reader_that_takes_its_time() {
        let (pipe, writer) = std::io::pipe().expect("a pipe");
        let output = Output::new(writer, notice);
        let line = "x".repeat(999) + "\n";
        for _ in 0..10_000 {
            output.write(Piece::Kept, line.as_bytes());
        }
        let text = read(pipe);
        block_on(output.finish(Patience::Endless)).expect("written");
        drop(output);
        assert_eq!(text.join().expect("text").len(), 10_000_000);
    }

    #[test]
    fn a_pipe_that_somebody_made_non_blocking_is_waited_for() {
        let (pipe, writer) = std::io::pipe().expect("a pipe");
        let flags = nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK);
        nix::fcntl::fcntl(&writer, flags).expect("non-blocking");
        let output = Output::new(writer, notice);
        output.write(Piece::Kept, &vec![b'x'; 1_000_000]);
        let text = read(pipe);
        block_on(output.finish(Patience::Endless)).expect("written");
        drop(output);
        assert_eq!(text.join().expect("text").len(), 1_000_000);
    }

    #[test]
    fn a_stream_waits_for_room() {
        let (pipe, writer) = std::io::pipe().expect("a pipe");
        let output = Output::new(writer, notice);
        output.write(Piece::Kept, &vec![b'x'; ROOM + 2 * BATCH]);
        let waiting =
            async { tokio::time::timeout(Duration::from_millis(50), output.room()).await };
        assert!(block_on(waiting).is_err(), "nobody reads");
        let text = read(pipe);
        assert!(block_on(output.room()));
        drop(output);
        text.join().expect("text");
    }

    #[test]
    fn a_pipe_whose_reader_is_gone_is_no_failure_and_ends_a_stream() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = Output::new(writer, notice);
        output.write(Piece::Kept, b"text\n");
        block_on(output.finish(Patience::Endless)).expect("no failure");
        assert!(!block_on(output.room()));
    }

    #[test]
    fn what_nobody_reads_is_not_delivered() {
        let (pipe, writer) = std::io::pipe().expect("a pipe");
        let output = Output::new(writer, notice);
        output.write(Piece::Kept, &vec![b'x'; 4 * BATCH]);
        let waiting =
            async { tokio::time::timeout(Duration::from_millis(50), output.delivered()).await };
        assert!(block_on(waiting).is_err(), "nobody has read it yet");
        drop(pipe);
        assert!(!block_on(output.delivered()));
        let (pipe, writer) = std::io::pipe().expect("a pipe");
        let output = Output::new(writer, notice);
        output.write(Piece::Kept, &vec![b'x'; 4 * BATCH]);
        let text = read(pipe);
        assert!(block_on(output.delivered()));
        drop(output);
        text.join().expect("text");
    }

    #[test]
    fn a_full_disk_is_a_failure_of_the_result() {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = Output::new(full.expect("/dev/full"), notice);
        output.write(Piece::Kept, b"text\n");
        let error = block_on(output.finish(Patience::Endless)).expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}
