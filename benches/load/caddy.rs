//! Compares the servers behind Caddy, as in production.

use std::{process::Command, time::Duration};

use crate::{
    Options,
    contest::{Contestant, compete},
    cpu::{SERVER_CORE, TASKSET},
    nginx::Nginx,
    report::{Report, Target, cpu, rate},
    setup::{Setup, TENANT_AND_POLICY},
    support::{
        ports::free_port, process::Process, raw::exchange, tools, validator::Validator,
        wait::eventually,
    },
    wrk::{Load, Tokens},
};

/// The environment variables of `Caddyfile` with the ports of its sites.
const SITES: [&str; 7] = [
    "OURS_TCP",
    "OURS_UNIX",
    "OURS_H2C",
    "NGINX_EMPTY",
    "NGINX_UNIX",
    "NGINX_IDENTITY",
    "OPENBAO_DIRECT",
];

pub async fn run(setup: &Setup, options: &Options, report: &mut Report) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let socket = format!("unix:{}", dir.path().join("auth.sock").display());
    let over_tcp = setup.validator(&[]).await;
    let over_unix = setup.validator(&[("VALIDATOR_LISTEN", &socket)]).await;
    let nginx = Nginx::start(&setup.bao.authority()).await;
    let (caddy, ports) = start(setup, &over_tcp, &over_unix, &nginx).await;

    let bao = setup.bao.process().pid();
    let servers = [
        ("Caddy → validator, TCP", over_tcp.process().pid()),
        ("Caddy → validator, unix socket", over_unix.process().pid()),
        ("Caddy → validator, h2c", over_tcp.process().pid()),
        ("Caddy → nginx, return 200", nginx.pid()),
        ("Caddy → nginx, unix socket", nginx.pid()),
        ("Caddy → nginx, with headers", nginx.pid()),
        ("Caddy → OpenBao", bao),
    ];
    let contestants = servers.iter().zip(ports).map(|((name, pid), port)| {
        let token = Tokens::One(setup.caller.token.clone());
        let load = Load::new(format!("http://127.0.0.1:{port}/contacts"), token);
        let mut contestant = Contestant::new(*name, load, &[caddy.pid(), *pid]);
        contestant.moved.extend((*pid == bao).then_some(bao));
        contestant
    });
    let runs = compete("Caddy", &contestants.collect::<Vec<_>>(), options).await;
    let [tcp, unix, h2c, nginx, nginx_unix, identity, openbao] = runs.as_slice() else {
        unreachable!("as many as sites")
    };
    let requests = "requests/s through Caddy:";
    let name = |what: &str| format!("{requests} {what}");
    report.ratio(&name("validator, TCP / nginx, return 200"), tcp, nginx, rate).to(AT_LEAST_NGINX);
    report.ratio(&name("validator, TCP / nginx, as many headers"), tcp, identity, rate);
    report.ratio(&name("validator, unix socket / TCP"), unix, tcp, rate).to(Target::AtLeast(1.05));
    report.ratio(&name("nginx, unix socket / TCP"), nginx_unix, nginx, rate);
    report.ratio(&name("validator, h2c / TCP"), h2c, tcp, rate);
    report.ratio(&name("validator, TCP / OpenBao"), tcp, openbao, rate).to(Target::AtLeast(4.0));
    let both = "CPU of Caddy and what it asks:";
    let name = |what: &str| format!("{both} {what}");
    report.ratio(&name("validator, TCP / nginx"), tcp, nginx, cpu);
    report.ratio(&name("validator, TCP / nginx, as many headers"), tcp, identity, cpu);
    report.ratio(&name("unix socket / TCP"), unix, tcp, cpu);
    report.ratio(&name("h2c / TCP"), h2c, tcp, cpu);
    // OpenBao would make the other bars invisible.
    report.chart("CPU time per request through Caddy, one core (µs)", &runs[..6], cpu);
    report.keep("caddy", runs);
}

const AT_LEAST_NGINX: Target = Target::AtLeast(0.97);

/// Starts Caddy on the servers' core. Returns it with the ports of its sites.
async fn start(
    setup: &Setup,
    over_tcp: &Validator,
    over_unix: &Validator,
    nginx: &Nginx,
) -> (Process, [u16; SITES.len()]) {
    let ports = SITES.map(|_| free_port());
    let socket = over_unix.auth_address().replacen("unix:", "unix/", 1);
    let mut command = Command::new(TASKSET);
    command
        .args(["-c", SERVER_CORE])
        .arg(tools::caddy())
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(tools::repository("benches/load/Caddyfile"))
        .env("VALIDATOR", over_tcp.auth_address())
        .env("VALIDATOR_SOCKET", socket)
        .env("VALIDATE", TENANT_AND_POLICY)
        .env("NGINX", nginx.empty())
        .env("NGINX_SOCKET", format!("unix/{}", nginx.socket()))
        .env("OPENBAO", setup.bao.authority())
        .envs(SITES.iter().zip(ports.map(|port| port.to_string())));
    let caddy = Process::spawn("caddy", &mut command);
    for port in ports {
        wait_for_site(&caddy, port, &setup.caller.token).await;
    }
    (caddy, ports)
}

/// Waits until this site allows the caller.
async fn wait_for_site(caddy: &Process, port: u16, token: &str) {
    let address = format!("127.0.0.1:{port}");
    let request = format!("GET / HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n");
    let what = format!("Caddy to allow the caller at {address}");
    eventually(Duration::from_secs(20), &what, async || {
        assert!(caddy.exit_status().is_none(), "Caddy: {}", caddy.log());
        let answer = exchange(&address, request.as_bytes(), Duration::from_secs(2)).await?;
        (answer.status == 200).then_some(())
    })
    .await;
}
