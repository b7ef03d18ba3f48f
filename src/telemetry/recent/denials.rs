use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{telemetry::DecisionRecord, wall_clock};

/// The maximum number of entries.
const MAX_ENTRIES: usize = 200;

/// The maximum number of entries of one client address, so that it cannot displace all others.
const MAX_ENTRIES_PER_CLIENT: usize = 50;

/// The maximum length of a field in bytes; clients choose paths and hosts of any length.
const MAX_FIELD: usize = 200;

/// The last denied requests. Repeated ones are one entry with a count.
///
/// The lock is held for a comparison with each entry, which takes less than a microsecond.
#[derive(Default)]
pub struct RecentDenials {
    entries: Mutex<VecDeque<DenialEntry>>,
    hashes: RandomState,
}

struct DenialEntry {
    /// The hash of all fields but time, request id and count.
    hash: u64,
    denial: Arc<RecentDenial>,
}

/// A denied request, or several that differ in time and request id only. The values from requests are cut
/// off after 200 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentDenial {
    /// The time of the last request.
    pub time: Timestamp,
    /// The number of requests.
    pub count: u32,
    /// The id of the last request.
    pub request_id: String,
    /// `deny`, or `unknown` if a dependency failed.
    pub result: &'static str,
    /// The code of the refusal.
    pub code: &'static str,
    /// The host of the original request.
    pub host: Option<String>,
    /// The method of the original request.
    pub method: Option<String>,
    /// The path of the original request.
    pub path: Option<String>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The caller's subject.
    pub subject: Option<String>,
    /// The id of the caller's entity.
    pub entity_id: Option<String>,
    /// The caller's tenant.
    pub tenant: Option<String>,
}

impl RecentDenials {
    /// Adds a denied request.
    pub fn record(&self, record: &DecisionRecord<'_>) {
        let mut denial = RecentDenial::new(record);
        let hash = self.hash(&denial);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = entries.iter().rposition(|entry| entry.hash == hash) {
            let previous = entries.remove(index).map_or(0, |entry| entry.denial.count);
            denial.count = previous.saturating_add(1);
        } else {
            make_room(&mut entries, denial.client);
        }
        entries.push_back(DenialEntry { hash, denial: Arc::new(denial) });
    }

    /// Returns the denied requests, the last one first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<RecentDenial>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().rev().map(|entry| Arc::clone(&entry.denial)).collect()
    }

    fn hash(&self, denial: &RecentDenial) -> u64 {
        let RecentDenial { code, host, method, path, client, subject, entity_id, tenant, .. } =
            denial;
        self.hashes.hash_one((code, host, method, path, client, subject, entity_id, tenant))
    }
}

/// Removes the oldest entry of this client if it has its share, else the oldest one if all places are
/// taken.
fn make_room(entries: &mut VecDeque<DenialEntry>, client: Option<IpAddr>) {
    let mut own = entries.iter().enumerate().filter(|(_, entry)| entry.denial.client == client);
    let oldest = own.next().map(|(index, _)| index);
    match oldest {
        Some(oldest) if own.count() + 1 >= MAX_ENTRIES_PER_CLIENT => drop(entries.remove(oldest)),
        _ if entries.len() >= MAX_ENTRIES => drop(entries.pop_front()),
        _ => {}
    }
}

impl RecentDenial {
    fn new(record: &DecisionRecord<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(shortened);
        Self {
            time: wall_clock::now(),
            count: 1,
            request_id: shortened(record.request_id),
            result: record.result,
            code: record.reason,
            host: owned(record.host.as_deref()),
            method: owned(record.method),
            path: owned(record.path),
            client: record.client,
            subject: owned(record.subject.as_deref()),
            entity_id: owned(record.entity_id.as_deref()),
            tenant: owned(record.tenant.as_deref()),
        }
    }
}

/// Returns a copy of a text, cut off with `…` if it is too long.
fn shortened(text: &str) -> String {
    if text.len() <= MAX_FIELD {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_FIELD)])
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, time::Duration};

    use super::{MAX_ENTRIES, MAX_ENTRIES_PER_CLIENT, MAX_FIELD, RecentDenials};
    use crate::telemetry::DecisionRecord;

    fn record<'r>(client: &str, path: &'r str) -> DecisionRecord<'r> {
        DecisionRecord {
            request_id: "an-id",
            result: "deny",
            reason: "tenant_mismatch",
            status: 403,
            cache: None,
            host: Some(Cow::Borrowed("crm.example.com")),
            method: Some("GET"),
            path: Some(path),
            client: Some(client.parse().unwrap()),
            subject: None,
            entity_id: None,
            tenant: None,
            accessor: Some("an-accessor"),
            trace_id: None,
            duration: Duration::ZERO,
        }
    }

    #[test]
    fn repeated_denials_are_one_entry() {
        let denials = RecentDenials::default();
        for path in ["/a", "/b", "/a", "/a"] {
            denials.record(&record("192.0.2.1", path));
        }
        let list = denials.list();
        let entries: Vec<_> =
            list.iter().map(|denial| (denial.path.as_deref().unwrap(), denial.count)).collect();
        assert_eq!(entries, [("/a", 3), ("/b", 1)]);
        assert!(list[0].time >= list[1].time);
    }

    #[test]
    fn one_client_does_not_displace_the_others() {
        let denials = RecentDenials::default();
        denials.record(&record("192.0.2.1", "/rare"));
        for number in 0..10_000 {
            denials.record(&record("192.0.2.66", &format!("/{number}")));
        }
        let list = denials.list();
        assert_eq!(list.len(), 1 + MAX_ENTRIES_PER_CLIENT);
        assert_eq!(list[0].path.as_deref(), Some("/9999"));
        assert_eq!(list.last().unwrap().path.as_deref(), Some("/rare"));
        for client in 0..2000 {
            denials.record(&record(&format!("10.0.{}.{}", client / 250, client % 250), "/"));
        }
        assert_eq!(denials.list().len(), MAX_ENTRIES);
    }

    #[test]
    fn fields_are_cut_off() {
        let denials = RecentDenials::default();
        let path = format!("/{}", "é".repeat(5000));
        denials.record(&record("192.0.2.1", &path));
        let list = denials.list();
        let shown = list[0].path.as_deref().unwrap();
        assert!(shown.len() <= MAX_FIELD + '…'.len_utf8() && shown.ends_with("é…"), "{shown}");
    }
}
