//! Networks, aliases and addresses of a container.

use serde_json::{Map, Value, json};

use crate::engine::CreateRequest;
use crate::plan::spec::NetworkAttachment;

/// The networks at creation: the first one, or all where the API takes several (1.44).
pub(super) fn configuration(request: &CreateRequest<'_>, api: (u32, u32)) -> Value {
    let count = if api >= (1, 44) {
        request.spec.networks.len()
    } else {
        1
    };
    let endpoints: Map<String, Value> = request
        .spec
        .networks
        .iter()
        .take(count)
        .map(|attachment| (attachment.name.clone(), endpoint(request, attachment, api)))
        .collect();
    json!({"EndpointsConfig": endpoints})
}

/// One endpoint.
pub(in crate::engine::docker) fn endpoint(
    request: &CreateRequest<'_>,
    attachment: &NetworkAttachment,
    api: (u32, u32),
) -> Value {
    let service = request.spec.service.as_ref();
    let own = service
        .networks
        .get(&attachment.key)
        .cloned()
        .flatten()
        .unwrap_or_default();
    let addressed =
        own.ipv4_address.is_some() || own.ipv6_address.is_some() || !own.link_local_ips.is_empty();
    let ipam = json!({"IPv4Address": own.ipv4_address, "IPv6Address": own.ipv6_address, "LinkLocalIPs": own.link_local_ips});
    let mac = own
        .mac_address
        .clone()
        .or_else(|| service.mac_address.clone());
    json!({
        "Aliases": attachment.aliases,
        "IPAMConfig": addressed.then_some(ipam),
        "DriverOpts": (!own.driver_opts.is_empty()).then_some(&own.driver_opts),
        "MacAddress": mac.filter(|_| api >= (1, 44)),
        "GwPriority": own.gw_priority.filter(|_| api >= (1, 48)),
        "Links": (!service.links.is_empty() || !service.external_links.is_empty()).then(|| links(request)),
    })
}

/// `service[:alias]` as `container:alias`; external links name containers already.
fn links(request: &CreateRequest<'_>) -> Vec<String> {
    let service = request.spec.service.as_ref();
    let internal = service.links.iter().flat_map(|link| {
        let (name, alias) = link.split_once(':').unwrap_or((link, link));
        let linked = request.project.services.get(name);
        let container =
            linked.map(|s| crate::plan::build::container_name(request.project, name, s, 1));
        container.map(|c| format!("{c}:{alias}")).into_iter()
    });
    let external = service.external_links.iter().map(|link| {
        if link.contains(':') {
            link.clone()
        } else {
            format!("{link}:{link}")
        }
    });
    internal.chain(external).collect()
}
