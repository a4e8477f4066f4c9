//! Networks and ports.
#![expect(
    missing_docs,
    reason = "the fields are the keys of the Compose Specification"
)]

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Extensions;
use super::serial::{absent, sorted};

/// A network of the project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    #[serde(skip_serializing_if = "absent")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub driver: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub driver_opts: IndexMap<String, String>,
    pub ipam: Ipam,
    #[serde(skip_serializing_if = "absent")]
    pub external: bool,
    #[serde(skip_serializing_if = "absent")]
    pub internal: bool,
    #[serde(skip_serializing_if = "absent")]
    pub attachable: bool,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub labels: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub enable_ipv4: Option<bool>,
    #[serde(skip_serializing_if = "absent")]
    pub enable_ipv6: Option<bool>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// Address management of a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ipam {
    #[serde(skip_serializing_if = "absent")]
    pub driver: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub config: Vec<IpamPool>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// One range of addresses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpamPool {
    #[serde(skip_serializing_if = "absent")]
    pub subnet: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub gateway: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub ip_range: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub aux_addresses: IndexMap<String, String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// How a service joins a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceNetwork {
    #[serde(skip_serializing_if = "absent")]
    pub aliases: Vec<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub driver_opts: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub gw_priority: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub interface_name: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub ipv4_address: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub ipv6_address: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub link_local_ips: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub mac_address: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub priority: Option<i64>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A port of a service, in long form; ranges are expanded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Port {
    #[serde(skip_serializing_if = "absent")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub host_ip: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub target: Option<u32>,
    #[serde(skip_serializing_if = "absent")]
    pub published: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub protocol: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub app_protocol: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}
