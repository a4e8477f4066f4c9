//! The `deployctl` binary.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use deployctl::command::config::{
    ConfigError, ConfigOptions, Format, Interpolation, List, Resources, config,
};
use deployctl::project::FileSource;

fn main() -> ExitCode {
    let options = parse(std::env::args().skip(1));
    match config(&options) {
        Ok(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let hints = match &error {
                ConfigError::Locate(error) => error.hints(),
                ConfigError::Load(error) => error.hints.clone(),
            };
            let mut text = format!("error: {error}\n");
            for hint in hints {
                text += &format!("hint: {hint}\n");
            }
            let _ = std::io::stderr().write_all(text.as_bytes());
            ExitCode::from(3)
        }
    }
}

fn parse(args: impl Iterator<Item = String>) -> ConfigOptions {
    let mut options = ConfigOptions::default();
    let load = &mut options.load;
    load.directory = std::env::current_dir().unwrap_or_default();
    load.process_environment = std::env::vars().collect();
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        let (flag, attached) = match arg.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => {
                (flag.to_owned(), Some(value.to_owned()))
            }
            _ => (arg.clone(), None),
        };
        let mut value = || attached.clone().or_else(|| args.next()).unwrap_or_default();
        match flag.as_str() {
            "-f" | "--file" => {
                let file = value();
                load.files.push(if file == "-" {
                    let mut text = String::new();
                    let _ = std::io::stdin().read_to_string(&mut text);
                    FileSource::Stdin(text)
                } else {
                    FileSource::Path(file.into())
                });
            }
            "--env-file" => load.env_files.push(value().into()),
            "--env" => load.environment_name = Some(value()),
            "--profile" => load.profiles.push(value()),
            "-p" | "--project-name" => load.project_name = Some(value()),
            "--project-directory" => load.project_directory = Some(value().into()),
            "--format" => {
                options.format = if value() == "json" {
                    Format::Json
                } else {
                    Format::Yaml
                }
            }
            "--hash" => options.list = Some(List::Hash(value())),
            "--services" => options.list = Some(List::Services),
            "--profiles" => options.list = Some(List::Profiles),
            "--images" => options.list = Some(List::Images),
            "--volumes" => options.list = Some(List::Volumes),
            "--networks" => options.list = Some(List::Networks),
            "--environment" => options.list = Some(List::Environment),
            "--variables" => options.list = Some(List::Variables),
            "--no-interpolate" => options.interpolation = Interpolation::Keep,
            "--no-normalize" => load.skip.normalization = true,
            "--no-consistency" => load.skip.consistency = true,
            "--no-path-resolution" => load.skip.paths = true,
            "--no-env-resolution" => {} // docker compose takes it and resolves them all the same
            "--all-resources" => options.resources = Resources::All,
            "--compatibility" => load.skip.normalization = true,
            "config" => {}
            name => options.services.push(name.to_owned()),
        }
    }
    options
}
