//! What a service does without and will miss: a healthcheck, a tag of its own, a user, an end of its logs.

use std::collections::BTreeMap;

use super::{Finding, Severity};
use crate::plan::observed::{EngineInfo, Observed};
use crate::plan::tag;
use crate::project::model::{Project, Service};

/// What the engine tells only when it is asked for it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The engine.
    pub engine: EngineInfo,
    /// The log driver of services that name none; empty where it is not known.
    pub log_driver: String,
    /// Whether the engine's own configuration bounds logs; `None` where it cannot be read.
    pub logs_are_bounded: Option<bool>,
    /// Service → the program of its healthcheck, which its image does not have.
    pub missing_tools: BTreeMap<String, String>,
}

/// Looks at every service that is going to run.
pub fn advice(project: &Project, observed: &Observed, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, service) in &project.services {
        let found = [
            healthcheck(name, service, observed),
            tool(name, facts),
            moving_tag(name, service),
            root(name, service, observed),
            logs(name, service, facts),
            platform(name, service, observed, facts),
        ];
        findings.extend(found.into_iter().flatten());
    }
    findings
}

fn warning(message: String, hint: impl Into<String>) -> Finding {
    Finding {
        severity: Severity::Warning,
        message,
        hint: Some(hint.into()),
    }
}

fn healthcheck(name: &str, service: &Service, observed: &Observed) -> Option<Finding> {
    let written = service.healthcheck.as_ref();
    let disabled =
        written.is_some_and(|h| h.disable || h.test.first().is_some_and(|w| w == "NONE"));
    let tested = written.is_some_and(|h| !h.test.is_empty());
    let image = service.image.as_ref().and_then(|i| observed.images.get(i));
    // What the image says is known only once it is here.
    let of_image = image.is_none_or(|i| i.healthcheck.is_some());
    if !disabled && (tested || of_image) {
        return None;
    }
    Some(warning(
        format!(
            "service `{name}` has no healthcheck: that it answers is not known, only that it runs"
        ),
        format!(
            "services: {{{name}: {{healthcheck: {{test: [CMD, curl, -fsS, \"http://127.0.0.1:8080/up\"], interval: 5s, start_period: 30s, start_interval: 1s}}}}}}"
        ),
    ))
}

fn tool(name: &str, facts: &Facts) -> Option<Finding> {
    let tool = facts.missing_tools.get(name)?;
    Some(Finding {
        severity: Severity::Error,
        message: format!(
            "the healthcheck of service `{name}` runs `{tool}`, which is not in its image: it can never be healthy"
        ),
        hint: Some(format!(
            "install `{tool}` in the image, or test with what it has: docker run --rm --entrypoint '' IMAGE ls /usr/bin"
        )),
    })
}

fn moving_tag(name: &str, service: &Service) -> Option<Finding> {
    let image = service.image.as_deref()?;
    if image.contains('@') {
        return None;
    }
    let tag = tag::of_reference(image);
    if tag.is_some_and(|t| t != "latest") {
        return None;
    }
    Some(warning(
        format!(
            "service `{name}` runs `{image}`: `latest` names another image tomorrow, and nobody can tell which one runs"
        ),
        "tag images by commit in CI (sha-abc123), and write `image: registry/name:${IMAGE_TAG}`",
    ))
}

fn root(name: &str, service: &Service, observed: &Observed) -> Option<Finding> {
    let image = service.image.as_ref().and_then(|i| observed.images.get(i));
    let user = service.user.as_ref().or(image.map(|i| &i.user))?;
    let user = user.split(':').next().unwrap_or_default();
    if !matches!(user, "" | "0" | "root") {
        return None;
    }
    Some(warning(
        format!("service `{name}` runs as root, unless its program gives that up by itself"),
        format!(
            "services: {{{name}: {{user: \"1000:1000\"}}}}   (the owner of what it writes: chown -R 1000:1000 …)"
        ),
    ))
}

/// Logs of `json-file` grow until the disk is full, where nobody says otherwise.
fn logs(name: &str, service: &Service, facts: &Facts) -> Option<Finding> {
    let logging = service.logging.as_ref();
    let driver = logging
        .and_then(|l| l.driver.as_deref())
        .or(service.log_driver.as_deref());
    let options = logging.map_or(&service.log_opt, |l| &l.options);
    let unbounded = match driver {
        Some(driver) => driver == "json-file",
        None => facts.log_driver == "json-file" && facts.logs_are_bounded == Some(false),
    };
    if !unbounded || options.contains_key("max-size") {
        return None;
    }
    Some(warning(
        format!("the log of service `{name}` grows until the disk is full"),
        format!(
            "services: {{{name}: {{logging: {{driver: local}}}}}}, or for all in /etc/docker/daemon.json: {{\"log-driver\": \"local\"}}"
        ),
    ))
}

fn platform(name: &str, service: &Service, observed: &Observed, facts: &Facts) -> Option<Finding> {
    let image = service
        .image
        .as_ref()
        .and_then(|i| observed.images.get(i))?;
    let ours = architecture(&facts.engine.architecture);
    let theirs = architecture(&image.architecture);
    if ours.is_empty() || theirs.is_empty() || ours == theirs || service.platform.is_some() {
        return None;
    }
    Some(warning(
        format!("the image of service `{name}` is for {theirs}, and this engine is {ours}"),
        format!("docker buildx build --platform linux/{ours} …"),
    ))
}

/// The kernel's name and that of images for one thing.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv7l" | "armhf" => "arm",
        other => other,
    }
}

/// The program that a healthcheck runs; `None` for what a shell does by itself, and for the image's own.
pub fn healthcheck_tool(service: &Service) -> Option<&str> {
    let test = &service.healthcheck.as_ref()?.test;
    let word = match test.first().map(String::as_str)? {
        "CMD" => test.get(1)?.as_str(),
        "CMD-SHELL" => test.get(1)?.split_whitespace().next()?,
        _ => return None,
    };
    let of_shell = [
        "exit", "test", "[", "true", "false", "cd", "echo", ":", "exec", "if", "!", "(",
    ];
    // `$$(…)`, `A=b command`: only a shell knows what runs.
    let plain = !word.contains(['$', '=', '`', '(', '"', '\'', ';', '|', '&']);
    (plain && !of_shell.contains(&word)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{observed, project};
    use super::*;
    use crate::plan::observed::{ImageHealthcheck, LocalImage};

    /// A service that lacks nothing.
    const FINE: &str = "services: {api: {image: 'api:v1', user: '1000', logging: {driver: local}, healthcheck: {test: [CMD, /up]}}}";

    fn facts() -> Facts {
        let engine = EngineInfo {
            architecture: "x86_64".to_owned(),
            ..EngineInfo::default()
        };
        Facts {
            engine,
            log_driver: "json-file".to_owned(),
            logs_are_bounded: Some(false),
            missing_tools: BTreeMap::new(),
        }
    }

    fn found(compose: &str, facts: &Facts, change: impl Fn(&mut LocalImage)) -> Vec<String> {
        let project = project(compose);
        let findings = advice(&project, &observed(&project, change), facts);
        let texts = findings.into_iter().map(|f| {
            format!(
                "{:?}: {} -> {}",
                f.severity,
                f.message,
                f.hint.unwrap_or_default()
            )
        });
        texts.collect()
    }

    #[track_caller]
    fn finds(compose: &str, message: &str, hint: &str) {
        let found = found(compose, &facts(), |_| {});
        let [only] = found.as_slice() else {
            panic!("one finding expected: {found:#?}");
        };
        assert!(only.contains(message) && only.contains(hint), "{only}");
    }

    #[test]
    fn a_service_that_lacks_nothing_has_no_finding() {
        assert_eq!(found(FINE, &facts(), |_| {}), [""; 0]);
    }

    #[test]
    fn a_service_without_a_healthcheck_is_named_unless_its_image_has_one() {
        for compose in [
            FINE.replace(", healthcheck: {test: [CMD, /up]}", ""),
            FINE.replace("{test: [CMD, /up]}", "{disable: true}"),
        ] {
            finds(
                &compose,
                "Warning: service `api` has no healthcheck",
                "test: [CMD, curl",
            );
        }
        let of_image = found(
            &FINE.replace(", healthcheck: {test: [CMD, /up]}", ""),
            &facts(),
            |image| image.healthcheck = Some(ImageHealthcheck::default()),
        );
        assert_eq!(of_image, [""; 0]);
    }

    #[test]
    fn a_healthcheck_whose_program_is_not_in_the_image_is_an_error() {
        let mut facts = facts();
        facts
            .missing_tools
            .insert("api".to_owned(), "curl".to_owned());
        let found = found(FINE, &facts, |_| {});
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("Error: the healthcheck of service `api` runs `curl`"));
    }

    #[test]
    fn the_program_of_a_healthcheck_is_known_where_no_shell_decides() {
        let tool = |test: &str| {
            let project = project(&FINE.replace("[CMD, /up]", test));
            healthcheck_tool(&project.services["api"]).map(str::to_owned)
        };
        assert_eq!(tool("[CMD, curl, -f, x]").as_deref(), Some("curl"));
        assert_eq!(tool("'pg_isready -U app'").as_deref(), Some("pg_isready"));
        assert_eq!(tool("'exit 0'"), None);
        assert_eq!(tool("'[ -e /ready ]'"), None);
        assert_eq!(tool("'A=1 curl x'"), None);
        assert_eq!(tool("[NONE]"), None);
    }

    #[test]
    fn latest_is_named_with_or_without_its_name() {
        for image in ["'api:latest'", "'api'"] {
            finds(
                &FINE.replace("'api:v1'", image),
                "`latest` names another image tomorrow",
                "sha-abc123",
            );
        }
    }

    #[test]
    fn a_container_that_runs_as_root_is_named_by_the_service_or_by_its_image() {
        finds(
            &FINE.replace("'1000'", "'0:0'"),
            "runs as root",
            "1000:1000",
        );
        let of_image = found(&FINE.replace("user: '1000', ", ""), &facts(), |image| {
            image.user = String::new();
        });
        assert_eq!(of_image.len(), 1, "{of_image:?}");
        let fine = found(&FINE.replace("user: '1000', ", ""), &facts(), |_| {});
        assert_eq!(fine, [""; 0]);
    }

    #[test]
    fn a_log_without_an_end_is_named() {
        let without = FINE.replace("logging: {driver: local}, ", "");
        finds(&without, "grows until the disk is full", "driver: local");
        finds(
            &FINE.replace("driver: local", "driver: json-file"),
            "grows until the disk is full",
            "daemon.json",
        );
        let bounded = FINE.replace(
            "driver: local",
            "driver: json-file, options: {max-size: 10m}",
        );
        assert_eq!(found(&bounded, &facts(), |_| {}), [""; 0]);
        let by_engine = Facts {
            logs_are_bounded: Some(true),
            ..facts()
        };
        assert_eq!(found(&without, &by_engine, |_| {}), [""; 0]);
    }

    #[test]
    fn an_image_for_another_platform_is_named() {
        let found = found(FINE, &facts(), |image| {
            image.architecture = "arm64".to_owned();
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("is for arm64, and this engine is amd64"),
            "{found:?}"
        );
    }
}
