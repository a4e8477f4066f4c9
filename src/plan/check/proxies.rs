//! Settings of reverse proxies in the project that would lose requests when a service gets a new container.
//!
//! Only what is surely wrong is named: a proxy's language has more ways to say a thing than are read here.

use super::{Finding, Host, Severity};
use crate::plan::step::{Action, Plan};
use crate::project::model::{Project, Service};

/// How often nginx looks a name up again when `valid=` does not say it: the engine's DNS gives 600 s.
const LONGEST_VALID: u64 = 10;

pub(super) fn proxies(project: &Project, plan: &Plan, host: &Host, findings: &mut Vec<Finding>) {
    let replaced = plan
        .changes
        .iter()
        .filter(|change| matches!(change.action, Action::Recreate | Action::RecreateStartFirst));
    let mut services: Vec<&str> = replaced.map(|c| c.service.as_str()).collect();
    services.dedup();
    for (file, text) in &host.proxy_files {
        let lines = || text.lines().flat_map(statements);
        let is_nginx = lines().any(|l| matches!(l[0], "proxy_pass" | "upstream"));
        let is_haproxy = lines().any(|l| matches!(l[0], "global" | "defaults" | "backend"));
        for name in &services {
            let names = names(name, project.services.get(*name));
            if is_nginx && !is_haproxy {
                let fixed = lines().any(|line| nginx_looks_up_once(&line, &names));
                findings.extend(fixed.then(|| nginx_fixed(file, name)));
            } else if is_haproxy && !is_nginx {
                let resolving =
                    lines().any(|l| l[0] == "default-server" && l.contains(&"resolvers"));
                let fixed = !resolving && lines().any(|line| haproxy_looks_up_once(&line, &names));
                findings.extend(fixed.then(|| haproxy_fixed(file, name)));
            }
        }
        if is_nginx && !is_haproxy && !services.is_empty() {
            findings.extend(lines().find_map(|line| nginx_resolver(file, &line)));
        }
    }
}

/// The statements of a line in words, comments left out; none is empty.
fn statements(line: &str) -> impl Iterator<Item = Vec<&str>> {
    let code = line.split('#').next().unwrap_or_default();
    let statements = code.split([';', '{', '}']);
    statements
        .map(|statement| statement.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
}

/// The names by which others reach a service.
fn names<'a>(name: &'a str, service: Option<&'a Service>) -> Vec<&'a str> {
    let networks = service.into_iter().flat_map(|s| s.networks.values());
    let aliases = networks.flatten().flat_map(|n| n.aliases.iter());
    let mut names = vec![name];
    names.extend(aliases.map(String::as_str));
    names
}

fn nginx_looks_up_once(line: &[&str], names: &[&str]) -> bool {
    let address = match line {
        ["proxy_pass", url, ..] => url.split_once("://").map(|(_, rest)| rest),
        ["server", address, ..] if !line.contains(&"resolve") => Some(*address),
        _ => None,
    };
    address.is_some_and(|address| names.contains(&host_of(address)))
}

fn haproxy_looks_up_once(line: &[&str], names: &[&str]) -> bool {
    match line {
        ["server" | "server-template", _, rest @ ..] if !line.contains(&"resolvers") => {
            let mut addresses = rest.iter().take(2);
            addresses.any(|address| names.contains(&host_of(address)))
        }
        _ => false,
    }
}

/// A name is kept for as long as the engine's DNS says unless `valid=` is short.
fn nginx_resolver(file: &str, line: &[&str]) -> Option<Finding> {
    let ["resolver", rest @ ..] = line else {
        return None;
    };
    let valid = rest.iter().find_map(|word| word.strip_prefix("valid="));
    let seconds = valid.map_or(600, |text| {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = if text.ends_with('m') { 60 } else { 1 };
        digits.parse::<u64>().map_or(0, |n| n * unit)
    });
    (seconds > LONGEST_VALID).then(|| Finding {
        severity: Severity::Warning,
        message: format!(
            "`{file}`: nginx keeps an address for {seconds} s, and asks a container that is gone"
        ),
        hint: Some("resolver 127.0.0.11 valid=1s;".to_owned()),
    })
}

fn nginx_fixed(file: &str, service: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        message: format!(
            "`{file}`: nginx looks `{service}` up once, at its start, and does not find the new container"
        ),
        hint: Some(format!(
            "resolver 127.0.0.11 valid=1s; set $upstream http://{service}:PORT; proxy_pass $upstream;"
        )),
    }
}

fn haproxy_fixed(file: &str, service: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        message: format!(
            "`{file}`: HAProxy looks `{service}` up once, at its start, and does not find the new container"
        ),
        hint: Some(format!(
            "server-template {service} 4 {service}:PORT check resolvers engine init-addr none   (and a section `resolvers engine`)"
        )),
    }
}

fn host_of(address: &str) -> &str {
    let end = address.find([':', '/']).unwrap_or(address.len());
    &address[..end]
}
