//! Builds and watches.

use crate::project::error::{Fault, Outcome};
use crate::project::model::{Build, Develop, SshKey, Trigger};

use super::fields::Fields;

pub(super) fn build(fields: &mut Fields) -> Outcome<Build> {
    let ssh = ssh_keys(fields)?;
    Ok(Build {
        context: fields.string("context")?,
        dockerfile: fields.string("dockerfile")?,
        dockerfile_inline: fields.string("dockerfile_inline")?,
        entitlements: fields.strings("entitlements")?,
        args: fields.environment("args")?,
        provenance: fields.string("provenance")?,
        sbom: fields.string("sbom")?,
        ssh,
        labels: fields.pairs("labels")?,
        cache_from: fields.strings("cache_from")?,
        cache_to: fields.strings("cache_to")?,
        no_cache: fields.flag("no_cache")?,
        additional_contexts: fields.pairs("additional_contexts")?,
        pull: fields.flag("pull")?,
        extra_hosts: fields.hosts("extra_hosts")?,
        isolation: fields.string("isolation")?,
        network: fields.string("network")?,
        target: fields.string("target")?,
        secrets: fields.list("secrets", super::mount::file_reference)?,
        shm_size: fields.bytes("shm_size")?,
        tags: fields.strings("tags")?,
        ulimits: fields.ulimits("ulimits")?,
        platforms: fields.strings("platforms")?,
        privileged: fields.flag("privileged")?,
        extensions: fields.extensions(),
    })
}

pub(super) fn develop(fields: &mut Fields) -> Outcome<Develop> {
    Ok(Develop {
        watch: fields.list("watch", trigger)?,
        extensions: fields.extensions(),
    })
}

fn trigger(fields: &mut Fields) -> Outcome<Trigger> {
    Ok(Trigger {
        path: fields.string("path")?.unwrap_or_default(),
        action: fields.string("action")?.unwrap_or_default(),
        target: fields.string("target")?,
        exec: fields
            .nested("exec", super::service::hook)?
            .unwrap_or_default(),
        include: fields.strings("include")?,
        ignore: fields.strings("ignore")?,
        initial_sync: fields.flag("initial_sync")?,
        extensions: fields.extensions(),
    })
}
fn ssh_keys(fields: &mut Fields) -> Outcome<Vec<SshKey>> {
    let keys = fields.variables("ssh")?;
    if let Some((id, _)) = keys
        .iter()
        .find(|(id, path)| *id != "default" && path.is_none())
    {
        return Err(
            Fault::invalid(format!("the SSH key `{id}` has no path"), fields.at).under("ssh"),
        );
    }
    Ok(keys
        .into_iter()
        .map(|(id, path)| SshKey {
            id,
            path: path.filter(|path| !path.is_empty()),
        })
        .collect())
}
