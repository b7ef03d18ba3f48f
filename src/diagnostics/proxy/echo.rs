//! Probes of the headers that reach an application, if it echoes them.

use super::site::{IDENTITY_HEADERS, Persona::Caller, ProxyProbe, no_response};
use crate::{
    diagnostics::{
        finding::{Finding, Status},
        problem::describe,
    },
    probe::{ProbeError, ProbeResponse},
};

/// Headers that an application might interpret as an identity, besides those that are copied.
const IDENTITY_LIKE_HEADERS: [&str; 3] = ["x-auth-role", "x-auth-user", "x-auth-doctor"];

/// The characters that a header name may contain besides letters, digits and `-` (RFC 9110, 5.6.2).
/// Gateways such as CGI and WSGI interpret each of them as `-`.
const SEPARATORS: [char; 14] =
    ['!', '#', '$', '%', '&', '\'', '*', '+', '.', '^', '_', '`', '|', '~'];

/// Headers by which an application might handle another request than the one that was authorized,
/// or trust a client's claims.
const FORWARDING_HEADERS: [&str; 14] = [
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-original-uri",
    "x-original-url",
    "x-original-method",
    "x-rewrite-url",
    "x-http-method-override",
    "x-method-override",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-prefix",
    "forwarded",
    "true-client-ip",
];

/// A header that no proxy has a reason to remove. An echo without it proves nothing about others.
const CONTROL_HEADER: &str = "x-doctor-probe";

const ALIAS_REMEDY: &str = "the guard must remove every header whose name has other characters \
                            than letters, digits and `-`";

/// A path at which the application echoes the headers that it received.
pub(super) struct Echo<'p> {
    probe: &'p ProxyProbe,
    path: &'p str,
}

/// The reason why the echo path is not usable.
pub(super) struct EchoUnavailable(String);

impl EchoUnavailable {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// Returns the finding for a check that needs the echo path.
    pub(super) fn skip(&self, check: &'static str) -> Finding {
        let remedy = "--echo PATH, at which the application returns the request headers";
        Finding::skipped(check, &self.0, remedy)
    }
}

/// A random header value that can be recognised in a response.
struct Canary(String);

impl Canary {
    fn new() -> Self {
        Self(format!("doctor{:016x}", rand::random::<u64>()))
    }

    fn is_in(&self, response: &ProbeResponse) -> bool {
        let text = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
        text.contains(&self.0)
    }
}

/// A response of the application, with or without the control header in it.
enum EchoResult {
    Echoed(ProbeResponse),
    NotEchoed(ProbeResponse),
}

impl<'p> Echo<'p> {
    /// Returns the echo path if the application echoes the control header there.
    pub(super) async fn open(
        probe: &'p ProxyProbe,
        path: &'p str,
    ) -> Result<Self, EchoUnavailable> {
        let echo = Self { probe, path };
        match echo.send(&[]).await {
            Ok(EchoResult::Echoed(_)) => Ok(echo),
            Ok(EchoResult::NotEchoed(response)) => Err(echo.unavailable(&response)),
            Err(failure) => Err(EchoUnavailable(format!("{path}: {failure}"))),
        }
    }

    /// Checks that neither a client's own identity headers nor aliases of them reach the
    /// application.
    pub(super) async fn check_identity_headers(
        &self,
        check: &'static str,
        remedy: &str,
    ) -> Finding {
        let names: Vec<&str> = IDENTITY_HEADERS.into_iter().chain(IDENTITY_LIKE_HEADERS).collect();
        let finding = self.check_removed(check, &names, remedy).await;
        if finding.status != Status::Ok {
            return finding;
        }
        for separator in SEPARATORS {
            if let Some(finding) = self.find_alias(check, separator).await {
                return finding;
            }
        }
        Finding::ok(check, format!("{}, nor an alias of one", finding.message))
    }

    /// Returns a finding if identity headers of a client reach the application with `separator` in
    /// the place of dashes, each sent twice. Rejecting such a request is as good as removing them.
    async fn find_alias(&self, check: &'static str, separator: char) -> Option<Finding> {
        let names: Vec<_> =
            IDENTITY_HEADERS.iter().flat_map(|name| aliases(name, separator)).collect();
        let canaries: Vec<Canary> = names.iter().map(|_| Canary::new()).collect();
        let sent = || names.iter().map(String::as_str).zip(&canaries);
        let twice = sent().flat_map(|(name, canary)| [(name, canary.0.as_str()); 2]);
        match self.send(&twice.collect::<Vec<_>>()).await {
            Ok(EchoResult::Echoed(response)) => {
                let received = sent().filter(|(_, canary)| canary.is_in(&response));
                let received: Vec<&str> = received.map(|(name, _)| name).collect();
                (!received.is_empty()).then(|| not_removed(check, &received, ALIAS_REMEDY))
            }
            Ok(EchoResult::NotEchoed(response)) if (400..500).contains(&response.status) => None,
            Ok(EchoResult::NotEchoed(response)) => Some(self.unavailable(&response).skip(check)),
            Err(failure) => Some(no_response(check, &failure)),
        }
    }

    /// Checks that a client's own forwarding headers do not reach the application.
    pub(super) async fn check_forwarding_headers(
        &self,
        check: &'static str,
        remedy: &str,
    ) -> Finding {
        self.check_removed(check, &FORWARDING_HEADERS, remedy).await
    }

    /// Checks that a client's `Upgrade` header does not reach the application.
    pub(super) async fn check_upgrade(&self, check: &'static str, remedy: &str) -> Finding {
        let canary = Canary::new();
        match self.send(&[("connection", "Upgrade"), ("upgrade", &canary.0)]).await {
            Ok(EchoResult::Echoed(response)) if canary.is_in(&response) => {
                let message =
                    "the application receives a client's offer to upgrade to any protocol";
                Finding::failed(check, message, remedy)
            }
            Ok(EchoResult::Echoed(_)) => {
                Finding::ok(check, "no upgrade to h2c or another protocol reaches the application")
            }
            Ok(EchoResult::NotEchoed(response)) => self.unavailable(&response).skip(check),
            Err(failure) => no_response(check, &failure),
        }
    }

    /// Checks that the proxy removes a client's headers of these names.
    async fn check_removed(&self, check: &'static str, names: &[&str], remedy: &str) -> Finding {
        let canaries: Vec<Canary> = names.iter().map(|_| Canary::new()).collect();
        let sent = || names.iter().copied().zip(&canaries);
        let headers: Vec<_> = sent().map(|(name, canary)| (name, canary.0.as_str())).collect();
        let response = match self.send(&headers).await {
            Ok(EchoResult::Echoed(response)) => response,
            Ok(EchoResult::NotEchoed(response)) => return self.unavailable(&response).skip(check),
            Err(failure) => return no_response(check, &failure),
        };
        let received = sent().filter(|(_, canary)| canary.is_in(&response));
        let received: Vec<&str> = received.map(|(name, _)| name).collect();
        if received.is_empty() {
            return Finding::ok(check, format!("none of {} reaches the application", names.len()));
        }
        not_removed(check, &received, remedy)
    }

    /// Sends these headers and the control header to the echo path.
    async fn send(&self, headers: &[(&str, &str)]) -> Result<EchoResult, ProbeError> {
        let control = Canary::new();
        let headers = [headers, &[(CONTROL_HEADER, &control.0)]].concat();
        let response = self.probe.get(Caller, self.path, &headers).await?;
        let is_echoed = control.is_in(&response);
        Ok(if is_echoed { EchoResult::Echoed(response) } else { EchoResult::NotEchoed(response) })
    }

    fn unavailable(&self, response: &ProbeResponse) -> EchoUnavailable {
        EchoUnavailable(format!(
            "{} does not echo request headers: {}",
            self.path,
            describe(response)
        ))
    }
}

/// Returns two aliases of a header name: with `separator` for the last dash, and for every dash.
fn aliases(name: &str, separator: char) -> [String; 2] {
    let (head, last) = name.rsplit_once('-').unwrap_or((name, ""));
    [format!("{head}{separator}{last}"), name.replace('-', &separator.to_string())]
}

/// Returns the finding for headers of a client that reach the application.
fn not_removed(check: &'static str, names: &[&str], remedy: &str) -> Finding {
    let message = format!("a client's own {} reaches the application", names.join(", "));
    Finding::failed(check, message, remedy)
}
