//! Reloads under load, and at the end of the service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
};

use super::{Configured, TIMEOUT};
use crate::{
    expect::granted,
    support::{raw::read_answer, wait::eventually},
};

/// The number of reloads during the load, and of answers before each.
const RELOADS: u32 = 20;
const ANSWERS: u32 = 200;

/// A request, and the statuses that it may be answered with.
struct Case {
    request: String,
    statuses: &'static [u16],
}

/// The state that all clients share.
#[derive(Default)]
struct Load {
    end: AtomicBool,
    answers: AtomicU32,
}

fn request(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: v\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// Sends this request on one connection until the end, and returns the number of answers by status.
async fn send_until(load: Arc<Load>, address: String, case: Arc<Case>) -> [u32; 2] {
    let stream = TcpStream::connect(&address).await.expect("a connection");
    let mut stream = BufReader::new(stream);
    let mut answers = [0; 2];
    while !load.end.load(Relaxed) {
        stream.write_all(case.request.as_bytes()).await.expect("sent");
        let answer = read_answer(&mut stream).await.expect("an answer");
        let status = case.statuses.iter().position(|status| *status == answer.status);
        answers[status.unwrap_or_else(|| panic!("{}: {}", case.request, answer.status))] += 1;
        assert_ne!(answer.header("connection"), Some("close"));
        load.answers.fetch_add(1, Relaxed);
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_settings_change() {
    let service = Configured::start("").await;
    let (acme, root) = (service.acme.token(), service.bao.root_token());
    let whoami = request("/v1/whoami", acme);
    let cases = [
        (request("/validate?tenant=acme", acme), &[200][..]),
        (request("/validate?tenant=globex", acme), &[403]),
        (request("/validate", "hvs.unknown"), &[401]),
        // Only the setting that changes decides this one.
        (request("/validate", root), &[200, 403]),
    ];
    let load = Arc::<Load>::default();
    let mut clients = JoinSet::new();
    let auth = service.validator.auth_address().to_owned();
    let api = service.validator.api_url().replace("http://", "");
    for (request, statuses) in cases {
        let case = Arc::new(Case { request, statuses });
        for _ in 0..2 {
            clients.spawn(send_until(Arc::clone(&load), auth.clone(), Arc::clone(&case)));
        }
    }
    let case = Arc::new(Case { request: whoami, statuses: &[200] });
    clients.spawn(send_until(Arc::clone(&load), api, case));
    for number in 0..RELOADS {
        eventually(TIMEOUT, "some load", async || {
            (load.answers.load(Relaxed) >= number * ANSWERS).then_some(())
        })
        .await;
        // Lines for the cache, the limits and the routes, back and forth.
        let settings = [
            "allow_root = true\ncache_ttl = \"1s\"\nfailure_limit = 0",
            "allow_root = false\nfailure_limit = 0\nsubject_mount = \"people\"",
        ];
        service.reload(settings[usize::try_from(number % 2).expect("0 or 1")]).await;
    }
    load.end.store(true, Relaxed);
    let answers = clients.join_all().await;
    let total: u32 = answers.iter().flatten().sum();
    assert!(total >= (RELOADS - 1) * ANSWERS, "{answers:?}");
    let changed = answers.iter().filter(|answers| answers.iter().all(|number| *number > 0)).count();
    assert_eq!(changed, 2, "only those of the root token: {answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_during_a_reload_are_combined() {
    let service = Configured::start("").await;
    for _ in 0..50 {
        service.validator.process().signal("HUP");
    }
    service.write("allow_root = true");
    service.validator.process().signal("HUP");
    eventually(TIMEOUT, "the last state", async || {
        (service.ask("", service.bao.root_token()).await.status == 200).then_some(())
    })
    .await;
    let reloads = service.validator.count("vault_auth_config_reloads_total").await;
    assert!((1..=51).contains(&reloads), "{reloads}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_in_progress_does_not_delay_the_end() {
    let service = Configured::start("").await;
    granted(&service.ask("", service.acme.token()).await);
    // Nothing responds at this address, so that the login there takes long.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    service.write_for(&address, "vault_timeout = \"30s\"");
    service.validator.process().signal("HUP");
    let (_stream, _) = listener.accept().await.expect("the login");
    granted(&service.ask("", service.acme.token()).await);
    let status = service.validator.process().stop_gracefully(Duration::from_secs(3)).await;
    assert_eq!(status.code(), Some(0));
    assert!(service.validator.log().contains("\"stopped\""), "{}", service.validator.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_during_shutdown_is_ignored() {
    let service = Configured::start("").await;
    let auth = service.validator.auth_address();
    let mut stream = BufReader::new(TcpStream::connect(auth).await.expect("a connection"));
    let request = request("/validate", service.acme.token());
    // A request in progress delays the end.
    stream.write_all(&request.as_bytes()[..20]).await.expect("sent");
    service.validator.process().signal("TERM");
    service.validator.unready("stopping").await;
    service.write("allow_root = true");
    service.validator.process().signal("HUP");
    stream.write_all(&request.as_bytes()[20..]).await.expect("sent");
    assert_eq!(read_answer(&mut stream).await.expect("an answer").status, 200);
    let status = service.validator.process().exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    assert!(!service.validator.log().contains("configuration reloaded"));
}
