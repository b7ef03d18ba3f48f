//! An hour of two made-up validators of which one restarts, with every metric of the dashboards.

use super::{
    rows::{Rows, add_logs, add_metrics, add_traces},
    simulated::{Labels, Run},
};

/// The start of the hour.
pub(super) const FROM: u64 = 1_800_000_000;
/// The end of the hour.
pub(super) const TO: u64 = FROM + 60 * MINUTE;
/// The minutes in which the two replicas together ran.
pub(super) const MINUTES: u32 = 120;

const MINUTE: u64 = 60;

/// Counters: the increase per minute and replica.
const COUNTERS: &[(&str, Labels, u32)] = &[
    ("vault_auth_decisions_total", &[("result", "allow"), ("reason", "ok")], 60),
    ("vault_auth_decisions_total", &[("result", "deny"), ("reason", "token_invalid")], 20),
    ("vault_auth_decisions_total", &[("result", "deny"), ("reason", "tenant_mismatch")], 10),
    ("vault_auth_decisions_total", &[("result", "unknown"), ("reason", "vault_sealed")], 10),
    ("vault_auth_cache_lookups_total", &[("status", "hit")], 80),
    ("vault_auth_cache_lookups_total", &[("status", "miss")], 15),
    ("vault_auth_cache_lookups_total", &[("status", "stale")], 5),
    ("vault_auth_cache_evictions_total", &[("cause", "expired")], 3),
    ("vault_auth_cache_evictions_total", &[("cause", "revoked")], 2),
    ("vault_auth_vault_requests_total", &[("operation", "lookup"), ("outcome", "ok")], 15),
    ("vault_auth_vault_requests_total", &[("operation", "lookup"), ("outcome", "sealed")], 4),
    ("vault_auth_vault_requests_total", &[("operation", "encrypt"), ("outcome", "ok")], 6),
    ("vault_auth_service_logins_total", &[("outcome", "ok")], 2),
    ("vault_auth_service_logins_total", &[("outcome", "denied")], 1),
    ("vault_auth_user_logins_total", &[("outcome", "ok")], 3),
    ("vault_auth_user_logins_total", &[("outcome", "wrong_credentials")], 2),
    ("vault_auth_limiter_rejections_total", &[("limiter", "validate")], 7),
    ("vault_auth_api_requests_total", &[("route", "/v1/secrets"), ("status", "200")], 5),
    ("vault_auth_secret_operations_total", &[("operation", "read"), ("outcome", "ok")], 5),
    ("vault_auth_secret_operations_total", &[("operation", "write"), ("outcome", "denied")], 1),
    ("vault_auth_tenant_secret_operations_total", &[("tenant", "acme"), ("operation", "read")], 4),
    ("vault_auth_tenant_secret_operations_total", &[("tenant", "acme"), ("operation", "list")], 1),
    (
        "vault_auth_tenant_secret_operations_total",
        &[("tenant", "globex"), ("operation", "read")],
        1,
    ),
    ("vault_auth_rotations_total", &[("outcome", "ok")], 2),
    ("vault_auth_policy_drift_checks_total", &[("outcome", "ok")], 1),
    ("vault_auth_audit_entries_total", &[("outcome", "evicted")], 2),
    ("vault_auth_audit_entries_total", &[("outcome", "ignored")], 6),
    ("vault_auth_log_lines_omitted_total", &[("log", "denials")], 9),
    ("vault_auth_telemetry_dropped_total", &[("signal", "spans")], 3),
];

/// Gauges with their value on each replica.
const GAUGES: &[(&str, Labels, f64)] = &[
    ("vault_auth_ready", &[], 1.0),
    ("vault_auth_cache_entries", &[("kind", "live")], 50.0),
    ("vault_auth_cache_entries", &[("kind", "refused")], 5.0),
    ("vault_auth_vault_requests_in_flight", &[], 2.0),
    ("vault_auth_connections", &[("listener", "auth")], 10.0),
    ("vault_auth_connections", &[("listener", "api")], 3.0),
    ("vault_auth_vault_state", &[("state", "up")], 0.0),
    ("vault_auth_vault_state", &[("state", "sealed")], 1.0),
    ("vault_auth_service_token_remaining_seconds", &[], 1800.0),
    ("vault_auth_policy_drift", &[("kind", "changed")], 2.0),
    ("vault_auth_policy_drift", &[("kind", "missing")], 0.0),
    ("vault_auth_policy_drift", &[("kind", "extra")], 1.0),
    ("vault_auth_audit_last_entry_timestamp_seconds", &[], 1_800_003_590.0),
];

/// Histograms: the bucket of all values, and their number per minute and replica.
const HISTOGRAMS: &[(&str, Labels, usize, u32)] = &[
    ("vault_auth_validate_duration_seconds", &[("cache", "hit")], 2, 80),
    ("vault_auth_validate_duration_seconds", &[("cache", "miss")], 8, 20),
    ("vault_auth_vault_request_duration_seconds", &[("operation", "lookup")], 8, 15),
    ("vault_auth_vault_request_duration_seconds", &[("operation", "encrypt")], 9, 6),
    ("vault_auth_revocation_delay_seconds", &[], 10, 2),
    (
        "http_server_request_duration_seconds",
        &[
            ("listener", "auth"),
            ("http_request_method", "GET"),
            ("http_route", "/validate"),
            ("http_response_status_code", "200"),
        ],
        2,
        60,
    ),
    (
        "http_server_request_duration_seconds",
        &[
            ("listener", "auth"),
            ("http_request_method", "GET"),
            ("http_route", "/validate"),
            ("http_response_status_code", "401"),
        ],
        2,
        40,
    ),
];

/// Log records of one replica, with their number.
const REFUSALS: &[(Labels, u64)] = &[
    (
        &[
            ("code", "token_invalid"),
            ("host", "crm.example.com"),
            ("method", "GET"),
            ("path", "/contacts"),
            ("client", "192.0.2.7"),
            ("request_id", "01"),
        ],
        8,
    ),
    (
        &[
            ("code", "tenant_mismatch"),
            ("host", "erp.example.com"),
            ("method", "POST"),
            ("path", "/orders"),
            ("client", "192.0.2.8"),
            ("tenant", "acme"),
            ("entity_id", "e-1"),
            ("request_id", "02"),
        ],
        4,
    ),
];

/// Returns the rows of the hour.
pub(super) fn rows() -> Rows {
    let mut rows = Rows::new();
    let long_running = Run { instance: "aaaaaaaa-1", start: FROM - 20 * 24 * 60 * MINUTE };
    for minute in [-2, -1] {
        add_minute(&mut rows, &long_running, FROM.saturating_add_signed(minute * 60), 500);
    }
    for minute in 1..=60 {
        add_minute(&mut rows, &long_running, FROM + minute * MINUTE, 500 + minute);
    }
    // It began after the data does, and restarts after half an hour.
    for (instance, start) in [("bbbbbbbb-1", FROM), ("bbbbbbbb-2", FROM + 30 * MINUTE)] {
        let run = Run { instance, start };
        for minute in 1..=30 {
            add_minute(&mut rows, &run, start + minute * MINUTE, minute);
        }
    }
    for &(labels, number) in REFUSALS {
        for second in 0..number {
            add_logs(&mut rows, &long_running.log("refused", labels, FROM + 60 + second));
        }
    }
    add_logs(&mut rows, &long_running.log("listening", &[], FROM + 60));
    for took in 1..=3 {
        let labels: Labels = &[
            ("vault_auth.vault.operation", "lookup"),
            ("vault_auth.vault.outcome", "ok"),
            ("vault.request_id", "r-1"),
        ];
        add_traces(&mut rows, &long_running.vault_span(labels, FROM + 60, took));
    }
    rows
}

/// Adds the export of a run at one time, when it has counted for this many minutes.
fn add_minute(rows: &mut Rows, run: &Run, at: u64, minutes: u64) {
    let counted = u32::try_from(minutes).expect("a small number");
    for &(name, labels, increase) in COUNTERS {
        let data = run.counter(labels, at, f64::from(increase * counted));
        add_metrics(rows, &run.metric(name, data));
    }
    for &(name, labels, value) in GAUGES {
        add_metrics(rows, &run.metric(name, run.gauge(labels, at, value)));
    }
    for &(name, labels, bucket, increase) in HISTOGRAMS {
        let data = run.histogram(labels, at, bucket, u64::from(increase * counted));
        add_metrics(rows, &run.metric(name, data));
    }
}
