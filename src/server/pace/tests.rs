use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use http::Version;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::{Instant, advance, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{HEAD, IDLE, LAST_WORD, Order, Pace, Paces, TICK};
use crate::server::watched::Watched;

/// A connection, and what stops the service.
fn connection() -> (Arc<Pace>, CancellationToken) {
    let (paces, stop) = (Paces::default(), CancellationToken::new());
    let pace = paces.begin();
    let connections = TaskTracker::new();
    connections.spawn(std::future::pending::<()>());
    tokio::spawn(paces.keep(connections, stop.clone()));
    (pace, stop)
}

/// Returns when the connection is told something else than to stay or this.
async fn told(pace: &Pace, known: Order) -> Order {
    poll_fn(|cx| match pace.order(cx) {
        order if order == Order::Stay || order == known => Poll::Pending,
        order => Poll::Ready(order),
    })
    .await
}

/// How long it may stand still.
async fn patience(pace: &Pace) -> Duration {
    let start = Instant::now();
    assert_eq!(told(pace, Order::Stay).await, Order::Leave);
    start.elapsed()
}

fn is_about(time: Duration, limit: Duration) -> bool {
    time + TICK >= limit && time <= limit + 2 * TICK
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_nothing_is_given_the_time_of_a_head() {
    let (pace, _stop) = connection();
    assert!(is_about(patience(&pace).await, HEAD));
}

#[tokio::test(start_paused = true)]
async fn a_connection_between_requests_may_be_idle_for_long() {
    let (pace, _stop) = connection();
    drop(pace.answer(Version::HTTP_11));
    assert!(is_about(patience(&pace).await, IDLE));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_is_not_waited_for() {
    let (pace, _stop) = connection();
    drop(pace.answer(Version::HTTP_11));
    advance(IDLE / 2).await;
    let (mut client, server) = duplex(64);
    let mut server = Watched::new(server, pace.clone());
    let start = Instant::now();
    for _ in 0..3 {
        client.write_all(b"G").await.expect("written");
        server.read_u8().await.expect("read");
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    patience(&pace).await;
    assert!(is_about(start.elapsed(), HEAD));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_being_answered_may_take_its_time() {
    let (pace, _stop) = connection();
    let answering = pace.answer(Version::HTTP_11);
    assert!(timeout(10 * IDLE, patience(&pace)).await.is_err());
    drop(answering);
    assert!(is_about(patience(&pace).await, IDLE));
}

#[tokio::test(start_paused = true)]
async fn the_frames_of_http2_are_no_heads() {
    let (pace, _stop) = connection();
    drop(pace.answer(Version::HTTP_2));
    let (mut client, server) = duplex(64);
    let mut server = Watched::new(server, pace.clone());
    client.write_all(b"ping").await.expect("written");
    server.read_u32().await.expect("read");
    assert!(is_about(patience(&pace).await, IDLE));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_connections_finish_and_then_leave() {
    let (pace, stop) = connection();
    let answering = pace.answer(Version::HTTP_11);
    advance(HEAD).await;
    stop.cancel();
    assert_eq!(told(&pace, Order::Stay).await, Order::Finish);
    assert!(timeout(HEAD, told(&pace, Order::Finish)).await.is_err(), "it is cut off");
    drop(answering);
    let start = Instant::now();
    assert_eq!(told(&pace, Order::Finish).await, Order::Leave);
    assert!(is_about(start.elapsed(), LAST_WORD));
}
