//! Finds the engine as the docker command does, and agrees upon an API version.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use futures_util::future::join;
use indexmap::IndexMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::list::over_socket;
use super::read::there;
use super::{DockerEngine, SHORT};
use crate::engine::EngineError;

/// Seconds; each call has a deadline of its own, this one only has to be longer than all of them.
const CLIENT_TIMEOUT: u64 = 3600;
/// The oldest API that everything here works with (engine 20.10).
pub(super) const OLDEST: (u32, u32) = (1, 41);
/// The newest API that this code knows.
const NEWEST: (u32, u32) = (1, 51);
/// Bytes; headers and the word OK.
const LONGEST_PING: u64 = 16 * 1024;
const DEFAULT: &str = "unix:///var/run/docker.sock";

impl DockerEngine {
    /// Connects to the engine of `DOCKER_HOST`, else of the docker context, else to the local socket.
    pub async fn connect(environment: &IndexMap<String, String>) -> Result<Self, EngineError> {
        Self::connect_to(Place::of(environment)?, environment).await
    }

    /// The same, and has the engine list all containers meanwhile: the next snapshot takes that list.
    pub async fn connect_and_list(
        environment: &IndexMap<String, String>,
    ) -> Result<Self, EngineError> {
        let place = Place::of(environment)?;
        let address = place.address.clone();
        let listed = over_socket(&address, None, None);
        let (listed, engine) = join(listed, Self::connect_to(place, environment)).await;
        let engine = engine?;
        // A failure is found again, and told, where the snapshot is taken.
        engine.ahead.borrow_mut().containers = listed.ok().flatten().map(there);
        Ok(engine)
    }

    async fn connect_to(
        place: Place,
        environment: &IndexMap<String, String>,
    ) -> Result<Self, EngineError> {
        let Place {
            address,
            configuration,
        } = place;
        let docker = open(&address, environment)?;
        let api = negotiate(&docker, &address).await?;
        let prefix = format!("/v{}.{}", api.0, api.1);
        let docker = docker.with_request_modifier(move |request| amend(request, &prefix));
        Ok(Self {
            docker,
            address,
            api,
            configuration,
            given: None,
            ahead: RefCell::default(),
        })
    }
}

/// Where the engine is.
struct Place {
    address: String,
    /// The docker command's folder.
    configuration: Option<PathBuf>,
}

impl Place {
    fn of(environment: &IndexMap<String, String>) -> Result<Self, EngineError> {
        let configuration = configuration_directory(environment);
        Ok(Self {
            address: address(environment, configuration.as_deref())?,
            configuration,
        })
    }
}

fn open(address: &str, environment: &IndexMap<String, String>) -> Result<Docker, EngineError> {
    let refuse = |reason: String| EngineError::Address {
        address: address.to_owned(),
        reason,
    };
    let connected = if address.starts_with("unix://") {
        let path = address.trim_start_matches("unix://");
        if !Path::new(path).exists() {
            return Err(EngineError::Unreachable {
                address: address.to_owned(),
                reason: "the socket does not exist".into(),
            });
        }
        Docker::connect_with_unix(address, CLIENT_TIMEOUT, API_DEFAULT_VERSION)
    } else if address.starts_with("tcp://") || address.starts_with("http") {
        let verify = environment
            .get("DOCKER_TLS_VERIFY")
            .is_some_and(|v| !v.is_empty());
        if verify {
            let home = environment
                .get("HOME")
                .map(|h| Path::new(h).join(".docker"));
            let folder = environment
                .get("DOCKER_CERT_PATH")
                .map(PathBuf::from)
                .or(home)
                .unwrap_or_default();
            let path = |name: &str| folder.join(name);
            Docker::connect_with_ssl(
                address,
                &path("key.pem"),
                &path("cert.pem"),
                &path("ca.pem"),
                CLIENT_TIMEOUT,
                API_DEFAULT_VERSION,
            )
        } else {
            Docker::connect_with_http(address, CLIENT_TIMEOUT, API_DEFAULT_VERSION)
        }
    } else {
        return Err(refuse("only unix:// and tcp:// addresses are supported; over SSH run deployctl on the server itself".into()));
    };
    connected.map_err(|error| refuse(error.to_string()))
}

/// The lower of the engine's newest API and ours; never a constant, since engines drop old ones.
async fn negotiate(docker: &Docker, address: &str) -> Result<(u32, u32), EngineError> {
    let (version, theirs) = match address.strip_prefix("unix://") {
        Some(path) => ping(address, path).await?,
        None => version(docker, address).await?,
    };
    let parsed = theirs
        .split_once('.')
        .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))
        .unwrap_or((0, 0));
    if parsed < OLDEST {
        return Err(EngineError::TooOld {
            version,
            api_version: theirs,
        });
    }
    Ok(parsed.min(NEWEST))
}

/// `GET /_ping` says both versions in its headers, which the client does not hand out. `GET /version`
/// would start a program on the engine's side to ask for its version, too: several milliseconds.
async fn ping(address: &str, path: &str) -> Result<(String, String), EngineError> {
    let asked = async {
        let mut stream = tokio::net::UnixStream::connect(path).await?;
        stream
            .write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
            .await?;
        let mut head = Vec::new();
        stream.take(LONGEST_PING).read_to_end(&mut head).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&head).into_owned())
    };
    let answer = tokio::time::timeout(SHORT, asked).await;
    let head = answer
        .map_err(|_| EngineError::Timeout {
            call: "ping".into(),
            after: SHORT,
        })?
        .map_err(|error| super::errors::io_error(address, "ping", &error))?;
    let header = |name: &str| {
        let line = head.lines().find_map(|l| {
            l.split_once(':')
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        });
        line.map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let server = header("Server");
    let version = server
        .strip_prefix("Docker/")
        .and_then(|s| s.split(' ').next())
        .unwrap_or_default();
    Ok((version.to_owned(), header("Api-Version")))
}

async fn version(docker: &Docker, address: &str) -> Result<(String, String), EngineError> {
    let asked = tokio::time::timeout(SHORT, docker.version()).await;
    let found = asked
        .map_err(|_| EngineError::Timeout {
            call: "version".into(),
            after: SHORT,
        })?
        .map_err(|error| super::errors::engine_error(address, "version", &error))?;
    Ok((
        found.version.unwrap_or_default(),
        found.api_version.unwrap_or_default(),
    ))
}

/// Two defects of the client are mended here: it sends no API version, and it encodes credentials
/// with an alphabet that the engine does not read, which makes them anonymous without a word.
fn amend(mut request: BollardRequest, prefix: &str) -> BollardRequest {
    let mut parts = request.uri().clone().into_parts();
    if let Some(path) = &parts.path_and_query
        && let Ok(versioned) = format!("{prefix}{path}").parse()
    {
        parts.path_and_query = Some(versioned);
    }
    if let Ok(uri) = parts.try_into() {
        *request.uri_mut() = uri;
    }
    if let Some(header) = request.headers_mut().get_mut("x-registry-auth") {
        let text = header
            .to_str()
            .unwrap_or_default()
            .replace('+', "-")
            .replace('/', "_");
        if let Ok(value) = text.parse() {
            *header = value;
        }
    }
    request
}

fn address(
    environment: &IndexMap<String, String>,
    configuration: Option<&Path>,
) -> Result<String, EngineError> {
    if let Some(host) = environment.get("DOCKER_HOST").filter(|h| !h.is_empty()) {
        return Ok(host.clone());
    }
    let named = environment
        .get("DOCKER_CONTEXT")
        .filter(|c| !c.is_empty())
        .cloned();
    let context = named.or_else(|| current_context(configuration?));
    match context.filter(|c| c != "default") {
        Some(name) => context_address(configuration, &name),
        None => Ok(DEFAULT.to_owned()),
    }
}

fn configuration_directory(environment: &IndexMap<String, String>) -> Option<PathBuf> {
    let written = environment
        .get("DOCKER_CONFIG")
        .filter(|d| !d.is_empty())
        .map(PathBuf::from);
    written.or_else(|| {
        environment
            .get("HOME")
            .map(|home| Path::new(home).join(".docker"))
    })
}

fn current_context(configuration: &Path) -> Option<String> {
    let text = std::fs::read_to_string(configuration.join("config.json")).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    json.get("currentContext")?.as_str().map(str::to_owned)
}

/// The folder's name is a hash of the context's, so each one is read.
fn context_address(configuration: Option<&Path>, name: &str) -> Result<String, EngineError> {
    let folder = configuration.map(|c| c.join("contexts/meta"));
    let entries = folder
        .and_then(|f| std::fs::read_dir(f).ok())
        .into_iter()
        .flatten()
        .flatten();
    for entry in entries {
        let text = std::fs::read_to_string(entry.path().join("meta.json")).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if json.get("Name").and_then(|n| n.as_str()) == Some(name) {
            let host = json
                .pointer("/Endpoints/docker/Host")
                .and_then(|h| h.as_str());
            return Ok(host.unwrap_or(DEFAULT).to_owned());
        }
    }
    Err(EngineError::Address {
        address: format!("context {name}"),
        reason: "there is no such docker context".into(),
    })
}
