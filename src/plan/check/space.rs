//! The engine's disk has room for what is pulled.

use std::collections::BTreeSet;

use super::{Finding, Host, Severity};
use crate::plan::observed::Observed;
use crate::plan::registry::repository;
use crate::plan::step::Plan;

/// An estimate: no registry tells how large an image is unpacked, so it is taken to be as large as
/// the largest one of its repository that is here. What has no such one is left out.
pub(super) fn space(observed: &Observed, plan: &Plan, host: &Host, findings: &mut Vec<Finding>) {
    let Some((directory, free)) = &host.free_space else {
        return;
    };
    let pulled: BTreeSet<&str> = plan
        .images
        .values()
        .filter(|i| i.pull)
        .map(|i| repository(&i.reference))
        .collect();
    let needed: u64 = pulled.into_iter().map(|r| largest(observed, r)).sum();
    if needed <= *free {
        return;
    }
    findings.push(Finding {
        severity: Severity::Error,
        message: format!(
            "the images to pull need about {} MB (as large as those that serve), and {} MB are free in `{}`",
            megabytes(needed),
            megabytes(*free),
            directory.display()
        ),
        hint: Some("docker system df; then remove what nobody needs: docker image prune".to_owned()),
    });
}

fn largest(observed: &Observed, name: &str) -> u64 {
    let sizes = observed.images.values().filter(|image| {
        let of_it = |reference: &String| repository(reference) == name;
        image.repo_tags.iter().chain(&image.repo_digests).any(of_it)
    });
    sizes
        .filter_map(|i| u64::try_from(i.size).ok())
        .max()
        .unwrap_or(0)
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}
