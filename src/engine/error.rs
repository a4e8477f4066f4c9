//! What can go wrong between us and the engine or, through it, the registry.

use std::time::Duration;

/// A call to the engine failed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum EngineError {
    /// Nobody listens, or the socket is not there.
    #[error("no engine answers at `{address}`: {reason}")]
    Unreachable {
        /// Of the engine.
        address: String,
        /// The system's word.
        reason: String,
    },
    /// The socket may not be opened.
    #[error("permission denied on the engine's socket `{address}`")]
    PermissionDenied {
        /// Of the engine.
        address: String,
    },
    /// It accepted and did not answer.
    #[error("the engine did not answer `{call}` within {}", seconds(*.after))]
    Timeout {
        /// What was asked.
        call: String,
        /// The deadline.
        after: Duration,
    },
    /// The engine is older than we can work with.
    #[error("engine {version} (API {api_version}) is too old: API 1.41 (engine 20.10) is needed")]
    TooOld {
        /// Of the engine.
        version: String,
        /// Its newest API.
        api_version: String,
    },
    /// `DOCKER_HOST` or the context cannot be used.
    #[error("cannot connect to `{address}`: {reason}")]
    Address {
        /// As written.
        address: String,
        /// Why not.
        reason: String,
    },
    /// No such container, network, volume or image.
    #[error("{message}")]
    NotFound {
        /// The engine's word.
        message: String,
    },
    /// A name is taken, something is in use.
    #[error("{message}")]
    Conflict {
        /// The engine's word.
        message: String,
    },
    /// Any other refusal.
    #[error("the engine refused `{call}` ({status}): {message}")]
    Refused {
        /// What was asked.
        call: String,
        /// HTTP status.
        status: u16,
        /// The engine's word.
        message: String,
    },
    /// The connection broke, or the answer could not be read.
    #[error("lost the engine during `{call}`: {reason}")]
    Lost {
        /// What was asked.
        call: String,
        /// The system's word.
        reason: String,
    },
}

impl EngineError {
    /// Whether the engine is away (restarting, killed) rather than unwilling: worth waiting for.
    pub fn is_away(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Timeout { .. }
        )
    }

    /// What to type where the engine refuses for want of something on its host.
    pub fn remedy(&self) -> Option<&'static str> {
        let Self::Refused { message, .. } = self else {
            return None;
        };
        let remedies = [
            (
                "non-overlapping IPv4 address pool",
                "docker network prune   (every network takes a range of addresses, and all are taken; more: `default-address-pools` in /etc/docker/daemon.json)",
            ),
            (
                "no space left on device",
                "docker system df, then: deployctl prune",
            ),
        ];
        let remedy = remedies
            .into_iter()
            .find(|(said, _)| message.contains(said));
        remedy.map(|(_, remedy)| remedy)
    }
}

/// An image cannot be had.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PullError {
    /// The registry says that there is none.
    #[error("no image `{reference}` in the registry")]
    NotFound {
        /// As asked.
        reference: String,
    },
    /// The registry does not let us.
    #[error("access to `{reference}` denied: {}; the registry says: {message}", login.words(registry, message))]
    Denied {
        /// As asked.
        reference: String,
        /// Host of the registry, for `docker login`.
        registry: String,
        /// Who asked.
        login: Login,
        /// Its word.
        message: String,
    },
    /// Too many requests.
    #[error("the registry refuses `{reference}` for now (too many requests): {message}")]
    TooManyRequests {
        /// As asked.
        reference: String,
        /// Its word.
        message: String,
    },
    /// It cannot be reached, or does not answer.
    #[error("the registry of `{reference}` is out of reach: {message}")]
    Unreachable {
        /// As asked.
        reference: String,
        /// The system's word.
        message: String,
    },
    /// The image has no variant for this platform.
    #[error("image `{reference}` is not for this platform: {message}")]
    Platform {
        /// As asked.
        reference: String,
        /// The engine's word.
        message: String,
    },
    /// The engine's disk is full.
    #[error("the engine's disk is too full for `{reference}`: {message}")]
    DiskFull {
        /// As asked.
        reference: String,
        /// The engine's word.
        message: String,
    },
    /// Anything else that the engine says of a pull.
    #[error("cannot pull `{reference}`: {message}")]
    Failed {
        /// As asked.
        reference: String,
        /// The engine's word.
        message: String,
    },
    /// The engine itself failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Where the credentials came from that a registry was asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Nobody is logged in: it was asked anonymously.
    Missing,
    /// `docker login` stored them.
    Stored,
    /// `--registry-password-stdin`.
    Given,
    /// A credential helper, or the configuration, failed: it was asked anonymously.
    Helper(String),
}

impl Login {
    /// What the refusal means for this login.
    fn words(&self, registry: &str, message: &str) -> String {
        let of_login = match self {
            Self::Missing => return format!("nobody is logged in to `{registry}` on this host"),
            Self::Helper(reason) => {
                return format!("the login to `{registry}` cannot be read: {reason}");
            }
            Self::Stored => format!("the stored login to `{registry}`"),
            Self::Given => format!("the login to `{registry}` from standard input"),
        };
        let text = message.to_lowercase();
        if text.contains("denied") || text.contains("forbidden") {
            format!("{of_login} has expired or may not read this image")
        } else {
            format!("{of_login} is not accepted: it has expired, was revoked, or is wrong")
        }
    }

    /// What to type.
    pub fn hint(&self, registry: &str) -> String {
        match self {
            Self::Missing => {
                format!("docker login {registry}   (a token needs the right to read packages)")
            }
            Self::Stored => format!(
                "docker logout {registry}; docker login {registry}   (with a new token that may read packages)"
            ),
            Self::Given => format!(
                "give the token of this job the right to read packages of `{registry}`, and ask for a new one for each job"
            ),
            Self::Helper(_) => format!(
                "see ~/.docker/config.json (credsStore, credHelpers), then: docker login {registry}"
            ),
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
