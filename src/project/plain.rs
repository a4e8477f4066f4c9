//! YAML that is no Compose file, with the same reader: its limits hold for it, too.

/// The first document of a text as plain values; the error says what is wrong and where.
pub fn plain_yaml(text: &str) -> Result<serde_json::Value, String> {
    let documents = super::yaml::parse(text, 0).map_err(|fault| {
        format!(
            "line {}, column {}: {}",
            fault.at.line, fault.at.column, fault.problem
        )
    })?;
    let first = documents.into_iter().next();
    Ok(first.map_or(serde_json::Value::Null, |node| node.to_json()))
}
