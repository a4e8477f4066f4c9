//! Compose files with random damage: each is read or refused, and never brings the loader down.
//!
//! `DEPLOYCTL_TEST_MUTATIONS` sets how many texts of each kind are tried; the same number gives the same texts.

use std::path::PathBuf;

use deployctl::project::image::ImageReference;
use deployctl::project::{FileSource, LoadOptions, bytes, dotenv, duration, load, locate, print};

/// Numbers that look random and are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).expect("a working test"))
            .expect("a working test")
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Pieces side by side.
    fn pieces(&mut self, of: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.one(of)).collect()
    }
}

fn count() -> usize {
    let asked = std::env::var("DEPLOYCTL_TEST_MUTATIONS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

/// The Compose files of the conformance cases.
fn seeds() -> Vec<String> {
    let cases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
    let mut seeds = Vec::new();
    for case in std::fs::read_dir(cases).expect("a working test") {
        let file = case
            .expect("a working test")
            .path()
            .join("files/compose.yaml");
        seeds.extend(std::fs::read_to_string(file).ok());
    }
    seeds.sort();
    assert!(seeds.len() > 50, "{} files only", seeds.len());
    seeds
}

const PIECES: &[&str] = &[
    ":",
    ": ",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!reset ",
    "!override ",
    "!!str ",
    "${",
    "}",
    "$",
    ":-",
    ":?",
    "|",
    ">",
    "---\n",
    "\t",
    "\u{feff}",
    "é",
    "\0",
    "0",
    "-1",
    "1e999",
    "0x",
    "2001-01-01",
    "~",
    "null",
    "true",
    "99999999999999999999",
    "services:",
    "image: i",
    "ports: [80-81:80-81]",
    "1.5",
    "\\",
    "%",
    "?",
    "\r\n",
    "x-",
];

fn damaged(random: &mut Random, seed: &str) -> String {
    let mut chars: Vec<char> = seed.chars().collect();
    for _ in 0..=random.below(4) {
        let from = random.below(chars.len() + 1);
        let to = (from + random.below(6)).min(chars.len());
        match random.below(3) {
            0 => drop(chars.drain(from..to)),
            1 => drop(chars.splice(from..to, random.one(PIECES).chars())),
            _ => {
                let copy: Vec<char> =
                    chars[from..(from + random.below(30)).min(chars.len())].to_vec();
                let at = random.below(chars.len() + 1);
                drop(chars.splice(at..at, copy));
            }
        }
    }
    chars.into_iter().collect()
}

#[test]
fn a_damaged_compose_file_is_read_or_refused() {
    let seeds = seeds();
    let directory = tempfile::tempdir().expect("a working test");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..count() {
        let seed = random.below(seeds.len());
        let text = damaged(&mut random, &seeds[seed]);
        let options = LoadOptions {
            directory: directory.path().to_owned(),
            files: vec![FileSource::Stdin(text)],
            project_name: Some("p".into()),
            ..LoadOptions::default()
        };
        match load(&locate(&options).expect("a working test"), &options) {
            Ok(project) => {
                read += 1;
                let text = print::config_yaml(&project);
                assert!(text.starts_with("name: p\n"), "{text}");
                serde_json::from_str::<serde_json::Value>(&print::config_json(&project))
                    .expect("a working test");
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

#[test]
fn random_texts_are_values_or_none() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let units = [
        "0",
        "1",
        "9",
        ".",
        "-",
        "+",
        "e",
        "h",
        "m",
        "s",
        "ms",
        "us",
        "ns",
        "µs",
        "d",
        "w",
        "k",
        "kb",
        "MiB",
        "g",
        "b",
        " ",
        "_",
        "é",
        "999999999999999999999",
    ];
    let names = [
        "a",
        "A",
        "/",
        ":",
        "@",
        "sha256:",
        ".",
        "-",
        "_",
        "5000",
        "localhost",
        "é",
        " ",
        "0123456789abcdef",
    ];
    let lines = [
        "A", "B=", "=", "\"", "'", "\\", "\n", "#", " #", "export ", "$", "${", "}", "${A:-", ":",
        "\r\n", "\u{feff}", "é", "\t", "\\101",
    ];
    for _ in 0..count() * 10 {
        let text = random.pieces(&units, 6);
        let _ = (duration::parse(&text), bytes::parse(&text));
        let name = random.pieces(&names, 8);
        if let Ok(reference) = ImageReference::parse(&name) {
            let written = reference.to_string();
            assert!(ImageReference::parse(&written).is_ok(), "{name}: {written}");
        }
        let text = random.pieces(&lines, 12);
        if let Ok(values) = dotenv::parse(&text, &|_| None, &mut |_| ()) {
            assert!(values.len() <= text.len());
        }
    }
}
