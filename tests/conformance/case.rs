//! A project on disk with docker compose's answers, and how the binary is asked the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::compare::{first_difference, same_lines};

/// What a program is asked about a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// `config --format json`
    Model,
    /// `config`
    Yaml,
    /// `config --hash '*'`
    Hash,
    /// `config --services`, …
    List(&'static str),
    /// `config --no-interpolate --format json`
    NoInterpolate,
}

impl Question {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Model,
        Self::Yaml,
        Self::Hash,
        Self::List("services"),
        Self::List("profiles"),
        Self::List("images"),
        Self::List("volumes"),
        Self::List("networks"),
        Self::List("environment"),
        Self::NoInterpolate,
    ];

    fn arguments(self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Model => &["--format", "json"],
            Self::Yaml => &[],
            Self::Hash => &["--hash", "*"],
            Self::NoInterpolate => &["--no-interpolate", "--format", "json"],
            Self::List(name) => return vec![format!("--{name}")],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// The files that may hold the answer; several where docker compose is undecided.
    fn answer_files(self, directory: &Path) -> Vec<PathBuf> {
        let (stem, extension) = match self {
            Self::Model => ("expected.config", "json"),
            Self::Yaml => ("expected.config", "yaml"),
            Self::Hash => ("expected.hash", "txt"),
            Self::List(_) => ("expected.extra", "json"),
            Self::NoInterpolate => ("expected.no-interpolate", "json"),
        };
        let numbered = (2..6).map(|number| format!("{stem}.{number}.{extension}"));
        std::iter::once(format!("{stem}.{extension}"))
            .chain(numbered)
            .map(|name| directory.join(name))
            .filter(|path| path.exists())
            .collect()
    }
}

pub(crate) struct Case {
    pub(crate) name: String,
    directory: PathBuf,
    description: Value,
}

impl Case {
    /// The cases of a folder, by name; those whose answer is plainly a fault of docker compose are left out.
    pub(crate) fn all(folder: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut directories: Vec<PathBuf> = entries
            .map(|entry| entry.expect("a working test").path())
            .collect();
        directories.sort();
        let cases = directories.into_iter().map(Self::read);
        cases
            .filter(|case| case.description["quirk"].is_null())
            .collect()
    }

    fn read(directory: PathBuf) -> Self {
        let text = std::fs::read_to_string(directory.join("case.json")).expect("a working test");
        Self {
            name: directory
                .file_name()
                .expect("a working test")
                .to_string_lossy()
                .into_owned(),
            description: serde_json::from_str(&text).expect("a working test"),
            directory,
        }
    }

    /// Whether docker compose's answer is known.
    pub(crate) fn answers(&self, question: &Question) -> bool {
        match question {
            Question::Model => true,
            Question::Hash => !self.description["hash_outcome"].is_null(),
            Question::List(name) => self.list(name).is_some(),
            _ => !question.answer_files(&self.directory).is_empty(),
        }
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        let file = Question::List("")
            .answer_files(&self.directory)
            .into_iter()
            .next()?;
        let lists: Value =
            serde_json::from_str(&std::fs::read_to_string(file).expect("a working test"))
                .expect("a working test");
        serde_json::from_value(lists.get(name)?.clone()).ok()
    }

    fn outcome(&self, question: Question) -> &str {
        let of_hash = self.description["hash_outcome"].as_str();
        let outcome = self.description["outcome"]
            .as_str()
            .expect("a working test");
        of_hash
            .filter(|_| question == Question::Hash)
            .unwrap_or(outcome)
    }

    /// Puts the files of the case, and nothing else, into a folder.
    pub(crate) fn copy_files(&self, place: &Path) {
        for entry in std::fs::read_dir(place).expect("a working test") {
            let path = entry.expect("a working test").path();
            if path.is_dir() && !path.is_symlink() {
                std::fs::remove_dir_all(path).expect("a working test");
            } else {
                std::fs::remove_file(path).expect("a working test");
            }
        }
        let files = self.directory.join("files");
        if files.is_dir() {
            copy(&files, place);
        }
        if let Some(directory) = self.description["cwd"].as_str() {
            std::fs::create_dir_all(place.join(directory)).expect("a working test");
        }
    }

    /// Asks the binary and compares; the difference as text.
    pub(crate) fn ask(&self, question: &Question, place: &Path) -> Result<(), String> {
        let output = self.answer(*question, place);
        let errors = String::from_utf8_lossy(&output.stderr);
        let outcome = self.outcome(*question);
        if output.status.code().is_none_or(|code| code == 101) {
            return Err(format!("crashed: {errors}"));
        }
        if !output.status.success() {
            return if outcome == "ok" {
                Err(format!("refused: {}", errors.trim()))
            } else {
                Ok(())
            };
        }
        if outcome == "error" {
            return Err("accepted, but docker compose refuses it".into());
        }
        self.compare(*question, &String::from_utf8_lossy(&output.stdout))
    }

    fn compare(&self, question: Question, got: &str) -> Result<(), String> {
        if let Question::List(name) = question {
            return same_lines(&self.list(name).unwrap_or_default().join("\n"), got);
        }
        let mut result = Err("there is no answer to compare with".to_owned());
        for file in question.answer_files(&self.directory) {
            let want = std::fs::read_to_string(file).expect("a working test");
            result = match question {
                Question::Model | Question::NoInterpolate => first_difference(&want, got),
                _ => same_lines(&want, got),
            };
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Runs the binary in `/case`, which is the folder for this one process.
    fn answer(&self, question: Question, place: &Path) -> Output {
        let words = |key: &str| -> Vec<String> {
            serde_json::from_value(self.description[key].clone()).unwrap_or_default()
        };
        let directory = self.description["cwd"].as_str().unwrap_or_default();
        let stdin = match self.description["stdin"].as_str() {
            Some(name) => std::fs::File::open(place.join(name))
                .expect("a working test")
                .into(),
            None => Stdio::null(),
        };
        let environment: BTreeMap<String, String> =
            serde_json::from_value(self.description["env"].clone()).unwrap_or_default();
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c"])
            .arg(r#"mount --bind "$1" /case && shift && exec "$@""#)
            .arg("sh")
            .arg(place)
            // The shell has variables of its own, which docker compose did not see.
            .args(["env", "-i", "-C"])
            .arg(Path::new("/case").join(directory))
            .args([
                "HOME=/nonexistent",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ])
            .args(
                environment
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            )
            .arg(env!("CARGO_BIN_EXE_deployctl"))
            .args(words("argv"))
            .arg("config")
            .args(question.arguments());
        if question != Question::Hash {
            command.args(words("config_args"));
        }
        command.stdin(stdin);
        command.output().expect("a working test")
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a working test");
    for entry in std::fs::read_dir(from).expect("a working test") {
        let entry = entry.expect("a working test");
        let (kind, target) = (
            entry.file_type().expect("a working test"),
            to.join(entry.file_name()),
        );
        if kind.is_symlink() {
            std::os::unix::fs::symlink(
                std::fs::read_link(entry.path()).expect("a working test"),
                target,
            )
            .expect("a working test");
        } else if kind.is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a working test");
        }
    }
}
