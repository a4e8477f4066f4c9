//! Values that are written down and read again.

use indexmap::IndexMap;
use proptest::prelude::*;

use super::{entries, parse};

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

fn values() -> impl Strategy<Value = IndexMap<String, String>> {
    let value = proptest::string::string_regex("[ -~é\n\t]{0,12}").unwrap();
    let entries = proptest::collection::vec(("[A-Za-z_][A-Za-z0-9_]{0,4}", value), 0..6);
    entries.prop_map(|entries| entries.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_quoted_is_read_back_as_it_was(values in values(), comment in "(# [ -~]{0,10}\n|\n|  \t\n)?") {
        let lines = values.iter().map(|(name, value)| format!("{comment}{name}={}\n", quoted(value)));
        let text: String = lines.collect();
        let read = parse(&text, &|_| None, &mut |_| ());
        prop_assert_eq!(read, Ok(values), "{}", text);
    }

    #[test]
    fn plain_values_are_read_back_as_they_were(values in proptest::collection::btree_map("[A-Z]{1,3}", "[a-z0-9./:@=-]{1,8}", 0..5)) {
        let lines = values.iter().map(|(name, value)| format!("export {name} = {value}  # why\r\n"));
        let text: String = lines.collect();
        let read = parse(&text, &|_| None, &mut |_| ());
        let read: std::collections::BTreeMap<_, _> = read.unwrap().into_iter().collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn every_text_is_read_or_refused(text in "([A-Za-z_ =:#'\"\\\\$\\{\\}\n\r\t-]|é|\u{feff}){0,40}") {
        if let Ok(found) = entries(&text) {
            for entry in found {
                prop_assert_eq!(text.get(entry.name_range.clone()), Some(entry.name.as_str()));
                prop_assert!(text.get(entry.value_range.clone()).is_some());
            }
        }
    }
}
