//! Whole projects, from files to hashes.

use std::path::Path;

use indexmap::IndexMap;
use sha2::Digest as _;

use super::{
    FileSource, LoadError, LoadOptions, LocateError, Project, ServiceReferences, load, locate,
};

/// A directory with files.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        directory
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn options(&self) -> LoadOptions {
        LoadOptions {
            directory: self.path().to_owned(),
            project_name: Some("demo".into()),
            ..LoadOptions::default()
        }
    }

    fn load(&self) -> Result<Project, LoadError> {
        self.load_with(&self.options())
    }

    #[expect(clippy::unused_self, reason = "reads as a story")]
    fn load_with(&self, options: &LoadOptions) -> Result<Project, LoadError> {
        load(&locate(options).unwrap(), options)
    }
}

fn compose(text: &str) -> Result<Project, LoadError> {
    Files::new(&[("compose.yaml", text)]).load()
}

fn service(text: &str) -> Project {
    compose(&format!("services: {{s: {text}}}\nvolumes: {{data: }}\nsecrets: {{s: {{file: /s}}}}\nnetworks: {{back: }}"))
        .unwrap()
}

fn label_hash(project: &Project) -> String {
    project.config_hash("s", &ServiceReferences::new())
}

#[test]
fn a_plain_service_has_the_hash_of_docker_compose() {
    let project = service(r#"{image: "nginx:1.27"}"#);
    assert_eq!(
        label_hash(&project),
        "35cb49ef2b427e33199ec130fd4fa2219dfb5858c58ba793400d99b97e093e4c"
    );
    let project =
        service(r#"{image: "postgres:16", entrypoint: [], networks: {back: {aliases: [pg]}}}"#);
    assert_eq!(
        label_hash(&project),
        "72de38d8101fba2896763afa971fa39d49f1758ef1e4df80e0cb42f1abbed76b"
    );
}

#[test]
fn the_label_hash_covers_the_values_of_env_files_and_the_printed_one_does_not() {
    let files = Files::new(&[
        (".env", "TAG=sha-abc123\n"),
        ("app.env", "A=file\nB=x-${TAG}\nS=file\n"),
        (
            "compose.yaml",
            r#"
services:
  s: {image: "ghcr.io/acme/web:${TAG}", env_file: [app.env], environment: {S: inline, N: 3, F: true, P: "p<&>'x", U: null}, labels: {r: "Host(`a`) && P"}, command: ./serve --x "y z", expose: [3000], ports: ["127.0.0.1:8080:80", 9000]}
"#,
        ),
    ]);
    let project = files.load().unwrap();
    assert_eq!(
        label_hash(&project),
        "63ba9a949b7bdcd1cfa89cad26b8c7b77c2e0769bedb6c61ebaafe6396b1e1a4"
    );
    assert_ne!(project.config_hash_printed("s"), label_hash(&project));
    assert_eq!(
        project.resolved_environment("s")["B"].as_deref(),
        Some("x-sha-abc123")
    );
}

#[test]
fn sizes_durations_and_limits_are_hashed_in_their_long_form() {
    let project = service(
        r#"{image: x, scale: 3, deploy: {replicas: 3, resources: {limits: {cpus: "0.5", memory: 512M}}, update_config: {order: start-first, delay: 10s}}, healthcheck: {test: "curl -f http://localhost/up", interval: 10s, timeout: 1m30s, retries: 3, start_period: 5s}, stop_grace_period: 30s, ulimits: {nofile: {soft: 1024, hard: 2048}, nproc: 10}, extra_hosts: ["b=5.6.7.8", "a:1.2.3.4"]}"#,
    );
    assert_eq!(
        label_hash(&project),
        "dc0ec6cf813627855b09e19e716d510e755ec8d484bb0ae0ce862262d1ca2148"
    );
    // `create_host_path` of the short form is part of the hash in docker compose 2.40.
    let project = service(
        r#"{image: x, network_mode: host, mem_limit: 512m, cpus: 0.1, init: false, read_only: true, restart: "on-failure:3", volumes: ["data:/y", "/abs:/x:ro", {type: bind, source: /abs, target: /q}, {type: tmpfs, target: /t, tmpfs: {size: 1m}}], secrets: [s], logging: {driver: json-file, options: {max-size: 10m}}}"#,
    );
    assert_eq!(
        label_hash(&project),
        "7181f4d5a3c6b786bdc774b7a27483114a18b2fef90f2eb85f622850878fdc4e"
    );
}

#[test]
fn networks_and_volumes_have_the_hashes_of_docker_compose() {
    let project = compose(
        "services: {s: {image: x, networks: [default, back], volumes: ['data:/a', 'e:/b']}}
networks: {back: {driver: bridge, internal: true}}
volumes: {data: {}, e: {name: real, driver_opts: {type: none}}}",
    )
    .unwrap();
    assert_eq!(
        project.network_hash("default"),
        "9233c9210449f8a494f89ea29e14489610bbb8c740b68ce5e474fe6816a5a9ca"
    );
    assert_eq!(
        project.network_hash("back"),
        "d8ef015ecf80fea4ab9803aac2cee60ca4a6872169366341a8c96f1ae849ebe5"
    );
    assert_eq!(
        project.volume_hash("data"),
        "504ad458c80a54e9120954e1d0ad581a3e0d7b50499e9f2755876d04a2d3321a"
    );
    assert_eq!(
        project.volume_hash("e"),
        "6b17e1690c44e12e56287d9b681e885b4689dc95b7138406c1fefbd344643651"
    );
}

#[test]
fn a_service_in_another_ones_network_is_hashed_with_its_container() {
    let project = compose("services: {a: {image: x}, s: {image: y, network_mode: 'service:a', volumes_from: ['a:ro']}}").unwrap();
    let references = ServiceReferences::from([("a".to_owned(), "0123".to_owned())]);
    assert_ne!(
        project.config_hash("s", &references),
        project.config_hash("s", &ServiceReferences::new())
    );
    let dependency = &project.services["s"].depends_on["a"];
    assert!(dependency.required && dependency.restart);
}

#[test]
fn a_stored_project_comes_back_as_it_was() {
    let files = Files::new(&[
        ("app.env", "A=1\n"),
        (
            "compose.yaml",
            "
x-deployctl: {reload: SIGHUP}
services:
  z: {image: 'x:${TAG:-1}', env_file: [{path: app.env, required: false, format: raw}], x-own: [1], init: false, scale: 0, cpus: 0.1,
      command: [], ulimits: {nofile: 3}, stop_grace_period: 90s, extra_hosts: ['a=1.2.3.4'], volumes: [./d:/d], secrets: [{source: s, mode: '0400'}],
      deploy: {update_config: {order: start-first}}, healthcheck: {test: 'true', interval: 5s}, depends_on: [a]}
  a: {image: y, profiles: [migrate]}
  a2: {image: y}
secrets: {s: {environment: HOME}}
"
            .replace("depends_on: [a]", "depends_on: [a2]")
            .leak(),
        ),
    ]);
    let mut options = files.options();
    options
        .process_environment
        .insert("HOME".into(), "/root".into());
    let project = files.load_with(&options).unwrap();
    let mut back = Project::from_stored(project.to_stored()).unwrap();
    assert_eq!(label_hash(&back), label_hash(&project));
    assert_eq!(
        back.secrets["s"].environment_value.as_deref(),
        Some("/root")
    );
    assert_eq!(back.services.keys().collect::<Vec<_>>(), ["z", "a2"]);
    back.environment = project.environment.clone();
    assert_eq!(back, project);
}

#[test]
fn a_variable_use_knows_its_service_and_whether_it_is_a_tag() {
    let project =
        compose("services: {api: {image: '${REG:-r}/web:${TAG:-1}', command: '${CMD:-x}'}}")
            .unwrap();
    let uses: Vec<(String, bool, bool)> = project
        .variable_uses
        .iter()
        .map(|one| (one.name.clone(), one.tag_position, one.has_default))
        .collect();
    let expected = [
        ("REG", false, true),
        ("TAG", true, true),
        ("CMD", false, true),
    ];
    assert_eq!(
        uses,
        expected.map(|(name, tag, default)| (name.to_owned(), tag, default))
    );
    assert_eq!(project.variable_uses[1].path, "services.api.image");
    assert_eq!(project.variable_uses[1].service.as_deref(), Some("api"));
}

#[test]
fn an_override_beats_the_environment_and_the_env_file_that_a_service_reads() {
    let files = Files::new(&[
        (".env.prod", "IMAGE_TAG=old\nNAME=app-${IMAGE_TAG}\n"),
        (
            "compose.prod.yml",
            "services: {s: {image: 'x:${IMAGE_TAG}', env_file: [.env.prod]}}",
        ),
    ]);
    let mut options = files.options();
    options
        .process_environment
        .insert("IMAGE_TAG".into(), "from-shell".into());
    options.overrides.insert("IMAGE_TAG".into(), "new".into());
    let project = files.load_with(&options).unwrap();
    assert_eq!(project.services["s"].image.as_deref(), Some("x:new"));
    let environment = project.resolved_environment("s");
    assert_eq!(environment["IMAGE_TAG"].as_deref(), Some("new"));
    assert_eq!(environment["NAME"].as_deref(), Some("app-new"));
    assert_eq!(project.env_files, [files.path().join(".env.prod")]);
}

#[test]
fn errors_name_line_path_and_remedy() {
    for (text, shown, hint) in [
        (
            "services:\n  web:\n    image: x\n    prots: [80]",
            ":4:5: services.web: unknown key `prots`",
            "did you mean `ports`?",
        ),
        (
            "services:\n  web:\n    image: x\n    command: [echo, 0644]",
            ":4:21: services.web.command[1]: must be a string, not the number `420`",
            "put it in quotes: \"420\"",
        ),
        (
            "services: {web: {image: 'x:${TAG:?set it}'}}",
            "services.web.image: the required variable `TAG` is not set: set it",
            "put `TAG=…` into the env file, or set it in the environment",
        ),
        (
            "services: {web: {image: x, networks: [bakc]}}\nnetworks: {back: }",
            ":1:39: services.web.networks.bakc: the network `bakc` is not defined",
            "did you mean `back`?",
        ),
        (
            "services: {web: {image: x, depends_on: [job]}, job: {image: y, profiles: [tools]}}",
            ":1:41: services.web.depends_on.job: the service `job` is needed but disabled",
            "enable it with `--profile tools`",
        ),
        (
            "services:\n  web:\n    ports: [80]",
            ":2:3: services.web: the service has neither an image nor a build",
            "add `image:`; if the file only changes another one, name both: `-f compose.yml -f …`",
        ),
        (
            "services:\n  web:\n    image: x\n    healthcheck:\n      test: [curl, x]",
            ":5:7: services.web.healthcheck.test: `test` must begin with CMD, CMD-SHELL or NONE",
            "write [\"CMD\", \"curl\", …] or the command as one string",
        ),
        (
            "services:\n  web:\n    image: x\n    stop_grace_period: soon",
            ":4:24: services.web.stop_grace_period: `soon` is no duration",
            "write a number with its unit: `30s`, `1m30s`, `2h`",
        ),
        (
            "services:\n  web:\n    image: x\n    env_file:\n      - nowhere.env",
            ":5:9: services.web.env_file[0]:",
            "create the file, or write `required: false` beside its `path:`",
        ),
        (
            "services: {a: {image: x}, a: {image: y}}",
            "the key `a` is already there, in line 1",
            "keep one of the two",
        ),
    ] {
        let error = compose(text).unwrap_err();
        assert!(error.to_string().contains(shown), "{error}");
        assert!(
            error.hints.iter().any(|one| one == hint),
            "{:?}",
            error.hints
        );
    }
}

#[test]
fn a_later_file_merges_resets_and_overrides() {
    let files = Files::new(&[
        (
            "a.yml",
            "services: {s: {image: x, ports: ['80:80'], environment: {A: 1, B: 2}, command: [a], labels: [l=1]}}",
        ),
        (
            "b.yml",
            "services: {s: {ports: !override ['81:81'], environment: [B=3], command: !reset null, labels: {m: 2}}}",
        ),
    ]);
    let mut options = files.options();
    options.files = ["a.yml", "b.yml"]
        .map(|name| FileSource::Path(name.into()))
        .to_vec();
    let project = files.load_with(&options).unwrap();
    let service = &project.services["s"];
    assert_eq!(service.ports.len(), 1);
    assert_eq!(service.ports[0].published.as_deref(), Some("81"));
    assert_eq!(service.command, None);
    assert_eq!(service.environment["A"].as_deref(), Some("1"));
    assert_eq!(service.environment["B"].as_deref(), Some("3"));
    assert_eq!(service.labels.len(), 2);
}

#[test]
fn included_and_extended_files_keep_their_own_directory() {
    let files = Files::new(&[
        (
            "compose.yaml",
            "include: [lib/compose.yaml]\nservices: {s: {extends: {file: base/base.yaml, service: b}, image: z}}",
        ),
        (
            "lib/compose.yaml",
            "services: {l: {image: 'x:${V}', volumes: [./d:/d]}}",
        ),
        ("lib/.env", "V=from-lib\n"),
        (
            "base/base.yaml",
            "services: {b: {image: y, volumes: [./d:/d]}}",
        ),
    ]);
    let project = files.load().unwrap();
    let source = |service: &str| project.services[service].volumes[0].source.clone().unwrap();
    assert_eq!(Path::new(&source("l")), files.path().join("lib/d"));
    assert_eq!(Path::new(&source("s")), files.path().join("base/d"));
    assert_eq!(project.services["l"].image.as_deref(), Some("x:from-lib"));
}

#[test]
fn production_files_are_found_by_their_names() {
    let files = Files::new(&[
        ("compose.yaml", "services: {s: {image: dev}}"),
        ("docker-compose.prod.yml", "services: {s: {image: prod}}"),
        (".env", "A=1"),
        (".env.production", "A=2"),
        (".env.staging", "A=3"),
    ]);
    let location = locate(&files.options()).unwrap();
    assert_eq!(
        location.files,
        [FileSource::Path(
            files.path().join("docker-compose.prod.yml")
        )]
    );
    assert_eq!(location.environment["A"], "2");
    let staging = LoadOptions {
        environment_name: Some("staging".into()),
        ..files.options()
    };
    let location = locate(&staging).unwrap();
    assert_eq!(
        location.files,
        [FileSource::Path(
            files.path().join("docker-compose.prod.yml")
        )]
    );
    assert_eq!(location.environment["A"], "3");
    let missing = LoadOptions {
        environment_name: Some("qa".into()),
        ..files.options()
    };
    assert!(matches!(
        locate(&missing),
        Err(LocateError::UnknownEnvironment { .. })
    ));
}

#[test]
fn two_production_files_of_one_rank_and_an_overlay_are_refused() {
    let files = Files::new(&[
        ("compose.prod.yml", "services: {s: {image: x}}"),
        ("compose.prod.yaml", "services: {s: {image: x}}"),
    ]);
    assert!(matches!(
        locate(&files.options()),
        Err(LocateError::Ambiguous { .. })
    ));
    let files = Files::new(&[
        ("compose.yml", "services: {s: {image: x}}"),
        ("compose.prod.yml", "services: {s: {restart: always}}"),
    ]);
    let error = locate(&files.options()).unwrap_err();
    assert!(matches!(error, LocateError::Overlay { .. }));
    assert!(
        error.hints()[0].contains("compose.yml -f "),
        "{:?}",
        error.hints()
    );
}

#[test]
fn an_overlay_is_named_with_its_env_file_or_in_it() {
    let overlay = [
        ("compose.yml", "services: {s: {image: 'x:${TAG}'}}"),
        ("compose.prod.yml", "services: {s: {restart: always}}"),
    ];
    let files = Files::new(&[overlay.as_slice(), &[(".env.prod", "TAG=1\n")]].concat());
    let hints = locate(&files.options()).unwrap_err().hints();
    let env_file = files.path().join(".env.prod").display().to_string();
    assert!(
        hints[0].ends_with(&format!("compose.prod.yml --env-file {env_file}`")),
        "{hints:?}"
    );
    assert!(
        hints[1].starts_with(&format!(
            "or once and for all in {env_file}: `COMPOSE_FILE="
        )),
        "{hints:?}"
    );
    let list = "COMPOSE_FILE=compose.yml:compose.prod.yml\n";
    let (production, staging) = (format!("TAG=1\n{list}"), format!("TAG=2\nexport {list}"));
    let env_files = [
        (".env", "TAG=0"),
        (".env.prod", production.as_str()),
        (".env.staging", staging.as_str()),
    ];
    let files = Files::new(&[overlay.as_slice(), &env_files].concat());
    for (name, env_file, image) in [
        (None, ".env.prod", "x:1"),
        (Some("staging".to_owned()), ".env.staging", "x:2"),
    ] {
        let options = LoadOptions {
            environment_name: name,
            ..files.options()
        };
        let location = locate(&options).unwrap();
        assert_eq!(location.files.len(), 2);
        assert_eq!(location.env_files, [files.path().join(env_file)]);
        let project = load(&location, &options).unwrap();
        assert_eq!(project.services["s"].image.as_deref(), Some(image));
    }
}

#[test]
fn a_changed_config_file_changes_its_item_of_the_fingerprint() {
    let text = "services: {s: {image: x, configs: [c], volumes: ['./conf:/conf', '/etc/hosts:/h']}, n: {image: y}}\nconfigs: {c: {file: c.txt}}";
    let files = Files::new(&[("compose.yaml", text), ("c.txt", "1"), ("conf/a", "1")]);
    let project = files.load().unwrap();
    let before = project.content_fingerprint("s").unwrap().unwrap();
    assert_eq!(
        before
            .items
            .iter()
            .map(|item| item.name.as_str())
            .collect::<Vec<_>>(),
        ["config c", "file ./conf"]
    );
    std::fs::write(files.path().join("conf/a"), "2").unwrap();
    let after = project.content_fingerprint("s").unwrap().unwrap();
    assert_eq!(before.items[0], after.items[0]);
    assert_ne!(before.items[1], after.items[1]);
    assert_eq!(project.content_fingerprint("n").unwrap(), None);
}

#[test]
#[expect(clippy::format_collect, reason = "eleven lines")]
fn what_would_take_forever_is_refused() {
    let bomb: String = (1..12)
        .map(|n| {
            format!(
                "x-{n}: &a{n} [{}]\n",
                vec![format!("*a{}", n - 1); 10].join(",")
            )
        })
        .collect();
    let cases = [
        format!("x-0: &a0 [1]\n{bomb}services: {{a: {{image: x}}}}"),
        format!("x-a: {}1{}\nservices: {{a: {{image: x}}}}", "[".repeat(20_000), "]".repeat(20_000)),
        format!("services: {{a: {{image: \"{}{}\"}}}}", "${A:-".repeat(20_000), "}".repeat(20_000)),
        "services: {a: {image: x, ports: ['1-65535:1-65535', '1-65535:1-65535/udp', '1-65535/sctp']}}".to_owned(),
        "services: {a: {extends: b}, b: {extends: a}}".to_owned(),
        "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}".to_owned(),
    ];
    for text in cases {
        assert!(compose(&text).is_err(), "{}", &text[..60]);
    }
}

#[test]
fn the_values_of_variables_are_not_shown_by_debug() {
    let mut options = LoadOptions {
        directory: "/".into(),
        ..LoadOptions::default()
    };
    options.files = vec![FileSource::Stdin(
        "name: x\nservices: {a: {image: x}}".into(),
    )];
    options.process_environment = IndexMap::from([("PASSWORD".to_owned(), "hunter2".to_owned())]);
    let project = load(&locate(&options).unwrap(), &options).unwrap();
    assert_eq!(project.environment["PASSWORD"], "hunter2");
    assert!(!format!("{project:?}").contains("hunter2"));
}

#[test]
fn an_error_says_what_was_probably_meant() {
    for (text, hint) in [
        (
            "healthcheck: {test: x, interval: 30}",
            "write it with its unit: 30s",
        ),
        (
            "environment: [{A: b}]",
            "an entry of a list is `NAME=value`; without the dash it is `NAME: value`",
        ),
        (
            "volumes: [\"${DATA}:/data\"]",
            "the variable `DATA` is not set and counts as empty: put `DATA=…` into the env file",
        ),
        (
            "volumes: [\"sub/dir:/data\"]",
            "for a directory beside the file write `./sub/dir`",
        ),
        (
            "depends_on: {t: {condition: healthy}}",
            "did you mean `service_healthy`?",
        ),
    ] {
        let file = format!("services:\n  t: {{image: t}}\n  s:\n    image: i\n    {text}\n");
        let error = compose(&file).unwrap_err();
        assert_eq!(error.hints, [hint], "{text}: {error}");
    }
}

#[test]
fn the_label_hash_covers_the_paths_of_label_files() {
    let files = Files::new(&[(
        "compose.yaml",
        "services: {s: {image: x, label_file: /dev/null, labels: {own: '1'}}}",
    )]);
    let project = files.load().unwrap();
    let text = r#"{"command":null,"entrypoint":null,"image":"x","labels":{"own":"1"},"label_file":["/dev/null"],"networks":{"default":null}}"#;
    let digest = sha2::Sha256::digest(text.as_bytes());
    assert_eq!(label_hash(&project), super::hash::hex(&digest));
    assert_ne!(label_hash(&project), project.config_hash_printed("s"));
}
