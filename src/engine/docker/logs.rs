//! A container's output, in lines; and commands run inside of it.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, LocalBoxStream};

use super::DockerEngine;
use crate::engine::{EngineError, ExecRequest, ExecResult, LogLine, LogOptions, LogStream};

/// A line that is longer is cut: a container that writes none at all must not fill the memory.
const LONGEST_LINE: usize = 64 * 1024;
/// How long a hook may run.
const HOOK: Duration = Duration::from_mins(10);

impl DockerEngine {
    pub(super) fn log_stream(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> LocalBoxStream<'static, Result<LogLine, EngineError>> {
        let mut query = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .follow(options.follow)
            .timestamps(options.timestamps);
        let seconds = |s: i64| i32::try_from(s).unwrap_or(i32::MAX);
        if let Some(since) = options.since {
            query = query.since(seconds(since));
        }
        if let Some(until) = options.until {
            query = query.until(seconds(until));
        }
        let tail = options
            .tail
            .map_or_else(|| "all".to_owned(), |n| n.to_string());
        let query = query.tail(&tail).build();
        let output = self.docker.logs(container, Some(query)).boxed();
        let address = self.address.clone();
        let lines = stream::unfold(
            Lines {
                output,
                ready: VecDeque::new(),
                open: Default::default(),
                ended: false,
            },
            move |mut lines| {
                let address = address.clone();
                async move { lines.next(&address).await.map(|line| (line, lines)) }
            },
        );
        lines.boxed_local()
    }

    pub(super) async fn run_exec(
        &self,
        container: &str,
        request: &ExecRequest,
    ) -> Result<ExecResult, EngineError> {
        let options = exec_options(request);
        let exec = self
            .short("exec", self.docker.create_exec(container, options))
            .await?;
        let started = self
            .short(
                "exec",
                self.docker.start_exec(&exec.id, None::<StartExecOptions>),
            )
            .await?;
        let mut text = String::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            let read = async {
                while let Some(Ok(piece)) = output.next().await {
                    text.push_str(&String::from_utf8_lossy(piece.as_ref()));
                }
            };
            tokio::time::timeout(HOOK, read)
                .await
                .map_err(|_| EngineError::Timeout {
                    call: "exec".into(),
                    after: HOOK,
                })?;
        }
        let ended = self
            .short("inspect exec", self.docker.inspect_exec(&exec.id))
            .await?;
        Ok(ExecResult {
            exit_code: ended.exit_code.unwrap_or(-1),
            output: text,
        })
    }
}

struct Lines {
    output: BoxStream<'static, Result<LogOutput, bollard::errors::Error>>,
    ready: VecDeque<LogLine>,
    /// What has no line end yet, of standard output and standard error.
    open: [Vec<u8>; 2],
    ended: bool,
}

impl Lines {
    async fn next(&mut self, address: &str) -> Option<Result<LogLine, EngineError>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(Ok(line));
            }
            if self.ended {
                return None;
            }
            match self.output.next().await {
                Some(Ok(piece)) => self.take(&piece),
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(super::errors::engine_error(address, "logs", &error)));
                }
                None => {
                    self.ended = true;
                    self.rest();
                }
            }
        }
    }

    fn take(&mut self, piece: &LogOutput) {
        let stream = if matches!(piece, LogOutput::StdErr { .. }) {
            LogStream::Stderr
        } else {
            LogStream::Stdout
        };
        let open = &mut self.open[usize::from(stream == LogStream::Stderr)];
        open.extend_from_slice(piece.as_ref());
        while let Some(end) = open
            .iter()
            .position(|b| *b == b'\n')
            .or((open.len() > LONGEST_LINE).then_some(LONGEST_LINE))
        {
            let line: Vec<u8> = open.drain(..=end.min(open.len() - 1)).collect();
            self.ready.push_back(LogLine {
                stream,
                text: text(&line),
            });
        }
    }

    fn rest(&mut self) {
        for (open, stream) in self
            .open
            .iter_mut()
            .zip([LogStream::Stdout, LogStream::Stderr])
        {
            if !open.is_empty() {
                self.ready.push_back(LogLine {
                    stream,
                    text: text(&std::mem::take(open)),
                });
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end_matches(['\n', '\r']).to_owned()
}

/// What every command in a container has.
pub(super) fn exec_options(request: &ExecRequest) -> CreateExecOptions<String> {
    CreateExecOptions {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(request.command.clone()),
        env: Some(request.environment.clone()),
        user: request.user.clone(),
        working_dir: request.working_dir.clone(),
        privileged: Some(request.privileged),
        ..CreateExecOptions::default()
    }
}
