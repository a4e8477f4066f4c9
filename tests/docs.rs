//! The documentation, read by the program that it is about.

use std::path::Path;

use deployctl::cli::{self, Command};
use deployctl::error::EXIT_CODES;

#[path = "docs/code.rs"]
#[expect(dead_code, reason = "shared with the test that runs the commands")]
mod code;

use code::{calls, code, pages, read, root};

/// Aliases that the pages define as examples.
const ALIASES: [&str; 2] = ["console", "psql"];

#[test]
fn every_command_in_the_documentation_is_one() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, text) in pages() {
        for words in code(&text).iter().flat_map(|line| calls(line)) {
            count += 1;
            let line = ["deployctl".to_owned()]
                .into_iter()
                .chain(words.clone())
                .collect::<Vec<_>>();
            if words.iter().any(|w| w == "--help") {
                continue;
            }
            match cli::parse(&line) {
                Ok(cli) => match cli.command {
                    Command::Alias(given) if !ALIASES.contains(&given[0].as_str()) => {
                        wrong.push(format!("{}: {line:?} is no command", path.display()));
                    }
                    _ => {}
                },
                Err(message) => wrong.push(format!("{}: {line:?}: {message}", path.display())),
            }
        }
    }
    assert!(count > 80, "only {count} commands were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_no_command_would_be_found() {
    let line = "ssh deploy@host 'cd app && ./deployctl frobnicate x'";
    assert_eq!(calls(line), [["frobnicate", "x"]]);
    assert_eq!(
        calls("./deployctl status        ./deployctl logs -f api"),
        [vec!["status"], vec!["logs", "-f", "api"]]
    );
    assert_eq!(
        calls("deployctl exec db sh -c 'a; b' > out"),
        [["exec", "db", "sh", "-c", "a; b"]]
    );
}

#[test]
fn no_code_in_a_sentence_goes_over_the_end_of_its_line() {
    for (path, text) in pages() {
        let text = text.replace("```", "");
        for line in text.lines().filter(|l| !l.starts_with("    ")) {
            let ticks = line.matches('`').count();
            assert!(ticks % 2 == 0, "{}: {line}", path.display());
        }
    }
}

#[test]
fn links_lead_to_pages_that_exist() {
    for (path, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|t| t.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let target = path.parent().expect("a folder").join(file);
            assert!(target.exists(), "{}: {link}", path.display());
        }
    }
}

#[test]
fn scripts_and_their_options_are_there() {
    let mut texts: Vec<String> = pages().into_iter().map(|(_, text)| text).collect();
    texts.push(read("CONTRIBUTING.md"));
    texts.push(read(".github/workflows/release.yml"));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for text in texts {
        let lines = text.lines().flat_map(|l| l.split('`'));
        for line in lines.filter_map(|l| {
            l.trim_start_matches(['-', ' '])
                .trim_start_matches("run: ")
                .strip_prefix("scripts/")
        }) {
            count += 1;
            let mut words = line.split_whitespace();
            let name = words
                .next()
                .unwrap_or_default()
                .trim_end_matches([';', ',', '.']);
            let Ok(script) = std::fs::read_to_string(root().join("scripts").join(name)) else {
                wrong.push(format!("scripts/{line}: there is no scripts/{name}"));
                continue;
            };
            for option in words.filter(|w| w.starts_with("--")) {
                if !script.contains(option) {
                    wrong.push(format!("scripts/{line}: no {option} in it"));
                }
            }
        }
    }
    assert!(count > 10, "only {count} calls of scripts were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_page_of_exit_codes_has_the_table() {
    let page = read("docs/exit-codes.md");
    for row in EXIT_CODES {
        let line = format!("| {} | {} | {} |", row.code, row.meaning, row.serves);
        assert!(page.contains(&line), "{line}");
    }
}

#[test]
fn the_keys_of_the_configuration_are_those_that_the_program_reads() {
    fn sources(folder: &Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).expect("src") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") {
                all.push_str(&std::fs::read_to_string(path).expect("text"));
            }
        }
    }
    let mut code = String::new();
    sources(&root().join("src"), &mut code);
    let page = read("docs/configuration.md");
    let section = page
        .split("## `x-deployctl`")
        .nth(1)
        .and_then(|s| s.split("## Webhooks").next());
    let keys: Vec<&str> = section
        .expect("the section")
        .lines()
        .filter_map(|l| l.strip_prefix("| `")?.split('`').next())
        .collect();
    assert!(keys.len() >= 8, "{keys:?}");
    for key in keys {
        assert!(
            code.contains(&format!("\"{key}\"")),
            "nothing reads `{key}`"
        );
    }
}

#[test]
fn every_command_is_in_the_readme() {
    let readme = read("README.md");
    for command in cli::command_names() {
        assert!(readme.contains(&format!("| `{command}")), "{command}");
    }
}

#[test]
fn the_workflow_of_the_documentation_is_the_one_that_init_writes() {
    let written = read("src/command/init/workflow.yml").replace("@IMAGE@", "ghcr.io/acme/app");
    assert_eq!(read("docs/github-workflow.yml"), written);
}
