//! Networks, ports and models.

use crate::project::error::Outcome;
use crate::project::model::{Ipam, IpamPool, Model, Network, Port, ServiceNetwork};

use super::fields::Fields;

pub(super) fn network(fields: &mut Fields) -> Outcome<Network> {
    Ok(Network {
        name: fields.string("name")?,
        driver: fields.string("driver")?,
        driver_opts: fields.pairs("driver_opts")?,
        ipam: fields.nested("ipam", ipam)?.unwrap_or_default(),
        external: fields.flag("external")?,
        internal: fields.flag("internal")?,
        attachable: fields.flag("attachable")?,
        labels: fields.pairs("labels")?,
        enable_ipv4: fields.boolean("enable_ipv4")?,
        enable_ipv6: fields.boolean("enable_ipv6")?,
        extensions: fields.extensions(),
    })
}

fn ipam(fields: &mut Fields) -> Outcome<Ipam> {
    Ok(Ipam {
        driver: fields.string("driver")?,
        config: fields.list("config", pool)?,
        extensions: fields.extensions(),
    })
}

fn pool(fields: &mut Fields) -> Outcome<IpamPool> {
    Ok(IpamPool {
        subnet: fields.string("subnet")?,
        gateway: fields.string("gateway")?,
        ip_range: fields.string("ip_range")?,
        aux_addresses: fields.pairs("aux_addresses")?,
        extensions: fields.extensions(),
    })
}

pub(super) fn service_network(fields: &mut Fields) -> Outcome<ServiceNetwork> {
    Ok(ServiceNetwork {
        aliases: fields.strings("aliases")?,
        driver_opts: fields.pairs("driver_opts")?,
        gw_priority: fields.nonzero("gw_priority")?,
        interface_name: fields.string("interface_name")?,
        ipv4_address: fields.string("ipv4_address")?,
        ipv6_address: fields.string("ipv6_address")?,
        link_local_ips: fields.strings("link_local_ips")?,
        mac_address: fields.string("mac_address")?,
        priority: fields.nonzero("priority")?,
        extensions: fields.extensions(),
    })
}

pub(super) fn port(fields: &mut Fields) -> Outcome<Port> {
    Ok(Port {
        name: fields.string("name")?,
        mode: fields.string("mode")?,
        host_ip: fields.string("host_ip")?,
        target: fields.u32("target")?,
        published: fields.string("published")?,
        protocol: fields.string("protocol")?,
        app_protocol: fields.string("app_protocol")?,
        extensions: fields.extensions(),
    })
}
pub(super) fn model(fields: &mut Fields) -> Outcome<Model> {
    Ok(Model {
        name: fields.string("name")?,
        model: fields.string("model")?,
        context_size: fields.nonzero("context_size")?,
        runtime_flags: fields.strings("runtime_flags")?,
        extensions: fields.extensions(),
    })
}
