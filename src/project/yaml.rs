//! YAML text → trees: anchors, merge keys, tags and limits.

mod glance;
mod repair;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::error::{Fault, Outcome, Problem};
use super::scalar;
use super::source::Position;
use super::tree::{Directive, Key, Mapping, Node, Value};

pub(crate) use glance::begins_with_entry;

/// How many values a file may hold, aliases written out; real projects stay far below.
const NODE_LIMIT: usize = 500_000;
const DEPTH_LIMIT: usize = 200;

fn options() -> Options {
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH_LIMIT;
    options.block_nesting_limit = DEPTH_LIMIT;
    options
}

/// Reads every document of a file; an empty one is left out.
pub(crate) fn parse(text: &str, file: u32) -> Outcome<Vec<Node>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut repaired = Cow::Borrowed(text);
    for _ in 0..=repair::limit(text) {
        let (result, refused) = documents_of(&repaired, file);
        match refused.and_then(|error| repair::repair(&repaired, &error)) {
            Some(text) => repaired = Cow::Owned(text),
            None => return result,
        }
    }
    let problem = Problem::TooLarge("the file has too many lines that are not indented".into());
    Err(Fault::new(
        problem,
        Position {
            file,
            line: 1,
            column: 1,
        },
    ))
}

/// The documents of a text, and what the parser stopped at.
fn documents_of(text: &str, file: u32) -> (Outcome<Vec<Node>>, Option<ScanError>) {
    let mut builder = Builder {
        text,
        parser: Parser::new_from_str_with_options(text, options()),
        file,
        anchors: HashMap::new(),
        budget: NODE_LIMIT,
        keys: HashSet::new(),
        refused: None,
    };
    let documents = builder.documents();
    (documents, builder.refused)
}

/// The four digits behind `\\u` are one half of a character.
fn is_surrogate(digits: &[u8]) -> bool {
    let code = digits
        .get(..4)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    code.is_some_and(|code| (0xd800..0xe000).contains(&code))
}

struct Builder<'text> {
    text: &'text str,
    parser: Parser<'text, granit_parser::StrInput<'text>>,
    file: u32,
    anchors: HashMap<usize, (Rc<Node>, usize)>,
    budget: usize,
    /// Every key once: the same few words stand in each service.
    keys: HashSet<Rc<str>>,
    /// Why the parser stopped.
    refused: Option<ScanError>,
}

/// What a node of the text turned out to be.
struct Built {
    node: Node,
    /// How many nodes it holds, itself included.
    size: usize,
    /// It is a plain `<<`.
    merge_key: bool,
}

impl<'text> Builder<'text> {
    fn documents(&mut self) -> Outcome<Vec<Node>> {
        let mut documents = Vec::new();
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(_, Some(version))
                    if (version.major, version.minor) != (1, 1) =>
                {
                    let problem = Problem::Syntax("Compose reads YAML 1.1 only".into());
                    return Err(
                        Fault::new(problem, self.position(&span)).hint("remove the line `%YAML …`")
                    );
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                event => {
                    documents.push(self.node(event, span)?.node);
                    self.anchors.clear();
                }
            }
        }
        Ok(documents)
    }

    fn next(&mut self) -> Outcome<Option<(Event<'text>, Span)>> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => {
                let fault = self.syntax(&error);
                self.refused = Some(error);
                Err(fault)
            }
            None => Ok(None),
        }
    }

    fn expect_next(&mut self, at: Position) -> Outcome<(Event<'text>, Span)> {
        self.next()?
            .ok_or_else(|| Fault::new(Problem::Syntax("the text ends too early".into()), at))
    }

    fn node(&mut self, event: Event<'text>, span: Span) -> Outcome<Built> {
        let at = self.position(&span);
        self.spend(1, at)?;
        let (mut built, anchor) = match event {
            Event::Alias(id) => return self.alias(id, at),
            Event::Scalar(text, style, anchor, tag) => {
                self.check_escapes(style, &span, at)?;
                (self.scalar(text, style, tag.as_deref(), at)?, anchor)
            }

            Event::SequenceStart(_, anchor, tag) => (self.sequence(tag.as_deref(), at)?, anchor),
            Event::MappingStart(_, anchor, tag) => (self.mapping(tag.as_deref(), at)?, anchor),
            _ => {
                return Err(Fault::new(
                    Problem::Syntax("a value was expected here".into()),
                    at,
                ));
            }
        };
        built.node.key_at = at;
        if anchor != 0 {
            let mut kept = built.node.clone();
            forget_resets(&mut kept);
            self.anchors.insert(anchor, (Rc::new(kept), built.size));
        }
        Ok(built)
    }

    fn alias(&mut self, id: usize, at: Position) -> Outcome<Built> {
        let Some((node, size)) = self
            .anchors
            .get(&id)
            .map(|(node, size)| (Rc::clone(node), *size))
        else {
            let problem = Problem::Cycle("an anchor contains an alias of itself".into());
            return Err(Fault::new(problem, at));
        };
        self.spend(size, at)?;
        Ok(Built {
            node: (*node).clone(),
            size,
            merge_key: false,
        })
    }

    fn spend(&mut self, nodes: usize, at: Position) -> Outcome<()> {
        self.budget = self.budget.checked_sub(nodes).ok_or_else(|| {
            let problem = Problem::TooLarge(format!(
                "the file holds more than {NODE_LIMIT} values, with what its aliases stand for"
            ));
            Fault::new(problem, at)
        })?;
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "stands beside the other kinds of node")]
    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: Position,
    ) -> Outcome<Built> {
        let (directive, tag) = directive_of(tag);
        let plain = style == ScalarStyle::Plain;
        let merge_key = text == "<<"
            && (plain && tag.is_none()
                || tag.is_some_and(|tag| standard_suffix(tag) == Some("merge")));
        let value = match tag {
            // What is marked is text, wherever the mark has no effect.
            None if directive != Directive::None || !plain => None,
            None => scalar::resolve_plain(&text),
            Some(tag) => Some(tagged_scalar(&text, tag, at)?),
        };
        let mut node = Node::new(
            value.unwrap_or_else(|| Value::String(text.into_owned())),
            at,
        );
        node.directive = directive;
        Ok(Built {
            node,
            size: 1,
            merge_key,
        })
    }

    /// The key of an entry; `None` for `<<`. With the number of nodes that it stands for.
    fn key(&mut self, event: Event<'text>, span: Span) -> Outcome<(Option<Key>, Position, usize)> {
        if let Event::Scalar(text, ScalarStyle::Plain, 0, None) = &event
            && text != "<<"
            && scalar::resolve_plain(text).is_none()
        {
            return Ok((Some(self.shared(text)), self.position(&span), 1));
        }
        let built = self.node(event, span)?;
        let at = built.node.at;
        if built.merge_key {
            return Ok((None, at, built.size));
        }
        let name = key_name(built.node)?;
        Ok((Some(self.shared(&name)), at, built.size))
    }

    fn shared(&mut self, text: &str) -> Key {
        if let Some(known) = self.keys.get(text) {
            return Rc::clone(known).into();
        }
        let key: Rc<str> = text.into();
        self.keys.insert(Rc::clone(&key));
        key.into()
    }

    /// `\\/` is an escape of JSON and of YAML 1.2, which Compose does not know.
    fn check_escapes(&self, style: ScalarStyle, span: &Span, at: Position) -> Outcome<()> {
        if style != ScalarStyle::DoubleQuoted {
            return Ok(());
        }
        let raw = span.slice(self.text).unwrap_or_default();
        let mut bytes = raw.as_bytes().iter();
        while let Some(byte) = bytes.next() {
            if *byte != b'\\' {
                continue;
            }
            match bytes.next() {
                Some(b'/') => {
                    let problem = Problem::Syntax("Compose does not know the escape `\\/`".into());
                    return Err(Fault::new(problem, at).hint("write `/` without a backslash"));
                }
                Some(b'u') if is_surrogate(bytes.as_slice()) => {
                    let message = "Compose does not know the halves of characters of UTF-16";
                    let fault = Fault::new(Problem::Syntax(message.into()), at);
                    return Err(
                        fault.hint("write the character itself, or `\\U` with eight digits")
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn sequence(&mut self, tag: Option<&Tag>, at: Position) -> Outcome<Built> {
        let mut items = Vec::new();
        let mut size = 1;
        loop {
            let (event, span) = self.expect_next(at)?;
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            let built = self.node(event, span)?;
            size += built.size;
            items.push(built.node);
        }
        let mut node = Node::new(Value::Sequence(items), at);
        node.directive = directive_of(tag).0;
        Ok(Built {
            node,
            size,
            merge_key: false,
        })
    }

    fn mapping(&mut self, tag: Option<&Tag>, at: Position) -> Outcome<Built> {
        let mut mapping = Mapping::new();
        let mut merged: Vec<Node> = Vec::new();
        let mut size = 1;
        loop {
            let (event, span) = self.expect_next(at)?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let (key, key_at, key_size) = self.key(event, span)?;
            let (event, span) = self.expect_next(at)?;
            let value = self.node(event, span)?;
            size += key_size + value.size;
            let Some(key) = key else {
                if !merged.is_empty() {
                    let problem = Problem::Syntax("the key `<<` is already there".into());
                    return Err(Fault::new(problem, key_at).hint("write `<<: [*one, *two]`"));
                }
                merge_sources(value.node, &mut merged)?;
                continue;
            };
            let mut node = value.node;
            node.key_at = key_at;
            if let Err((key, _)) = mapping.insert_new(key, node) {
                let line = mapping.get(&key).map_or(0, |earlier| earlier.key_at.line);
                let problem =
                    Problem::Syntax(format!("the key `{key}` is already there, in line {line}"));
                return Err(Fault::new(problem, key_at).hint("keep one of the two"));
            }
        }
        for source in merged {
            if let Value::Mapping(entries) = source.value {
                for (key, node) in entries {
                    // What stands here beats what `<<` brings.
                    let _ = mapping.insert_new(key, node);
                }
            }
        }
        let mut node = Node::new(Value::Mapping(mapping), at);
        node.directive = directive_of(tag).0;
        Ok(Built {
            node,
            size,
            merge_key: false,
        })
    }

    fn position(&self, span: &Span) -> Position {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            file: self.file,
            line: number(span.start.line()),
            column: number(span.start.col() + 1),
        }
    }

    fn syntax(&self, error: &ScanError) -> Box<Fault> {
        let marker = error.marker();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let at = Position {
            file: self.file,
            line: number(marker.line()),
            column: number(marker.col() + 1),
        };
        Fault::new(Problem::Syntax(error.info()), at)
    }
}

/// The mappings that `<<` brings in.
fn merge_sources(value: Node, merged: &mut Vec<Node>) -> Outcome<()> {
    let at = value.at;
    let fault = || Fault::invalid("`<<` needs a mapping or a list of mappings", at);
    match value.value {
        Value::Mapping(_) => merged.push(value),
        Value::Sequence(items) => {
            for item in items {
                if item.as_mapping().is_none() {
                    return Err(fault());
                }
                merged.push(item);
            }
        }
        _ => return Err(fault()),
    }
    Ok(())
}

/// A key must be a string: go-yaml reads `1:` as a number.
fn key_name(key: Node) -> Outcome<String> {
    match key.value {
        Value::String(name) => Ok(name),
        Value::Sequence(_) | Value::Mapping(_) => {
            Err(Fault::invalid("a key must be a string", key.at))
        }
        _ => {
            let name = key.go_string();
            Err(
                Fault::invalid(format!("the key `{name}` must be a string"), key.at)
                    .hint(format!("write \"{name}\":")),
            )
        }
    }
}

fn directive_of(tag: Option<&Tag>) -> (Directive, Option<&Tag>) {
    match tag {
        Some(tag) if tag.original() == "!reset" => (Directive::Reset, None),
        Some(tag) if tag.original() == "!override" => (Directive::Override, None),
        other => (Directive::None, other),
    }
}

fn tagged_scalar(text: &str, tag: &Tag, at: Position) -> Outcome<Value> {
    let fault = || Fault::invalid(format!("`{text}` is no {}", tag.original()), at);
    let value = match standard_suffix(tag) {
        Some("binary") => return decode_base64(text).map(Value::String).ok_or_else(fault),
        Some("int" | "float" | "bool" | "null" | "timestamp") => {
            scalar::resolve_plain(text).unwrap_or_else(|| Value::String(text.to_owned()))
        }
        _ => return Ok(Value::String(text.to_owned())),
    };
    match (standard_suffix(tag), value) {
        (Some("float"), Value::Int(number)) =>
        {
            #[expect(clippy::cast_precision_loss, reason = "as Go converts it")]
            Ok(Value::Float(number as f64))
        }
        (Some("int"), value @ (Value::Int(_) | Value::Uint(_)))
        | (Some("float"), value @ Value::Float(_))
        | (Some("bool"), value @ Value::Bool(_))
        | (Some("null"), value @ Value::Null)
        | (Some("timestamp"), value @ Value::Timestamp(_)) => Ok(value),
        _ => Err(fault()),
    }
}

/// `int` for `!!int`; `None` for a tag of somebody's own, which means nothing.
fn standard_suffix(tag: &Tag) -> Option<&str> {
    (tag.handle() == "tag:yaml.org,2002:").then(|| tag.suffix())
}

fn decode_base64(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('='));
    if !text.len().is_multiple_of(4) {
        return None;
    }
    for byte in digits.unwrap_or(&text).bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// An alias does not repeat the `!reset` of its anchor, which was carried out in its own place.
fn forget_resets(node: &mut Node) {
    match &mut node.value {
        Value::Mapping(mapping) => {
            mapping.retain(|_, value| value.directive != Directive::Reset);
            mapping.values_mut().for_each(forget_resets);
        }
        Value::Sequence(items) => {
            items.retain(|item| item.directive != Directive::Reset);
            items.iter_mut().for_each(forget_resets);
        }
        _ => {}
    }
}
