//! Tells the engine's and the registry's refusals apart.

use bollard::errors::Error;

use crate::engine::error::Login;
use crate::engine::{EngineError, PullError};

/// What a failed call means.
pub(super) fn engine_error(address: &str, call: &str, error: &Error) -> EngineError {
    match error {
        Error::DockerResponseServerError {
            status_code: 404,
            message,
        } => EngineError::NotFound {
            message: message.clone(),
        },
        // Somebody removes it at this moment: it is as good as gone.
        Error::DockerResponseServerError { message, .. }
            if message.contains("is marked for removal") =>
        {
            EngineError::NotFound {
                message: message.clone(),
            }
        }
        Error::DockerResponseServerError {
            status_code: 409,
            message,
        } => EngineError::Conflict {
            message: message.clone(),
        },
        Error::DockerResponseServerError {
            status_code,
            message,
        } => EngineError::Refused {
            call: call.to_owned(),
            status: *status_code,
            message: message.clone(),
        },
        Error::DockerStreamError { error } => EngineError::Refused {
            call: call.to_owned(),
            status: 500,
            message: error.clone(),
        },
        Error::RequestTimeoutError => EngineError::Timeout {
            call: call.to_owned(),
            after: super::SHORT,
        },
        other => connection_error(address, call, other),
    }
}

/// What a broken, refused or missing connection means.
fn connection_error(address: &str, call: &str, error: &Error) -> EngineError {
    let reason = innermost(error).to_string();
    if reason.contains("client error (Connect)") || reason.contains("tcp connect") {
        return EngineError::Unreachable {
            address: address.to_owned(),
            reason,
        };
    }
    of_kind(address, call, io_kind(error), reason)
}

/// The same for a connection of our own.
pub(super) fn io_error(address: &str, call: &str, error: &std::io::Error) -> EngineError {
    of_kind(address, call, Some(error.kind()), error.to_string())
}

fn of_kind(
    address: &str,
    call: &str,
    kind: Option<std::io::ErrorKind>,
    reason: String,
) -> EngineError {
    use std::io::ErrorKind;
    match kind {
        Some(ErrorKind::PermissionDenied) => EngineError::PermissionDenied {
            address: address.to_owned(),
        },
        Some(ErrorKind::NotFound | ErrorKind::ConnectionRefused) => EngineError::Unreachable {
            address: address.to_owned(),
            reason,
        },
        _ => EngineError::Lost {
            call: call.to_owned(),
            reason,
        },
    }
}

fn innermost<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        next = error.source();
    }
    None
}

/// What the engine says of a registry. It passes the registry's answer on as text, so text decides.
pub(super) fn pull_error(reference: &str, registry: &str, error: EngineError) -> PullError {
    let message = match &error {
        EngineError::NotFound { message }
        | EngineError::Conflict { message }
        | EngineError::Refused { message, .. } => message.clone(),
        _ => return PullError::Engine(error),
    };
    classify(reference, registry, message)
}

/// A refusal, with what is known of the login that was refused.
pub(super) fn with_login(mut error: PullError, used: &Login) -> PullError {
    if let PullError::Denied { login, .. } = &mut error {
        login.clone_from(used);
    }
    error
}

/// Tells what a registry's refusal means.
pub(super) fn classify(reference: &str, registry: &str, message: String) -> PullError {
    let reference = reference.to_owned();
    let text = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| text.contains(w));
    if says(&["toomanyrequests", "too many requests"]) {
        PullError::TooManyRequests { reference, message }
    } else if says(&["no space left", "disk quota exceeded"]) {
        PullError::DiskFull { reference, message }
    } else if says(&[
        "no matching manifest",
        "does not match the specified platform",
        "image operating system",
    ]) {
        PullError::Platform { reference, message }
    } else if says(&[
        "unauthorized",
        "denied",
        "no basic auth",
        "authentication required",
        "forbidden",
    ]) {
        PullError::Denied {
            reference,
            registry: registry.to_owned(),
            login: Login::Missing,
            message,
        }
    } else if says(&[
        "manifest unknown",
        "not found",
        "name unknown",
        "repository name not known",
        "no such image",
    ]) {
        PullError::NotFound { reference }
    } else if says(&[
        "connection refused",
        "no such host",
        "i/o timeout",
        "timeout",
        "eof",
        "network is unreachable",
        "no route to host",
        "connection reset",
        "server misbehaving",
        "deadline exceeded",
        "canceled",
        "bad gateway",
        "service unavailable",
    ]) {
        PullError::Unreachable { reference, message }
    } else {
        PullError::Failed { reference, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_somebody_removes_at_this_moment_is_gone_and_other_conflicts_stay() {
        let kind = |status_code: u16, message: &str| {
            let message = message.to_owned();
            let error = Error::DockerResponseServerError {
                status_code,
                message,
            };
            engine_error("unix:///run/docker.sock", "start", &error)
        };
        let going = "container is marked for removal and cannot be started";
        for status in [409, 500] {
            assert!(matches!(kind(status, going), EngineError::NotFound { .. }));
        }
        let taken = kind(409, "Conflict. The container name \"/a\" is already in use");
        assert!(matches!(taken, EngineError::Conflict { .. }));
    }

    #[test]
    fn a_registrys_refusals_are_told_apart() {
        let kind = |text: &str| {
            format!("{:?}", classify("r/a:1", "r", text.to_owned()))
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(
            kind("manifest for r/a:1 not found: manifest unknown: manifest unknown"),
            "NotFound"
        );
        assert_eq!(
            kind(
                "errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required"
            ),
            "Denied"
        );
        assert_eq!(
            kind("Head https://r/v2/a/manifests/1: no basic auth credentials"),
            "Denied"
        );
        assert_eq!(
            kind("toomanyrequests: You have reached your pull rate limit."),
            "TooManyRequests"
        );
        assert_eq!(
            kind("Get http://127.0.0.1:1/v2/: dial tcp 127.0.0.1:1: connect: connection refused"),
            "Unreachable"
        );
        assert_eq!(
            kind("dial tcp: lookup ghcr.io on 1.1.1.1:53: no such host"),
            "Unreachable"
        );
        assert_eq!(
            kind("write /var/lib/docker/x: no space left on device"),
            "DiskFull"
        );
        assert_eq!(
            kind("no matching manifest for linux/arm64 in the manifest list entries"),
            "Platform"
        );
        assert_eq!(kind("something else"), "Failed");
    }
}
