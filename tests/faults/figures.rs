//! Keeps what the tests measure; `docs/reliability.md` quotes it.

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

/// Adds a figure to `target/tmp/faults.txt`.
pub(crate) fn note(name: &str, value: impl Display) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.txt");
    let file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path);
    writeln!(file.expect("a file"), "{name}: {value}").expect("written");
}
