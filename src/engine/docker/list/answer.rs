//! The engine's answer, read container by container while the rest is still on its way.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::model::{health_of_status, state};
use super::CALL;
use crate::engine::EngineError;
use crate::plan::observed::{Container, Labels, Mount, PublishedPort};

/// Bytes that are read at once: the engine sends 4 KiB at a time.
const ROOM: usize = 64 * 1024;

/// What has come of the answer, and what has been read of that.
#[derive(Default)]
pub(super) struct Answer {
    /// What is not read yet.
    bytes: Vec<u8>,
    part: Part,
    containers: Vec<Container>,
}

/// What the next byte belongs to.
#[derive(Default, PartialEq, Eq)]
enum Part {
    #[default]
    Head,
    /// Of an answer with this status that is not the list.
    Refusal(String),
    BeforeList,
    List,
    AfterList,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Answer {
    /// Where the next bytes are put.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.reserve(ROOM);
        &mut self.bytes
    }

    /// Reads what has come as a whole.
    pub(super) fn advance(&mut self) -> Result<(), EngineError> {
        if self.part == Part::Head && !self.head() {
            return Ok(());
        }
        if matches!(self.part, Part::Refusal(_)) {
            return Ok(());
        }
        let text = whole_letters(&self.bytes).map_err(|e| lost(&e))?;
        let mut rest = text;
        while let Some(container) = next(&mut rest, &mut self.part)? {
            self.containers.push(container);
        }
        let read = text.len() - rest.len();
        self.bytes.drain(..read);
        Ok(())
    }

    /// The list, when all has come.
    pub(super) fn finish(self) -> Result<Vec<Container>, EngineError> {
        match self.part {
            Part::AfterList => Ok(self.containers),
            Part::Refusal(status) => {
                let refusal = serde_json::from_slice(&self.bytes)
                    .ok()
                    .map(|r: Refusal| r.message);
                Err(EngineError::Refused {
                    call: CALL.into(),
                    status: status.parse().unwrap_or_default(),
                    message: refusal
                        .unwrap_or_else(|| String::from_utf8_lossy(&self.bytes).into_owned()),
                })
            }
            Part::Head | Part::BeforeList | Part::List => Err(lost(&"the answer ends too early")),
        }
    }

    /// Whether the head is there; it is cut off then.
    fn head(&mut self) -> bool {
        let Some(end) = self.bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
            return false;
        };
        let status = self.bytes.split(|b| *b == b' ').nth(1).unwrap_or_default();
        self.part = match status {
            b"200" => Part::BeforeList,
            other => Part::Refusal(String::from_utf8_lossy(other).into_owned()),
        };
        self.bytes.drain(..end + 4);
        true
    }
}

/// Checked as a whole, text is not checked string by string. A letter may be cut at the end.
fn whole_letters(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()])
        }
        other => other,
    }
}

/// The next container, if all of it is there; `rest` begins behind what was read.
fn next(rest: &mut &str, part: &mut Part) -> Result<Option<Container>, EngineError> {
    if *part == Part::BeforeList {
        let Some(items) = rest.strip_prefix('[') else {
            return if rest.is_empty() {
                Ok(None)
            } else {
                Err(lost(&"it is no list"))
            };
        };
        *rest = items;
        *part = Part::List;
    }
    if *part == Part::AfterList {
        return Ok(None);
    }
    let items = rest.trim_start_matches([',', ' ', '\n', '\r', '\t']);
    if let Some(after) = items.strip_prefix(']') {
        *rest = after;
        *part = Part::AfterList;
        return Ok(None);
    }
    let mut values = serde_json::Deserializer::from_str(items).into_iter::<Listed>();
    match values.next() {
        Some(Ok(listed)) => {
            *rest = &items[values.byte_offset()..];
            Ok(Some(listed.into()))
        }
        Some(Err(error)) if !error.is_eof() => Err(lost(&error)),
        Some(Err(_)) | None => Ok(None),
    }
}

fn lost(reason: &dyn std::fmt::Display) -> EngineError {
    EngineError::Lost {
        call: CALL.into(),
        reason: reason.to_string(),
    }
}

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

    /// Reads an answer that comes in pieces of so many bytes.
    fn read_in_pieces(answer: &[u8], size: usize) -> Result<Vec<Container>, EngineError> {
        let mut reading = Answer::default();
        for piece in answer.chunks(size) {
            reading.room().extend_from_slice(piece);
            reading.advance()?;
        }
        reading.finish()
    }

    fn read(answer: &[u8]) -> Result<Vec<Container>, EngineError> {
        read_in_pieces(answer, answer.len().max(1))
    }

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
        for torn in [
            &b""[..],
            b"HTTP/1.0 200 OK\r\n",
            b"HTTP/1.0 200 OK\r\n\r\n[{\"Id\":\"a",
            b"HTTP/1.0 200 OK\r\n\r\n[{\"Id\":\"a\"}",
            b"HTTP/1.0 200 OK\r\n\r\n{\"a\":1}",
            b"HTTP/1.0 200 OK\r\n\r\n[{\"Id\":1}]",
            b"HTTP/1.0 200 OK\r\n\r\n[{\"Id\":\"\xff\"}]",
        ] {
            let answer = read(torn);
            assert!(
                matches!(answer, Err(EngineError::Lost { .. })),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn a_list_is_the_same_in_whatever_pieces_it_comes() {
        let listed: Vec<String> = (0..5)
            .map(|n| {
                format!(
                    "{{\"Id\":\"{n}\",\"Names\":[\"/ü{n}\"],\"Labels\":{{\"a\":\"}},{{]\\\"\"}}}}"
                )
            })
            .collect();
        let answer = format!("HTTP/1.0 200 OK\r\n\r\n[{}]\n", listed.join(","));
        let whole = read(answer.as_bytes()).expect("a list");
        assert_eq!(whole.len(), 5);
        assert_eq!(whole[4].name, "ü4");
        assert_eq!(whole[4].label("a"), Some("},{]\""));
        for size in 1..answer.len() {
            assert_eq!(
                read_in_pieces(answer.as_bytes(), size),
                Ok(whole.clone()),
                "{size}"
            );
        }
        assert_eq!(read(b"HTTP/1.0 200 OK\r\n\r\n[]"), Ok(Vec::new()));
    }
}
