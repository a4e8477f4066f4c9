//! Settings of Caddy, in the project or of the system, under which requests are lost while a container is replaced.

use std::path::PathBuf;

use super::{Finding, Severity};
use crate::project::model::Project;

/// A proxy's configuration.
#[derive(Debug, Clone, Default)]
pub struct ProxyFile {
    /// Where it is.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
}

/// What can be seen in a configuration: the program is told by its words.
pub fn proxy(project: &Project, file: &ProxyFile) -> Vec<Finding> {
    let lines: Vec<&str> = file
        .text
        .lines()
        .map(|l| l.split('#').next().unwrap_or_default().trim())
        .filter(|l| !l.is_empty())
        .collect();
    let upstreams = Upstreams::of(project);
    let path = file.path.display();
    let found = caddy(&lines, &upstreams).into_iter();
    found
        .map(|(message, hint)| Finding {
            severity: Severity::Warning,
            message: format!("`{path}`: {message}"),
            hint: Some(hint),
        })
        .collect()
}

/// How a proxy reaches the project's services.
struct Upstreams<'a> {
    services: Vec<&'a str>,
    /// Ports, and ranges of them: `8000-8001`.
    ports: Vec<&'a str>,
}

impl<'a> Upstreams<'a> {
    fn of(project: &'a Project) -> Self {
        let ports = project.services.values().flat_map(|s| &s.ports);
        Self {
            services: project.services.keys().map(String::as_str).collect(),
            ports: ports.filter_map(|p| p.published.as_deref()).collect(),
        }
    }

    /// Whether `host:port` is a service's, by its name or by a port that it publishes.
    fn has(&self, address: &str) -> bool {
        let published = address.split_once(':').is_some_and(|(host, port)| {
            matches!(host, "" | "127.0.0.1" | "localhost" | "[::1]")
                && self.ports.iter().any(|published| covers(published, port))
        });
        let host = address.split(':').next().unwrap_or_default();
        published || self.services.contains(&host)
    }
}

/// Whether a published port or range has this one.
fn covers(published: &str, port: &str) -> bool {
    let (first, last) = published.split_once('-').unwrap_or((published, published));
    let number = |text: &str| text.parse::<u16>().ok();
    match (number(first), number(last), number(port)) {
        (Some(first), Some(last), Some(port)) => (first..=last).contains(&port),
        _ => false,
    }
}

/// What loses requests, and what to write instead.
fn caddy(lines: &[&str], upstreams: &Upstreams<'_>) -> Vec<(String, String)> {
    let named = lines.iter().find_map(|line| {
        let words = line.strip_prefix("reverse_proxy ")?.split_whitespace();
        let address = words.map(|w| w.trim_start_matches("http://"));
        address
            .into_iter()
            .find(|a| upstreams.has(a))
            .map(str::to_owned)
    });
    let Some(named) = named else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // It answers 502 at the first connection that is refused, unless it is told to try again.
    if !lines.iter().any(|l| l.starts_with("lb_try_duration ")) {
        found.push((
            format!("Caddy gives up at once where `{named}` does not answer for a moment"),
            format!(
                "reverse_proxy {named} {{ lb_try_duration 10s }}   (requests wait while the container is replaced)"
            ),
        ));
    }
    // Of two requests that choose at the same moment one can meet the server that is down in each of its turns.
    if lines.iter().any(|l| l.starts_with("lb_policy round_robin")) {
        found.push((
            format!(
                "`lb_policy round_robin` finds no server now and then while one for `{named}` is down; with Caddy 2.6 a POST gets 503 then"
            ),
            "leave `lb_policy` out (random), or write `lb_policy least_conn`".to_owned(),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::testing::project;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let project = project(
            "services: {api: {image: a, ports: ['127.0.0.1:8080:80', '127.0.0.1:8000-8001:80']}}",
        );
        let file = ProxyFile {
            path: "/etc/proxy.conf".into(),
            text: text.to_owned(),
        };
        let findings = proxy(&project, &file);
        let texts = findings
            .into_iter()
            .map(|f| format!("{} -> {}", f.message, f.hint.unwrap_or_default()));
        texts.collect()
    }

    #[test]
    fn caddy_that_gives_up_at_once_is_named() {
        for address in ["api:80", "127.0.0.1:8080", "http://localhost:8080"] {
            let found = found(&format!("example.org {{\n  reverse_proxy {address}\n}}\n"));
            assert_eq!(found.len(), 1, "{address}");
            assert!(found[0].contains("lb_try_duration 10s"), "{found:?}");
        }
        let good = "example.org {\n  reverse_proxy api:80 {\n    lb_try_duration 10s\n  }\n}\n";
        assert_eq!(found(good), [""; 0]);
        assert_eq!(found("reverse_proxy 127.0.0.1:9999\n"), [""; 0]);
    }

    #[test]
    fn caddy_that_takes_turns_between_servers_of_which_one_is_down_is_named() {
        let text = |policy: &str| {
            format!(
                "reverse_proxy 127.0.0.1:8000 127.0.0.1:8001 {{\n lb_try_duration 5s\n {policy}\n}}\n"
            )
        };
        let taken = found(&text("lb_policy round_robin"));
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert!(taken[0].contains("lb_policy least_conn"), "{taken:?}");
        assert_eq!(found(&text("lb_policy least_conn")), [""; 0]);
        assert_eq!(found(&text("")), [""; 0]);
    }
}
