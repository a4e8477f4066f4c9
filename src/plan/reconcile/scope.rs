//! The services that a plan looks at.

use std::collections::BTreeSet;

use crate::plan::PlanError;
use crate::plan::graph;
use crate::plan::observed::Observed;
use crate::plan::options::Options;
use crate::project::model::Project;

/// The services that a plan looks at: all that are enabled and no profile's jobs, or those asked for
/// with what they depend on and what does not run.
pub(super) fn scope(
    project: &Project,
    observed: &Observed,
    options: &Options,
) -> Result<BTreeSet<String>, PlanError> {
    let ordinary = |name: &&String| {
        project
            .services
            .get(*name)
            .is_some_and(|s| !graph::is_profile_job(s))
    };
    if options.services.is_empty() {
        return Ok(project.services.keys().filter(ordinary).cloned().collect());
    }
    let mut scope = BTreeSet::new();
    for name in &options.services {
        if !project.services.contains_key(name) {
            let known = project.services.keys().cloned().collect();
            return Err(PlanError::UnknownService {
                name: name.clone(),
                known,
            });
        }
        let runs = |n: &String| {
            observed
                .containers
                .iter()
                .any(|c| c.service() == n && c.is_running())
        };
        scope.extend(
            graph::dependencies(project, name)
                .into_iter()
                .filter(|n| !runs(n))
                .filter(|n| ordinary(&n)),
        );
        scope.insert(name.clone());
    }
    Ok(scope)
}
