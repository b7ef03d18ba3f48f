use prometheus_client::{
    collector::Collector,
    registry::{Metric, Registry},
};

/// The prefix of this service's own metrics.
const PREFIX: &str = "vault_auth";

/// The registered metrics, by the way their names are built.
pub(super) struct Registries {
    /// Metrics whose names get the prefix.
    pub(super) own: Registry,
    /// Metrics whose whole names come from a convention.
    pub(super) conventional: Registry,
    /// The same instances as in `own` under the names that they had before there was a prefix, for
    /// one release.
    pub(super) former: Registry,
}

impl Default for Registries {
    fn default() -> Self {
        Self {
            own: Registry::with_prefix(PREFIX),
            conventional: Registry::default(),
            former: Registry::default(),
        }
    }
}

impl Registries {
    /// Registers a metric under a name that gets the prefix.
    pub(super) fn own<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: &M) {
        self.own.register(name, help, metric.clone());
    }

    /// Registers a metric under a name that gets the prefix, and under its former one.
    pub(super) fn renamed<M: Metric + Clone>(
        &mut self,
        (name, former): (&str, &str),
        help: &str,
        metric: &M,
    ) {
        self.own(name, help, metric);
        self.former.register(former, format!("Deprecated: {PREFIX}_{name}"), metric.clone());
    }

    /// Registers metrics with names of a convention that are read when they are encoded.
    pub(super) fn collector(&mut self, collector: impl Collector) {
        self.conventional.register_collector(Box::new(collector));
    }

    /// Registers a metric under a name of a convention.
    pub(super) fn conventional<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: &M) {
        self.conventional.register(name, help, metric.clone());
    }
}
