/// The position of a request in a trace, as `traceparent` gives it (W3C Trace Context, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent<'h> {
    trace_id: &'h [u8; 32],
    parent_id: &'h [u8; 16],
    flags: u8,
}

/// The length of the fields that every version has, in bytes: `00-TRACE_ID-PARENT_ID-FLAGS`.
const LENGTH: usize = 55;

impl<'h> TraceParent<'h> {
    /// Parses the value of the header. Returns `None` if it is malformed, or an id is zero.
    ///
    /// A version above 0 may have further fields, which are ignored (W3C Trace Context, 3.2.4).
    pub(super) fn parse(value: &'h [u8]) -> Option<Self> {
        let (fields, rest) = value.split_first_chunk::<LENGTH>()?;
        let (version, fields) = fields.split_first_chunk::<2>()?;
        let (trace_id, fields) = fields.strip_prefix(b"-")?.split_first_chunk()?;
        let (parent_id, fields) = fields.strip_prefix(b"-")?.split_first_chunk()?;
        let flags = fields.strip_prefix(b"-")?.first_chunk::<2>()?;
        let is_end_valid = match version {
            b"00" => rest.is_empty(),
            b"ff" => false,
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        let is_valid = is_end_valid
            && is_hex(version)
            && is_hex(trace_id)
            && is_hex(parent_id)
            && is_hex(flags)
            && trace_id != &[b'0'; 32]
            && parent_id != &[b'0'; 16];
        let flags = u8::try_from(number(flags)).ok()?;
        is_valid.then_some(Self { trace_id, parent_id, flags })
    }

    /// Returns the id of the trace, which is not zero.
    #[must_use]
    pub fn trace_id(self) -> u128 {
        number(self.trace_id)
    }

    /// Returns the id of the sender's span, which is not zero.
    #[must_use]
    pub fn parent_id(self) -> u64 {
        // It has 16 digits.
        u64::try_from(number(self.parent_id)).unwrap_or_default()
    }

    /// Returns true if the sender has recorded its span.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & 1 != 0
    }
}

/// Returns true if these are lower-case hexadecimal digits. Every byte is looked at, so that the
/// compiler checks several at once.
fn is_hex<const N: usize>(digits: &[u8; N]) -> bool {
    digits.iter().fold(true, |valid, byte| valid & matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the number that lower-case hexadecimal digits mean.
fn number<const N: usize>(digits: &[u8; N]) -> u128 {
    digits.iter().fold(0, |number, byte| {
        let digit = if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'a' - 10) };
        number << 4 | u128::from(digit & 0xf)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::{
        Context, propagation::TextMapPropagator as _, trace::TraceContextExt as _,
    };
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use proptest::prelude::*;

    use super::TraceParent;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// Returns what OpenTelemetry reads: trace id, parent id and sampled flag.
    fn reference(value: &str) -> Option<(u128, u64, bool)> {
        let headers = HashMap::from([("traceparent".to_owned(), value.to_owned())]);
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        let span = context.span().span_context().clone();
        span.is_valid().then(|| {
            let trace_id = u128::from_be_bytes(span.trace_id().to_bytes());
            let parent_id = u64::from_be_bytes(span.span_id().to_bytes());
            (trace_id, parent_id, span.is_sampled())
        })
    }

    fn parsed(value: &str) -> Option<(u128, u64, bool)> {
        let parent = TraceParent::parse(value.as_bytes())?;
        Some((parent.trace_id(), parent.parent_id(), parent.is_sampled()))
    }

    #[test]
    fn o7_junk_is_ignored() {
        for junk in [
            "",
            "00",
            "garbage",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(parsed(junk), None, "{junk}");
        }
    }

    #[test]
    fn o7_later_versions_may_have_further_fields() {
        let (trace_id, parent_id) =
            (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331);
        for (value, is_sampled) in [
            (VALID.to_owned(), true),
            (VALID.replace("-01", "-00"), false),
            (VALID.replace("-01", "-02"), false),
            (VALID.replace("-01", "-ff"), true),
            (VALID.replacen("00", "cc", 1), true),
            (format!("{}-what-the-future-brings", VALID.replacen("00", "01", 1)), true),
        ] {
            assert_eq!(parsed(&value), Some((trace_id, parent_id, is_sampled)), "{value}");
        }
    }

    proptest! {
        #[test]
        fn o7_whatever_is_accepted_is_read_as_opentelemetry_reads_it(
            version in "00|0[0-9a-f]|ff|[0-9a-fA-F]{2}",
            trace_id in "0{32}|[0-9a-f]{32}|[0-9a-fA-F]{31,33}",
            parent_id in "0{16}|[0-9a-f]{16}|[0-9a-fg]{15,17}",
            flags in "0[01]|[0-9a-f]{2}|[0-9A-F]{1,3}",
        ) {
            let value = format!("{version}-{trace_id}-{parent_id}-{flags}");
            if let Some(parsed) = parsed(&value) && version == "00" {
                prop_assert_eq!(Some(parsed), reference(&value));
            }
            let is_plain = version == "00" && trace_id.len() == 32 && parent_id.len() == 16;
            if is_plain && flags.len() == 2 {
                prop_assert_eq!(parsed(&value), reference(&value));
            }
        }

        #[test]
        fn o7_any_bytes_are_parsed_without_panic(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = TraceParent::parse(&value);
        }

        #[test]
        fn o7_a_changed_byte_is_never_read_as_another_id(at in 0_usize..55, byte in any::<u8>()) {
            let mut value = VALID.as_bytes().to_vec();
            value[at] = byte;
            let is_hex = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let is_dash = [2, 35, 52].contains(&at);
            let accepted = TraceParent::parse(&value).is_some();
            let is_allowed = if is_dash { byte == b'-' } else { is_hex };
            prop_assert!(is_allowed || !accepted, "{}", byte);
        }
    }
}
