//! What reaches an application, if it tells.

use super::{
    As, FORGED_IDENTITY, FORGED_PATH, Finding, Front, IDENTITY, Outcome, PROTOCOL, describe,
    unanswered,
};
use crate::probe::{Answer, Failure};

/// Names that an application might take for an identity, besides those that are copied.
const LIKE_IDENTITY: [&str; 3] = ["x-auth-role", "x-auth-user", "x-auth-doctor"];

/// Characters that a header's name may hold besides letters, digits and `-` (RFC 9110, 5.6.2). Gateways
/// such as CGI and WSGI read each as `-`.
const SEPARATORS: [char; 14] =
    ['!', '#', '$', '%', '&', '\'', '*', '+', '.', '^', '_', '`', '|', '~'];

/// What an application might act on instead of the request that was judged, or believe of a client.
const LIKE_A_REQUEST: [&str; 14] = [
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

/// A path at which the application tells what it received.
pub(super) struct Echo<'f> {
    front: &'f Front,
    path: &'f str,
}

/// Why nobody tells.
pub(super) struct Deaf(pub(super) String);

impl Deaf {
    pub(super) fn skipped(&self, check: &'static str) -> Finding {
        let remedy = "--echo PATH, where the application answers with the headers that it received";
        Finding::skipped(check, &self.0, remedy)
    }
}

/// What nobody else would say.
struct Marker(String);

impl Marker {
    fn new() -> Self {
        Self(format!("doctor{:016x}", rand::random::<u64>()))
    }

    /// Whether it came back.
    fn is_in(&self, answer: &Answer) -> bool {
        let text = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
        text.contains(&self.0)
    }
}

/// A header that no proxy has a reason to take out. What is said of others counts only if it is told.
const CONTROL: &str = "x-doctor-probe";

impl<'f> Echo<'f> {
    /// This path, if a header that nobody takes out is told there.
    pub(super) async fn try_out(front: &'f Front, path: &'f str) -> Result<Self, Deaf> {
        let echo = Self { front, path };
        match echo.told(&[]).await {
            Ok(Told::Something(_)) => Ok(echo),
            Ok(Told::Nothing(answer)) => Err(echo.silent(&answer)),
            Err(failure) => Err(Deaf(format!("{path}: {failure}"))),
        }
    }

    /// Whether a client's own identity headers reach the application.
    pub(super) async fn forged_identity(&self) -> Finding {
        let names: Vec<&str> = IDENTITY.into_iter().chain(LIKE_IDENTITY).collect();
        let remedy = "the guard takes a client's own out, with `request_header -X-Auth-*` before \
                      `forward_auth`, and copies all six";
        let finding = self.forged(FORGED_IDENTITY, &names, remedy).await;
        if finding.outcome != Outcome::Ok {
            return finding;
        }
        for separator in SEPARATORS {
            if let Some(wrong) = self.aliased_identity(separator).await {
                return wrong;
            }
        }
        Finding::ok(FORGED_IDENTITY, format!("{}, nor an alias of one", finding.detail))
    }

    /// Returns a finding if identity headers of a client reach the application with `separator` in the
    /// place of dashes, each sent twice. To refuse such a request is as good as to remove them.
    async fn aliased_identity(&self, separator: char) -> Option<Finding> {
        let check = FORGED_IDENTITY;
        let names: Vec<_> = IDENTITY.iter().flat_map(|name| aliases(name, separator)).collect();
        let markers: Vec<Marker> = names.iter().map(|_| Marker::new()).collect();
        let sent = || names.iter().map(String::as_str).zip(&markers);
        let twice = sent().flat_map(|(name, marker)| [(name, marker.0.as_str()); 2]);
        match self.told(&twice.collect::<Vec<_>>()).await {
            Ok(Told::Something(answer)) => {
                let received = sent().filter(|(_, marker)| marker.is_in(&answer));
                let received: Vec<&str> = received.map(|(name, _)| name).collect();
                (!received.is_empty()).then(|| reached(check, &received, ALIAS_REMEDY))
            }
            Ok(Told::Nothing(answer)) if (400..500).contains(&answer.status) => None,
            Ok(Told::Nothing(answer)) => Some(self.silent(&answer).skipped(check)),
            Err(failure) => Some(unanswered(check, &failure)),
        }
    }

    /// Whether what a client says of its request reaches the application.
    pub(super) async fn forged_path(&self, remedy: &str) -> Finding {
        self.forged(FORGED_PATH, &LIKE_A_REQUEST, remedy).await
    }

    /// Whether the application is offered to change to another protocol.
    pub(super) async fn protocol(&self, remedy: &str) -> Finding {
        let (check, marker) = (PROTOCOL, Marker::new());
        match self.told(&[("connection", "Upgrade"), ("upgrade", &marker.0)]).await {
            Ok(Told::Something(answer)) if marker.is_in(&answer) => {
                Finding::failed(check, "the application is offered any protocol by clients", remedy)
            }
            Ok(Told::Something(_)) => {
                Finding::ok(check, "no client offers the application another protocol")
            }
            Ok(Told::Nothing(answer)) => self.silent(&answer).skipped(check),
            Err(failure) => unanswered(check, &failure),
        }
    }

    async fn forged(&self, check: &'static str, names: &[&str], remedy: &str) -> Finding {
        let markers: Vec<Marker> = names.iter().map(|_| Marker::new()).collect();
        let forged = || names.iter().copied().zip(&markers);
        let headers: Vec<_> = forged().map(|(name, marker)| (name, marker.0.as_str())).collect();
        let answer = match self.told(&headers).await {
            Ok(Told::Something(answer)) => answer,
            Ok(Told::Nothing(answer)) => return self.silent(&answer).skipped(check),
            Err(failure) => return unanswered(check, &failure),
        };
        let received = forged().filter(|(_, marker)| marker.is_in(&answer));
        let received: Vec<&str> = received.map(|(name, _)| name).collect();
        if received.is_empty() {
            return Finding::ok(check, format!("none of {} reaches the application", names.len()));
        }
        reached(check, &received, remedy)
    }

    /// What the application tells of a request with these headers.
    async fn told(&self, headers: &[(&str, &str)]) -> Result<Told, Failure> {
        let control = Marker::new();
        let headers = [headers, &[(CONTROL, &control.0)]].concat();
        let answer = self.front.ask(As::Caller, self.path, &headers).await?;
        let told = if control.is_in(&answer) { Told::Something } else { Told::Nothing };
        Ok(told(answer))
    }

    fn silent(&self, answer: &Answer) -> Deaf {
        Deaf(format!("{} does not tell what it received: {}", self.path, describe(answer)))
    }
}

const ALIAS_REMEDY: &str = "the guard takes out every header whose name has other characters than \
                            letters, digits and `-`";

/// A header's name with `separator` for its last dash, and for each of its dashes.
fn aliases(name: &str, separator: char) -> [String; 2] {
    let (head, last) = name.rsplit_once('-').unwrap_or((name, ""));
    [format!("{head}{separator}{last}"), name.replace('-', &separator.to_string())]
}

/// Reports that these headers of a client reach the application.
fn reached(check: &'static str, names: &[&str], remedy: &str) -> Finding {
    let detail = format!("a client's own {} reaches the application", names.join(", "));
    Finding::failed(check, detail, remedy)
}

/// An answer that tells what the application received, or one that does not.
enum Told {
    Something(Answer),
    Nothing(Answer),
}
