//! One file per subcommand; each reads as a table of contents.

pub mod adopt;
mod alias;
pub mod app;
pub mod attach;
pub mod check;
pub mod config;
pub mod deploy;
pub mod exec;
mod gap;
pub mod gate;
pub mod history;
mod hooks;
mod host;
mod images;
pub mod init;
pub mod logs;
pub mod maintenance;
pub mod migrate;
mod notices;
pub mod plan;
mod prepare;
pub mod prune;
pub mod recover;
pub mod release;
mod repair;
pub mod rollback;
pub mod run;
mod schema;
mod services;
mod session;
pub mod status;
mod summary;

use crate::cli::{Cli, Command};
use crate::error::Error;
use crate::report::Reporter;
use app::App;

/// Runs a command; returns the exit code of a success (0, or 10 for differences).
pub async fn dispatch(cli: &Cli, app: &App<'_>) -> Result<u8, Error> {
    match &cli.command {
        Command::Deploy(arguments) => {
            let result = deploy::run(app, arguments).await;
            app.notices.ended(app, &result).await;
            result.map(|()| 0)
        }
        Command::Rollback(arguments) => {
            let result = rollback::run(app, arguments).await;
            app.notices.ended(app, &result).await;
            result.map(|()| 0)
        }
        Command::Status(arguments) => status::run(app, arguments).await,
        Command::Logs(arguments) => logs::run(app, arguments).await.map(|()| 0),
        Command::Plan(arguments) => plan::run(app, arguments).await,
        Command::Check(arguments) => check::run(app, arguments).await.map(|()| 0),
        Command::Adopt(arguments) => adopt::run(app, arguments).await.map(|()| 0),
        Command::Attach(arguments) => attach::run(app, arguments).await.map(|()| 0),
        Command::Config(arguments) => config::run(app, arguments).map(|()| 0),
        Command::History(arguments) => history::run(app, arguments).await.map(|()| 0),
        Command::Recover => recover::run(app).await.map(|()| 0),
        Command::Exec(arguments) => exec::run(app, arguments).await,
        Command::Run(arguments) => run::run(app, arguments).await,
        Command::Migrate(arguments) => migrate::run(app, arguments).await.map(|()| 0),
        Command::Restart(arguments) => maintenance::restart(app, arguments).await.map(|()| 0),
        Command::Stop(arguments) => maintenance::stop(app, arguments).await.map(|()| 0),
        Command::Start(arguments) => maintenance::start(app, arguments).await.map(|()| 0),
        Command::Prune(arguments) => prune::run(app, arguments).await.map(|()| 0),
        Command::Init(arguments) => init::run(app, arguments).map(|()| 0),
        Command::Gate(arguments) => gate::run(app, arguments),
        Command::Completions(arguments) => {
            app.reporter
                .result(&crate::cli::completion_script(arguments.shell));
            Ok(0)
        }
        Command::Man => {
            app.reporter.result(&crate::cli::manual_page());
            Ok(0)
        }
        Command::Alias(given) => {
            let words = std::env::args_os().map(|w| w.to_string_lossy().into_owned());
            let cli = alias::expand(app, &words.collect::<Vec<_>>(), given).await?;
            let app = App::new(
                &cli,
                app.reporter,
                app.environment.clone(),
                app.cancel.clone(),
            );
            Box::pin(dispatch(&cli, &app)).await
        }
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
        result = dispatch(cli, &app) => result,
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
