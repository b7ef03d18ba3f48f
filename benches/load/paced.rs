//! A load generator with a fixed rate. Unlike wrk, it measures the latency of selected requests.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt, io::BufReader, net::TcpStream, task::JoinSet, time::interval};

use crate::support::raw::read_answer;

/// Requests at a fixed rate.
pub struct Paced {
    /// `host:port`.
    pub address: String,
    /// The target of the requests.
    pub path: String,
    pub connections: u32,
    /// Requests per second, over all connections.
    pub rate: u32,
    pub duration: Duration,
}

/// The next request: a token, and whether its latency counts.
pub type Next = dyn Fn() -> (String, bool) + Send + Sync;

impl Paced {
    /// Sends the requests, and returns the latencies that count. While a connection waits for a
    /// response, it skips the requests that are due.
    ///
    /// # Panics
    /// If a response is not 200.
    pub async fn run(&self, next: Arc<Next>) -> Vec<Duration> {
        let mut connections = JoinSet::new();
        let pause = Duration::from_secs(1) * self.connections / self.rate;
        for number in 0..self.connections {
            let start = pause * number / self.connections;
            let (address, path) = (self.address.clone(), self.path.clone());
            let (next, duration) = (Arc::clone(&next), self.duration);
            connections.spawn(async move {
                tokio::time::sleep(start).await;
                connection(&address, &path, pause, duration, &*next).await
            });
        }
        connections.join_all().await.concat()
    }
}

async fn connection(
    address: &str,
    path: &str,
    pause: Duration,
    duration: Duration,
    next: &Next,
) -> Vec<Duration> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    let mut stream = BufReader::new(stream);
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let end = Instant::now() + duration;
    let mut latencies = Vec::new();
    while Instant::now() < end {
        ticks.tick().await;
        let (token, counts) = next();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
             X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /\r\n\r\n"
        );
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("an open connection");
        let answer = read_answer(&mut stream).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        if counts {
            latencies.push(sent.elapsed());
        }
    }
    latencies
}

/// Returns this percentile of the latencies, in microseconds.
///
/// # Panics
/// If there are no latencies.
pub fn percentile(latencies: &mut [Duration], percent: usize) -> f64 {
    latencies.sort_unstable();
    let at = latencies.len() * percent / 100;
    latencies.get(at).expect("latencies").as_secs_f64() * 1e6
}
