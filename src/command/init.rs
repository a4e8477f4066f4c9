//! `init`: the files of a first deploy, to be read through; never over a file that is there.

mod kamal;

use std::path::Path;

use serde_json::json;

use super::app::App;
use crate::cli::InitArguments;
use crate::error::{Error, ErrorKind};
use crate::state::create_file;

const COMPOSE: &str = include_str!("init/compose.prod.yml");
const ENV: &str = include_str!("init/env.prod");
const WORKFLOW: &str = include_str!("init/workflow.yml");
const DEPLOY: &str = include_str!("init/deploy.sh");
const ROLLBACK: &str = include_str!("init/rollback.sh");

/// A file to write.
struct Draft {
    name: &'static str,
    text: String,
    mode: u32,
}

/// Writes what is not there yet, and says what to do next.
pub fn run(app: &App<'_>, arguments: &InitArguments) -> Result<(), Error> {
    let directory = app.directory()?;
    let (drafts, findings) = drafts(&directory, arguments)?;
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    for draft in &drafts {
        let path = directory.join(draft.name);
        if create_file(&path, draft.text.as_bytes(), draft.mode)? {
            written.push(draft.name);
        } else {
            kept.push(draft.name);
        }
    }
    if app.reporter.json() {
        let result = json!({"written": written, "kept": kept, "without_counterpart": findings});
        app.reporter.result(&format!("{result}\n"));
        return Ok(());
    }
    for name in &written {
        app.reporter.result(&format!("written  {name}\n"));
    }
    for name in &kept {
        app.reporter
            .result(&format!("kept     {name} (it was there)\n"));
    }
    for finding in &findings {
        app.reporter.result(&format!("missing  {finding}\n"));
    }
    app.reporter
        .note("read them through, fill in .env.prod, then: deployctl check, deployctl deploy TAG");
    Ok(())
}

fn drafts(directory: &Path, arguments: &InitArguments) -> Result<(Vec<Draft>, Vec<String>), Error> {
    let image = arguments.image.trim_end_matches('/');
    if image.is_empty()
        || !image
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-/:".contains(&b))
    {
        let message = format!("`{image}` is no name of an image");
        return Err(
            Error::new(ErrorKind::Usage, message).hint("deployctl init --image ghcr.io/acme/shop")
        );
    }
    let name = directory
        .file_name()
        .map(|n| n.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let name: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    let name = name.trim_start_matches(['-', '_']);
    let filled = |text: &str| {
        text.replace("@NAME@", if name.is_empty() { "app" } else { name })
            .replace("@IMAGE@", image)
            .replace("@PORT@", &arguments.port.to_string())
    };
    let draft = |name, text: String, mode| Draft { name, text, mode };
    let (compose, env, workflow, findings) = match &arguments.from_kamal {
        None => (filled(COMPOSE), filled(ENV), filled(WORKFLOW), Vec::new()),
        Some(file) => {
            let path = directory.join(file);
            let text = std::fs::read_to_string(&path).map_err(|e| {
                Error::new(
                    ErrorKind::Usage,
                    format!("cannot read `{}`: {e}", path.display()),
                )
            })?;
            let converted = kamal::convert(&text).map_err(|e| {
                Error::new(ErrorKind::Invalid, format!("`{}`: {e}", path.display()))
            })?;
            let workflow = WORKFLOW.replace("@IMAGE@", &converted.image);
            (
                converted.compose,
                converted.env,
                workflow,
                converted.without_counterpart,
            )
        }
    };
    let drafts = vec![
        draft("compose.prod.yml", compose, 0o644),
        draft(".env.prod", env, 0o600),
        draft(".github/workflows/deploy.yml", workflow, 0o644),
        draft("deploy.sh", DEPLOY.to_owned(), 0o755),
        draft("rollback.sh", ROLLBACK.to_owned(), 0o755),
    ];
    Ok((drafts, findings))
}
