//! One POST over HTTP/1.1, on a connection of its own. TLS is the one that the engine's client brings along.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes of the answer that are read: only its first line matters.
const ANSWER: u64 = 4096;

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Without port and brackets.
    pub host: String,
    port: u16,
    target: String,
    secure: bool,
}

impl Address {
    /// Reads `https://host[:port]/path`; the error does not show it.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (secure, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err("an address begins with `https://` or `http://`".into()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err("user names in an address are not sent: give `headers` instead".into());
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let default = if secure { 443 } else { 80 };
        let port = match port {
            Some(port) => port.parse().map_err(|_| "a port is a number".to_owned())?,
            None => default,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let odd = |text: &str| !text.bytes().all(|b| b.is_ascii_graphic());
        if host.is_empty() || odd(host) || odd(target) {
            return Err("an address has a host, and no spaces".into());
        }
        let target = target.split('#').next().unwrap_or_default();
        Ok(Self {
            host: host.to_owned(),
            port,
            target: if target.starts_with('/') {
                target.to_owned()
            } else {
                format!("/{target}")
            },
            secure,
        })
    }
}

/// Posts a body; anything but a 2xx is an error.
pub(super) async fn post(
    address: &Address,
    headers: &BTreeMap<String, String>,
    body: &str,
) -> Result<(), String> {
    let stream = TcpStream::connect((address.host.as_str(), address.port))
        .await
        .map_err(|e| e.to_string())?;
    if !address.secure {
        return exchange(stream, address, headers, body).await;
    }
    let name = ServerName::try_from(address.host.clone()).map_err(|e| e.to_string())?;
    let connector = TlsConnector::from(Arc::new(configuration()?));
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(|e| e.to_string())?;
    exchange(stream, address, headers, body).await
}

/// Trusts whom this host trusts.
fn configuration() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        // One that cannot be read is somebody else's trouble.
        let _ = roots.add(certificate);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: &Address,
    headers: &BTreeMap<String, String>,
    body: &str,
) -> Result<(), String> {
    let host = if address.host.contains(':') {
        format!("[{}]", address.host)
    } else {
        address.host.clone()
    };
    let mut extra = String::new();
    for (name, value) in headers {
        extra.extend([name, ": ", value, "\r\n"]);
    }
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {host}:{}\r\nUser-Agent: deployctl/{}\r\nContent-Length: {}\r\nConnection: close\r\n{extra}\r\n{body}",
        address.target,
        address.port,
        env!("CARGO_PKG_VERSION"),
        body.len(),
    );
    let io = |e: std::io::Error| e.to_string();
    stream.write_all(request.as_bytes()).await.map_err(io)?;
    stream.flush().await.map_err(io)?;
    let mut answer = Vec::new();
    let mut limited = stream.take(ANSWER);
    let mut piece = [0; 512];
    while !answer.contains(&b'\n') {
        match limited.read(&mut piece).await.map_err(io)? {
            0 => break,
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    let first = String::from_utf8_lossy(&answer);
    let status = first.split(' ').nth(1).and_then(|s| s.parse::<u16>().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(status) => Err(format!("it answered {status}")),
        None => Err("its answer is no HTTP".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parsed = Address::parse("https://[::1]:8443/a?b=c#d").expect("valid");
        assert_eq!((parsed.host.as_str(), parsed.port), ("::1", 8443));
        assert_eq!(parsed.target, "/a?b=c");
        let parsed = Address::parse("http://a.example?x").expect("valid");
        assert_eq!((parsed.port, parsed.target.as_str()), (80, "/?x"));
    }
}
