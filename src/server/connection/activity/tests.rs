use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use http::Version;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::{Instant, advance, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ConnectionActivity, ConnectionReaper, ConnectionSignal, DRAIN_IDLE_TIMEOUT,
    HEADER_READ_TIMEOUT, KEEP_ALIVE_TIMEOUT, SWEEP_INTERVAL,
};
use crate::server::connection::io::TrackedIo;

/// Returns the activity of a new connection, and the token that shuts the service down.
fn connection() -> (Arc<ConnectionActivity>, CancellationToken) {
    let (reaper, shutdown) = (ConnectionReaper::default(), CancellationToken::new());
    let activity = reaper.register();
    let connections = TaskTracker::new();
    connections.spawn(std::future::pending::<()>());
    tokio::spawn(reaper.run(connections, shutdown.clone()));
    (activity, shutdown)
}

/// Waits for a signal other than `Continue` and `previous`.
async fn next_signal(
    activity: &ConnectionActivity,
    previous: ConnectionSignal,
) -> ConnectionSignal {
    poll_fn(|cx| match activity.poll_signal(cx) {
        signal if signal == ConnectionSignal::Continue || signal == previous => Poll::Pending,
        signal => Poll::Ready(signal),
    })
    .await
}

/// Waits until the connection is aborted, and returns the time that took.
async fn time_to_abort(activity: &ConnectionActivity) -> Duration {
    let start = Instant::now();
    assert_eq!(next_signal(activity, ConnectionSignal::Continue).await, ConnectionSignal::Abort);
    start.elapsed()
}

fn is_about(time: Duration, limit: Duration) -> bool {
    time + SWEEP_INTERVAL >= limit && time <= limit + 2 * SWEEP_INTERVAL
}

#[tokio::test(start_paused = true)]
async fn silent_connection_times_out() {
    let (activity, _shutdown) = connection();
    assert!(is_about(time_to_abort(&activity).await, HEADER_READ_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn idle_connection_times_out() {
    let (activity, _shutdown) = connection();
    drop(activity.request_started(Version::HTTP_11));
    assert!(is_about(time_to_abort(&activity).await, KEEP_ALIVE_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn slow_head_times_out() {
    let (activity, _shutdown) = connection();
    drop(activity.request_started(Version::HTTP_11));
    advance(KEEP_ALIVE_TIMEOUT / 2).await;
    let (mut client, server) = duplex(64);
    let mut server = TrackedIo::new(server, activity.clone());
    let start = Instant::now();
    for _ in 0..3 {
        client.write_all(b"G").await.expect("written");
        server.read_u8().await.expect("read");
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    time_to_abort(&activity).await;
    assert!(is_about(start.elapsed(), HEADER_READ_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn request_in_flight_has_no_timeout() {
    let (activity, _shutdown) = connection();
    let in_flight = activity.request_started(Version::HTTP_11);
    assert!(timeout(10 * KEEP_ALIVE_TIMEOUT, time_to_abort(&activity)).await.is_err());
    drop(in_flight);
    assert!(is_about(time_to_abort(&activity).await, KEEP_ALIVE_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn http2_frames_are_no_heads() {
    let (activity, _shutdown) = connection();
    drop(activity.request_started(Version::HTTP_2));
    let (mut client, server) = duplex(64);
    let mut server = TrackedIo::new(server, activity.clone());
    client.write_all(b"ping").await.expect("written");
    server.read_u32().await.expect("read");
    assert!(is_about(time_to_abort(&activity).await, KEEP_ALIVE_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn shutdown_drains_then_aborts() {
    let (activity, shutdown) = connection();
    let in_flight = activity.request_started(Version::HTTP_11);
    advance(HEADER_READ_TIMEOUT).await;
    shutdown.cancel();
    assert_eq!(next_signal(&activity, ConnectionSignal::Continue).await, ConnectionSignal::Drain);
    assert!(
        timeout(HEADER_READ_TIMEOUT, next_signal(&activity, ConnectionSignal::Drain))
            .await
            .is_err(),
        "the request in flight is aborted"
    );
    drop(in_flight);
    let start = Instant::now();
    assert_eq!(next_signal(&activity, ConnectionSignal::Drain).await, ConnectionSignal::Abort);
    assert!(is_about(start.elapsed(), DRAIN_IDLE_TIMEOUT));
}
