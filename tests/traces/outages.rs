use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::{net::TcpListener, task::JoinHandle};

use super::stop;
use crate::support::{
    direct::Direct,
    fault::{Fault, FaultProxy},
    otlp::OtlpReceiver,
    ports::free_port,
    wait::eventually,
};

/// Exports often, so that the outage is noticed soon.
const OFTEN: [(&str, &str); 3] = [
    ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "2048"),
];

/// A receiver that accepts connections and never answers.
struct Silent {
    address: String,
    server: JoinHandle<()>,
}

impl Silent {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let server = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.push(stream);
            }
        });
        Self { address, server }
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Returns the resident memory of the validator, in KiB.
fn memory(service: &Direct) -> usize {
    let path = format!("/proc/{}/status", service.validator.process().pid());
    let status = fs::read_to_string(path).expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Sends cached requests and returns the time that 99 % of them took at most.
async fn p99(service: &Direct, requests: usize) -> Duration {
    let token = service.acme.token();
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let start = Instant::now();
        assert_eq!(service.ask(token).await.status, 200);
        times.push(start.elapsed());
    }
    times.sort();
    times[requests * 99 / 100]
}

async fn start(endpoint: &str, env: &[(&str, &str)]) -> Direct {
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)];
    Direct::start_with(&[&endpoint[..], &OFTEN, env].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn o6_hanging_receiver_costs_neither_time_nor_memory() {
    for protocol in ["http/protobuf", "grpc"] {
        let silent = Silent::start().await;
        let endpoint = format!("http://{}", silent.address);
        let protocol = [("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let service = start(&endpoint, &protocol).await;
        let untraced = Direct::start().await;
        // The queue and the allocator's own caches fill up.
        p99(&service, 5_000).await;
        p99(&untraced, 500).await;
        let before = memory(&service);
        let traced = p99(&service, 5_000).await;
        let usual = p99(&untraced, 5_000).await;
        let grown = memory(&service).saturating_sub(before);
        assert!(grown < 4 * 1024, "{grown} KiB more: {protocol:?}");
        // An export that is waited for would take seconds. Both are measured on a busy machine.
        let limit = usual * 3 + Duration::from_millis(20);
        assert!(traced < limit, "{traced:?}, without traces {usual:?}: {protocol:?}");
        let begun = Instant::now();
        stop(&service).await;
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    }
}

const FAILS: &str = "export to the OTLP receiver fails";
const WORKS: &str = "export to the OTLP receiver works again";

#[tokio::test(flavor = "multi_thread")]
async fn o6_outage_of_the_receiver_is_two_lines() {
    for protocol in ["http/protobuf", "grpc"] {
        let address = format!("127.0.0.1:{}", free_port());
        let env = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "200"),
        ];
        let service = start(&format!("http://{address}"), &env).await;
        let lines = |text: &str| service.validator.log().matches(text).count();
        eventually(Duration::from_secs(20), "the failure to be logged", async || {
            p99(&service, 10).await;
            (lines(FAILS) > 0).then_some(())
        })
        .await;
        for _ in 0..5 {
            p99(&service, 100).await;
            tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>())
                .await
                .expect_err("never ready");
        }
        assert_eq!((lines(FAILS), lines(WORKS)), (1, 0), "{}", service.validator.log());
        let receiver = OtlpReceiver::start_on(&address).await;
        eventually(Duration::from_secs(20), "the end to be logged", async || {
            p99(&service, 10).await;
            (lines(WORKS) > 0).then_some(())
        })
        .await;
        assert!(!receiver.spans().is_empty());
        p99(&service, 100).await;
        stop(&service).await;
        assert_eq!((lines(FAILS), lines(WORKS)), (1, 1), "{}", service.validator.log());
        let log = service.validator.log();
        assert!(!log.contains("opentelemetry"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_follow_no_redirect() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    elsewhere.set_nonblocking(true).expect("a listener that does not wait");
    let location = elsewhere.local_addr().expect("its address");
    let receiver = FaultProxy::start("127.0.0.1:9").await;
    receiver.set(Fault::Redirect(format!("http://{location}/").leak())).await;
    let env = [("OTEL_METRIC_EXPORT_INTERVAL", "100"), ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a")];
    let service = start(&receiver.addr(), &env).await;
    for signal in ["traces", "logs", "metrics"] {
        eventually(Duration::from_secs(20), signal, async || {
            p99(&service, 10).await;
            let log = service.validator.log();
            log.lines().any(|line| line.contains(FAILS) && line.contains(signal)).then_some(())
        })
        .await;
    }
    assert!(elsewhere.accept().is_err(), "the headers were sent elsewhere");
}
