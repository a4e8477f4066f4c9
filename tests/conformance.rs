//! The real binary over Compose projects, compared with what docker compose 2.40.3 made of them.
//!
//! The project's own cases are in `tests/conformance/cases`; `DEPLOYCTL_TEST_CORPUS` names a folder with more of them.
//! A case is run as docker compose was: in `/case`, which hashes depend on, with a fixed environment. Needs root.

#[path = "conformance/case.rs"]
mod case;
#[path = "conformance/compare.rs"]
mod compare;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::{Case, Question};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every case of a folder, asked every question that it has an answer to: (answers compared, differences).
fn run(folder: &Path, questions: &[Question]) -> (usize, Vec<String>) {
    let cases = Case::all(folder);
    let (next, compared) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let differences = Mutex::new(Vec::new());
    let worker = || {
        let place = tempfile::tempdir().expect("a working test");
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            case.copy_files(place.path());
            for question in questions.iter().filter(|question| case.answers(question)) {
                compared.fetch_add(1, Ordering::Relaxed);
                if let Err(difference) = case.ask(question, place.path()) {
                    let line = format!("{} {question:?}: {difference}", case.name);
                    differences.lock().expect("a working test").push(line);
                }
            }
        }
    };
    std::fs::create_dir_all("/case").expect("a working test");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(worker);
        }
    });
    let mut differences = differences.into_inner().expect("a working test");
    differences.sort();
    (compared.into_inner(), differences)
}

#[test]
fn own_cases_are_read_as_docker_compose_reads_them() {
    let folder = root().join("tests/conformance/cases");
    let (compared, differences) = run(&folder, Question::ALL);
    assert!(compared > 100, "{compared} answers only");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_corpus_is_read_as_docker_compose_reads_it() {
    let Some(folder) = std::env::var_os("DEPLOYCTL_TEST_CORPUS").filter(|name| !name.is_empty())
    else {
        return; // The files of others are not part of the project; scripts/test names them where they are.
    };
    let page =
        std::fs::read_to_string(root().join("docs/compatibility.md")).expect("a working test");
    let known = page
        .split("known differences: ")
        .nth(1)
        .expect("a working test");
    let known: usize = known
        .split(' ')
        .next()
        .expect("a working test")
        .parse()
        .expect("a working test");
    for question in [Question::Model, Question::Hash] {
        let (compared, differences) = run(Path::new(&folder), &[question]);
        assert!(compared > 2000, "{compared} answers only");
        assert!(
            differences.len() <= known,
            "{} differences, at most {known} are known:\n{}",
            differences.len(),
            differences.join("\n")
        );
    }
}
