use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use super::TraceSampler;

/// Generates ids of traces that the sampler has decided to sample.
#[derive(Debug)]
pub(super) struct RootIds {
    sampler: TraceSampler,
    random: RandomIdGenerator,
}

impl RootIds {
    pub(super) fn new(sampler: TraceSampler) -> Self {
        Self { sampler, random: RandomIdGenerator::default() }
    }
}

impl IdGenerator for RootIds {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(self.sampler.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.random.new_span_id()
    }
}
