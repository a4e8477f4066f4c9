//! Durations, sizes, and the short forms of ports, mounts and commands.
#![no_main]

use deployctl::project::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    deployctl_fuzz::units(text);
    if let Ok(ports) = fuzzing::ports(text) {
        assert!((1..=65536).contains(&ports));
    }
    if let Ok((source, target)) = fuzzing::mount(text) {
        assert!(source.len() + target.len() <= text.len());
    }
    if let Some(words) = fuzzing::words(text) {
        assert!(words.concat().len() <= text.len());
    }
});
