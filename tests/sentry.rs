//! Reports of panics and internal errors to Sentry: their content, their number, and their cost when
//! Sentry does not respond.

use std::{
    env,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use vault_auth_validator::telemetry::{
    self, LogFormat, SentryDsn, SentrySettings, TelemetrySettings, TraceExport,
};

use crate::{
    expect::{granted, refused},
    support::{
        bao::Bao,
        direct::Direct,
        platform::{self, AppRole},
        sentry::{KEY, Reception, SentryReceiver},
        validator::Validator,
        wait::eventually,
    },
};

/// The DSN for [`panicking_program`].
const PROGRAM_DSN: &str = "SENTRY_DSN_OF_THE_PANICKING_PROGRAM";

/// The message and the local variables of a panic.
const CANARY: &str = "hvs.canarycanarycanarycanary";

#[inline(never)]
fn panic_with_message() {
    let token = CANARY.to_owned();
    panic!("the token {token} is wrong");
}

/// A program that panics, for the test below.
#[tokio::test]
#[ignore = "a part of another test"]
async fn panicking_program() {
    #[expect(clippy::disallowed_methods, reason = "the argument of this program")]
    let dsn = env::var(PROGRAM_DSN).expect("a DSN");
    let sentry = SentrySettings {
        dsn: SentryDsn::parse(&dsn).expect("a DSN"),
        environment: Some("staging".to_owned()),
        release: None,
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = TelemetrySettings {
        level: tracing::level_filters::LevelFilter::INFO,
        format: LogFormat::Json,
        traces: TraceExport::Off,
        log_export: None,
        sentry: Some(sentry),
    };
    let guard = telemetry::start(&settings);
    for _ in 0..3 {
        assert!(tokio::spawn(async { panic_with_message() }).await.is_err());
    }
    drop(guard);
}

#[tokio::test(flavor = "multi_thread")]
async fn panic_is_reported_without_its_message() {
    let sentry = SentryReceiver::start(Reception::Accept).await;
    let dsn = sentry.dsn();
    let run = move || {
        Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "sentry::panicking_program", "--ignored", "--nocapture"])
            .env(PROGRAM_DSN, dsn)
            .output()
            .expect("it starts")
    };
    let ended = tokio::task::spawn_blocking(run).await.expect("its output");
    assert!(ended.status.success(), "{ended:?}");
    let received = sentry.received().await;
    let events = sentry.events().await;
    assert_eq!(events.len(), 1, "the same panic is reported once: {events:?}");
    let event = &events[0];
    assert_eq!(event["level"], "fatal");
    assert_eq!(event["environment"], "staging");
    let release = format!("vault-auth-validator@{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(event["release"], release);
    let panic = &event["exception"]["values"][0];
    assert_eq!(panic["type"], "panic");
    let place = panic["value"].as_str().expect("a place");
    assert!(place.starts_with("tests/sentry.rs:"), "{place}");
    let frames = panic["stacktrace"]["frames"].as_array().expect("a stack");
    let last = frames.last().expect("a frame");
    assert!(last["function"].as_str().expect("a name").ends_with("::panic_with_message"), "{last}");
    assert_eq!(last["filename"], "sentry.rs");
    assert!(last["lineno"].is_u64(), "{last}");
    let text = &received[0].text;
    for private in [CANARY, "is wrong", "vars", "server_name", env!("CARGO_MANIFEST_DIR")] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    let log = String::from_utf8_lossy(&ended.stderr);
    assert!(log.contains("tests/sentry.rs"), "the log has the place: {log}");
    assert!(!log.contains(CANARY) && !log.contains(KEY), "{log}");
}

/// The id of a request.
const REQUEST_ID: &str = "cafe0123-cafe-0123-cafe-012345678901";

/// Data of a request that no report may have.
const PRIVATE: [&str; 6] =
    ["canary-query", "canary-path", "canary-agent", "canary-cookie", "192.0.2.77", REQUEST_ID];

async fn ask_wrongly(service: &Direct, token: &str) {
    let headers = [
        ("x-vault-token", token),
        ("x-forwarded-uri", "/canary-path?a=canary-query"),
        ("x-forwarded-for", "192.0.2.77"),
        ("user-agent", "canary-agent"),
        ("cookie", "session=canary-cookie"),
        ("x-request-id", REQUEST_ID),
    ];
    let answer = service.validator.validate("tenant=canary-query/..", &headers).await;
    refused(&answer, "requirement_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn internal_error_is_reported_without_request() {
    let sentry = SentryReceiver::start(Reception::Accept).await;
    let dsn = sentry.dsn();
    let service = Direct::start_with(&[
        ("SENTRY_DSN", &dsn),
        ("SENTRY_ENVIRONMENT", "production"),
        ("SENTRY_RELEASE", "edge-7"),
    ])
    .await;
    let token = service.acme.token();
    granted(&service.ask(token).await);
    refused(&service.ask("hvs.unknownunknownunknownunknown").await, "token_invalid");
    for _ in 0..100 {
        ask_wrongly(&service, token).await;
    }
    let ended = service.validator.process().stop_gracefully(Duration::from_secs(10)).await;
    assert!(ended.success(), "{ended}: {}", service.validator.log());
    let events = sentry.events().await;
    assert_eq!(events.len(), 1, "one report for a hundred requests: {events:?}");
    let event = &events[0];
    assert_eq!(event["message"], "refused");
    assert_eq!(event["tags"]["code"], "requirement_invalid");
    let place = event["tags"]["place"].as_str().expect("a place");
    assert!(place.starts_with("src/server/"), "{place}");
    assert_eq!(
        (&event["environment"], &event["release"]),
        (&"production".into(), &"edge-7".into())
    );
    has_only(
        event,
        &[
            "event_id",
            "environment",
            "logger",
            "message",
            "platform",
            "release",
            "sdk",
            "tags",
            "timestamp",
        ],
    );
    let received = sentry.received().await;
    assert!(received[0].text.starts_with("/api/42/envelope/ "), "{received:?}");
    assert!(received[0].text.contains(KEY), "the key authenticates the report");
    let caller = &service.acme.caller;
    let identities = [token, &caller.accessor, &caller.entity_id, &caller.name];
    for private in PRIVATE.iter().chain(&identities) {
        let shown = received.iter().find(|report| report.text.contains(private));
        assert!(shown.is_none(), "{private} in {shown:?}");
    }
    assert!(!service.validator.log().contains(KEY), "the key is in the log");
}

/// Asserts that these are the members of an event.
fn has_only(event: &Value, members: &[&str]) {
    let found: Vec<_> = event.as_object().expect("an object").keys().collect();
    let mut expected = members.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_login_is_reported_without_credentials() {
    let sentry = SentryReceiver::start(Reception::Accept).await;
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let wrong = AppRole { secret_id: "5ec4e700-0000-0000-0000-00000000cafe".to_owned(), ..role };
    let validator = Validator::start_unready(&bao, &wrong, &[("SENTRY_DSN", &sentry.dsn())]).await;
    let events = sentry.events_of(1).await;
    assert_eq!(events[0]["message"], "cannot log in to vault");
    drop(validator);
    for report in sentry.received().await {
        for private in [&wrong.secret_id, &wrong.role_id, &bao.addr()] {
            assert!(!report.text.contains(private), "{private} in {report:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_sentry_delays_nothing() {
    let sentry = SentryReceiver::start(Reception::Hang).await;
    let service = Direct::start_with(&[("SENTRY_DSN", &sentry.dsn())]).await;
    let token = service.acme.token();
    ask_wrongly(&service, token).await;
    sentry.events_of(1).await;
    let start = Instant::now();
    for _ in 0..50 {
        ask_wrongly(&service, token).await;
        granted(&service.ask(token).await);
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "a hundred requests took {took:?}");
    let start = Instant::now();
    let ended = service.validator.process().stop_gracefully(Duration::from_secs(10)).await;
    let took = start.elapsed();
    assert!(ended.success(), "{ended}: {}", service.validator.log());
    assert!(took < Duration::from_secs(4), "it took {took:?} to stop");
    let log = service.validator.log();
    assert!(log.contains("some reports could not be sent to Sentry"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_sentry_is_logged_once() {
    let refusing = SentryReceiver::start(Reception::Status(403)).await;
    let nothing = format!("http://{KEY}@127.0.0.1:9/42");
    for (dsn, reason) in
        [(refusing.dsn(), "check the key in SENTRY_DSN"), (nothing, "Connection refused")]
    {
        let service = Direct::start_with(&[("SENTRY_DSN", &dsn)]).await;
        ask_wrongly(&service, service.acme.token()).await;
        let line = eventually(Duration::from_secs(10), "a line in the log", async || {
            let log = service.validator.log();
            log.lines().find(|line| line.contains("cannot be sent to Sentry")).map(str::to_owned)
        });
        let line = line.await;
        assert!(line.contains(reason), "{line}");
        let ended = service.validator.process().stop_gracefully(Duration::from_secs(10)).await;
        assert!(ended.success(), "{ended}: {}", service.validator.log());
        assert!(!service.validator.log().contains(KEY), "{}", service.validator.log());
    }
}
