//! The end of the service: what is under way is answered, and nothing holds it up.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    expect::granted,
    support::{direct::Direct, fault::Fault, http::Answer, raw::read_answer, wait::eventually},
};

const PATIENCE: Duration = Duration::from_secs(10);

/// A request with acme's token, as bytes.
fn request(service: &Direct) -> Vec<u8> {
    let token = service.acme.token();
    format!("GET /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n").into()
}

async fn connect(service: &Direct) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(service.validator.auth_address()).await;
    BufReader::new(stream.expect("a connection"))
}

/// A connection that has carried a request and may carry another.
async fn idle(service: &Direct) -> BufReader<TcpStream> {
    let mut stream = connect(service).await;
    stream.write_all(&request(service)).await.expect("sent");
    granted(&read_answer(&mut stream).await.expect("an answer").into());
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_before_the_end() {
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
        eventually(PATIENCE, "the lookup", async || (service.fault.struck() == 1).then_some(()))
            .await;
        service.validator.process().signal("TERM");
        service.validator.unready("stopping").await;
        assert_eq!(service.validator.admin("GET", "/healthz").await.0, 200);
        let refused = TcpStream::connect(service.validator.auth_address()).await;
        assert!(refused.is_err(), "new connections are still taken");
    };
    tokio::join!(under_way, end);
    let status = service.validator.process().exited(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert!(service.validator.log().contains("\"stopped\""), "{}", service.validator.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_no_answer_is_cut_short() {
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
    eventually(PATIENCE, "some load", async || {
        (service.validator.count(allowed).await > 200).then_some(())
    })
    .await;
    let status = service.validator.process().stop_gracefully(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    let answered = clients.join_all().await;
    assert!(answered.iter().all(|answered| *answered > 0), "{answered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_hold_up_the_end() {
    let service = Direct::start().await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(idle(&service).await);
    }
    let start = Instant::now();
    let status = service.validator.process().stop_gracefully(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(2), "after {:?}", start.elapsed());
    for stream in &mut streams {
        assert_eq!(stream.read(&mut [0]).await.expect("the end"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_holds_up_the_end_for_less_than_ten_seconds() {
    let service = Direct::start().await;
    let mut stalled = idle(&service).await;
    stalled.write_all(b"GET /validate HTTP/1.1\r\nHost:").await.expect("sent");
    let start = Instant::now();
    let status = service.validator.process().stop_gracefully(2 * PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(10), "after {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_hangs_does_not_hold_up_the_end() {
    let service = Direct::start().await;
    service.bao.freeze();
    let status = async {
        service.validator.process().signal("INT");
        service.validator.process().exited(PATIENCE).await
    };
    let start = Instant::now();
    assert_eq!(status.await.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(4), "after {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_never_pauses_does_not_hold_up_the_end() {
    let service = Direct::start().await;
    let (mut answers, mut requests) = idle(&service).await.into_inner().into_split();
    let flood = request(&service).repeat(200);
    let asking = tokio::spawn(async move { while requests.write_all(&flood).await.is_ok() {} });
    let mut heard = vec![0; 64 * 1024];
    for _ in 0..20 {
        answers.read_exact(&mut heard).await.expect("answers");
    }
    let start = Instant::now();
    service.validator.process().signal("TERM");
    while matches!(answers.read(&mut heard).await, Ok(1..)) {}
    let status = service.validator.process().exited(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(3), "after {:?}", start.elapsed());
    asking.await.expect("no panic");
}
