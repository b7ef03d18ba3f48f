//! A look at Vault from outside, without a token: the connection, and what it says of itself.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, header::HOST};
use http_body_util::Empty;
use jiff::{Timestamp, fmt::rfc2822};
use serde::Deserialize;

use crate::{
    probe::{Answer, Certificate, Door, Failure, now},
    vault::Settings,
};

/// What a look at Vault shows.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Who answers.
    pub peer: SocketAddr,
    /// How long the connection and the answer took.
    pub took: Duration,
    /// Its certificate, if it speaks TLS.
    pub certificate: Option<Certificate>,
    /// What it says of itself; or the status, if that is not what Vault says.
    pub health: Result<Condition, u16>,
    /// By how many seconds its clock is ahead of ours, behind it if negative, as far as whole
    /// seconds tell; `None` if it does not say.
    pub ahead: Option<i64>,
}

/// Why Vault could not be looked at.
#[derive(Debug)]
pub enum Unseen {
    /// The settings do not say how.
    Settings(String),
    /// It cannot be reached.
    Server(Failure),
}

/// What Vault says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Condition {
    /// Whether it has been initialised.
    pub initialized: bool,
    /// Whether it is sealed.
    pub sealed: bool,
    /// Whether another node is the active one.
    #[serde(default)]
    pub standby: bool,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// HashiCorp's has this, OpenBao's has not.
    performance_standby: Option<bool>,
    /// Its clock, in seconds since 1970.
    server_time_utc: Option<i64>,
}

/// Which program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// HashiCorp's.
    Vault,
    /// The Linux Foundation's.
    OpenBao,
}

impl Condition {
    /// Which program it is, by what it says of itself.
    #[must_use]
    pub fn product(&self) -> Product {
        if self.performance_standby.is_some() { Product::Vault } else { Product::OpenBao }
    }
}

/// Looks at Vault.
///
/// # Errors
/// Why it could not be asked.
pub async fn look(settings: &Settings) -> Result<Sight, Unseen> {
    let door = door(settings).map_err(Unseen::Settings)?;
    let start = Instant::now();
    let connection = door.open().await.map_err(Unseen::Server)?;
    let (peer, certificate) = (connection.peer, connection.certificate);
    let host = &settings.address[url::Position::BeforeHost..url::Position::AfterPort];
    let request = Request::get("/v1/sys/health").header(HOST, host).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| Unseen::Settings(error.to_string()))?;
    let before = now();
    let answer = connection.ask(request).await.map_err(Unseen::Server)?;
    let (after, took) = (now(), start.elapsed());
    let health: Result<Condition, u16> =
        serde_json::from_slice(&answer.body).map_err(|_| answer.status);
    let told = health.as_ref().ok().and_then(|health| health.server_time_utc);
    let ahead = told.or_else(|| date(&answer)).map(|there| ahead(there, before, after));
    Ok(Sight { peer, took, certificate, health, ahead })
}

fn door(settings: &Settings) -> Result<Door, String> {
    let (trust, identity) = settings.tls();
    let (url, name) = (&settings.address, settings.name());
    Door::new(url, name, &trust, identity.as_ref(), settings.timeout)
}

/// How far a clock is ahead that said `there`, in whole seconds, some time between two moments here.
/// As little as these allow.
fn ahead(there: i64, before: Timestamp, after: Timestamp) -> i64 {
    let (before, after) = (before.as_second(), after.as_second());
    if there > after {
        there - after
    } else if there < before {
        there - before
    } else {
        0
    }
}

fn date(answer: &Answer) -> Option<i64> {
    let date = answer.headers.get(http::header::DATE)?.to_str().ok()?;
    let date = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(date.as_second())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::ahead;

    #[test]
    fn a_clock_is_off_only_by_what_the_exchange_cannot_explain() {
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        assert_eq!(ahead(100, at(100), at(100)), 0);
        assert_eq!(ahead(101, at(100), at(103)), 0);
        assert_eq!(ahead(110, at(100), at(103)), 7);
        assert_eq!(ahead(90, at(100), at(103)), -10);
    }
}
