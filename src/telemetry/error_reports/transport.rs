//! The delivery of reports, by a thread of its own: a report is queued without waiting, whether or not
//! Sentry responds.

use std::{
    error::Error,
    io, iter,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use reqwest::{
    StatusCode,
    blocking::{Client, Response},
    header::RETRY_AFTER,
    redirect::Policy,
};
use sentry::{
    Envelope, Transport, TransportFactory, TransportOptions,
    transports::{RateLimiter, RateLimitingCategory},
};

/// The maximum number of queued reports. Further ones are dropped.
const QUEUE_LENGTH: usize = 32;

/// The timeout of a request to Sentry.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum time at the end of the program for the queued reports.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The header with Sentry's rate limits, by kind of data.
const RATE_LIMITS: &str = "x-sentry-rate-limits";

/// Creates the transport of the client.
pub(super) struct ReportTransportFactory;

impl TransportFactory for ReportTransportFactory {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        let (queue, messages) = sync_channel(QUEUE_LENGTH);
        let delivery = Delivery {
            url: options.dsn.envelope_api_url().into(),
            authentication: options.dsn.to_auth(Some(&options.user_agent)).to_string(),
            limits: RateLimiter::new(),
            state: DeliveryState::Working,
        };
        let thread = thread::Builder::new().name("sentry".to_owned());
        if let Err(error) = thread.spawn(move || delivery.run(&messages)) {
            tracing::error!(%error, "errors are not reported to Sentry: no thread");
        }
        Arc::new(ReportTransport { queue })
    }
}

struct ReportTransport {
    queue: SyncSender<Message>,
}

#[expect(clippy::large_enum_variant, reason = "nearly all messages are of the large variant")]
enum Message {
    Send(Envelope),
    /// Is answered when all messages before it were sent.
    Flush(SyncSender<()>),
}

impl Transport for ReportTransport {
    fn send_envelope(&self, envelope: Envelope) {
        // Dropped if the queue is full.
        let _ = self.queue.try_send(Message::Send(envelope));
    }

    fn flush(&self, timeout: Duration) -> bool {
        let (done, flushed) = sync_channel(1);
        let is_queued = self.queue.try_send(Message::Flush(done)).is_ok();
        is_queued && flushed.recv_timeout(timeout).is_ok()
    }
}

/// The thread that sends reports.
struct Delivery {
    url: String,
    authentication: String,
    limits: RateLimiter,
    state: DeliveryState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DeliveryState {
    Working,
    Failing,
}

impl Delivery {
    fn run(mut self, messages: &Receiver<Message>) {
        let client = Client::builder().timeout(REQUEST_TIMEOUT).redirect(Policy::none()).build();
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                let reason = innermost_cause(&error);
                return tracing::error!(reason, "errors are not reported to Sentry: no client");
            }
        };
        for message in messages {
            match message {
                Message::Send(envelope) => {
                    if self.limits.is_enabled(RateLimitingCategory::Error) {
                        self.send(&client, &envelope);
                    }
                }
                // Fails if the other end has stopped waiting.
                Message::Flush(done) => drop(done.send(())),
            }
        }
    }

    fn send(&mut self, client: &Client, envelope: &Envelope) {
        let mut body = Vec::new();
        let outcome = envelope.to_writer(&mut body).map_err(|error| error.to_string());
        let outcome = outcome.and_then(|()| self.post(client, body));
        match (self.state, outcome) {
            (DeliveryState::Working, Err(reason)) => {
                tracing::warn!(reason, "reports cannot be sent to Sentry");
                self.state = DeliveryState::Failing;
            }
            (DeliveryState::Failing, Ok(())) => {
                tracing::info!("reports are sent to Sentry again");
                self.state = DeliveryState::Working;
            }
            (DeliveryState::Working, Ok(())) | (DeliveryState::Failing, Err(_)) => {}
        }
    }

    /// Sends an envelope. The error contains neither the key nor the URL.
    fn post(&mut self, client: &Client, body: Vec<u8>) -> Result<(), String> {
        let request = client.post(&self.url).header("X-Sentry-Auth", &self.authentication);
        let response = request.body(body).send();
        let response = response.map_err(|error| innermost_cause(&error))?;
        self.update_limits(&response);
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(format!("{}: check the key in SENTRY_DSN", response.status()))
            }
            status => Err(status.to_string()),
        }
    }

    /// Records the time until which Sentry rejects further reports
    /// (<https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/>).
    fn update_limits(&mut self, response: &Response) {
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(limits) = header(RATE_LIMITS) {
            self.limits.update_from_sentry_header(limits);
        } else if let Some(delay) = header(RETRY_AFTER.as_str()) {
            self.limits.update_from_retry_after(delay);
        } else if response.status() == StatusCode::TOO_MANY_REQUESTS {
            self.limits.update_from_429();
        }
    }
}

/// Returns the innermost cause of an error. The outer ones of an HTTP client contain the URL, or name
/// only the step that failed.
fn innermost_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return io::ErrorKind::TimedOut.to_string();
    }
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| "no HTTP client".to_owned(), ToString::to_string)
}
