//! The user's registry credentials: of the command line, `config.json`, `credHelpers`, `credsStore`.

use std::path::Path;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::DockerEngine;
use crate::engine::error::Login;

/// Where `docker login` keeps what it is told for Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";

/// A login that lives as long as the command. Its password is in memory only.
#[derive(Clone)]
pub struct GivenLogin {
    /// Host of the registry.
    pub registry: String,
    /// The user.
    pub user: String,
    /// The password or token.
    pub password: String,
}

impl std::fmt::Debug for GivenLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GivenLogin({}@{})", self.user, self.registry)
    }
}

/// Credentials for a reference, and where they come from.
pub(super) struct Found {
    /// Without any the registry is asked anonymously, which public ones accept.
    pub credentials: Option<DockerCredentials>,
    pub login: Login,
}

impl DockerEngine {
    /// Uses this login for its registry, before all others.
    pub fn log_in(&mut self, login: GivenLogin) {
        self.given = Some(login);
    }

    pub(super) async fn credentials(&self, reference: &str) -> Found {
        let host = registry(reference);
        let server = server(&host);
        let named = DockerCredentials {
            serveraddress: Some(server.clone()),
            ..DockerCredentials::default()
        };
        if let Some(given) = self.given.as_ref().filter(|g| is_same(&g.registry, &host)) {
            return Found {
                credentials: Some(DockerCredentials {
                    username: Some(given.user.clone()),
                    password: Some(given.password.clone()),
                    ..named
                }),
                login: Login::Given,
            };
        }
        let (login, found) = match self.stored(server).await {
            Ok(found) => (Login::Stored, found),
            Err(login) => {
                return Found {
                    credentials: None,
                    login,
                };
            }
        };
        let credentials = match found {
            DockerCredential::IdentityToken(token) => DockerCredentials {
                identitytoken: Some(token),
                ..named
            },
            DockerCredential::UsernamePassword(user, password) => DockerCredentials {
                username: Some(user),
                password: Some(password),
                ..named
            },
        };
        Found {
            credentials: Some(credentials),
            login,
        }
    }

    /// A credential helper is another program: it may take its time, and it may fail.
    async fn stored(&self, server: String) -> Result<DockerCredential, Login> {
        let Some(folder) = self.configuration.clone() else {
            return Err(Login::Missing);
        };
        let reading =
            tokio::task::spawn_blocking(move || read(&folder.join("config.json"), &server));
        match reading.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(why_not(&error)),
            Err(_) => Err(Login::Missing),
        }
    }
}

fn why_not(error: &CredentialRetrievalError) -> Login {
    use CredentialRetrievalError as E;
    match error {
        E::HelperFailure {
            helper,
            stdout,
            stderr,
        } => {
            let said = [stdout.trim(), stderr.trim()].join(" ");
            // The word of all helpers for "nobody is logged in".
            if said.contains("credentials not found") {
                return Login::Missing;
            }
            let first = said.lines().next().unwrap_or_default();
            Login::Helper(format!("`{helper}` says: {}", first.trim()))
        }
        E::HelperCommunicationError | E::MalformedHelperResponse => {
            Login::Helper("the credential helper does not answer".to_owned())
        }
        E::CredentialDecodingError | E::CredentialMismatchError | E::ConfigReadError => {
            Login::Helper("the docker configuration cannot be read".to_owned())
        }
        E::NoCredentialConfigured | E::ConfigNotFound => Login::Missing,
    }
}

fn read(file: &Path, server: &str) -> Result<DockerCredential, CredentialRetrievalError> {
    let file = std::fs::File::open(file).map_err(|_| CredentialRetrievalError::ConfigNotFound)?;
    docker_credential::get_credential_from_reader(file, server)
}

/// The name under which `docker login` keeps a registry's credentials.
fn server(registry: &str) -> String {
    match registry {
        "docker.io" => HUB.to_owned(),
        other => other.to_owned(),
    }
}

fn is_same(given: &str, registry: &str) -> bool {
    given == registry || (registry == "docker.io" && given.ends_with(".docker.io"))
}

/// The registry's host in an image reference.
pub(super) fn registry(reference: &str) -> String {
    let first = reference.split('/').next().unwrap_or_default();
    let is_host = reference.contains('/')
        && (first.contains('.') || first.contains(':') || first == "localhost");
    if is_host && first != "index.docker.io" {
        first.to_owned()
    } else {
        "docker.io".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_what_stands_before_the_first_slash_and_looks_like_a_host() {
        assert_eq!(registry("ghcr.io/acme/api:1"), "ghcr.io");
        assert_eq!(registry("127.0.0.1:5000/a"), "127.0.0.1:5000");
        assert_eq!(registry("localhost/a"), "localhost");
        assert_eq!(registry("postgres:15"), "docker.io");
        assert_eq!(registry("bitnami/redis"), "docker.io");
    }

    #[test]
    fn a_helper_that_knows_nobody_is_told_from_one_that_fails() {
        let failure = |stdout: &str| CredentialRetrievalError::HelperFailure {
            helper: "docker-credential-pass".to_owned(),
            stdout: stdout.to_owned(),
            stderr: String::new(),
        };
        let missing = why_not(&failure("credentials not found in native keychain\n"));
        assert_eq!(missing, Login::Missing);
        assert_eq!(
            why_not(&failure("gpg: no secret key\n")),
            Login::Helper("`docker-credential-pass` says: gpg: no secret key".to_owned())
        );
    }

    #[test]
    fn a_given_password_is_not_shown() {
        let login = GivenLogin {
            registry: "ghcr.io".to_owned(),
            user: "ci".to_owned(),
            password: "geheim".to_owned(),
        };
        assert_eq!(format!("{login:?}"), "GivenLogin(ci@ghcr.io)");
    }
}
