//! The `deployctl` binary.

use clap::Parser as _;
use deployctl::cli::Cli;
use deployctl::command::run_and_report;
use deployctl::report::Reporter;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> std::process::ExitCode {
    let environment: indexmap::IndexMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let cli = Cli::parse();
    let reporter = Reporter::new(&cli.globals, &environment);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return std::process::ExitCode::FAILURE;
    };
    reporter.start_log();
    let code = runtime.block_on(run_and_report(&cli, &reporter, environment));
    // Everything is written. A blocking thread (a credential helper that hangs) is not waited for, and nothing is given back
    // piece by piece.
    std::mem::forget((runtime, reporter));
    std::process::ExitCode::from(code)
}
