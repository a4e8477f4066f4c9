//! The standard streams as they are: bytes of a command in a container, none of them dropped.
//!
//! Unlike [`super::output::Output`], this waits for its reader: `exec db pg_dump > file` is nothing without its end.

use std::io::IsTerminal as _;

use tokio::io::AsyncWriteExt as _;

use crate::engine::{LogStream, Piece};

/// Standard output and standard error, written to directly.
pub struct Streams {
    out: tokio::io::Stdout,
    err: tokio::io::Stderr,
}

impl Streams {
    /// Those of this process.
    pub fn new() -> Self {
        Self {
            out: tokio::io::stdout(),
            err: tokio::io::stderr(),
        }
    }

    /// Writes all bytes of a piece to the stream that it was written to.
    pub async fn write(&mut self, piece: &Piece) -> std::io::Result<()> {
        match piece.stream {
            LogStream::Stdout => {
                self.out.write_all(&piece.bytes).await?;
                self.out.flush().await
            }
            LogStream::Stderr => {
                self.err.write_all(&piece.bytes).await?;
                self.err.flush().await
            }
        }
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a person looks at standard output.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}
