//! A command in a container, or a container itself, with its streams at this end: bytes as they are.

use bollard::container::LogOutput;
use bollard::errors::Error as DockerError;
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, ResizeContainerTTYOptions, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::DockerEngine;
use super::errors::engine_error;
use super::logs::exec_options;
use crate::engine::{Attached, EngineError, ExecRequest, LogStream, Piece, Terminal, TerminalSize};

impl DockerEngine {
    /// Starts a command in a running container, its streams attached; returns its id, too.
    pub async fn open_exec(
        &self,
        container: &str,
        request: &ExecRequest,
        terminal: Terminal,
    ) -> Result<(String, Attached), EngineError> {
        let tty = terminal == Terminal::Tty;
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            tty: Some(tty),
            ..exec_options(request)
        };
        let exec = self
            .short("exec", self.docker.create_exec(container, options))
            .await?;
        let start = StartExecOptions {
            tty,
            ..StartExecOptions::default()
        };
        let started = self
            .short("exec", self.docker.start_exec(&exec.id, Some(start)))
            .await?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(EngineError::Lost {
                call: "exec".into(),
                reason: "the engine attached nothing".into(),
            });
        };
        let output = self.pieces("exec", output);
        Ok((exec.id, Attached { output, input }))
    }

    /// The exit code of a command that has ended.
    pub async fn exec_code(&self, exec: &str) -> Result<i64, EngineError> {
        let ended = self
            .short("inspect exec", self.docker.inspect_exec(exec))
            .await?;
        Ok(ended.exit_code.unwrap_or(-1))
    }

    /// Tells a command's terminal how large it is.
    pub async fn resize_exec(&self, exec: &str, size: TerminalSize) -> Result<(), EngineError> {
        let size = ResizeExecOptions {
            height: size.rows,
            width: size.columns,
        };
        self.short("resize", self.docker.resize_exec(exec, size))
            .await
    }

    /// Attaches to a container that is not started yet: nothing it writes is missed.
    pub async fn attach(&self, container: &str) -> Result<Attached, EngineError> {
        let options = AttachContainerOptionsBuilder::default()
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let attached = self
            .short(
                "attach",
                self.docker.attach_container(container, Some(options)),
            )
            .await?;
        Ok(Attached {
            output: self.pieces("attach", attached.output),
            input: attached.input,
        })
    }

    /// Waits until a container has ended, however long it takes, and returns its exit code.
    pub async fn wait_exit(&self, container: &str) -> Result<i64, EngineError> {
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let mut ended = self
            .docker
            .wait_container(container, Some(options))
            .boxed_local();
        match ended.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // The client takes every code but 0 for an error.
            Some(Err(DockerError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(engine_error(&self.address, "wait", &error)),
            None => Err(EngineError::Lost {
                call: "wait".into(),
                reason: "the engine went away".into(),
            }),
        }
    }

    /// Tells a container's terminal how large it is.
    pub async fn resize(&self, container: &str, size: TerminalSize) -> Result<(), EngineError> {
        let size = ResizeContainerTTYOptions {
            h: i32::from(size.rows),
            w: i32::from(size.columns),
        };
        self.short("resize", self.docker.resize_container_tty(container, size))
            .await
    }

    fn pieces(
        &self,
        call: &'static str,
        output: std::pin::Pin<
            Box<dyn futures_util::Stream<Item = Result<LogOutput, DockerError>> + Send>,
        >,
    ) -> BoxStream<'static, Result<Piece, EngineError>> {
        let address = self.address.clone();
        output
            .map(move |piece| match piece {
                Ok(piece) => Ok(Piece {
                    stream: match &piece {
                        LogOutput::StdErr { .. } => LogStream::Stderr,
                        _ => LogStream::Stdout,
                    },
                    bytes: piece.into_bytes().to_vec(),
                }),
                Err(error) => Err(engine_error(&address, call, &error)),
            })
            .boxed()
    }
}
