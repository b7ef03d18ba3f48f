//! Measures the start time, the idle memory and the image size of the service.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{
    Options, cpu,
    report::{Report, Target},
    setup::Setup,
    support::{ports::free_port, raw::exchange, tools, validator::Validator},
};

const MIB: f64 = 1024.0 * 1024.0;

/// The CA certificates, which are the rest of the image.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

pub async fn run(setup: &Setup, options: &Options, report: &mut Report) {
    let (mut times, mut idle) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let (time, memory) = start(setup).await;
        eprintln!("start {round}/{}  {time:.1} ms, {memory:.1} MiB", options.rounds);
        times.push(time);
        idle.push(memory);
    }
    report.figure("ready after start, Vault up", "ms", times).to(Target::AtMost(100.0));
    report.figure("resident memory when idle", "MiB", idle).to(Target::AtMost(16.0));
    let size = bytes(&tools::validator().display().to_string()) + bytes(AUTHORITIES);
    let linked = if cfg!(target_feature = "crt-static") { "static" } else { "not static" };
    let name = format!("image: program ({linked}) and certificate authorities");
    report.figure(&name, "MiB", vec![size / MIB]).to(Target::AtMost(20.0));
}

/// Returns the milliseconds until the service is ready, and its memory in MiB one second later.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
async fn start(setup: &Setup) -> (f64, f64) {
    let admin = format!("127.0.0.1:{}", free_port());
    let env = [("VALIDATOR_ADMIN_LISTEN", admin.as_str()), ("VALIDATOR_LOG", "info")];
    let start = Instant::now();
    let validator = Validator::spawn(&setup.bao, &setup.role, &env);
    let request = b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    loop {
        let answer = exchange(&admin, request, Duration::from_secs(1)).await;
        if answer.is_some_and(|answer| answer.status == 200) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "{}", validator.log());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let ready = start.elapsed().as_secs_f64() * 1e3;
    tokio::time::sleep(Duration::from_millis(500)).await;
    (ready, cpu::resident(validator.process().pid()) as f64 / MIB)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn bytes(file: &str) -> f64 {
    fs::metadata(file).map_or(0.0, |metadata| metadata.len() as f64)
}
