//! Requests at a fixed rate, and their outcomes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::Mutex,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::support::raw::read_answer;

/// A function that returns the request with this number.
pub type MakeRequest = dyn Fn(u64) -> String + Send + Sync;

/// Requests at a fixed rate to one address, over several connections.
pub struct Traffic {
    /// `host:port`.
    pub address: String,
    pub connections: u32,
    pub rate: u32,
    pub request: Arc<MakeRequest>,
}

/// The outcomes of the requests in the current phase.
#[derive(Clone, Default)]
pub struct Outcomes(Arc<Mutex<Phase>>);

/// The outcomes of the requests of one phase.
#[derive(Default)]
pub struct Phase {
    /// The number of requests by status; 0 for those without a response.
    pub statuses: BTreeMap<u16, usize>,
    latencies: Vec<Duration>,
}

impl Traffic {
    /// Sends requests until the returned set is dropped.
    pub fn start(self) -> (JoinSet<()>, Outcomes) {
        let outcomes = Outcomes::default();
        let mut connections = JoinSet::new();
        let pause = Duration::from_secs(1) * self.connections / self.rate;
        for number in 0..self.connections {
            let connection = Connection {
                address: self.address.clone(),
                request: Arc::clone(&self.request),
                next: u64::from(number),
                step: u64::from(self.connections),
                outcomes: outcomes.clone(),
            };
            let delay = pause * number / self.connections;
            connections.spawn(async move {
                tokio::time::sleep(delay).await;
                connection.run(pause).await;
            });
        }
        (connections, outcomes)
    }
}

struct Connection {
    address: String,
    request: Arc<MakeRequest>,
    next: u64,
    step: u64,
    outcomes: Outcomes,
}

impl Connection {
    async fn run(mut self, pause: Duration) {
        let mut ticks = interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = None;
        loop {
            ticks.tick().await;
            let request = (self.request)(self.next);
            self.next += self.step;
            let sent = Instant::now();
            let status = self.exchange(&mut open, &request).await;
            self.outcomes.record(status.unwrap_or(0), sent.elapsed()).await;
        }
    }

    async fn exchange(
        &self,
        open: &mut Option<BufReader<TcpStream>>,
        request: &str,
    ) -> Option<u16> {
        let mut stream = if let Some(stream) = open.take() {
            stream
        } else {
            let stream = TcpStream::connect(&self.address).await.ok()?;
            stream.set_nodelay(true).ok()?;
            BufReader::new(stream)
        };
        stream.write_all(request.as_bytes()).await.ok()?;
        let answer = read_answer(&mut stream).await?;
        if answer.header("connection") != Some("close") {
            *open = Some(stream);
        }
        Some(answer.status)
    }
}

impl Outcomes {
    async fn record(&self, status: u16, took: Duration) {
        let mut phase = self.0.lock().await;
        *phase.statuses.entry(status).or_default() += 1;
        phase.latencies.push(took);
    }

    /// Returns the outcomes since the last call.
    pub async fn take(&self) -> Phase {
        std::mem::take(&mut *self.0.lock().await)
    }
}

impl Phase {
    /// Returns this percentile of the latencies.
    pub fn percentile(&mut self, percent: usize) -> Duration {
        self.latencies.sort_unstable();
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or_default()
    }

    /// Returns the number of requests without a 200 response.
    pub fn failed(&self) -> usize {
        self.statuses.iter().filter(|(status, _)| **status != 200).map(|(_, count)| count).sum()
    }
}
