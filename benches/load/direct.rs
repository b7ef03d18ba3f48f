//! Compares the servers without a proxy in front.

use crate::{
    Options,
    contest::{Contestant, Runs, compete},
    nginx::Nginx,
    report::{Report, Target, cpu},
    serve::{ContestantProcess, Server},
    setup::{ACL, Session, Setup, TENANT_AND_POLICY},
    support::validator::Validator,
    wrk::{Load, Tokens},
};

fn session_contestant(session: &Session) -> Contestant {
    let url = format!("{}/validate", session.validator.auth_url());
    let load = Load::new(url, Tokens::Session(session.cookie.clone()));
    Contestant::new("validator, session", load, &[session.validator.process().pid()])
}

pub async fn run(setup: &Setup, options: &Options, report: &mut Report) {
    let floor = ContestantProcess::start(Server::Floor).await;
    let hyper = ContestantProcess::start(Server::Hyper).await;
    let hyper_default = ContestantProcess::start(Server::HyperDefault).await;
    let axum = ContestantProcess::start(Server::Axum).await;
    let nginx = Nginx::start(&setup.bao.authority()).await;
    let validator = setup.validator(&[]).await;
    let tracing = setup.tracing_validator().await;
    let bao = setup.bao.process().pid();
    let session = Session::start(setup).await;

    let contestant = |name: &str, url: String, pid| {
        Contestant::new(name, Load::new(url, Tokens::One(setup.caller.token.clone())), &[pid])
    };
    let ours_of = |validator: &Validator, name: &str, path: &str| {
        contestant(name, format!("{}{path}", validator.auth_url()), validator.process().pid())
    };
    let ours = |name: &str, path: &str| ours_of(&validator, name, path);
    let lookup = format!("{}/v1/auth/token/lookup-self", setup.bao.addr());
    let mut openbao = contestant("OpenBao, no cache", lookup, bao);
    openbao.moved.push(bao);
    let contestants = [
        contestant("floor", floor.url("/validate"), floor.pid()),
        contestant("bare hyper", hyper.url("/validate"), hyper.pid()),
        contestant(
            "bare hyper, default runtime",
            hyper_default.url("/validate"),
            hyper_default.pid(),
        ),
        contestant("bare axum", axum.url("/validate"), axum.pid()),
        contestant(
            "nginx, proxy_cache",
            format!("http://{}/validate", nginx.cached()),
            nginx.pid(),
        ),
        ours("validator", "/validate"),
        ours("validator, tenant and policy", TENANT_AND_POLICY),
        ours_of(&tracing, "validator, the same, 1 % traced", TENANT_AND_POLICY),
        ours("validator, acl", ACL),
        session_contestant(&session),
        openbao,
    ];
    let runs = compete("direct", &contestants, options).await;
    compare(&runs, report);
    // OpenBao would make the other bars invisible.
    report.chart("CPU time per request, one core (µs)", &runs[..10], cpu);
    report.keep("direct", runs);
}

/// Reports the ratios of the runs, which are in the order of the contestants.
fn compare(runs: &[Runs], report: &mut Report) {
    let [floor, hyper, hyper_default, axum, nginx, plain, policy, traced, acl, session, openbao] =
        runs
    else {
        unreachable!("as many as contestants")
    };

    report
        .ratio("CPU: validator, tenant and policy, 1 % traced / floor", traced, floor, cpu)
        .to(Target::AtMost(1.20));
    report.ratio("CPU: validator, tenant and policy / floor", policy, floor, cpu);
    report.ratio("CPU: bare hyper / floor", hyper, floor, cpu);
    let to_policy = Target::AtMost(1.25);
    report
        .ratio("CPU: validator, tenant and policy / bare hyper", policy, hyper, cpu)
        .to(to_policy);
    let to_nginx = Target::AtMost(0.55);
    report.ratio("CPU: the same / nginx, proxy_cache", policy, nginx, cpu).to(to_nginx);
    report.ratio("CPU: validator, acl / bare hyper", acl, hyper, cpu).to(Target::AtMost(1.35));
    report.ratio("CPU: validator, no requirement / bare hyper", plain, hyper, cpu);
    report
        .ratio("CPU: validator, session / no requirement", session, plain, cpu)
        .to(Target::AtMost(1.10));
    report.ratio("CPU: bare hyper, default runtime / bare hyper", hyper_default, hyper, cpu);
    report.ratio("CPU: bare axum / bare hyper", axum, hyper, cpu);
    report.ratio("CPU: nginx, proxy_cache / bare hyper", nginx, hyper, cpu);
    report.ratio("CPU: OpenBao, no cache / bare hyper", openbao, hyper, cpu);
}
