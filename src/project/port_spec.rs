//! The short form of ports: `address:published:target/protocol`, with ranges.

use std::net::IpAddr;

/// One port of the short form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortSpec {
    pub(crate) host_ip: String,
    pub(crate) published: String,
    pub(crate) target: u16,
    pub(crate) protocol: String,
}

/// Takes the short form apart, one entry for each port of a range; the error is the reason.
pub(crate) fn parse(text: &str) -> Result<Vec<PortSpec>, String> {
    let (address, published, container) = split(text);
    // Compose ignores what follows a second slash.
    let mut parts = container.split('/');
    let (target, protocol) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let protocol = if protocol.is_empty() {
        "tcp".to_owned()
    } else {
        protocol.to_lowercase()
    };
    if target.is_empty() {
        return Err(format!("`{text}` names no port of the container"));
    }
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!(
            "`{text}`: the protocol `{protocol}` is none of tcp, udp, sctp"
        ));
    }
    let host_ip =
        host_address(&address).ok_or_else(|| format!("`{text}`: `{address}` is no IP address"))?;
    let (start, end) = range(target).ok_or_else(|| format!("`{text}`: `{target}` is no port"))?;
    let host = match published {
        "" => None,
        published => {
            Some(range(published).ok_or_else(|| format!("`{text}`: `{published}` is no port"))?)
        }
    };
    if let Some((host_start, host_end)) = host
        && end - start != host_end - host_start
        && start != end
    {
        return Err(format!("`{text}`: the two ranges differ in length"));
    }
    let mut ports: Vec<PortSpec> = (start..=end)
        .map(|target| PortSpec {
            host_ip: host_ip.clone(),
            published: published_port(host, start, end, target),
            target,
            protocol: protocol.clone(),
        })
        .collect();
    // Compose sorts by text: 10, 11, 8, 9.
    ports.sort_by_key(|port| port.target.to_string());
    Ok(ports)
}

fn published_port(host: Option<(u16, u16)>, start: u16, end: u16, target: u16) -> String {
    match host {
        None => String::new(),
        // One port of the container, several of the host: the engine takes a free one.
        Some((host_start, host_end)) if start == end && host_start != host_end => {
            format!("{host_start}-{host_end}")
        }
        Some((host_start, _)) => (u32::from(host_start) + u32::from(target - start)).to_string(),
    }
}

fn split(text: &str) -> (String, &str, &str) {
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        [target] => (String::new(), "", target),
        [published, target] => (String::new(), published, target),
        [ref address @ .., published, target] => (address.join(":"), published, target),
        [] => (String::new(), "", ""),
    }
}

fn host_address(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if text.contains(':') => return None,
        None => text,
    };
    if bare.is_empty() {
        return Some(String::new());
    }
    bare.parse::<IpAddr>().ok().map(|_| bare.to_owned())
}

fn range(text: &str) -> Option<(u16, u16)> {
    let number = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse::<u16>().ok())
            .flatten()
    };
    match text.split_once('-') {
        None => number(text).map(|port| (port, port)),
        Some((start, end)) => {
            let (start, end) = (number(start)?, number(end)?);
            (start <= end).then_some((start, end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let ports = parse(text).unwrap();
        ports
            .iter()
            .map(|p| format!("{}|{}|{}|{}", p.host_ip, p.published, p.target, p.protocol))
            .collect()
    }

    #[test]
    fn every_short_form_is_read() {
        assert_eq!(shown("80"), ["||80|tcp"]);
        assert_eq!(shown("127.0.0.1:8080:80/udp"), ["127.0.0.1|8080|80|udp"]);
        assert_eq!(shown("127.0.0.1::80"), ["127.0.0.1||80|tcp"]);
        assert_eq!(shown("[::1]:8080:80"), ["::1|8080|80|tcp"]);
        assert_eq!(shown("8000-8002:80"), ["|8000-8002|80|tcp"]);
        assert_eq!(shown("9-10:19-20"), ["|9|19|tcp", "|10|20|tcp"]);
        assert_eq!(shown("8-10"), ["||10|tcp", "||8|tcp", "||9|tcp"]);
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in [
            "",
            "::1:80:80",
            "a",
            "80/icmp",
            "99999",
            "1-2:1-3",
            "300.0.0.1:1:1",
            "5-4",
            "1:2:3:4",
            "80:",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
