//! Errors at the edge: a kind, which decides the exit code, the cause, and what to type next.

use std::error::Error as StdError;

use crate::engine::{EngineError, PullError};
use crate::execute::{Failed, Failure};
use crate::plan::owner::OwnerConflict;
use crate::plan::tag::TagError;
use crate::plan::{PlanError, StageKind};
use crate::project::{LoadError, LocateError};
use crate::state::{JournalError, LockError, RecordError, StateError};

/// The kinds of outcome, one exit code each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ErrorKind {
    /// A bug, or an engine error that nobody foresaw, before anything was touched.
    Internal = 1,
    /// Wrong usage.
    Usage = 2,
    /// Compose or env file invalid.
    Invalid = 3,
    /// A check failed.
    Check = 4,
    /// The lock is held.
    Locked = 5,
    /// An image cannot be had.
    Image = 6,
    /// Backup or migration failed.
    Job = 7,
    /// The new release failed and was rolled back.
    RolledBack = 8,
    /// Rolling back failed.
    Degraded = 9,
    /// `--exit-code` found differences.
    Differs = 10,
}

/// A row of the table of exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode {
    /// The number.
    pub code: u8,
    /// What it means.
    pub meaning: &'static str,
    /// What serves afterwards.
    pub serves: &'static str,
}

/// The exit codes, as the README and the documentation list them.
pub const EXIT_CODES: [ExitCode; 11] = [
    row(0, "done, or nothing to do", "the asked release"),
    row(
        1,
        "a bug or an unforeseen engine error before anything was touched",
        "the old release",
    ),
    row(2, "wrong usage", "the old release"),
    row(3, "compose or env file invalid", "the old release"),
    row(
        4,
        "a check failed (network, port, disk, permission, engine out of reach)",
        "the old release",
    ),
    row(
        5,
        "the lock is held",
        "the old release, or what its holder makes of it",
    ),
    row(6, "an image cannot be had", "the old release"),
    row(
        7,
        "backup or migration failed",
        "the old release (the database may have moved: the message says so)",
    ),
    row(
        8,
        "the new release failed and was rolled back, or was interrupted and unwound",
        "the old release, verified healthy",
    ),
    row(
        9,
        "rolling back failed",
        "degraded: the message names container by container what runs",
    ),
    row(
        10,
        "`plan --exit-code` / `status --exit-code` found differences",
        "unchanged",
    ),
];

const fn row(code: u8, meaning: &'static str, serves: &'static str) -> ExitCode {
    ExitCode {
        code,
        meaning,
        serves,
    }
}

/// What a command failed with.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct Error {
    /// Decides the exit code.
    pub kind: ErrorKind,
    /// What happened.
    pub source: Box<dyn StdError + 'static>,
    /// What to type next.
    pub hints: Vec<String>,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, source: impl Into<Box<dyn StdError + 'static>>) -> Self {
        Self {
            kind,
            source: source.into(),
            hints: Vec::new(),
        }
    }

    /// Adds what to type next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds several.
    #[must_use]
    pub fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    /// The causes below the first line.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut next = self.source.source();
        let mut last = self.source.to_string();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !last.contains(&text) {
                causes.push(text.clone());
            }
            last = text;
            next = cause.source();
        }
        causes
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        use EngineError as E;
        let (kind, hint) = match &error {
            E::Unreachable { address, .. } if address.starts_with("unix://") => {
                (ErrorKind::Check, "sudo systemctl start docker")
            }
            E::Unreachable { .. } | E::Address { .. } => (
                ErrorKind::Check,
                "check DOCKER_HOST and the docker context: docker context ls",
            ),
            E::PermissionDenied { .. } => (
                ErrorKind::Check,
                "sudo usermod -aG docker $USER, then log in again",
            ),
            E::TooOld { .. } => (ErrorKind::Check, "install Docker Engine 20.10 or newer"),
            E::Timeout { .. } => (
                ErrorKind::Check,
                "see what the engine does: sudo journalctl -u docker -n 50",
            ),
            E::Lost { .. } => (
                ErrorKind::Check,
                "see why the engine went away: sudo journalctl -u docker -n 50",
            ),
            E::NotFound { .. } | E::Conflict { .. } | E::Refused { .. } => {
                let remedy = error.remedy().map(str::to_owned);
                return Self::new(ErrorKind::Internal, error).hints(remedy);
            }
        };
        Self::new(kind, error).hint(hint)
    }
}

impl From<PullError> for Error {
    fn from(error: PullError) -> Self {
        let hint = match &error {
            PullError::Denied {
                registry, login, ..
            } => login.hint(registry),
            PullError::NotFound { reference } => missing_image_hint(reference),
            PullError::DiskFull { .. } => "docker system df, then docker image prune".to_owned(),
            PullError::TooManyRequests { .. } => "wait, or log in: docker login".to_owned(),
            PullError::Unreachable { .. } => {
                "check the network from this host to the registry, then deploy again".to_owned()
            }
            PullError::Platform { .. } => {
                "build the image for this host's platform as well: docker buildx build --platform …"
                    .to_owned()
            }
            PullError::Engine(engine) => {
                return Self {
                    kind: ErrorKind::Image,
                    ..Self::from(engine.clone())
                };
            }
            PullError::Failed { .. } => return Self::new(ErrorKind::Image, error),
        };
        Self::new(ErrorKind::Image, error).hint(hint)
    }
}

/// Images of commits are usually tagged `sha-…`.
fn missing_image_hint(reference: &str) -> String {
    let tag = crate::plan::tag::of_reference(reference).unwrap_or_default();
    let commit = tag.len() >= 7 && tag.bytes().all(|b| b.is_ascii_hexdigit());
    if commit {
        format!("did you mean `sha-{tag}`?")
    } else {
        "has CI pushed it? check the tag and the repository's name".to_owned()
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        match &error {
            PlanError::UnknownService { known, .. } => {
                let hint = format!("the services are: {}", known.join(", "));
                Self::new(ErrorKind::Usage, error).hint(hint)
            }
            PlanError::NameTaken { name, .. } => {
                let hint = format!("docker rename {name} {name}-other   (or remove it, if nobody needs it)");
                Self::new(ErrorKind::Check, error).hint(hint)
            }
            PlanError::StartFirst { .. } => Self::new(ErrorKind::Invalid, error)
                .hint("publish a range (`published: \"8000-8001\"`), let a proxy on the network reach it, or use `order: stop-first`"),
            PlanError::FixedName { .. } => Self::new(ErrorKind::Invalid, error).hint("remove `container_name`, or ask for one replica"),
            PlanError::NoImage { .. } => Self::new(ErrorKind::Invalid, error).hint("give the service an `image:`"),
        }
    }
}

impl From<TagError> for Error {
    fn from(error: TagError) -> Self {
        let hint = match &error {
            TagError::Invalid { .. } => "deployctl deploy sha-abc123".to_owned(),
            TagError::NoVariable { variables } if variables.is_empty() => {
                "write the image as `image: registry/name:${IMAGE_TAG}`, or deploy without a tag: deployctl deploy".to_owned()
            }
            TagError::NoVariable { variables } => format!(
                "write the image as `image: registry/name:${{IMAGE_TAG}}`; the variables that the files use: {}",
                variables.join(", ")
            ),
            TagError::Ambiguous { variables } => {
                format!("say which one in the compose file: `x-deployctl: {{tag_variable: {}}}`", variables.first().map_or("NAME", String::as_str))
            }
        };
        Self::new(ErrorKind::Usage, error).hint(hint)
    }
}

impl From<OwnerConflict> for Error {
    fn from(error: OwnerConflict) -> Self {
        Self::new(ErrorKind::Check, error).hints([
            "give this project a name of its own: `name:` in the compose file, or COMPOSE_PROJECT_NAME in the env file".to_owned(),
            "or take the containers over: --adopt".to_owned(),
        ])
    }
}

impl From<LocateError> for Error {
    fn from(error: LocateError) -> Self {
        let hints = error.hints();
        Self::new(ErrorKind::Invalid, error).hints(hints)
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        let hints = error.hints.clone();
        Self::new(ErrorKind::Invalid, error).hints(hints)
    }
}

impl From<LockError> for Error {
    fn from(error: LockError) -> Self {
        let kind = if matches!(error, LockError::Held { .. }) {
            ErrorKind::Locked
        } else {
            ErrorKind::Check
        };
        let hints = error.hints();
        Self::new(kind, error).hints(hints)
    }
}

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        let kind = if matches!(error, StateError::Journal(_)) && !error.is_disk_full() {
            ErrorKind::Degraded
        } else {
            ErrorKind::Check
        };
        let hints = error.hints();
        Self::new(kind, error).hints(hints)
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        let hints = error.hints();
        Self::new(ErrorKind::Degraded, error).hints(hints)
    }
}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        let hints = error.hints();
        Self::new(ErrorKind::Check, error).hints(hints)
    }
}

impl From<crate::state::FileError> for Error {
    fn from(error: crate::state::FileError) -> Self {
        let hints = error.hints();
        Self::new(ErrorKind::Check, error).hints(hints)
    }
}

/// The kind of a release that failed at a stage and was unwound.
pub fn kind_of(failed: &Failed) -> ErrorKind {
    let in_job = matches!(failed.stage, StageKind::Backup | StageKind::Migrate);
    if failed.failure == Failure::Interrupted && !in_job {
        return ErrorKind::RolledBack;
    }
    match failed.stage {
        StageKind::Pull => ErrorKind::Image,
        StageKind::Backup | StageKind::Migrate => ErrorKind::Job,
        StageKind::PutBack => ErrorKind::Check,
        _ => ErrorKind::RolledBack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::Login;

    #[test]
    fn every_kind_has_a_row_of_its_own() {
        for (number, row) in EXIT_CODES.iter().enumerate() {
            assert_eq!(usize::from(row.code), number);
        }
        assert_eq!(ErrorKind::Differs as u8, 10);
    }

    #[test]
    fn a_tag_that_is_a_bare_commit_gets_the_usual_form_as_a_hint() {
        let error = Error::from(PullError::NotFound {
            reference: "ghcr.io/acme/api:abc1234".into(),
        });
        assert_eq!(error.hints, ["did you mean `sha-abc1234`?"]);
        assert_eq!(error.kind, ErrorKind::Image);
    }

    #[test]
    fn a_denied_pull_says_where_to_log_in() {
        let error = Error::from(PullError::Denied {
            reference: "ghcr.io/a/b:1".into(),
            registry: "ghcr.io".into(),
            login: Login::Missing,
            message: "denied".into(),
        });
        assert!(error.hints[0].starts_with("docker login ghcr.io"));
        assert!(
            error
                .to_string()
                .contains("nobody is logged in to `ghcr.io`")
        );
    }

    #[test]
    fn an_engine_without_addresses_or_room_says_what_to_type() {
        let refused = |message: &str| {
            Error::from(EngineError::Refused {
                call: "create network shop_default".into(),
                status: 500,
                message: message.into(),
            })
            .hints
        };
        let full = "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network";
        assert!(refused(full)[0].starts_with("docker network prune"));
        assert!(
            refused("write /var/lib/docker: no space left on device")[0]
                .contains("deployctl prune")
        );
        assert!(refused("some other word").is_empty());
    }

    #[test]
    fn an_expired_login_is_told_from_a_missing_one() {
        let denied = |login: Login, message: &str| {
            let error = Error::from(PullError::Denied {
                reference: "ghcr.io/a/b:1".into(),
                registry: "ghcr.io".into(),
                login,
                message: message.into(),
            });
            format!("{error} | {}", error.hints.join(" "))
        };
        let expired = denied(Login::Stored, "unauthorized: authentication required");
        assert!(expired.contains("the stored login to `ghcr.io` is not accepted: it has expired"));
        assert!(expired.contains("docker logout ghcr.io; docker login ghcr.io"));
        assert!(denied(Login::Stored, "denied: denied").contains("may not read this image"));
        assert!(denied(Login::Given, "unauthorized").contains("from standard input"));
        let helper = denied(Login::Helper("it is locked".into()), "unauthorized");
        assert!(helper.contains("cannot be read: it is locked") && helper.contains("credHelpers"));
    }
}
