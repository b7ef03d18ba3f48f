use crate::secrets::Unreadable;

/// The kind of a failed request. Its label is the outcome in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection: refused, or the host name does not resolve.
    Connect,
    /// A connection, but no TLS handshake with a trusted certificate.
    Tls,
    /// No response within the timeout.
    Timeout,
    /// The connection broke.
    Reset,
    /// A response that the endpoint does not give.
    Malformed,
    /// A response over the maximum size.
    AnswerTooLarge,
    /// A redirect. It is never followed, since the request contains tokens.
    Redirect,
    /// Vault has no such token as the one that was asked about.
    Refused,
    /// The token that was asked about exists and has no capabilities.
    NothingGranted,
    /// Vault rejects the request as wrong.
    BadRequest,
    /// The resource does not exist.
    NotFound,
    /// No engine or auth method is mounted at this path.
    NoMount,
    /// The engine has no such endpoint.
    NoEndpoint,
    /// The namespace does not exist.
    NoNamespace,
    /// The secret is not at the version that the compare-and-set write expects.
    Conflict,
    /// Transit cannot decrypt the ciphertext with this key.
    Undecryptable(Unreadable),
    /// Transit has no key of this name.
    NoKey,
    /// The server is initialized already.
    Initialized,
    /// The server allows this in its configuration file only.
    ConfigurationOnly,
    /// The value is larger than Vault's storage accepts.
    TooLarge,
    /// An error on this machine, before a request was sent.
    Local,
    /// Vault rejects the token that the request is made with: the service's own, or a caller's.
    OwnToken,
    /// The policies of the token that the request is made with do not allow it.
    OwnPolicy,
    /// Vault rejects the role id or the secret id of a login. Each such login counts towards the
    /// lockout of the role.
    LoginRefused,
    /// The wrapping token of a login's secret id was used before, has expired, or is not the one
    /// that Vault issued for it.
    SecretIdSpent,
    /// Vault accepts no login of this role at present: it is locked out or disabled.
    LoginDenied,
    /// A rate limit quota is exceeded.
    Throttled,
    /// The server is sealed or not initialized.
    Sealed,
    /// Another write collided with this one in Vault's storage, which discarded this one.
    StorageConflict,
    /// Vault failed.
    Server,
}

impl Failure {
    /// Returns the outcome label in the metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Redirect => "redirect",
            Self::Refused => "refused",
            Self::NothingGranted => "nothing_granted",
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::NoMount => "no_mount",
            Self::NoEndpoint => "no_endpoint",
            Self::NoNamespace => "no_namespace",
            Self::Conflict => "conflict",
            Self::Undecryptable(_) => "undecryptable",
            Self::NoKey => "no_key",
            Self::Initialized => "initialized",
            Self::ConfigurationOnly => "configuration_only",
            Self::LoginRefused => "login_refused",
            Self::LoginDenied => "login_denied",
            Self::SecretIdSpent => "secret_id_spent",
            Self::TooLarge => "too_large",
            Self::Local => "local",
            Self::OwnToken => "own_token",
            Self::OwnPolicy => "own_policy",
            Self::Throttled => "throttled",
            Self::Sealed => "sealed",
            Self::StorageConflict => "storage_conflict",
            Self::Server => "server_error",
        }
    }

    /// Returns the start of the error message; `None` where the detail is the whole message.
    pub(super) fn summary(self) -> Option<&'static str> {
        match self {
            Self::Connect => Some("cannot connect to Vault"),
            Self::Tls => Some("no TLS connection to Vault"),
            Self::Reset => Some("the connection to Vault broke"),
            Self::Malformed => Some("cannot parse Vault's response"),
            Self::Refused => Some("Vault has no such token"),
            Self::NothingGranted => Some("the token has no capabilities"),
            Self::BadRequest => Some("Vault rejected the request"),
            Self::NotFound => Some("not found in Vault"),
            Self::NoNamespace => Some("the namespace in VAULT_NAMESPACE does not exist"),
            Self::NoMount => Some("nothing is mounted in Vault at"),
            Self::NoEndpoint => Some("the engine has no such endpoint"),
            Self::NoKey => Some("transit has no key of this name"),
            Self::AnswerTooLarge => Some("Vault's response is too large"),
            Self::Conflict => Some("another write came first"),
            Self::Undecryptable(_) => Some("the ciphertext cannot be decrypted"),
            Self::Initialized => Some("Vault is initialized already"),
            Self::TooLarge => Some("the value is larger than Vault accepts"),
            Self::OwnToken => Some("Vault rejected the token of the request"),
            Self::OwnPolicy => Some("the token's policies do not allow the request"),
            Self::LoginRefused | Self::LoginDenied => Some("Vault rejected the login"),
            Self::Throttled => Some("a rate limit quota of Vault is exceeded"),
            Self::StorageConflict => {
                Some("another write collided with this one in Vault's storage")
            }
            Self::Server => Some("Vault failed"),
            Self::Timeout
            | Self::Redirect
            | Self::ConfigurationOnly
            | Self::Local
            | Self::SecretIdSpent
            | Self::Sealed => None,
        }
    }

    /// Returns true if a write that failed like this may have been carried out all the same: the
    /// request was sent, and no response denies it.
    pub(super) fn leaves_write_unknown(self) -> bool {
        match self {
            // A server that lost its leadership during a write also responds with 400.
            Self::Timeout
            | Self::Reset
            | Self::Malformed
            | Self::AnswerTooLarge
            | Self::Server
            | Self::BadRequest => true,
            Self::Connect
            | Self::Tls
            | Self::Redirect
            | Self::Refused
            | Self::NothingGranted
            | Self::NotFound
            | Self::NoMount
            | Self::NoEndpoint
            | Self::NoNamespace
            | Self::NoKey
            | Self::Conflict
            | Self::Undecryptable(_)
            | Self::Initialized
            | Self::ConfigurationOnly
            | Self::TooLarge
            | Self::Local
            | Self::OwnToken
            | Self::OwnPolicy
            | Self::LoginRefused
            | Self::LoginDenied
            | Self::SecretIdSpent
            | Self::Throttled
            | Self::Sealed
            | Self::StorageConflict => false,
        }
    }
}
