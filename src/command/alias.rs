//! A command of the team's own: a name under `x-deployctl.aliases` stands for the words behind it.

use std::collections::BTreeMap;

use super::app::App;
use super::services;
use crate::cli::{self, Cli, Command};
use crate::error::{Error, ErrorKind};
use crate::project::{Project, closest};

/// The command line with the alias written out; what stands before and behind it stays.
pub(super) async fn expand(
    app: &App<'_>,
    arguments: &[String],
    given: &[String],
) -> Result<Cli, Error> {
    let name = given.first().map(String::as_str).unwrap_or_default();
    let loaded = app.load(indexmap::IndexMap::new()).await;
    let aliases = match &loaded {
        Ok((_, project)) => aliases(project)?,
        // Whoever mistypes a command need not be told of the compose file.
        Err(_) => BTreeMap::new(),
    };
    let Some(line) = aliases.get(name) else {
        return Err(unknown(name, &aliases));
    };
    let before = arguments.len().saturating_sub(given.len());
    let words: Vec<String> = arguments[..before]
        .iter()
        .cloned()
        .chain(services::words(line)?)
        .chain(given[1..].iter().cloned())
        .collect();
    let cli = cli::parse(&words).map_err(|message| {
        Error::new(
            ErrorKind::Usage,
            format!("alias `{name}` stands for `{line}`, which is no command: {message}"),
        )
    })?;
    if matches!(cli.command, Command::Alias(_)) {
        let message = format!("alias `{name}` stands for `{line}`, which is no command");
        return Err(Error::new(ErrorKind::Usage, message)
            .hint("an alias begins with a command of deployctl, such as `exec` or `run`"));
    }
    Ok(cli)
}

fn aliases(project: &Project) -> Result<BTreeMap<String, String>, Error> {
    let written = project
        .extensions
        .get("x-deployctl")
        .and_then(|x| x.get("aliases"));
    let Some(written) = written else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_value(written.clone()).map_err(|_| {
        Error::new(
            ErrorKind::Invalid,
            "`x-deployctl.aliases` is no mapping of names to command lines",
        )
        .hint("write it like `aliases: {console: exec api bin/console}`")
    })
}

fn unknown(name: &str, aliases: &BTreeMap<String, String>) -> Error {
    let commands = cli::command_names();
    let known = commands.iter().chain(aliases.keys()).map(String::as_str);
    let error = Error::new(ErrorKind::Usage, format!("there is no command `{name}`"));
    match closest(name, known) {
        Some(likely) => error.hint(format!("did you mean `{likely}`?")),
        None => error.hint("deployctl --help"),
    }
}
