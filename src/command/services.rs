//! Services named on the command line, and their containers.

use crate::error::{Error, ErrorKind};
use crate::plan::PlanError;
use crate::project::Project;

/// Refuses names that the project does not know, of whatever profile.
pub(super) fn require(project: &Project, names: &[String]) -> Result<(), Error> {
    for name in names {
        if project.service(name).is_none() {
            let known = project
                .services
                .keys()
                .chain(project.disabled_services.keys());
            return Err(PlanError::UnknownService {
                name: name.clone(),
                known: known.cloned().collect(),
            }
            .into());
        }
    }
    Ok(())
}

/// `NAME=value`, as the engine takes them.
pub(super) fn pairs(variables: &[(String, String)]) -> Vec<String> {
    variables.iter().map(|(n, v)| format!("{n}={v}")).collect()
}

/// A line of words as a shell would split it.
pub(super) fn words(line: &str) -> Result<Vec<String>, Error> {
    crate::project::split_words(line).ok_or_else(|| {
        Error::new(
            ErrorKind::Usage,
            format!("a quote or bracket stays open in `{line}`"),
        )
    })
}
