//! The user's registry credentials: `config.json`, `credHelpers`, `credsStore`.

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::DockerEngine;

impl DockerEngine {
    /// Credentials for a reference; nobody is logged in is anonymous, which public registries accept.
    pub(super) async fn credentials(&self, reference: &str) -> Option<DockerCredentials> {
        let server = server(reference);
        let folder = self.configuration.clone()?;
        // A credential helper is another program: it may take its time.
        let asked = server.clone();
        let found = tokio::task::spawn_blocking(move || read(&folder.join("config.json"), &asked))
            .await
            .ok()?;
        let credentials = DockerCredentials {
            serveraddress: Some(server),
            ..DockerCredentials::default()
        };
        match found.ok()? {
            DockerCredential::IdentityToken(token) => Some(DockerCredentials {
                identitytoken: Some(token),
                ..credentials
            }),
            DockerCredential::UsernamePassword(user, password) => Some(DockerCredentials {
                username: Some(user),
                password: Some(password),
                ..credentials
            }),
        }
    }
}

fn read(
    file: &std::path::Path,
    server: &str,
) -> Result<DockerCredential, CredentialRetrievalError> {
    let file = std::fs::File::open(file).map_err(|_| CredentialRetrievalError::ConfigNotFound)?;
    docker_credential::get_credential_from_reader(file, server)
}

/// The name under which `docker login` keeps a registry's credentials.
fn server(reference: &str) -> String {
    match registry(reference).as_str() {
        "docker.io" => "https://index.docker.io/v1/".to_owned(),
        other => other.to_owned(),
    }
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
}
