//! `${…}` in a text.
#![no_main]

use deployctl::project::fuzzing::substitute;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let variables =
        deployctl_fuzz::VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables = variables.into_iter().collect();
    let filled = substitute(text, &variables);
    if let Err(reason) = &filled {
        assert!(!reason.is_empty());
    }
    // What is filled in is text, and stays so when its dollars are doubled.
    for literal in std::iter::once(text).chain(filled.as_deref().ok()) {
        let doubled = literal.replace('$', "$$");
        assert_eq!(substitute(&doubled, &variables).as_deref(), Ok(literal));
    }
});
