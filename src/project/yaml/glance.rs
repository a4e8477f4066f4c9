//! A look at the beginning of a file, without making a tree of it.

use granit_parser::{Event, Parser, StrInput};

use super::options;

/// Tells whether the first entry of a section (`services:`) has one of these keys of its own.
///
/// `false` says nothing: the entry may get the key from an alias, or a later one may have it.
pub(crate) fn begins_with_entry(text: &str, section: &str, keys: &[&str]) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parser = Parser::new_from_str_with_options(text, options());
    Glance { parser }
        .first_entry_has(section, keys)
        .unwrap_or(false)
}

struct Glance<'text> {
    parser: Parser<'text, StrInput<'text>>,
}

impl<'text> Glance<'text> {
    fn first_entry_has(&mut self, section: &str, keys: &[&str]) -> Option<bool> {
        self.enter_mapping()?;
        while self.key()? != section {
            self.skip_value()?;
        }
        self.enter_mapping()?;
        self.key()?;
        self.enter_mapping()?;
        while !keys.contains(&&*self.key()?) {
            self.skip_value()?;
        }
        Some(true)
    }

    fn next(&mut self) -> Option<Event<'text>> {
        self.parser.next_event()?.ok().map(|(event, _)| event)
    }

    fn enter_mapping(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::MappingStart(..) => return Some(()),
                _ => return None,
            }
        }
    }

    /// The next key; `None` at the end of the mapping.
    fn key(&mut self) -> Option<std::borrow::Cow<'text, str>> {
        match self.next()? {
            Event::Scalar(key, ..) => Some(key),
            _ => None,
        }
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0;
        loop {
            match self.next()? {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                Event::Scalar(..) | Event::Alias(_) => {}
                _ => return None,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_image(text: &str) -> bool {
        begins_with_entry(text, "services", &["image", "build"])
    }

    #[test]
    fn the_first_entry_is_enough() {
        assert!(has_image("services: {a: {image: x}}"));
        assert!(has_image(
            "\u{feff}name: x\nx-a: [1, {b: [2]}]\nservices:\n  a:\n    ports: [1]\n    build: .\n  b: {}\nbroken: ["
        ));
    }

    #[test]
    fn anything_else_is_left_open() {
        for text in [
            "",
            "[]",
            "services:",
            "services: {a: , b: {image: x}}",
            "services: {a: {x-image: 1}}",
            "x: &a {image: x}\nservices: {a: *a}",
            "x: &a {image: x}\nservices: {a: {<<: *a}}",
            "image: x\nother: {services: {a: {image: x}}}",
        ] {
            assert!(!has_image(text), "{text}");
        }
    }
}
