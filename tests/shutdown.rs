//! Graceful shutdown: requests in flight are answered, and nothing delays the exit.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, UnixStream},
    task::JoinSet,
};

use crate::{
    expect::granted,
    support::{
        backend::Backend, bao::Bao, direct::Direct, edge::Recipe, fault::Fault, http::Answer,
        nginx, platform, raw::read_answer, validator::Validator, wait::eventually,
    },
};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns a request with acme's token, as bytes.
fn request(service: &Direct) -> Vec<u8> {
    let token = service.acme.token();
    format!("GET /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n").into()
}

async fn connect(service: &Direct) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(service.validator.auth_address()).await;
    BufReader::new(stream.expect("a connection"))
}

/// Opens a keep-alive connection that has served a request.
async fn idle(service: &Direct) -> BufReader<TcpStream> {
    let mut stream = connect(service).await;
    stream.write_all(&request(service)).await.expect("sent");
    granted(&read_answer(&mut stream).await.expect("an answer").into());
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn request_in_flight_is_answered() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "10s")]).await;
    let late = Fault::Late(Duration::from_millis(1500));
    service.fault.set_for("/v1/auth/token/lookup", late).await;
    let under_way = async {
        let mut stream = connect(&service).await;
        stream.write_all(&request(&service)).await.expect("sent");
        let answer: Answer = read_answer(&mut stream).await.expect("an answer").into();
        assert_eq!((answer.status, answer.header("x-auth-tenant")), (200, Some("acme")));
        assert_eq!(answer.header("connection"), Some("close"));
    };
    let end = async {
        eventually(TIMEOUT, "the lookup", async || (service.fault.struck() == 1).then_some(()))
            .await;
        service.validator.process().signal("TERM");
        service.validator.unready("stopping").await;
        assert_eq!(service.validator.admin("GET", "/healthz").await.0, 200);
        let refused = TcpStream::connect(service.validator.auth_address()).await;
        assert!(refused.is_err(), "new connections are still taken");
    };
    tokio::join!(under_way, end);
    let status = service.validator.process().exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    assert!(service.validator.log().contains("\"stopped\""), "{}", service.validator.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn loaded_shutdown_truncates_nothing() {
    let service = Direct::start().await;
    let request = request(&service);
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let mut stream = idle(&service).await;
        let request = request.clone();
        clients.spawn(async move {
            let mut answered = 0_u32;
            loop {
                // Once the service stops, a request may find the connection closed.
                if stream.write_all(&request).await.is_err() {
                    return answered;
                }
                let mut first = [0];
                match stream.get_mut().peek(&mut first).await {
                    Ok(1) => {}
                    _ => return answered,
                }
                let answer = read_answer(&mut stream).await.expect("a whole answer");
                assert_eq!(answer.status, 200);
                answered += 1;
            }
        });
    }
    let allowed = "decisions_total{result=\"allow\"}";
    eventually(TIMEOUT, "some load", async || {
        (service.validator.count(allowed).await > 200).then_some(())
    })
    .await;
    let status = service.validator.process().stop_gracefully(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    let answered = clients.join_all().await;
    assert!(answered.iter().all(|answered| *answered > 0), "{answered:?}");
}

/// Sends requests on this connection until a response closes it. Panics if it ends without one.
async fn ask_until_closed(mut stream: BufReader<TcpStream>, request: Vec<u8>) {
    loop {
        stream.write_all(&request).await.expect("sent");
        let answer = read_answer(&mut stream).await.expect("an answer to a request that was sent");
        assert_eq!(answer.status, 200);
        if answer.header("connection") == Some("close") {
            assert_eq!(stream.read(&mut [0]).await.expect("the end"), 0);
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_connections_are_closed() {
    let service = Direct::start().await;
    let (auth, api) = (service.validator.auth_address(), service.validator.api_url());
    let token = service.acme.token();
    let api_request =
        format!("GET /v1/whoami HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n");
    // A header that only hyper handles.
    let plain = request(&service);
    let special = [&plain[..plain.len() - 2], b"Connection: TE\r\n\r\n"].concat();
    let mut clients = JoinSet::new();
    for (address, request) in [
        (auth, plain),
        (auth, special),
        (api.trim_start_matches("http://"), api_request.into_bytes()),
    ] {
        for _ in 0..10 {
            let stream = TcpStream::connect(address).await.expect("a connection");
            clients.spawn(ask_until_closed(BufReader::new(stream), request.clone()));
        }
    }
    let allowed = "decisions_total{result=\"allow\"}";
    eventually(TIMEOUT, "some load", async || {
        (service.validator.count(allowed).await > 200).then_some(())
    })
    .await;
    let status = service.validator.process().stop_gracefully(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    clients.join_all().await;
}

/// Suspends it: it neither reads nor accepts, while the kernel still does both.
async fn pause(validator: &Validator) {
    validator.process().signal("STOP");
    let status = format!("/proc/{}/status", validator.process().pid());
    eventually(TIMEOUT, "the validator to be stopped", async || {
        fs::read_to_string(&status).ok()?.contains("State:\tT").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_requests_are_answered() {
    let service = Direct::start().await;
    let request = request(&service);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(idle(&service).await);
    }
    pause(&service.validator).await;
    for _ in 0..10 {
        streams.push(connect(&service).await);
    }
    for stream in &mut streams {
        stream.write_all(&request).await.expect("sent");
    }
    service.validator.process().signal("TERM");
    service.validator.process().signal("CONT");
    for (number, stream) in streams.iter_mut().enumerate() {
        let answer = read_answer(stream).await;
        assert_eq!(answer.map(|answer| answer.status), Some(200), "connection {number}");
    }
    let status = service.validator.process().exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn request_after_signal_is_served() {
    let service = Direct::start().await;
    let stream = idle(&service).await;
    service.validator.process().signal("TERM");
    service.validator.unready("stopping").await;
    ask_until_closed(stream, request(&service)).await;
    let status = service.validator.process().exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_unix_requests_are_answered() {
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let acme = platform::create_tenant(&bao, "acme").await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let socket = dir.path().join("auth.sock");
    let listen = format!("unix:{}", socket.display());
    let validator = Validator::start(&bao, &role, &[("VALIDATOR_LISTEN", &listen)]).await;
    pause(&validator).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let stream = UnixStream::connect(&socket).await.expect("a connection");
        let mut stream = BufReader::new(stream);
        let token = acme.token();
        let request =
            format!("GET /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        streams.push(stream);
    }
    validator.process().signal("TERM");
    validator.process().signal("CONT");
    for stream in &mut streams {
        assert_eq!(read_answer(stream).await.expect("an answer").status, 200);
    }
    let status = validator.process().exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    assert!(!socket.exists(), "the file is left behind");
}

/// Returns the number of connections to this port with unread bytes.
fn unread(port: &str) -> usize {
    let port: u16 = port.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let sockets = fs::read_to_string("/proc/net/tcp").expect("the system's sockets");
    let queued = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[1].ends_with(&format!(":{port:04X}"))
            && !fields[4].ends_with(":00000000")
            && fields[3] == "01"
    };
    sockets.lines().skip(1).filter(queued).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_requests_are_answered() {
    let service = Direct::start().await;
    let backend = Backend::start().await;
    let address = service.validator.auth_address();
    let nginx = Arc::new(nginx::start(address, backend.address(), Recipe::PLAIN).await);
    let token = service.acme.token().to_owned();
    let ask = |number: usize| {
        let (nginx, token) = (Arc::clone(&nginx), token.clone());
        async move {
            let headers = [("x-vault-token", token.as_str())];
            (number, nginx.send("GET", "acme", "/", &headers, None).await.status)
        }
    };
    let all_granted = async |clients: JoinSet<(usize, u16)>| {
        for (number, status) in clients.join_all().await {
            assert_eq!(status, 200, "client {number}: {}", nginx.log());
        }
    };
    // So that nginx keeps connections to the validator.
    all_granted((0..10).map(&ask).collect()).await;
    pause(&service.validator).await;
    let clients = (10..30).map(&ask).collect();
    eventually(TIMEOUT, "nginx's requests", async || (unread(address) == 20).then_some(())).await;
    service.validator.process().signal("TERM");
    service.validator.process().signal("CONT");
    all_granted(clients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_signals_are_ignored() {
    let service = Direct::start().await;
    for signal in ["USR1", "USR2"] {
        service.validator.process().signal(signal);
        eventually(TIMEOUT, signal, async || {
            service.validator.log().contains(&format!("SIG{signal}")).then_some(())
        })
        .await;
    }
    granted(&service.ask(service.acme.token()).await);
    let status = service.validator.process().stop_gracefully(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_signals_are_ignored() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "10s")]).await;
    let late = Fault::Late(Duration::from_millis(1500));
    service.fault.set_for("/v1/auth/token/lookup", late).await;
    let mut stream = connect(&service).await;
    stream.write_all(&request(&service)).await.expect("sent");
    eventually(TIMEOUT, "the lookup", async || (service.fault.struck() == 1).then_some(())).await;
    service.validator.process().signal("TERM");
    service.validator.unready("stopping").await;
    for signal in ["TERM", "INT", "HUP"] {
        service.validator.process().signal(signal);
    }
    assert_eq!(read_answer(&mut stream).await.expect("an answer").status, 200);
    let status = service.validator.process().exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_delay_nothing() {
    let service = Direct::start().await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(idle(&service).await);
    }
    let start = Instant::now();
    let status = service.validator.process().stop_gracefully(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(2), "after {:?}", start.elapsed());
    for stream in &mut streams {
        assert_eq!(stream.read(&mut [0]).await.expect("the end"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partial_request_delays_exit_briefly() {
    let service = Direct::start().await;
    let mut stalled = idle(&service).await;
    stalled.write_all(b"GET /validate HTTP/1.1\r\nHost:").await.expect("sent");
    let start = Instant::now();
    let status = service.validator.process().stop_gracefully(2 * TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(10), "after {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_vault_delays_nothing() {
    let service = Direct::start().await;
    service.bao.freeze();
    let status = async {
        service.validator.process().signal("INT");
        service.validator.process().exited(TIMEOUT).await
    };
    let start = Instant::now();
    assert_eq!(status.await.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(4), "after {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_connection_delays_nothing() {
    let service = Direct::start().await;
    let (mut answers, mut requests) = idle(&service).await.into_inner().into_split();
    let flood = request(&service).repeat(200);
    let asking = tokio::spawn(async move { while requests.write_all(&flood).await.is_ok() {} });
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..20 {
        answers.read_exact(&mut buffer).await.expect("answers");
    }
    let start = Instant::now();
    service.validator.process().signal("TERM");
    while matches!(answers.read(&mut buffer).await, Ok(1..)) {}
    let status = service.validator.process().exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(3), "after {:?}", start.elapsed());
    asking.await.expect("no panic");
}
