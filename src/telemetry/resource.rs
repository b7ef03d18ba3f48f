use std::sync::LazyLock;

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::Resource;
use uuid::Builder;

const INSTANCE_ID: &str = "service.instance.id";

/// The resource of this process. It is the same in all signals, so that they can be joined.
static RESOURCE: LazyLock<Resource> = LazyLock::new(detect);

/// Returns the attributes that identify this process in exported telemetry: those of
/// `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`, the version, and an instance id that is random per start
/// unless it is given.
pub(super) fn resource() -> Resource {
    RESOURCE.clone()
}

fn detect() -> Resource {
    let given = Resource::builder().build();
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let mut resource = Resource::builder().with_attribute(version);
    if given.get(&Key::new(INSTANCE_ID)).is_none() {
        let id = Builder::from_random_bytes(rand::random()).into_uuid();
        resource = resource.with_attribute(KeyValue::new(INSTANCE_ID, id.to_string()));
    }
    // The SDK's own default starts with `unknown_service`.
    let name = given.get(&Key::new("service.name"));
    if name.is_none_or(|name| name.as_str().starts_with("unknown_service")) {
        resource = resource.with_service_name(env!("CARGO_PKG_NAME"));
    }
    resource.build()
}
