//! One file per subcommand; each reads as a table of contents.

pub mod adopt;
pub mod app;
pub mod attach;
pub mod check;
pub mod config;
pub mod deploy;
mod gap;
pub mod history;
mod host;
mod images;
pub mod logs;
pub mod plan;
mod prepare;
pub mod recover;
pub mod release;
mod repair;
pub mod rollback;
pub mod status;
mod summary;

use crate::cli::{Cli, Command};
use crate::error::Error;
use crate::report::Reporter;
use app::App;

/// Runs a command; returns the exit code of a success (0, or 10 for differences).
pub async fn run(cli: &Cli, app: &App<'_>) -> Result<u8, Error> {
    match &cli.command {
        Command::Deploy(arguments) => deploy::run(app, arguments).await.map(|()| 0),
        Command::Rollback(arguments) => rollback::run(app, arguments).await.map(|()| 0),
        Command::Status(arguments) => status::run(app, arguments).await,
        Command::Logs(arguments) => logs::run(app, arguments).await.map(|()| 0),
        Command::Plan(arguments) => plan::run(app, arguments).await,
        Command::Check(arguments) => check::run(app, arguments).await.map(|()| 0),
        Command::Adopt(arguments) => adopt::run(app, arguments).await.map(|()| 0),
        Command::Attach(arguments) => attach::run(app, arguments).await.map(|()| 0),
        Command::Config(arguments) => config::run(app, arguments).map(|()| 0),
        Command::History(arguments) => history::run(app, arguments).await.map(|()| 0),
        Command::Recover => recover::run(app).await.map(|()| 0),
    }
}

/// Runs a command with its signals, prints how it ended, and returns the exit code.
pub async fn run_and_report(
    cli: &Cli,
    reporter: &Reporter,
    environment: indexmap::IndexMap<String, String>,
) -> u8 {
    let signals = match crate::signal::Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            reporter.error(&Error::new(crate::error::ErrorKind::Internal, error));
            return 1;
        }
    };
    let app = App::new(cli, reporter, environment, signals.cancel.clone());
    let mut listening = std::pin::pin!(signals.listen());
    let result = tokio::select! {
        result = run(cli, &app) => result,
        never = &mut listening => match never {},
    };
    let code = match result {
        Ok(code) => code,
        Err(error) => {
            reporter.error(&error);
            error.kind as u8
        }
    };
    tokio::select! {
        code = finish(&app, code) => code,
        never = listening => match never {},
    }
}

/// Waits for the readers of what was printed. A result that cannot be written is a failure.
async fn finish(app: &App<'_>, code: u8) -> u8 {
    let interrupted = app.cancel.is_cancelled();
    let written = tokio::select! {
        written = app.reporter.finish(interrupted) => written,
        () = app.cancel.cancelled(), if !interrupted => Ok(()),
    };
    let Err(error) = written else {
        return code;
    };
    let message = format!("cannot write to standard output: {error}");
    let error = Error::new(crate::error::ErrorKind::Check, message)
        .hint("df -h shows which disk is full; the result is not complete");
    app.reporter.error(&error);
    // Once more, for the error itself.
    let _ = app.reporter.finish(true).await;
    if code == 0 { error.kind as u8 } else { code }
}
