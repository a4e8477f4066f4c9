//! Files made to take for ever or to fill the memory: a clear error or a result, and no more work than their size asks for.
//!
//! Sizes are such that work that grows with their square would not end within the patience of anybody.

use std::fmt::Write as _;
use std::path::Path;

use deployctl::project::{LoadOptions, Project, load, locate};

const SERVICE: &str = "services:\n  a:\n    image: x\n";

/// A directory with a project.
struct Files(tempfile::TempDir);

impl Files {
    fn new(compose: &str) -> Self {
        let files = Self(tempfile::tempdir().expect("a directory"));
        files.with("compose.yaml", compose)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), content).expect("written");
        self
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn load(&self) -> Result<Project, String> {
        let options = LoadOptions {
            directory: self.0.path().to_owned(),
            project_name: Some("demo".into()),
            ..LoadOptions::default()
        };
        let with_sources = |error: &dyn std::error::Error| {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                let _ = write!(text, ": {error}");
                cause = error.source();
            }
            text
        };
        let location = locate(&options).map_err(|error| with_sources(&error))?;
        load(&location, &options).map_err(|error| with_sources(&error))
    }

    #[track_caller]
    fn refused(&self, reason: &str) {
        let error = self.load().expect_err("it is refused");
        assert!(error.contains(reason), "{}", &error[..error.len().min(400)]);
    }

    #[track_caller]
    fn accepted(&self) -> Project {
        self.load().expect("it is accepted")
    }
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn aliases_that_stand_for_millions_of_values_are_refused() {
    let lists = lines(12, |n| {
        let below = vec![format!("*a{n}"); 9].join(",");
        format!("x-{n}: &a{} [{below}]\n", n + 1)
    });
    Files::new(&format!("x-a: &a0 [1]\n{lists}{SERVICE}")).refused("more than 500000 values");
    let merged = lines(3000, |n| {
        format!("x-{n}: &a{}\n  <<: *a{n}\n  k{n}: 1\n", n + 1)
    });
    Files::new(&format!("x-a: &a0 {{k: 1}}\n{merged}{SERVICE}")).refused("more than 500000 values");
    Files::new(&format!("{SERVICE}x-a: [{}]\n", "1,".repeat(600_000)))
        .refused("more than 500000 values");
}

#[test]
fn an_anchor_within_itself_is_refused() {
    for text in ["x-a: &a [*a]\n", "x-a: &a {b: {<<: *a}}\n"] {
        Files::new(&format!("{text}{SERVICE}")).refused("alias of itself");
    }
}

#[test]
fn deep_nesting_is_refused_in_every_style() {
    let deep = 20_000;
    let block = lines(2000, |n| format!("{}a:\n", " ".repeat(n + 1)));
    for text in [
        format!("x-a: {}{}\n", "[".repeat(deep), "]".repeat(deep)),
        format!("x-a: {}\n", "{a: ".repeat(deep)),
        format!("x-a:\n{}a\n", "- ".repeat(deep)),
        format!("{}a\n", "? ".repeat(deep)),
        format!("x-a:\n{block}"),
    ] {
        Files::new(&format!("{text}{SERVICE}")).refused("recursion limit exceeded");
    }
    let variables = format!("{}x{}", "${A:-".repeat(deep), "}".repeat(deep));
    let braces = format!("{}{}", "${A:-{ }".repeat(deep), "}".repeat(deep));
    for text in [&variables[..], &braces, &"${A:-".repeat(200_000)] {
        Files::new(&format!("{SERVICE}    command: '{text}'\n"))
            .refused("services.a.command: invalid variable expression");
    }
}

#[test]
fn files_that_are_too_large_are_refused_and_long_lines_are_read() {
    let large = format!("{SERVICE}# {}\n", "c".repeat(100 * 1024 * 1024));
    Files::new(&large).refused("larger than 32 MiB");
    let long = "a".repeat(20_000_000);
    let project = Files::new(&format!("{SERVICE}    hostname: {long}\n")).accepted();
    assert_eq!(project.services["a"].hostname.as_ref(), Some(&long));
    let variables = "${A:-b}".repeat(200_000);
    let project = Files::new(&format!("{SERVICE}    hostname: \"{variables}\"\n")).accepted();
    assert_eq!(
        project.services["a"].hostname.as_deref(),
        Some(&*"b".repeat(200_000))
    );
    Files::new(&format!(
        "{SERVICE}    hostname: \"{}\"\n",
        "${A:-b}".repeat(2_000_000)
    ))
    .refused("too many variables");
}

#[test]
fn an_env_file_of_300_000_variables_is_read() {
    let variables = lines(300_000, |n| format!("V{n}=value of ${{V{}}}\n", n / 1000));
    let project = Files::new(&format!("{SERVICE}    env_file: a.env\n"))
        .with("a.env", &variables)
        .accepted();
    let environment = project.resolved_environment("a");
    assert_eq!(environment.len(), 300_000);
    assert_eq!(
        environment["V299999"].as_deref(),
        Some("value of value of value of ")
    );
    let project = Files::new(SERVICE).with(".env", &variables).accepted();
    assert!(project.environment.len() >= 300_000);
}

#[test]
fn values_that_double_each_other_are_refused() {
    let doubling = lines(60, |n| format!("A{}=$A{n}$A{n}\n", n + 1));
    let text = format!("A0=xxxxxxxx\n{doubling}");
    Files::new(&format!("{SERVICE}    env_file: a.env\n"))
        .with("a.env", &text)
        .refused("a.env`: line 23: with `A22` the values become too large");
    let uses = "$A ".repeat(100_000);
    Files::new(&format!("{SERVICE}    hostname: {uses}\n"))
        .with(".env", format!("A={}\n", "x".repeat(1_000_000)))
        .refused("larger than 32 MiB");
}

#[test]
fn an_open_quote_over_a_whole_file_is_refused() {
    Files::new(&format!("{SERVICE}    env_file: a.env\n"))
        .with("a.env", format!("A='{}", "x\n".repeat(5_000_000)))
        .refused("line 1: the quote of `A` is not closed");
}

#[test]
fn circles_are_named_and_cut_short() {
    Files::new("services: {a: {extends: b}, b: {extends: a}}").refused("a → b → a");
    let chain = lines(5000, |n| format!("  s{n}: {{extends: s{}}}\n", n + 1));
    Files::new(&format!("services:\n{chain}  s5000: {{image: x}}\n"))
        .refused("services.s0.extends: more than 100 services extend one another");
    let star = lines(5000, |n| format!("  s{n}: {{extends: base}}\n"));
    let project = Files::new(&format!("services:\n{star}  base: {{image: x}}\n")).accepted();
    assert_eq!(project.services["s4999"].image.as_deref(), Some("x"));
    let ring = lines(5000, |n| {
        format!("  s{n}: {{image: x, depends_on: [s{}]}}\n", (n + 1) % 5000)
    });
    Files::new(&format!("services:\n{ring}")).refused("s0 → s1 → s2 → s3 → … →");
    Files::new("include: [b.yaml]\n")
        .with("b.yaml", "include: [c.yaml]\n")
        .with("c.yaml", "include: [b.yaml]\n")
        .refused("include one another in a circle");
}

#[test]
fn includes_that_double_each_other_are_refused() {
    let mut files = Files::new("include: [b0.yaml, b0.yaml]\n");
    for n in 0..24 {
        let next = n + 1;
        let text = format!("include: [b{next}.yaml, b{next}.yaml]\n");
        files = files.with(&format!("b{n}.yaml"), text);
    }
    files
        .with("b24.yaml", SERVICE)
        .refused("includes more than 1000 files");
}

#[test]
fn text_that_is_none_is_refused() {
    Files::new("")
        .with("compose.yaml", b"services: {a: {image: \xff}}")
        .refused("compose.yaml:1:23: this is no UTF-8 text");
    for text in [
        "services: {a: {image: \"x\0y\"}}",
        "services: {a: {image: x\0y}}",
    ] {
        Files::new(text).refused("compose.yaml:1:2");
    }
    Files::new(&format!("{SERVICE}    env_file: a.env\n"))
        .with("a.env", "A=1\nB\0=c\n")
        .refused("line 2: unexpected");
}

#[test]
fn numbers_beyond_all_bounds_are_refused() {
    let digits = "9".repeat(400);
    for (key, value) in [
        ("mem_limit", digits.clone()),
        ("cpus", "1e999999999".to_owned()),
        ("cpus", format!("'{}'", "9".repeat(100_000))),
        ("scale", "9".repeat(30)),
        ("stop_grace_period", format!("{digits}s")),
        ("pids_limit", format!("0x{}", "f".repeat(400))),
        ("ports", "['0-99999999999']".to_owned()),
    ] {
        Files::new(&format!("{SERVICE}    {key}: {value}\n")).refused(&format!("services.a.{key}"));
    }
}

/// What is put in the place of a file, and what is said about it.
type Stand = (fn(&Path), &'static str);

#[test]
fn pipes_devices_and_directories_are_refused_wherever_a_file_is_named() {
    let stands: [Stand; 3] = [
        (|path| std::fs::create_dir(path).expect("made"), "directory"),
        (
            |path| std::os::unix::fs::symlink("/dev/zero", path).expect("a link"),
            "larger than 32 MiB",
        ),
        (
            |path| {
                let made = std::process::Command::new("mkfifo").arg(path).status();
                assert!(made.expect("mkfifo").success());
            },
            "a pipe to which nobody writes",
        ),
    ];
    for (make, reason) in stands {
        for compose in [
            "include: [x]\n",
            "include: [{path: b.yaml, env_file: x}]\n",
            "services: {a: {extends: {file: x, service: a}}}\n",
            "services: {a: {image: i, env_file: x}}\n",
            "services: {a: {image: i, label_file: x}}\n",
        ] {
            let files = Files::new(compose).with("b.yaml", SERVICE);
            make(&files.path("x"));
            files.refused(reason);
        }
    }
}

#[test]
fn long_lists_and_maps_take_no_longer_than_their_length() {
    let many = 20_000;
    let hosts = |name: &str| lines(many, |n| format!("      - {name}{n}=10.0.0.1\n"));
    let project = Files::new(&format!("{SERVICE}    extra_hosts:\n{}", hosts("a")))
        .with(
            "compose.override.yaml",
            format!("services:\n  a:\n    extra_hosts:\n{}", hosts("b")),
        )
        .accepted();
    assert_eq!(project.services["a"].extra_hosts.0.len(), 2 * many);

    let keys = |tag: &str| lines(many, |n| format!("      K{n}: {tag}1\n"));
    let project = Files::new(&format!("{SERVICE}    environment:\n{}", keys("")))
        .with(
            "compose.override.yaml",
            format!("services:\n  a:\n    environment:\n{}", keys("!reset ")),
        )
        .accepted();
    assert_eq!(project.services["a"].environment.len(), 0);

    let repeated = lines(many, |n| format!("      - K=v{n}\n"));
    let project = Files::new(&format!("{SERVICE}    environment:\n{repeated}")).accepted();
    assert_eq!(
        project.services["a"].environment["K"].as_deref(),
        Some("v19999")
    );

    let networks = lines(5000, |n| format!("  n{n}: {{}}\n"));
    let services = lines(5000, |n| {
        format!("  s{n}: {{image: x, networks: [n{n}]}}\n")
    });
    let project = Files::new(&format!("services:\n{services}networks:\n{networks}"))
        .accepted()
        .without_unused_resources();
    assert_eq!(project.networks.len(), 5000);

    let pools = |octet: u8| {
        let all: Vec<String> = (0..3000)
            .map(|n| format!("{{subnet: {octet}.{}.{}.0/24}}", n / 256, n % 256))
            .collect();
        format!(
            "networks: {{default: {{ipam: {{config: [{}]}}}}}}\n",
            all.join(",")
        )
    };
    Files::new(&format!("{SERVICE}{}", pools(10)))
        .with("compose.override.yaml", pools(11))
        .refused("networks.default.ipam.config: these are more pools");
}
