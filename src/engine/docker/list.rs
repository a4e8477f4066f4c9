//! The list of containers over the engine's own socket. It is on the way of every command and, of a large project, the
//! longest answer: to read only what is used of it, as it comes, saves half of the client's time.

mod answer;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::{SHORT, errors};
use crate::engine::EngineError;
use crate::plan::observed::Container;
use crate::plan::spec::label;
use answer::Answer;

const CALL: &str = "list containers";

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
        let mut answer = Answer::default();
        while stream.read_buf(answer.room()).await? > 0 {
            if let Err(error) = answer.advance() {
                return Ok(Err(error));
            }
        }
        Ok(answer.finish())
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
    answer.map(Some)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_encoded() {
        assert_eq!(percent_encoded(r#"{"a=ä"#), "%7B%22a%3D%C3%A4");
    }
}
