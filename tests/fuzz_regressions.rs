//! The laws of the fuzz targets: for the files of the conformance cases, and for what the targets found.

#[path = "../fuzz/src/lib.rs"]
#[expect(clippy::missing_panics_doc, reason = "a law that does not hold panics")]
pub mod laws;

use std::path::PathBuf;

#[test]
fn the_laws_hold_for_every_case() {
    let cases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
    let mut count = 0;
    for case in std::fs::read_dir(cases).expect("the cases") {
        let folder = case.expect("a case").path();
        for name in ["files/compose.yaml", "expected.config.yaml"] {
            if let Ok(text) = std::fs::read_to_string(folder.join(name)) {
                laws::compose(&text);
                count += 1;
            }
        }
        if let Ok(text) = std::fs::read_to_string(folder.join("files/.env")) {
            laws::dotenv(&text);
        }
    }
    assert!(count > 100, "{count} files only");
}

#[test]
fn references_and_units_are_read_back() {
    for line in include_str!("../fuzz/seeds/image.txt").lines() {
        laws::image(line);
    }
    for line in include_str!("../fuzz/seeds/units.txt").lines() {
        laws::units(line);
    }
    for line in include_str!("../fuzz/seeds/dotenv.txt").lines() {
        laws::dotenv(line);
    }
}

#[test]
fn a_tag_can_be_set_wherever_a_hash_stands() {
    for text in [
        "A=\t# by CI",
        "A=  \r#V",
        "A=\u{b}\u{b}#",
        "B:\r#: ",
        "A=b o#c\nA:\u{b}# c # c",
    ] {
        laws::dotenv(text);
    }
}

#[test]
fn export_is_followed_by_a_space_or_a_tab() {
    for text in [
        "export export\t\tA: x",
        "export\u{85}: d",
        "export\u{85}A=1",
        "export\u{b}A=1\nA=2",
    ] {
        laws::dotenv(text);
    }
}

#[test]
fn a_long_fraction_in_a_release_is_kept_to_its_last_digit() {
    laws::compose(
        "services: {s: {image: i}}\nx-a: 1845555555555555555555555555555555555555555546744073709551615\n",
    );
}
