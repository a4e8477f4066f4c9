//! Kamal's `config/deploy.yml` as a Compose file to read through. What has no counterpart is listed, never dropped.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::project::{plain_yaml, print};

/// What becomes of a `deploy.yml`.
pub(super) struct Converted {
    pub compose: String,
    pub env: String,
    /// Without its tag.
    pub image: String,
    /// `key: what to do instead`.
    pub without_counterpart: Vec<String>,
}

/// The port that Kamal's proxy expects an app on.
const PORT: u64 = 80;

const HEADER: &str = "# Made from Kamal's deploy.yml by deployctl init: read it through.
# - The healthcheck runs inside the container: its tool has to be in the image.
# - A published port is bound on this host alone; put your reverse proxy (TLS, host names) in front of it.
";

/// Keys that say nothing to a deploy on one host, each with what takes its place.
const ELSEWHERE: [(&str, &str); 12] = [
    (
        "builder",
        "images are built by CI: .github/workflows/deploy.yml",
    ),
    ("ssh", "CI connects: see deployctl gate --help"),
    ("sshkit", "CI connects"),
    (
        "boot",
        "`deploy.update_config.parallelism` and `delay` on the service",
    ),
    (
        "hooks_path",
        "executables in .deployctl/hooks/ (pre-deploy, post-deploy, on-failure …)",
    ),
    ("secrets_path", "values go into .env.prod"),
    ("traefik", "a reverse proxy of your own in front"),
    (
        "readiness_delay",
        "`deploy.update_config.monitor` on the service",
    ),
    ("minimum_version", "not needed"),
    (
        "require_destination",
        "deployctl --env NAME takes .env.NAME and compose.NAME.yml",
    ),
    ("allow_empty_roles", "not needed"),
    ("run_directory", "not needed"),
];

/// Reads a `deploy.yml` and writes the files that take its place.
pub(super) fn convert(text: &str) -> Result<Converted, String> {
    let yaml = plain_yaml(text)?;
    let Value::Object(mut deploy) = yaml else {
        return Err("it is no mapping".to_owned());
    };
    let mut conversion = Conversion::default();
    if text.contains("<%") {
        conversion.missing(
            "<%= … %>",
            "Ruby is not run: write `${NAME}` and a line in .env.prod",
        );
    }
    let name = text_of(deploy.remove("service")).unwrap_or_else(|| "app".to_owned());
    let image = conversion.image(&mut deploy)?;
    let services = conversion.services(&mut deploy, &image);
    let extension = conversion.extension(&mut deploy, services.keys().next());
    for (key, _) in deploy {
        let instead = ELSEWHERE.iter().find(|(k, _)| *k == key);
        conversion.missing(&key, instead.map_or("unknown here", |(_, i)| i));
    }
    let mut model = json!({"name": name, "services": services});
    if !conversion.volumes.is_empty() {
        model["volumes"] = Value::Object(conversion.volumes);
    }
    if extension.as_object().is_some_and(|x| !x.is_empty()) {
        model["x-deployctl"] = extension;
    }
    let mut env = String::from(
        "# Values for compose.prod.yml. Keep it out of the repository; mode 0600.\nIMAGE_TAG=\n",
    );
    for name in &conversion.secrets {
        let _ = writeln!(env, "{name}=");
    }
    Ok(Converted {
        compose: format!("{HEADER}{}", print::yaml_text(&model)),
        env,
        image,
        without_counterpart: conversion.missing,
    })
}

#[derive(Default)]
struct Conversion {
    missing: Vec<String>,
    secrets: Vec<String>,
    volumes: Map<String, Value>,
}

impl Conversion {
    fn missing(&mut self, key: &str, instead: &str) {
        self.missing.push(format!("{key}: {instead}"));
    }

    /// The image's name with its registry; who logs in is the host's matter.
    fn image(&mut self, deploy: &mut Map<String, Value>) -> Result<String, String> {
        let image = text_of(deploy.remove("image")).ok_or("it has no `image`")?;
        let registry = deploy.remove("registry").unwrap_or_default();
        let server = registry.get("server").and_then(Value::as_str);
        if registry.get("username").is_some() || registry.get("password").is_some() {
            let login = format!(
                "registry.username, registry.password: docker login {} on the host, once",
                server.unwrap_or_default()
            );
            self.missing.push(login.replace("  ", " "));
        }
        Ok(match server {
            Some(server) if !image.starts_with(server) => format!("{server}/{image}"),
            _ => image,
        })
    }

    /// A service for every role, then one for every accessory.
    fn services(&mut self, deploy: &mut Map<String, Value>, image: &str) -> Map<String, Value> {
        let common = self.common(deploy, image);
        let primary = text_of(deploy.remove("primary_role")).unwrap_or_else(|| "web".to_owned());
        let port = self.proxy(deploy);
        let mut services = Map::new();
        for (role, settings) in self.roles(deploy.remove("servers").unwrap_or_default(), &primary) {
            let mut service = common.clone();
            self.role(&mut service, &role, &settings);
            if role == primary {
                service.insert(
                    "ports".into(),
                    json!([format!("127.0.0.1:{0}:{0}", port.number)]),
                );
                service.insert("healthcheck".into(), port.healthcheck());
                if let Some(path) = deploy.get("asset_path").and_then(Value::as_str) {
                    let path = path.split(':').next().unwrap_or_default();
                    service.insert("x-deployctl".into(), json!({"assets": {"path": path}}));
                }
            }
            services.insert(role, Value::Object(service));
        }
        deploy.remove("asset_path");
        if let Some(Value::Object(accessories)) = deploy.remove("accessories") {
            for (name, settings) in accessories {
                let service = self.accessory(&name, &settings);
                services.insert(name, service);
            }
        }
        services
    }

    /// What all roles have in common.
    fn common(&mut self, deploy: &mut Map<String, Value>, image: &str) -> Map<String, Value> {
        let mut common = Map::new();
        common.insert("image".into(), json!(format!("{image}:${{IMAGE_TAG}}")));
        common.insert("restart".into(), json!("unless-stopped"));
        let environment = self.environment(&deploy.remove("env").unwrap_or_default());
        if !environment.is_empty() {
            common.insert("environment".into(), Value::Object(environment));
        }
        for key in ["volumes", "labels", "logging"] {
            if let Some(value) = deploy.remove(key) {
                self.name_volumes(&value);
                common.insert(key.into(), value);
            }
        }
        let drain = deploy.remove("drain_timeout");
        let grace = deploy.remove("stop_wait_time").or(drain);
        if let Some(seconds) = grace.as_ref().and_then(Value::as_u64) {
            common.insert("stop_grace_period".into(), json!(format!("{seconds}s")));
        }
        if let Some(seconds) = deploy
            .remove("deploy_timeout")
            .as_ref()
            .and_then(Value::as_u64)
        {
            self.missing(
                "deploy_timeout",
                &format!("deployctl deploy --timeout {seconds}s"),
            );
        }
        common
    }

    fn environment(&mut self, env: &Value) -> Map<String, Value> {
        let Some(env) = env.as_object() else {
            return Map::new();
        };
        let mut environment = Map::new();
        let nested =
            env.contains_key("clear") || env.contains_key("secret") || env.contains_key("tags");
        let clear = if nested {
            env.get("clear")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        } else {
            env.clone()
        };
        for (name, value) in clear {
            // A `$` of Kamal's is a dollar.
            let value = match value {
                Value::String(text) => json!(text.replace('$', "$$")),
                Value::Null => json!(""),
                other => json!(other.to_string()),
            };
            environment.insert(name, value);
        }
        let secret = env.get("secret").and_then(Value::as_array);
        for name in secret.into_iter().flatten().filter_map(Value::as_str) {
            // `ALIAS:NAME` gives a secret another name inside.
            let (inside, name) = name.split_once(':').unwrap_or((name, name));
            let reference = format!("${{{name}:?set it in .env.prod}}");
            environment.insert(inside.to_owned(), json!(reference));
            if !self.secrets.iter().any(|s| s == name) {
                self.secrets.push(name.to_owned());
            }
        }
        if env.contains_key("tags") {
            self.missing(
                "env.tags",
                "one file for each environment: .env.prod, .env.staging",
            );
        }
        environment
    }

    fn proxy(&mut self, deploy: &mut Map<String, Value>) -> Port {
        let proxy = deploy.remove("proxy").unwrap_or_default();
        let old = deploy.remove("healthcheck").unwrap_or_default();
        let health = proxy
            .get("healthcheck")
            .cloned()
            .unwrap_or_else(|| old.clone());
        let number = proxy.get("app_port").or_else(|| old.get("port"));
        for key in [
            "ssl",
            "host",
            "hosts",
            "ssl_redirect",
            "forward_headers",
            "buffering",
            "response_timeout",
            "path_prefix",
        ] {
            if proxy.get(key).is_some() {
                self.missing(
                    &format!("proxy.{key}"),
                    "your reverse proxy, in front of the published port",
                );
            }
        }
        let seconds =
            |key: &str, default: u64| health.get(key).and_then(Value::as_u64).unwrap_or(default);
        Port {
            number: number.and_then(Value::as_u64).unwrap_or(PORT),
            path: health
                .get("path")
                .and_then(Value::as_str)
                .unwrap_or("/up")
                .to_owned(),
            interval: seconds("interval", 3),
            timeout: seconds("timeout", 3),
        }
    }

    /// Role and settings; a list of hosts is the primary role's.
    fn roles(&mut self, servers: Value, primary: &str) -> Vec<(String, Value)> {
        let roles: Vec<(String, Value)> = match servers {
            Value::Object(roles) => roles.into_iter().collect(),
            hosts => vec![(primary.to_owned(), json!({"hosts": hosts}))],
        };
        let mut hosts: Vec<String> = Vec::new();
        for (_, settings) in &roles {
            let list = settings.get("hosts").unwrap_or(settings).as_array();
            for host in list.into_iter().flatten() {
                let host = match host {
                    Value::Object(tagged) => tagged.keys().next().cloned().unwrap_or_default(),
                    other => text_of(Some(other.clone())).unwrap_or_default(),
                };
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
        }
        if hosts.len() > 1 {
            let message = format!(
                "deployctl works on one host; let CI call it on each of: {}",
                hosts.join(", ")
            );
            self.missing("servers", &message);
        }
        roles
    }

    fn role(&mut self, service: &mut Map<String, Value>, role: &str, settings: &Value) {
        let Some(settings) = settings.as_object() else {
            return;
        };
        for (key, value) in settings {
            match key.as_str() {
                "hosts" | "proxy" | "traefik" => {}
                "cmd" => {
                    service.insert("command".into(), value.clone());
                }
                "labels" | "logging" => {
                    service.insert(key.clone(), value.clone());
                }
                "env" => {
                    let own = self.environment(value);
                    let all = service.entry("environment").or_insert_with(|| json!({}));
                    if let Some(all) = all.as_object_mut() {
                        all.extend(own);
                    }
                }
                "options" => self.options(service, role, value),
                other => self.missing(&format!("servers.{role}.{other}"), "unknown here"),
            }
        }
    }

    /// Flags of `docker run` that Compose has a key for.
    fn options(&mut self, service: &mut Map<String, Value>, owner: &str, options: &Value) {
        for (flag, value) in options.as_object().into_iter().flatten() {
            let key = match flag.as_str() {
                "memory" => "mem_limit",
                "cpus" => "cpus",
                "user" => "user",
                "init" => "init",
                "network" => "network_mode",
                "shm-size" => "shm_size",
                "ulimit" => "ulimits",
                "cap-add" => "cap_add",
                "add-host" => "extra_hosts",
                "publish" => "ports",
                _ => {
                    self.missing(
                        &format!("{owner}.options.{flag}"),
                        "look for the Compose key",
                    );
                    continue;
                }
            };
            let listed = matches!(key, "cap_add" | "extra_hosts" | "ports") && !value.is_array();
            let value = if listed {
                json!([value])
            } else {
                value.clone()
            };
            service.insert(key.to_owned(), value);
        }
    }

    fn accessory(&mut self, name: &str, settings: &Value) -> Value {
        let mut service = Map::new();
        service.insert("restart".into(), json!("unless-stopped"));
        for (key, value) in settings.as_object().into_iter().flatten() {
            match key.as_str() {
                "host" | "hosts" | "role" | "roles" | "service" | "registry" => {}
                "image" => {
                    service.insert("image".into(), value.clone());
                }
                "cmd" => {
                    service.insert("command".into(), value.clone());
                }
                "port" => {
                    let port = text_of(Some(value.clone())).unwrap_or_default();
                    let port = if port.contains(':') {
                        port
                    } else {
                        format!("127.0.0.1:{port}:{port}")
                    };
                    service.insert("ports".into(), json!([port]));
                }
                "env" => {
                    let environment = self.environment(value);
                    service.insert("environment".into(), Value::Object(environment));
                }
                "volumes" | "directories" | "files" => {
                    let mounts = value
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str);
                    let mounts: Vec<String> = mounts.map(|m| self.mount(name, key, m)).collect();
                    let all = service.entry("volumes").or_insert_with(|| json!([]));
                    if let Some(all) = all.as_array_mut() {
                        all.extend(mounts.into_iter().map(Value::String));
                    }
                }
                "labels" => {
                    service.insert(key.clone(), value.clone());
                }
                "options" => self.options(&mut service, name, value),
                other => self.missing(&format!("accessories.{name}.{other}"), "unknown here"),
            }
        }
        Value::Object(service)
    }

    /// A directory of an accessory becomes a named volume; a file is mounted from the app directory.
    fn mount(&mut self, accessory: &str, key: &str, mount: &str) -> String {
        let (source, target) = mount.split_once(':').unwrap_or((mount, mount));
        match key {
            "directories" => {
                let volume = format!("{accessory}-{}", source.replace('/', "-"));
                self.volumes.insert(volume.clone(), json!({}));
                let from = format!(
                    "a named volume now; Kamal's data are in ~/{accessory}/{source} on the host"
                );
                self.missing(&format!("accessories.{accessory}.directories"), &from);
                format!("{volume}:{target}")
            }
            "files" => format!("./{source}:{target}:ro"),
            _ => {
                self.name_volumes(&json!([mount]));
                mount.to_owned()
            }
        }
    }

    fn name_volumes(&mut self, mounts: &Value) {
        for mount in mounts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let source = mount.split(':').next().unwrap_or_default();
            if mount.contains(':') && !source.starts_with(['/', '.', '~']) {
                self.volumes.insert(source.to_owned(), json!({}));
            }
        }
    }

    fn extension(&mut self, deploy: &mut Map<String, Value>, service: Option<&String>) -> Value {
        let mut extension = Map::new();
        if let Some(kept) = deploy.remove("retain_containers") {
            extension.insert("keep_releases".into(), kept);
        }
        let mut aliases = Map::new();
        if let Some(Value::Object(written)) = deploy.remove("aliases") {
            let service = service.map_or("web", String::as_str);
            for (name, line) in written {
                let line = line.as_str().unwrap_or_default().to_owned();
                match alias(&line, service) {
                    Some(alias) => {
                        aliases.insert(name, json!(alias));
                    }
                    None => self.missing(
                        &format!("aliases.{name}"),
                        &format!("`{line}`: see docs/from-kamal.md"),
                    ),
                }
            }
        }
        if !aliases.is_empty() {
            extension.insert("aliases".into(), Value::Object(aliases));
        }
        Value::Object(extension)
    }
}

struct Port {
    number: u64,
    path: String,
    interval: u64,
    timeout: u64,
}

impl Port {
    fn healthcheck(&self) -> Value {
        let url = format!("http://127.0.0.1:{}{}", self.number, self.path);
        json!({
            "test": ["CMD", "curl", "-fsS", "-o", "/dev/null", url],
            "interval": format!("{}s", self.interval),
            "timeout": format!("{}s", self.timeout),
            "retries": 5,
            "start_period": "30s",
        })
    }
}

/// `app exec -i --reuse "bin/rails console"`, `app logs -f`, in deployctl's words.
fn alias(line: &str, service: &str) -> Option<String> {
    if let Some(rest) = line.strip_prefix("app exec") {
        let reuse = rest.contains("--reuse");
        let mut words = rest.trim();
        while words.starts_with('-') {
            let (flag, after) = words.split_once(' ')?;
            if !matches!(
                flag,
                "-i" | "--interactive" | "--reuse" | "-p" | "--primary"
            ) {
                return None;
            }
            words = after.trim_start();
        }
        let command = words.trim_matches(['"', '\'']);
        let verb = if reuse { "exec" } else { "run --rm" };
        return Some(format!("{verb} {service} {command}"));
    }
    let rest = line.strip_prefix("app logs")?;
    let known = rest
        .split_whitespace()
        .all(|w| matches!(w, "-f" | "--follow"));
    known.then(|| format!("logs{rest} {service}"))
}

fn text_of(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_said_in_our_words() {
        for (kamal, ours) in [
            (
                "app exec -i --reuse \"bin/rails console\"",
                Some("exec web bin/rails console"),
            ),
            ("app exec --interactive bash", Some("run --rm web bash")),
            ("app logs -f", Some("logs -f web")),
            ("server exec uptime", None),
        ] {
            assert_eq!(alias(kamal, "web").as_deref(), ours, "{kamal}");
        }
    }

    #[test]
    fn what_is_no_deploy_file_is_an_error() {
        assert!(convert("- a").is_err());
        assert!(convert("service: a").is_err());
        assert!(convert("image: [").is_err());
    }
}
