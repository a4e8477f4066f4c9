//! Why no plan can be made.

/// No plan can be made.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// `--service` names none.
    #[error("no service `{name}` in the project")]
    UnknownService {
        /// As given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A container of somebody else has a name that is needed.
    #[error("the container name `{name}` is taken by {holder}")]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        holder: String,
    },
    /// `container_name` allows one container only.
    #[error("service `{service}` has a `container_name` and {replicas} replicas")]
    FixedName {
        /// The service.
        service: String,
        /// How many are asked for.
        replicas: u32,
    },
    /// Two containers of the service cannot run at once.
    #[error("service `{service}` cannot start first: {reason}")]
    StartFirst {
        /// The service.
        service: String,
        /// Why not.
        reason: String,
    },
    /// The service has no image.
    #[error("service `{service}` has no `image`")]
    NoImage {
        /// The service.
        service: String,
    },
}
