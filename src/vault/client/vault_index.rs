//! The index of Vault's storage that a response reflects, and the headers that ask for one.
//!
//! OpenBao answers successful requests with `X-Vault-Index`: the id of the cluster and the index of the
//! last write that the answer includes. A node that is sent an index back answers only from newer data;
//! with `X-Vault-Inconsistent: forward-active-node` one that is behind forwards the request. The active
//! node ignores an index. Neither header is signed. Servers without them ignore both.

use std::sync::{Arc, PoisonError, RwLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use serde::{Deserialize, Serialize};

/// The name of the header with an index, in requests and responses.
pub(super) const INDEX_HEADER: &str = "x-vault-index";

/// The name of the header that says what a node does that has not reached the index.
pub(super) const INCONSISTENT_HEADER: &str = "x-vault-inconsistent";

/// The value of that header that makes the node forward the request.
pub(super) const FORWARD: HeaderValue = HeaderValue::from_static("forward-active-node");

/// An index that no standby reaches, so that each forwards the request. It is the largest that `OpenBao`
/// parses.
const UNREACHABLE: u64 = i64::MAX as u64;

/// The maximum length of the header's value, in bytes. Vault's have about 100.
const MAX_LENGTH: usize = 256;

/// The position of a write in the storage of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultIndex {
    cluster: Arc<str>,
    value: u64,
}

/// The age of the data that a request may be answered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// The data includes everything that earlier responses included.
    NotOlderThanSeen,
    /// The active node answers. Without an earlier response with an index, any node may.
    ActiveNode,
    /// The data also includes the write at this index. The index of another cluster is ignored.
    AtLeast(VaultIndex),
}

/// The newest index in the responses so far.
#[derive(Default)]
pub(super) struct SeenIndex(RwLock<Option<Seen>>);

struct Seen {
    index: VaultIndex,
    /// The index as Vault sent it.
    header: HeaderValue,
    /// The unreachable index of the same cluster.
    active_node: HeaderValue,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct IndexFields<'f> {
    #[serde(borrow)]
    cluster: &'f str,
    #[serde(borrow)]
    value: &'f str,
}

impl VaultIndex {
    /// Parses the value of an `X-Vault-Index` header, strictly: its origin may be unknown. Returns
    /// `None` for any other value.
    #[must_use]
    pub fn parse(header: &[u8]) -> Option<Self> {
        if header.len() > MAX_LENGTH {
            return None;
        }
        let json = BASE64_STANDARD.decode(header).ok()?;
        let IndexFields { cluster, value } = serde_json::from_slice(&json).ok()?;
        let is_id = cluster.len() == 36
            && cluster.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        let value = value.parse().ok().filter(|value| is_number && *value <= UNREACHABLE)?;
        is_id.then(|| Self { cluster: cluster.into(), value })
    }

    /// Returns true if this is a later index of the same cluster.
    fn is_newer_than(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.value > other.value
    }

    fn to_header(&self) -> Option<HeaderValue> {
        let value = self.value.to_string();
        let json = serde_json::to_vec(&IndexFields { cluster: &self.cluster, value: &value });
        HeaderValue::try_from(BASE64_STANDARD.encode(json.ok()?)).ok()
    }
}

impl SeenIndex {
    /// Records the index of a response. An older one of the same cluster is ignored; one of another
    /// cluster, as after the restore of a snapshot, replaces it.
    pub(super) fn record(&self, header: &HeaderValue) {
        let is_known =
            |seen: &Option<Seen>, header| seen.as_ref().is_some_and(|seen| seen.header == header);
        if is_known(&self.0.read().unwrap_or_else(PoisonError::into_inner), header) {
            return;
        }
        let Some(index) = VaultIndex::parse(header.as_bytes()) else { return };
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match &mut *seen {
            Some(seen) if seen.index.cluster == index.cluster => {
                if seen.index.value < index.value {
                    seen.index = index;
                    seen.header = header.clone();
                }
            }
            _ => {
                let unreachable = VaultIndex { value: UNREACHABLE, ..index.clone() };
                *seen = unreachable.to_header().map(|active_node| Seen {
                    index,
                    header: header.clone(),
                    active_node,
                });
            }
        }
    }

    /// Returns true if a response had an index.
    pub(super) fn is_known(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns the header for a request with this consistency; `None` as long as no index is known.
    pub(super) fn header(&self, consistency: &Consistency) -> Option<HeaderValue> {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.as_ref()?;
        match consistency {
            Consistency::ActiveNode => Some(seen.active_node.clone()),
            Consistency::AtLeast(index) if index.is_newer_than(&seen.index) => index.to_header(),
            Consistency::AtLeast(_) | Consistency::NotOlderThanSeen => Some(seen.header.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use http::HeaderValue;

    use super::{Consistency, SeenIndex, UNREACHABLE, VaultIndex};

    const CLUSTER: &str = "0a1b2c3d-0000-1111-2222-333344445555";
    const OTHER: &str = "ffffffff-0000-1111-2222-333344445555";

    fn header(cluster: &str, value: &str) -> HeaderValue {
        let json = format!(r#"{{"cluster":"{cluster}","value":"{value}"}}"#);
        HeaderValue::try_from(BASE64_STANDARD.encode(json)).expect("a header value")
    }

    fn index(cluster: &str, value: &str) -> VaultIndex {
        VaultIndex::parse(header(cluster, value).as_bytes()).expect("an index")
    }

    #[test]
    fn index_of_unknown_origin_is_parsed_strictly() {
        let parsed = index(CLUSTER, "55");
        assert_eq!((&*parsed.cluster, parsed.value), (CLUSTER, 55));
        for value in ["", "-1", "+1", "1.5", "0x1", "9223372036854775808", " 1"] {
            assert_eq!(VaultIndex::parse(header(CLUSTER, value).as_bytes()), None, "{value}");
        }
        assert_eq!(VaultIndex::parse(header("", "1").as_bytes()), None);
        assert_eq!(VaultIndex::parse(header(&"g".repeat(36), "1").as_bytes()), None);
        for json in ["", "{}", r#"{"cluster":"x","value":1}"#, "[1]"] {
            assert_eq!(VaultIndex::parse(BASE64_STANDARD.encode(json).as_bytes()), None, "{json}");
        }
        let further = format!(r#"{{"cluster":"{CLUSTER}","value":"1","x":"y"}}"#);
        for text in [&*BASE64_STANDARD.encode(further), "v1:x:2:3:hmac", "%%%", &"A".repeat(400)] {
            assert_eq!(VaultIndex::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn seen_index_never_goes_back() {
        let seen = SeenIndex::default();
        let current = || seen.header(&Consistency::NotOlderThanSeen);
        assert_eq!(current(), None);
        seen.record(&HeaderValue::from_static("garbage"));
        assert_eq!(current(), None);
        seen.record(&header(CLUSTER, "9"));
        seen.record(&header(CLUSTER, "55"));
        seen.record(&header(CLUSTER, "10"));
        assert_eq!(current(), Some(header(CLUSTER, "55")));
        seen.record(&header(OTHER, "7"));
        assert_eq!(current(), Some(header(OTHER, "7")));
    }

    #[test]
    fn presented_index_only_raises_the_seen_one() {
        let seen = SeenIndex::default();
        let at_least = |cluster, value| {
            seen.header(&Consistency::AtLeast(index(cluster, value))).expect("a header")
        };
        assert_eq!(seen.header(&Consistency::AtLeast(index(CLUSTER, "9"))), None);
        assert_eq!(seen.header(&Consistency::ActiveNode), None);
        seen.record(&header(CLUSTER, "55"));
        assert_eq!(at_least(CLUSTER, "9"), header(CLUSTER, "55"));
        assert_eq!(at_least(OTHER, "99"), header(CLUSTER, "55"));
        assert_eq!(at_least(CLUSTER, "99"), header(CLUSTER, "99"));
        let seen_since = seen.header(&Consistency::NotOlderThanSeen);
        assert_eq!(seen_since, Some(header(CLUSTER, "55")), "a presented index is not recorded");
        let active = seen.header(&Consistency::ActiveNode).expect("a header");
        assert_eq!(
            VaultIndex::parse(active.as_bytes()).map(|index| index.value),
            Some(UNREACHABLE)
        );
    }
}
