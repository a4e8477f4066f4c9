//! `check`: everything that a deploy needs, before it is needed. Changes nothing.

use super::app::App;
use super::prepare::{self, Asked};
use super::release;
use super::repair::Leftovers;
use crate::error::Error;

/// Load, observe, resolve images, plan, check.
pub async fn run(app: &App<'_>) -> Result<(), Error> {
    let asked = Asked::default();
    let loaded = prepare::load(app, &asked).await?;
    let engine = app.engine().await?;
    let mark = release::mark(&loaded.directory);
    let prepared = prepare::deploy(app, &engine, loaded, &asked, &mark, Leftovers::Report).await?;
    prepare::check(app, &engine, &prepared).await?;
    app.reporter
        .result("ok: a deploy has everything that it needs\n");
    Ok(())
}
