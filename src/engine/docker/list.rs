//! The list of containers over the engine's own socket. It is on the way of every command and, of a large project, the
//! longest answer: to read only what is used of it saves a third of the client's time.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::model::{health_of_status, state};
use super::{SHORT, errors};
use crate::engine::EngineError;
use crate::plan::observed::{Container, Labels, Mount, PublishedPort};
use crate::plan::spec::label;

const CALL: &str = "list containers";

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
    id: String,
    names: Vec<String>,
    image: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    labels: Labels,
    state: String,
    status: String,
    created: i64,
    host_config: Host,
    network_settings: Networks,
    mounts: Option<Vec<ListedMount>>,
    ports: Option<Vec<Port>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Host {
    network_mode: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Networks {
    networks: Option<BTreeMap<String, Endpoint>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Endpoint {
    #[serde(rename = "NetworkID")]
    network_id: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ListedMount {
    #[serde(rename = "Type")]
    kind: String,
    name: String,
    source: String,
    destination: String,
    driver: String,
    #[serde(rename = "RW")]
    writable: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Port {
    #[serde(rename = "IP")]
    host_ip: String,
    #[serde(rename = "PublicPort")]
    published: u16,
    #[serde(rename = "PrivatePort")]
    target: u16,
    #[serde(rename = "Type")]
    protocol: String,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// All containers, or those of one project; `None` where the client has to ask: over a network. Without a version the
/// engine answers by its newest API: what is read of the list has been the same since [`OLDEST`](super::connect::OLDEST).
pub(super) async fn over_socket(
    address: &str,
    api: Option<(u32, u32)>,
    project: Option<&str>,
) -> Result<Option<Vec<Container>>, EngineError> {
    let Some(path) = address.strip_prefix("unix://") else {
        return Ok(None);
    };
    let version = api.map(|(major, minor)| format!("/v{major}.{minor}"));
    let filter = project.map(|project| {
        let text = format!(r#"{{"label":["{}={project}"]}}"#, label::PROJECT);
        format!("&filters={}", percent_encoded(&text))
    });
    let request = format!(
        "GET {}/containers/json?all=true{} HTTP/1.0\r\nHost: docker\r\n\r\n",
        version.unwrap_or_default(),
        filter.unwrap_or_default()
    );
    let started = std::time::Instant::now();
    let asked = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::with_capacity(64 * 1024);
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    };
    let answer = tokio::time::timeout(SHORT, asked)
        .await
        .map_err(|_| EngineError::Timeout {
            call: CALL.into(),
            after: SHORT,
        })?
        .map_err(|error: std::io::Error| errors::io_error(address, CALL, &error))?;
    tracing::debug!(
        call = CALL,
        seconds = started.elapsed().as_secs_f64(),
        "engine"
    );
    read(&answer).map(Some)
}

fn read(answer: &[u8]) -> Result<Vec<Container>, EngineError> {
    let lost = |reason: String| EngineError::Lost {
        call: CALL.into(),
        reason,
    };
    let head_end = answer.windows(4).position(|w| w == b"\r\n\r\n");
    let (head, body) = answer.split_at(head_end.ok_or_else(|| lost("no answer".into()))? + 4);
    let status = head.split(|b| *b == b' ').nth(1).unwrap_or_default();
    let status = std::str::from_utf8(status).unwrap_or_default();
    if status != "200" {
        let refusal = serde_json::from_slice(body)
            .ok()
            .map(|r: Refusal| r.message);
        return Err(EngineError::Refused {
            call: CALL.into(),
            status: status.parse().unwrap_or_default(),
            message: refusal.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()),
        });
    }
    // Checked as a whole, text is not checked string by string.
    let body = std::str::from_utf8(body).map_err(|e| lost(e.to_string()))?;
    let listed: Vec<Listed> = serde_json::from_str(body).map_err(|e| lost(e.to_string()))?;
    Ok(listed.into_iter().map(Container::from).collect())
}

fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

impl From<Listed> for Container {
    fn from(found: Listed) -> Self {
        let networks = found.network_settings.networks.unwrap_or_default();
        let own_name = |n: &String| !n.trim_start_matches('/').contains('/');
        let name = found.names.into_iter().find(own_name).unwrap_or_default();
        Self {
            id: found.id,
            name: name.trim_start_matches('/').to_owned(),
            image: found.image,
            image_id: found.image_id,
            labels: found.labels,
            state: state(&found.state),
            health: health_of_status(&found.status),
            status: found.status,
            created: found.created,
            network_mode: found.host_config.network_mode,
            networks: networks
                .into_iter()
                .map(|(name, endpoint)| (name, endpoint.network_id))
                .collect(),
            mounts: found
                .mounts
                .into_iter()
                .flatten()
                .map(Mount::from)
                .collect(),
            ports: found
                .ports
                .into_iter()
                .flatten()
                .map(PublishedPort::from)
                .collect(),
            details: None,
        }
    }
}

impl From<ListedMount> for Mount {
    fn from(found: ListedMount) -> Self {
        Self {
            kind: found.kind,
            name: found.name,
            source: found.source,
            destination: found.destination,
            driver: found.driver,
            writable: found.writable,
        }
    }
}

impl From<Port> for PublishedPort {
    fn from(found: Port) -> Self {
        Self {
            host_ip: found.host_ip,
            published: found.published,
            target: found.target,
            protocol: found.protocol,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::observed::{ContainerState, Health};

    #[test]
    fn a_list_is_read_for_what_is_used_of_it() {
        let body = br#"HTTP/1.0 200 OK
Content-Type: application/json

[{"Id":"abc","Names":["/other/alias","/shop-api-1"],"Image":"api:v1","ImageID":"sha256:1","Command":"/api","Created":7,
"Ports":[{"PrivatePort":80,"Type":"tcp"},{"IP":"127.0.0.1","PrivatePort":81,"PublicPort":8081,"Type":"tcp"}],
"Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"api"},"State":"frozen","Status":"Up 3 minutes (healthy)",
"HostConfig":{"NetworkMode":"shop_default"},"NetworkSettings":{"Networks":{"shop_default":{"NetworkID":"n1","Aliases":null}}},
"Mounts":[{"Type":"volume","Name":"data","Source":"","Destination":"/data","Driver":"local","Mode":"z","RW":true,"Propagation":""}],
"SomethingNew":{"a":[1]}}]"#;
        let text = String::from_utf8_lossy(body).replacen('\n', "\r\n", 3);
        let found = read(text.as_bytes()).expect("a list");
        let [container] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(container.name, "shop-api-1");
        assert_eq!((container.service(), container.created), ("api", 7));
        // A state of a later engine is kept by its name.
        assert_eq!(container.state, ContainerState::Other("frozen".into()));
        assert_eq!(container.health, Health::Healthy);
        assert_eq!(container.networks["shop_default"], "n1");
        assert_eq!(container.network_mode, "shop_default");
        let published: Vec<_> = container
            .ports
            .iter()
            .map(|p| (p.published, p.target))
            .collect();
        assert_eq!(published, [(0, 80), (8081, 81)]);
        assert_eq!(container.mounts[0].destination, "/data");
        assert!(container.mounts[0].writable);
    }

    #[test]
    fn a_refusal_and_what_is_no_answer_are_errors() {
        let refused = b"HTTP/1.0 500 Internal Server Error\r\nA: b\r\n\r\n{\"message\":\"no\"}\n";
        assert_eq!(
            read(refused),
            Err(EngineError::Refused {
                call: CALL.into(),
                status: 500,
                message: "no".into()
            })
        );
        for wrong in [
            &b""[..],
            b"HTTP/1.0 200 OK\r\n",
            b"HTTP/1.0 200 OK\r\n\r\n[{\"Id\":\"a",
            b"HTTP/1.0 200 OK\r\n\r\n{\"a\":1}",
            b"HTTP/1.0 200 OK\r\n\r\n[{\"Id\":\"\xff\"}]",
        ] {
            let answer = read(wrong);
            assert!(
                matches!(answer, Err(EngineError::Lost { .. })),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn a_filter_is_encoded() {
        assert_eq!(percent_encoded(r#"{"a=ä"#), "%7B%22a%3D%C3%A4");
    }
}
