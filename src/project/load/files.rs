//! One file after the other into one model.

use super::{Input, Loader, Mode, Scope};
use crate::project::error::{Fault, Outcome, Problem};
use crate::project::model::Warning;
use crate::project::reset::Resets;
use crate::project::resolve_paths::PathBase;
use crate::project::source::Position;
use crate::project::tree::{Mapping, Node, Value};
use crate::project::{canonical, defaults, merge, schema, unique};

/// The text of a file: UTF-8, or UTF-16 with a byte order mark. The bytes come back if it is neither.
pub(super) fn decode_text(bytes: Vec<u8>) -> Result<String, Vec<u8>> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2) {
        Some([0xff, 0xfe]) => u16::from_le_bytes,
        Some([0xfe, 0xff]) => u16::from_be_bytes,
        _ => return String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes),
    };
    let units: Vec<u16> = bytes[2..]
        .chunks_exact(2)
        .map(|pair| unit([pair[0], pair[1]]))
        .collect();
    String::from_utf16(&units).map_err(|_| bytes)
}

impl Loader {
    /// Merges files, checks the result and makes its paths absolute.
    pub(super) fn model(
        &mut self,
        inputs: Vec<Input>,
        scope: &Scope,
        included: &mut Vec<std::path::PathBuf>,
    ) -> Outcome<Node> {
        let mut model = Node::mapping(Mapping::new(), Position::default());
        for input in inputs {
            let documents = match input.documents {
                Some(documents) => documents,
                None => self.read_documents(&input.path, Position::default())?,
            };
            for mut document in documents {
                let resets = Resets::collect(&mut document);
                self.prepare(&mut document, scope)?;
                self.apply_extends(&mut document, &input.path, scope, &resets)?;
                resets.apply(&mut model);
                included.push(input.path.clone());
                let result = self.apply_includes(&mut document, scope, included);
                included.pop();
                result?;
                model = self.merge_document(model, document, &input.path)?;
            }
        }
        defaults::set(&mut model);
        defaults::check(&mut model)?;
        // What is included is always brought to the project that includes it.
        if !self.skip.paths || !included.is_empty() {
            PathBase {
                directory: &scope.paths,
                home: self.home.as_deref(),
            }
            .resolve(&mut model)?;
        }
        if self.mode == Mode::FillVariables {
            resolve_environment(&mut model, scope);
        }
        Ok(model)
    }

    /// Variables, for a document that is a mapping.
    pub(super) fn prepare(&mut self, document: &mut Node, scope: &Scope) -> Outcome<()> {
        match document.value {
            Value::Mapping(_) => self.interpolate(document, scope),
            Value::Null => Err(Fault::new(
                Problem::Syntax("the document is empty".into()),
                document.at,
            )),
            _ => Err(Fault::invalid(
                "a Compose file must be a mapping",
                document.at,
            )),
        }
    }

    fn merge_document(
        &mut self,
        model: Node,
        document: Node,
        path: &std::path::Path,
    ) -> Outcome<Node> {
        let mut model = merge::merge_models(model, document)?;
        unique::enforce(&mut model)?;
        schema::check(&model)?;
        if let Some(version) = model
            .as_mapping_mut()
            .and_then(|model| model.shift_remove("version"))
        {
            drop(version);
            let message = format!(
                "{}: the key `version` is obsolete and has no effect",
                path.display()
            );
            if !self
                .warnings
                .iter()
                .any(|warning| warning.message == message)
            {
                self.warnings.push(Warning {
                    message,
                    path: Some("version".into()),
                });
            }
        }
        if self.mode == Mode::FillVariables {
            canonical::canonicalize(&mut model)?;
        } else {
            canonical::canonicalize_leniently(&mut model)?;
        }
        // A range of ports may now hold a port that stands there alone, too.
        unique::enforce(&mut model)?;
        Ok(model)
    }
}

/// Values of variables that belong to this group of files.
fn resolve_environment(model: &mut Node, scope: &Scope) {
    let Some(model) = model.as_mapping_mut() else {
        return;
    };
    for service in model
        .get_mut("services")
        .and_then(Node::as_mapping_mut)
        .into_iter()
        .flat_map(Mapping::values_mut)
    {
        let list = service
            .as_mapping_mut()
            .and_then(|service| service.get_mut("environment"));
        for item in list.and_then(Node::as_sequence_mut).into_iter().flatten() {
            if let Value::String(text) = &mut item.value
                && let Some(value) = scope.environment.get(text)
            {
                *text = format!("{text}={value}");
            }
        }
    }
    for section in ["secrets", "configs"] {
        for object in model
            .get_mut(section)
            .and_then(Node::as_mapping_mut)
            .into_iter()
            .flat_map(Mapping::values_mut)
        {
            let at = object.at;
            let Some(object) = object.as_mapping_mut() else {
                continue;
            };
            let value = object
                .get("environment")
                .and_then(Node::as_str)
                .and_then(|name| scope.environment.get(name));
            if let Some(value) = value {
                let value = Node::string(value.clone(), at);
                object.insert(crate::project::decode::RESOLVED_VALUE, value);
            }
        }
    }
}
