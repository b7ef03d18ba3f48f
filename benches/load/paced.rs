//! A generator that keeps to a pace and knows which request was which, unlike wrk.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt, io::BufReader, net::TcpStream, task::JoinSet, time::interval};

use crate::support::raw::read_answer;

/// Requests at a pace.
pub struct Paced {
    /// `host:port`.
    pub address: String,
    /// The target of the requests.
    pub path: String,
    pub connections: u32,
    /// Requests per second, by all connections together.
    pub rate: u32,
    pub lasts: Duration,
}

/// Whose request comes next: a token, and whether its latency counts.
pub type Next = dyn Fn() -> (String, bool) + Send + Sync;

impl Paced {
    /// Sends, and tells how long the answers took that count. A connection whose answer comes
    /// late leaves out what it would have sent meanwhile.
    ///
    /// # Panics
    /// If an answer is no 200.
    pub async fn run(&self, next: Arc<Next>) -> Vec<Duration> {
        let mut connections = JoinSet::new();
        let pause = Duration::from_secs(1) * self.connections / self.rate;
        for number in 0..self.connections {
            let start = pause * number / self.connections;
            let (address, path) = (self.address.clone(), self.path.clone());
            let (next, lasts) = (Arc::clone(&next), self.lasts);
            connections.spawn(async move {
                tokio::time::sleep(start).await;
                connection(&address, &path, pause, lasts, &*next).await
            });
        }
        connections.join_all().await.concat()
    }
}

async fn connection(
    address: &str,
    path: &str,
    pause: Duration,
    lasts: Duration,
    next: &Next,
) -> Vec<Duration> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    let mut stream = BufReader::new(stream);
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let end = Instant::now() + lasts;
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

/// The latency that this share of the requests keeps to, in microseconds.
///
/// # Panics
/// If there are none.
pub fn percentile(latencies: &mut [Duration], percent: usize) -> f64 {
    latencies.sort_unstable();
    let at = latencies.len() * percent / 100;
    latencies.get(at).expect("latencies").as_secs_f64() * 1e6
}
