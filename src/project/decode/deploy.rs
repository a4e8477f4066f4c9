//! The `deploy` part of a service.

use crate::project::error::Outcome;
use crate::project::model::{
    Deploy, DeviceRequest, DiscreteResource, GenericResource, Placement, PlacementPreference,
    Resource, Resources, RestartPolicy, UpdateConfig,
};

use super::fields::Fields;

pub(super) fn deploy(fields: &mut Fields) -> Outcome<Deploy> {
    Ok(Deploy {
        mode: fields.string("mode")?,
        replicas: fields.integer("replicas")?,
        labels: fields.pairs("labels")?,
        update_config: fields.nested("update_config", update_config)?,
        rollback_config: fields.nested("rollback_config", update_config)?,
        resources: fields.nested("resources", resources)?.unwrap_or_default(),
        restart_policy: fields.nested("restart_policy", restart_policy)?,
        placement: fields.nested("placement", placement)?.unwrap_or_default(),
        endpoint_mode: fields.string("endpoint_mode")?,
        extensions: fields.extensions(),
    })
}

fn update_config(fields: &mut Fields) -> Outcome<UpdateConfig> {
    Ok(UpdateConfig {
        parallelism: fields.unsigned("parallelism")?,
        delay: fields.nonzero_duration("delay")?,
        failure_action: fields.string("failure_action")?,
        monitor: fields.nonzero_duration("monitor")?,
        max_failure_ratio: fields.float("max_failure_ratio")?,
        order: fields.string("order")?,
        extensions: fields.extensions(),
    })
}

fn resources(fields: &mut Fields) -> Outcome<Resources> {
    Ok(Resources {
        limits: fields.nested("limits", resource)?,
        reservations: fields.nested("reservations", resource)?,
        extensions: fields.extensions(),
    })
}

fn resource(fields: &mut Fields) -> Outcome<Resource> {
    Ok(Resource {
        cpus: fields.float("cpus")?,
        memory: fields.bytes("memory")?,
        pids: fields.nonzero("pids")?,
        devices: fields.list("devices", device_request)?,
        generic_resources: fields.list("generic_resources", generic_resource)?,
        extensions: fields.extensions(),
    })
}

fn generic_resource(fields: &mut Fields) -> Outcome<GenericResource> {
    Ok(GenericResource {
        discrete_resource_spec: fields.nested("discrete_resource_spec", discrete_resource)?,
        extensions: fields.extensions(),
    })
}

fn discrete_resource(fields: &mut Fields) -> Outcome<DiscreteResource> {
    Ok(DiscreteResource {
        kind: fields.string("kind")?.unwrap_or_default(),
        value: fields.integer("value")?.unwrap_or(0),
        extensions: fields.extensions(),
    })
}

fn restart_policy(fields: &mut Fields) -> Outcome<RestartPolicy> {
    Ok(RestartPolicy {
        condition: fields.string("condition")?,
        delay: fields.duration("delay")?,
        max_attempts: fields.unsigned("max_attempts")?,
        window: fields.duration("window")?,
        extensions: fields.extensions(),
    })
}

fn placement(fields: &mut Fields) -> Outcome<Placement> {
    Ok(Placement {
        constraints: fields.strings("constraints")?,
        preferences: fields.list("preferences", preference)?,
        max_replicas_per_node: fields
            .unsigned("max_replicas_per_node")?
            .filter(|n| *n != 0),
        extensions: fields.extensions(),
    })
}

fn preference(fields: &mut Fields) -> Outcome<PlacementPreference> {
    Ok(PlacementPreference {
        spread: fields.string("spread")?,
        extensions: fields.extensions(),
    })
}

pub(super) fn device_request(fields: &mut Fields) -> Outcome<DeviceRequest> {
    Ok(DeviceRequest {
        capabilities: fields.strings("capabilities")?,
        driver: fields.string("driver")?,
        count: fields.device_count("count")?,
        device_ids: fields.strings("device_ids")?,
        options: fields.pairs("options")?,
    })
}
