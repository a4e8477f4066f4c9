//! What holds for every input: shared by the targets and by `tests/fuzz_regressions.rs`.

use std::collections::HashSet;
use std::path::PathBuf;

use deployctl::plan::step::MissingLine;
use deployctl::project::image::ImageReference;
use deployctl::project::model::{ByteSize, GoDuration};
use deployctl::project::{
    FileSource, LoadOptions, Project, ServiceReferences, bytes, dotenv, duration, load, locate,
    print,
};
use deployctl::state::{read_variable, replace_variable};
use serde_json::Value;

/// The variables that every text sees.
pub const VARIABLES: [(&str, &str); 4] =
    [("V", "v"), ("EMPTY", ""), ("N", "3"), ("DOLLAR", "$V ${")];

/// A Compose file is refused with a reason, or is a model that can be printed, kept and read again as it was.
pub fn compose(text: &str) {
    let project = match read(text) {
        Ok(project) => project,
        Err(reason) => {
            assert!(!reason.is_empty());
            return;
        }
    };
    let options = options(text);
    let location = locate(&options).expect("it was located before");
    let _ = print::raw_yaml(&location, &options);
    let _ = print::variables(&location, &options, true);
    serde_json::from_str::<Value>(&print::config_json(&project)).expect("JSON");

    let kept = serde_json::to_string(&project).expect("a model that can be kept");
    let found: Project = serde_json::from_str(&kept).expect("a model that can be read again");
    let again = serde_json::to_string(&found).expect("a model that can be kept");
    assert_eq!(again, kept, "a release would bring back another model");

    // docker compose doubles the dollars of keys, too, though it fills in nothing there.
    if has_dollar_keys(&serde_json::from_str(&kept).expect("JSON")) {
        return;
    }
    let printed = print::config_yaml(&project);
    let again = match read(&printed) {
        Ok(again) => again,
        Err(reason) if is_refused_everywhere(&reason) => return,
        Err(reason) => panic!("what `config` prints is refused: {reason}\n{printed}"),
    };
    let second = print::config_yaml(&again);
    if second == printed {
        assert_eq!(hashes(&again), hashes(&project), "{printed}");
        return;
    }
    // What is written as empty is not printed, so it is given its default: once.
    let kept: HashSet<&str> = lines(&second).collect();
    for line in lines(&printed).filter(|line| *line != "{}") {
        assert!(kept.contains(line), "`{line}` is lost\n{printed}\n{second}");
    }
    let third = read(&second).expect("a model that can be read again");
    assert_eq!(print::config_yaml(&third), second, "`config` changes it");
    assert_eq!(hashes(&third), hashes(&again), "{printed}");
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.trim_start_matches([' ', '-']))
}

fn has_dollar_keys(value: &Value) -> bool {
    match value {
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('$') || has_dollar_keys(value)),
        Value::Array(items) => items.iter().any(has_dollar_keys),
        _ => false,
    }
}

/// docker compose prints what it does not read: sizes below zero, the port 0, a name without a letter from a list,
/// a variable that is called `<<`.
fn is_refused_everywhere(reason: &str) -> bool {
    let reasons = [
        "is no size",
        "the port has no target",
        "`` is no valid name",
        "`<<` needs a mapping",
    ];
    reasons.iter().any(|part| reason.contains(part))
}

/// As `config` reads it.
fn read(text: &str) -> Result<Project, String> {
    let options = options(text);
    let location = locate(&options).map_err(|error| error.to_string())?;
    let project = load(&location, &options).map_err(|error| error.to_string())?;
    project
        .check_container_names()
        .map_err(|error| error.to_string())?;
    Ok(project.without_unused_resources())
}

fn options(text: &str) -> LoadOptions {
    let variables = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    LoadOptions {
        // Not there: no file is read.
        directory: PathBuf::from("/nonexistent/project"),
        files: vec![FileSource::Stdin(text.to_owned())],
        project_name: Some("p".into()),
        process_environment: variables.into_iter().collect(),
        ..LoadOptions::default()
    }
}

fn hashes(project: &Project) -> Vec<(String, String, String)> {
    let hashes = project.services.keys().map(|name| {
        let label = project.config_hash(name, &ServiceReferences::default());
        (name.clone(), project.config_hash_printed(name), label)
    });
    let mut hashes: Vec<_> = hashes.collect();
    hashes.sort();
    hashes
}

/// An env file is refused, or its values come back from quotes; and the line of the tag can be set in it.
pub fn dotenv(text: &str) {
    let _ = dotenv::parse_raw(text, &|_| None);
    let entries = dotenv::entries(text);
    for entry in entries.iter().flatten() {
        assert_eq!(text.get(entry.name_range.clone()), Some(&*entry.name));
        assert!(text.get(entry.value_range.clone()).is_some());
    }
    let Ok(values) = dotenv::parse(text, &|_| None, &mut |_| ()) else {
        return;
    };
    let lines = values
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    let written: String = lines.collect();
    let again = dotenv::parse(&written, &|_| None, &mut |_| ());
    assert_eq!(again.as_ref(), Ok(&values), "{written:?}");

    // A name such as `export A`, which stands behind an `export`, cannot begin a line of its own.
    let names = entries.iter().flatten().map(|entry| &entry.name);
    for name in names.filter(|name| !name.starts_with("export")).take(3) {
        tag_line(text, name);
    }
}

/// What sets the tag and what reads the file agree.
fn tag_line(text: &str, name: &str) {
    for value in ["v1.2-3_4", "a b", "$V '\"\\ #"] {
        let new = match replace_variable(text.as_bytes(), name, value, MissingLine::Append) {
            Ok(Some(new)) => String::from_utf8(new).expect("text stays text"),
            Ok(None) => text.to_owned(),
            Err(_) => return,
        };
        let found = read_variable(new.as_bytes(), name).expect("what is written can be read");
        assert_eq!(found.as_deref(), Some(value), "{new:?}");
        let values = dotenv::parse(&new, &|_| None, &mut |_| ());
        let values = values.expect("what is written can be read");
        assert_eq!(values.get(name).map(String::as_str), Some(value), "{new:?}");
    }
}

/// A value in double quotes, with what means something there escaped.
fn quoted(value: &str) -> String {
    let mut out = String::from('"');
    for char in value.chars() {
        if matches!(char, '"' | '\\' | '$') {
            out.push('\\');
        }
        out.push(char);
    }
    out + "\""
}

/// A reference says itself, and so does its canonical form.
pub fn image(text: &str) {
    let Ok(reference) = ImageReference::parse(text) else {
        return;
    };
    assert_eq!(reference.to_string(), text);
    let mut canonical = reference.canonical_repository();
    if let Some(tag) = reference.tag_or_latest() {
        canonical = format!("{canonical}:{tag}");
    }
    if let Some(digest) = &reference.digest {
        canonical = format!("{canonical}@{digest}");
    }
    let again = ImageReference::parse(&canonical).expect("a canonical form that can be read");
    assert_eq!(again.to_string(), canonical);
    assert_eq!(again.registry(), reference.registry());
    assert_eq!(again.path(), reference.path());
    assert_eq!(again.repository, reference.canonical_repository());
    assert_eq!(again.tag_or_latest(), reference.tag_or_latest());
    let tagged = reference.with_tag("v2").to_string();
    assert!(ImageReference::parse(&tagged).is_ok(), "{tagged}");
}

/// A duration and a size are read back as they are written.
pub fn units(text: &str) {
    if let Some(found) = duration::parse(text) {
        let written = found.to_string();
        assert_eq!(duration::parse(&written), Some(found), "{written}");
        assert_eq!(
            serde_json::from_value::<GoDuration>(written.clone().into()).ok(),
            Some(found),
            "{written}"
        );
    }
    if let Some(found) = bytes::parse(text) {
        let written = serde_json::to_value(found).expect("a size that can be kept");
        assert_eq!(
            serde_json::from_value::<ByteSize>(written).ok(),
            Some(found)
        );
        // What is beyond all bounds has docker compose's own number.
        if found.bytes() >= 0 {
            assert_eq!(bytes::parse(&found.bytes().to_string()), Some(found));
        }
    }
}
