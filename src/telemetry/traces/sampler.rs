use rand::{Rng, random};

use crate::forwarded::TraceParent;

/// The number of values that a decision by ratio is made from: 63 bits of the trace id.
const VALUES: u64 = 1 << 63;

/// The sampler of requests: `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceSampler {
    parents: ParentDecisions,
    /// The number of values, of all, that are sampled.
    limit: u64,
}

/// The treatment of the decision that the sender of `traceparent` has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParentDecisions {
    Kept,
    Ignored,
}

impl Default for TraceSampler {
    /// Samples all requests but those whose sender does not sample its span.
    fn default() -> Self {
        Self { parents: ParentDecisions::Kept, limit: VALUES }
    }
}

impl TraceSampler {
    /// Parses the standard variables
    /// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
    ///
    /// # Errors
    /// The name of the variable that is wrong, and the problem.
    pub fn parse(
        name: Option<&str>,
        argument: Option<&str>,
    ) -> Result<Self, (&'static str, String)> {
        const ALL: &str = "always_on, always_off, traceidratio, parentbased_always_on, \
                           parentbased_always_off or parentbased_traceidratio";
        let name = name.unwrap_or("parentbased_always_on");
        let (parents, rule) = match name.strip_prefix("parentbased_") {
            Some(rule) => (ParentDecisions::Kept, rule),
            None => (ParentDecisions::Ignored, name),
        };
        let limit = match rule {
            "always_on" => VALUES,
            "always_off" => 0,
            "traceidratio" => ratio_limit(argument)?,
            _ => return Err(("OTEL_TRACES_SAMPLER", format!("must be {ALL}"))),
        };
        Ok(Self { parents, limit })
    }

    /// Returns true if a request with this parent is sampled. If it is not the parent's decision, the
    /// result is random, and not computed from the trace id as by OpenTelemetry: the client chooses the
    /// id, and would so decide itself.
    pub(super) fn is_sampled(&self, parent: Option<TraceParent<'_>>) -> bool {
        match parent {
            Some(parent) if self.parents == ParentDecisions::Kept => parent.is_sampled(),
            _ if self.limit >= VALUES => true,
            _ => random::<u64>() >> 1 < self.limit,
        }
    }

    /// Returns a random id among those that OpenTelemetry's sampler with the same ratio samples: it
    /// compares the lowest 63 bits above the lowest one. So the service that a request is for decides the
    /// same about the trace.
    pub(super) fn new_trace_id(&self) -> u128 {
        let low = rand::rng().random_range(0..self.limit.clamp(1, VALUES));
        // The highest bit makes the id valid in any case.
        u128::from(random::<u64>() | VALUES) << 64
            | u128::from(low << 1 | u64::from(random::<bool>()))
    }
}

/// Returns the number of values that are sampled at this ratio, computed as OpenTelemetry does.
fn ratio_limit(argument: Option<&str>) -> Result<u64, (&'static str, String)> {
    let ratio = argument.map_or(Ok(1.0), str::parse::<f64>);
    let ratio = ratio.ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    let ratio = ratio.ok_or((
        "OTEL_TRACES_SAMPLER_ARG",
        "must be a ratio between 0 and 1, such as 0.01".into(),
    ))?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a power of two, times a ratio between 0 and 1"
    )]
    let limit = (ratio * VALUES as f64) as u64;
    Ok(limit)
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        Context,
        trace::{
            SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
        },
    };
    use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};
    use proptest::prelude::*;

    use super::TraceSampler;
    use crate::{
        forwarded::{ForwardedHeaders, ForwardedRequest, Peer, TrustedProxies},
        headers::RequestHeaders,
    };

    /// Returns the decisions of this sampler and of OpenTelemetry's for a request with a parent.
    fn decisions(ours: TraceSampler, theirs: &Sampler, id: u128, sampled: u8) -> (bool, bool) {
        let value = format!("00-{id:032x}-00000000000000aa-{sampled:02x}");
        let raw = [httparse::Header { name: "traceparent", value: value.as_bytes() }];
        let headers = ForwardedHeaders::Forwarded;
        let trust = TrustedProxies { networks: Vec::new(), headers };
        let request = ForwardedRequest::new(RequestHeaders::Raw(&raw), Peer::UnixSocket, &trust);
        let parent = SpanContext::new(
            TraceId::from(id),
            SpanId::from(0xaa),
            TraceFlags::new(sampled),
            true,
            TraceState::default(),
        );
        let context = Context::new().with_remote_span_context(parent);
        let (name, kind) = ("GET /validate", SpanKind::Server);
        let result = theirs.should_sample(Some(&context), id.into(), name, &kind, &[], &[]);
        let is_sampled = result.decision == SamplingDecision::RecordAndSample;
        (ours.is_sampled(request.trace_parent()), is_sampled)
    }

    fn parse(name: &str, ratio: f64) -> TraceSampler {
        TraceSampler::parse(Some(name), Some(&ratio.to_string())).expect("a sampler")
    }

    proptest! {
        #[test]
        fn o7_parents_decide_as_in_opentelemetry(
            id in 1_u128..,
            sampled in 0_u8..=1,
            ratio in 0.0..=1.0_f64,
        ) {
            let by_ratio = || Sampler::TraceIdRatioBased(ratio);
            for (name, theirs) in [
                ("always_on", Sampler::AlwaysOn),
                ("always_off", Sampler::AlwaysOff),
                ("parentbased_always_on", Sampler::ParentBased(Box::new(Sampler::AlwaysOn))),
                ("parentbased_always_off", Sampler::ParentBased(Box::new(Sampler::AlwaysOff))),
                ("parentbased_traceidratio", Sampler::ParentBased(Box::new(by_ratio()))),
            ] {
                let (ours, theirs) = decisions(parse(name, ratio), &theirs, id, sampled);
                prop_assert_eq!(ours, theirs, "{}", name);
            }
        }

        #[test]
        fn o7_new_ids_are_among_the_sampled_ones(ratio in 1e-9..=1.0_f64) {
            let id = parse("traceidratio", ratio).new_trace_id();
            let theirs = Sampler::TraceIdRatioBased(ratio);
            let (_, sampled) = decisions(TraceSampler::default(), &theirs, id, 0);
            prop_assert!(sampled);
        }
    }

    #[test]
    fn clients_do_not_choose_sampled_ids() {
        let is_sampled = |id| decisions(parse("traceidratio", 0.1), &Sampler::AlwaysOff, id, 1).0;
        for id in [1, u128::from(u64::MAX)] {
            // Six standard deviations off 2,000.
            let sampled = (0..20_000).filter(|_| is_sampled(id)).count();
            assert!((1_745..=2_255).contains(&sampled), "{id}: {sampled}");
        }
    }

    #[test]
    fn o7_requests_without_parent_match_the_ratio() {
        let count =
            |sampler: TraceSampler| (0..20_000).filter(|_| sampler.is_sampled(None)).count();
        assert_eq!(count(TraceSampler::default()), 20_000);
        assert_eq!(count(parse("parentbased_always_off", 1.0)), 0);
        assert_eq!(count(parse("traceidratio", 0.0)), 0);
        // Six standard deviations off 2,000.
        let tenth = count(parse("parentbased_traceidratio", 0.1));
        assert!((1_745..=2_255).contains(&tenth), "{tenth}");
    }

    #[test]
    fn wrong_values_are_errors() {
        let error = |name, argument| TraceSampler::parse(name, argument).expect_err("wrong").0;
        for name in ["", "Always_on", "jaeger_remote", "parentbased_jaeger_remote", "xray", "0.1"] {
            assert_eq!(error(Some(name), None), "OTEL_TRACES_SAMPLER", "{name}");
        }
        for argument in ["", "1.5", "-0.1", "NaN", "1%", "inf"] {
            let found = error(Some("traceidratio"), Some(argument));
            assert_eq!(found, "OTEL_TRACES_SAMPLER_ARG", "{argument}");
        }
        assert_eq!(TraceSampler::parse(None, None), Ok(TraceSampler::default()));
        assert_eq!(TraceSampler::parse(None, Some("junk")), Ok(TraceSampler::default()));
    }
}
