//! Keeps the direction of dependencies, and which module may name which crate.

use std::path::{Path, PathBuf};

/// Module, and the modules of ours that it may use.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("notify", &["notify"]),
    ("project", &["project"]),
    ("plan", &["plan", "project"]),
    ("engine", &["engine", "plan", "project"]),
    ("state", &["state", "plan"]),
    (
        "execute",
        &["execute", "engine", "plan", "project", "state"],
    ),
    (
        "report",
        &[
            "report", "execute", "engine", "plan", "state", "cli", "error",
        ],
    ),
];

/// Crate, and the modules that may name it.
const MAY_NAME: [(&str, &[&str]); 9] = [
    ("rustls", &["notify"]),
    ("tokio_rustls", &["notify"]),
    ("bollard", &["engine"]),
    ("granit_parser", &["project"]),
    ("clap", &["cli", "main"]),
    ("docker_credential", &["engine"]),
    ("nix", &["state", "command"]),
    ("rustix", &["command", "report"]),
    (
        "indexmap",
        &["project", "engine", "command", "report", "main"],
    ),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("src");
    let mut files = Vec::new();
    for path in entries.map(|e| e.expect("an entry").path()) {
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// The files of `src` with the module they belong to, tests left out.
fn modules() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all: Vec<_> = sources(&src)
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&src).expect("below src");
            let first = relative
                .components()
                .next()
                .expect("a name")
                .as_os_str()
                .to_string_lossy();
            let text = std::fs::read_to_string(&path).expect("text");
            let code = text
                .split("#[cfg(test)]")
                .next()
                .unwrap_or_default()
                .to_owned();
            (first.trim_end_matches(".rs").to_owned(), path, code)
        })
        .collect();
    assert!(all.len() > 50, "only {} files were found", all.len());
    all
}

#[test]
fn modules_use_only_what_stands_below_them() {
    let mut wrong = Vec::new();
    for (module, path, code) in modules() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(m, _)| *m == module) else {
            continue;
        };
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let name: String = used
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                if !name.is_empty() && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{} uses crate::{name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_are_named_in_one_place() {
    let mut wrong = Vec::new();
    for (module, path, code) in modules() {
        for (name, allowed) in MAY_NAME {
            let named = code
                .lines()
                .filter(|l| !l.trim_start().starts_with("//"))
                .any(|l| {
                    // `std::os::unix::` does not name the crate `nix`.
                    l.match_indices(&format!("{name}::"))
                        .any(|(at, _)| !l[..at].ends_with(|c: char| c.is_alphanumeric()))
                });
            if named && !allowed.contains(&module.as_str()) {
                wrong.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_planner_never_awaits_and_reads_no_clock() {
    for (module, path, code) in modules() {
        if module == "plan" {
            for word in [
                ".await",
                "async fn",
                "Instant::now",
                "SystemTime",
                "Timestamp::now",
                "std::fs::",
            ] {
                assert!(!code.contains(word), "{} has `{word}`", path.display());
            }
        }
    }
}

#[test]
fn only_the_report_prints() {
    for (module, path, code) in modules() {
        if module != "report" {
            for word in [
                "println!",
                "eprintln!",
                "print!(",
                "io::stdout()",
                "io::stderr()",
            ] {
                assert!(!code.contains(word), "{} has `{word}`", path.display());
            }
        }
    }
}

#[test]
fn the_readme_has_the_table_of_exit_codes() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
        .expect("README.md");
    for row in deployctl::error::EXIT_CODES {
        let line = format!("| {} | {} | {} |", row.code, row.meaning, row.serves);
        assert!(readme.contains(&line), "README.md lacks: {line}");
    }
    let rows = readme.lines().filter(|l| {
        l.starts_with("| ")
            && l[2..]
                .split(' ')
                .next()
                .is_some_and(|n| n.parse::<u8>().is_ok())
    });
    assert_eq!(rows.count(), deployctl::error::EXIT_CODES.len());
}

#[test]
fn the_example_env_file_is_the_stacks_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("a file");
    assert_eq!(read(".env.example"), read("compose/.env.example"));
    let compose = read("compose/compose.prod.yml");
    for line in read(".env.example").lines().filter(|l| !l.starts_with('#')) {
        let name = line.split('=').next().unwrap_or_default();
        assert!(
            compose.contains(&format!("${{{name}")),
            "{name} is not used"
        );
    }
}
