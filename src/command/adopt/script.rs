//! What an old `deploy.sh` does, as far as its text tells: for people, never to act upon.

use std::path::Path;

use serde::Serialize;

/// Where scripts are looked for, beside the app directory itself.
const FOLDERS: [&str; 3] = [".", "scripts", "bin"];
/// A script is short; what is longer is no deploy script.
const LONGEST: u64 = 256 * 1024;

/// One script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Script {
    /// `scripts/deploy.sh`.
    pub name: String,
    /// It deploys an argument.
    pub takes_a_tag: bool,
    /// `-f`, `--env-file` and what follows them.
    pub compose_files: Vec<String>,
    /// Env files that it names.
    pub env_files: Vec<String>,
    /// What it does that deployctl does, too.
    pub does: Vec<&'static str>,
}

impl std::fmt::Display for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.compose_files.is_empty() {
            write!(f, ", compose files {}", self.compose_files.join(" "))?;
        }
        if !self.env_files.is_empty() {
            write!(f, ", env files {}", self.env_files.join(" "))?;
        }
        if !self.does.is_empty() {
            write!(f, "; deployctl does its {} as well", self.does.join(", "))?;
        }
        Ok(())
    }
}

/// `deploy*.sh` and `rollback*.sh` of an app directory.
pub(super) fn scripts(directory: &Path) -> Vec<Script> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let entries = std::fs::read_dir(directory.join(folder));
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let named = ["deploy", "rollback"].iter().any(|n| name.starts_with(n));
            let short = entry
                .metadata()
                .is_ok_and(|m| m.is_file() && m.len() <= LONGEST);
            let extension = Path::new(&name).extension();
            let is_script = extension.is_none_or(|e| e == "sh");
            if !named || !short || !is_script {
                continue;
            }
            // The binary itself may stand here.
            let Ok(text) = std::fs::read_to_string(entry.path()) else {
                continue;
            };
            let name = match folder {
                "." => format!("./{name}"),
                folder => format!("{folder}/{name}"),
            };
            found.push(read(name, &text));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn read(name: String, text: &str) -> Script {
    let code: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.starts_with('#'))
        .collect();
    let code = code.join("\n");
    let does = [
        ("lock", "flock"),
        ("pull", " pull"),
        ("migration", "migrat"),
        ("tag line", "IMAGE_TAG"),
        ("rollback tag", ".rollback-tag"),
        ("health loop", "ealth"),
        ("waiting", "sleep "),
    ];
    Script {
        takes_a_tag: code.contains("$1") || code.contains("${1") || code.contains("$@"),
        compose_files: after(&code, &["-f", "--file"], |w| w.contains(".y")),
        env_files: after(&code, &["--env-file"], |_| true),
        does: does
            .into_iter()
            .filter(|(_, sign)| code.contains(sign))
            .map(|(what, _)| what)
            .collect(),
        name,
    }
}

/// The words behind a flag, each once.
fn after(code: &str, flags: &[&str], fits: impl Fn(&str) -> bool) -> Vec<String> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let mut found: Vec<String> = Vec::new();
    for pair in words.windows(2) {
        let word = pair[1].trim_matches(['"', '\'', ')', ';']);
        if flags.contains(&pair[0].trim_matches(['(', '"']))
            && fits(word)
            && !found.iter().any(|f| f == word)
        {
            found.push(word.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_script_is_read_for_what_it_names() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("scripts")).expect("made");
        let text = "#!/bin/bash\n# flock in a comment\nexec 9>.deploy.lock; flock -n 9\nTAG=${1:?}\nCOMPOSE=\"docker compose -f compose.prod.yml --env-file .env.prod\"\n$COMPOSE pull api\nsleep 5\n";
        std::fs::write(folder.path().join("scripts/deploy.sh"), text).expect("written");
        std::fs::write(folder.path().join("deploy.md"), text).expect("written");
        let found = scripts(folder.path());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].name, "scripts/deploy.sh");
        assert!(found[0].takes_a_tag);
        assert_eq!(found[0].compose_files, ["compose.prod.yml"]);
        assert_eq!(found[0].env_files, [".env.prod"]);
        assert_eq!(found[0].does, ["lock", "pull", "waiting"]);
    }
}
