//! Variables in the values of a tree, and the types of values that variables can stand for.

use indexmap::IndexMap;

use super::error::{Fault, Outcome, Problem, Under as _};
use super::image;
use super::model::VariableUse;
use super::path::{ENTRY, Path};
use super::template::{self, Expression, Operator, Part, TemplateError, Variables};
use super::tree::{Node, Value};

/// What interpolation needs and what it finds.
pub(crate) struct Interpolation<'a> {
    pub(crate) environment: &'a IndexMap<String, String>,
    pub(crate) report: &'a mut Report,
}

/// What was found on the way.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) uses: Vec<VariableUse>,
    /// Variables without a value, in the order of their first use.
    pub(crate) missing: indexmap::IndexSet<String>,
    pub(crate) warnings: Vec<String>,
    /// The size of all values with variables.
    filled: usize,
}

/// So many `${…}` no project has.
const USE_LIMIT: usize = 250_000;

/// Fills in the variables of every string and gives typed keys their type.
pub(crate) fn interpolate(node: &mut Node, interpolation: &mut Interpolation<'_>) -> Outcome<()> {
    walk(node, &Path::ROOT, interpolation)
}

fn walk(node: &mut Node, path: &Path<'_>, interpolation: &mut Interpolation<'_>) -> Outcome<()> {
    let at = node.at;
    match &mut node.value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping.iter_mut() {
                walk(value, &path.next(key), interpolation).under(key)?;
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &path.next(ENTRY), interpolation).within(index)?;
            }
        }
        Value::String(text) => {
            if text.contains('$') {
                let filled = interpolation
                    .fill(text, path)
                    .map_err(|error| template_fault(error, at))?;
                *text = filled;
            }
            if let Some(cast) = path.keys(cast_of) {
                node.value = cast(text, interpolation.report).ok_or_else(|| {
                    Fault::invalid(format!("`{text}` is no valid value here"), at)
                })?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The error of an expression at its place.
pub(crate) fn template_fault(error: TemplateError, at: super::source::Position) -> Box<Fault> {
    match error {
        TemplateError::Invalid(text) => Fault::new(Problem::InvalidVariable(text), at)
            .hint("write `$$` for a dollar that stands for itself"),
        TemplateError::TooLarge => Fault::new(Problem::TooLarge(error.to_string()), at),
        TemplateError::Missing { name, message } => {
            let hint = format!("put `{name}=…` into the env file, or set it in the environment");
            Fault::new(Problem::MissingVariable { name, message }, at).hint(hint)
        }
    }
}

impl Interpolation<'_> {
    fn fill(&mut self, text: &str, path: &Path<'_>) -> Result<String, TemplateError> {
        self.report.note_uses(text, path)?;
        let filled = template::substitute(text, self)?;
        self.report.filled += filled.len();
        if self.report.filled > template::LARGEST || self.report.uses.len() > USE_LIMIT {
            return Err(TemplateError::TooLarge);
        }
        Ok(filled)
    }
}

impl Variables for Interpolation<'_> {
    fn value(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn missing(&mut self, name: &str) {
        self.report.missing.insert(name.to_owned());
    }
}

impl Report {
    /// Writes down the variables of a text.
    fn note_uses(&mut self, text: &str, path: &Path<'_>) -> Result<(), TemplateError> {
        let service = path.keys(|keys| match keys {
            ["services", service, ..] => Some((*service).to_owned()),
            _ => None,
        });
        let is_image = path.keys(|keys| matches!(keys, ["services", _, "image"]));
        let written = path.to_string();
        let parts = template::split(text)?;
        let tag_from = is_image.then(|| image::tag_part(&parts)).flatten();
        for (index, part) in parts.iter().enumerate() {
            if let Part::Expression(expression) = part {
                let tag_position = tag_from.is_some_and(|from| index > from);
                self.note(expression, service.as_ref(), &written, tag_position)?;
            }
        }
        Ok(())
    }

    fn note(
        &mut self,
        expression: &Expression<'_>,
        service: Option<&String>,
        path: &str,
        tag_position: bool,
    ) -> Result<(), TemplateError> {
        let operand = || Some(expression.operand.to_owned());
        let (mut default, mut alternative, mut required) = (None, None, false);
        match expression.operator {
            Some(Operator::DefaultIfEmpty | Operator::DefaultIfUnset) => default = operand(),
            Some(Operator::AlternativeIfNotEmpty | Operator::AlternativeIfSet) => {
                alternative = operand();
            }
            Some(Operator::RequiredNotEmpty | Operator::RequiredSet) => required = true,
            None => {}
        }
        self.uses.push(VariableUse {
            name: expression.name.to_owned(),
            service: service.cloned(),
            path: path.to_owned(),
            tag_position,
            has_default: default.is_some(),
            default,
            required,
            alternative,
        });
        if self.uses.len() > USE_LIMIT {
            return Err(TemplateError::TooLarge);
        }
        for part in expression.operand_parts()? {
            if let Part::Expression(nested) = part {
                self.note(&nested, service, path, tag_position)?;
            }
        }
        Ok(())
    }
}

type Cast = fn(&str, &mut Report) -> Option<Value>;

/// The type of a key whose value may come from a variable.
fn cast_of(keys: &[&str]) -> Option<Cast> {
    Some(match keys {
        ["services", _, rest @ ..] => return cast_of_service_key(rest),
        [
            "networks",
            _,
            "external" | "internal" | "attachable" | "enable_ipv4" | "enable_ipv6",
        ]
        | ["volumes" | "secrets" | "configs", _, "external"] => to_bool,
        _ => return None,
    })
}

fn cast_of_service_key(keys: &[&str]) -> Option<Cast> {
    Some(match keys {
        [
            "cpu_count" | "cpu_period" | "cpu_quota" | "cpu_rt_period" | "cpu_rt_runtime"
            | "cpu_shares" | "oom_score_adj" | "pids_limit" | "scale",
        ]
        | ["deploy", "replicas"]
        | ["deploy", "update_config" | "rollback_config", "parallelism"]
        | ["deploy", "restart_policy", "max_attempts"]
        | ["deploy", "placement", "max_replicas_per_node"]
        | ["healthcheck", "retries"]
        | ["ports", ENTRY, "target"]
        | ["ulimits", _]
        | ["ulimits", _, "hard" | "soft"] => to_int,
        ["cpus" | "cpu_percent"] => to_small_float,
        [
            "deploy",
            "update_config" | "rollback_config",
            "max_failure_ratio",
        ] => to_float,
        ["init" | "oom_kill_disable" | "privileged" | "read_only" | "stdin_open" | "tty"]
        | ["healthcheck", "disable"]
        | ["volumes", ENTRY, "read_only"]
        | ["volumes", ENTRY, "volume", "nocopy"] => to_bool,
        _ => return None,
    })
}

fn to_int(text: &str, _: &mut Report) -> Option<Value> {
    parse_int(text).map(Value::Int)
}

fn to_float(text: &str, _: &mut Report) -> Option<Value> {
    parse_float(text).map(Value::Float)
}

/// A number of 32 bits; one that is too large for them is none.
fn to_small_float(text: &str, _: &mut Report) -> Option<Value> {
    let number = parse_float(text)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the size is what is asked for"
    )]
    let fits = (number as f32).is_finite() || !number.is_finite();
    fits.then_some(Value::Float(number))
}

fn to_bool(text: &str, report: &mut Report) -> Option<Value> {
    parse_bool(text, &mut report.warnings).map(Value::Bool)
}

/// A decimal whole number with an optional sign.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// A number as Go reads it from text; one that is too large is none.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let is_out_of_range =
        |number: &f64| number.is_infinite() && text.bytes().any(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| !is_out_of_range(number))
}

/// A boolean, in the words of YAML 1.1, too.
pub(crate) fn parse_bool(text: &str, warnings: &mut Vec<String>) -> Option<bool> {
    let (value, plain) = match text.to_ascii_lowercase().as_str() {
        "true" => return Some(true),
        "false" => return Some(false),
        "y" | "yes" | "on" => (true, "true"),
        "n" | "no" | "off" => (false, "false"),
        _ => return None,
    };
    warnings.push(format!(
        "`{text}` is no boolean of YAML 1.2: write `{plain}`"
    ));
    Some(value)
}
