//! Kamal's `config/deploy.yml` as a Compose file to read through. What has no counterpart is listed, never dropped.

mod accessory;
mod alias;
mod proxy;
mod role;

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::project::{plain_yaml, print};
use alias::alias;

/// What becomes of a `deploy.yml`.
pub(super) struct Converted {
    pub compose: String,
    pub env: String,
    /// Without its tag.
    pub image: String,
    /// `key: what to do instead`.
    pub without_counterpart: Vec<String>,
}

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
