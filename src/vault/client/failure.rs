use crate::secrets::RecordError;

/// The kind of a failed request. Its label is the outcome in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
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
    ResponseTooLarge,
    /// A redirect. It is never followed, since the request contains tokens.
    Redirect,
    /// The looked-up token does not exist.
    TokenNotFound,
    /// The looked-up token exists but has no capabilities.
    NoCapabilities,
    /// Vault rejects the request as wrong.
    BadRequest,
    /// The resource does not exist.
    NotFound,
    /// No engine or auth method is mounted at this path.
    MountNotFound,
    /// The engine has no such endpoint.
    EndpointNotFound,
    /// The namespace does not exist.
    NamespaceNotFound,
    /// The secret is not at the version that the compare-and-set write expects.
    VersionConflict,
    /// Transit cannot decrypt the ciphertext with this key.
    DecryptionFailed(RecordError),
    /// Transit has no key of this name.
    KeyNotFound,
    /// The server is initialized already.
    AlreadyInitialized,
    /// The server allows this in its configuration file only.
    ConfigurationOnly,
    /// The value is larger than Vault's storage accepts.
    EntryTooLarge,
    /// An error on this machine, before a request was sent.
    LocalError,
    /// Vault rejects the token that the request is made with: the service's own, or a caller's.
    TokenRejected,
    /// The policies of the token that the request is made with do not allow it.
    PermissionDenied,
    /// Vault rejects the role id or the secret id of a login. Each such login counts towards the
    /// lockout of the role.
    LoginCredentialsRejected,
    /// The wrapping token of a login's secret id was used before, has expired, or is not the one
    /// that Vault issued for it.
    SecretIdUnusable,
    /// Vault accepts no login of this role at present: it is locked out or disabled.
    LoginDenied,
    /// Vault rejects a person's password, passcode or claims, or the account.
    UserRejected,
    /// Vault no longer knows the login that this is a further step of.
    LoginExpired,
    /// The auth method is not set up for the login of people.
    LoginMisconfigured,
    /// The wrapping token was used before, has expired, or was never issued.
    WrappingTokenInvalid,
    /// A rate limit quota is exceeded.
    Throttled,
    /// The node has not reached the index of the request, and does not forward it.
    NotCurrent,
    /// The server is sealed or not initialized.
    Sealed,
    /// Another write collided with this one in Vault's storage, which discarded this one.
    StorageConflict,
    /// The node is a standby and knows no active node. It has not carried out the request.
    NoActiveNode,
    /// Vault failed.
    ServerError,
}

impl FailureKind {
    /// Returns the outcome label in the metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::ResponseTooLarge => "answer_too_large",
            Self::Redirect => "redirect",
            Self::TokenNotFound => "refused",
            Self::NoCapabilities => "nothing_granted",
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::MountNotFound => "no_mount",
            Self::EndpointNotFound => "no_endpoint",
            Self::NamespaceNotFound => "no_namespace",
            Self::VersionConflict => "conflict",
            Self::DecryptionFailed(_) => "undecryptable",
            Self::KeyNotFound => "no_key",
            Self::AlreadyInitialized => "initialized",
            Self::ConfigurationOnly => "configuration_only",
            Self::LoginCredentialsRejected => "login_refused",
            Self::LoginDenied => "login_denied",
            Self::SecretIdUnusable => "secret_id_spent",
            Self::UserRejected => "user_refused",
            Self::LoginExpired => "login_expired",
            Self::LoginMisconfigured => "login_misconfigured",
            Self::WrappingTokenInvalid => "wrapping_token_invalid",
            Self::EntryTooLarge => "too_large",
            Self::LocalError => "local",
            Self::TokenRejected => "own_token",
            Self::PermissionDenied => "own_policy",
            Self::Throttled => "throttled",
            Self::NotCurrent => "not_current",
            Self::Sealed => "sealed",
            Self::StorageConflict => "storage_conflict",
            Self::NoActiveNode | Self::ServerError => "server_error",
        }
    }

    /// Returns the start of the error message; `None` where the detail is the whole message.
    pub(super) fn summary(self) -> Option<&'static str> {
        match self {
            Self::Connect => Some("cannot connect to Vault"),
            Self::Tls => Some("no TLS connection to Vault"),
            Self::Reset => Some("the connection to Vault broke"),
            Self::Malformed => Some("cannot parse Vault's response"),
            Self::TokenNotFound => Some("Vault has no such token"),
            Self::NoCapabilities => Some("the token has no capabilities"),
            Self::BadRequest => Some("Vault rejected the request"),
            Self::NotFound => Some("not found in Vault"),
            Self::NamespaceNotFound => Some("the namespace in VAULT_NAMESPACE does not exist"),
            Self::MountNotFound => Some("nothing is mounted in Vault at"),
            Self::EndpointNotFound => Some("the engine has no such endpoint"),
            Self::KeyNotFound => Some("transit has no key of this name"),
            Self::ResponseTooLarge => Some("Vault's response is too large"),
            Self::VersionConflict => Some("another write came first"),
            Self::DecryptionFailed(_) => Some("the ciphertext cannot be decrypted"),
            Self::AlreadyInitialized => Some("Vault is initialized already"),
            Self::EntryTooLarge => Some("the value is larger than Vault accepts"),
            Self::TokenRejected => Some("Vault rejected the token of the request"),
            Self::PermissionDenied => Some("the token's policies do not allow the request"),
            Self::LoginCredentialsRejected | Self::LoginDenied | Self::UserRejected => {
                Some("Vault rejected the login")
            }
            Self::LoginExpired => Some("Vault does not know the login"),
            Self::LoginMisconfigured => Some("the auth method is not set up for this login"),
            Self::WrappingTokenInvalid => Some("the wrapping token is not valid"),
            Self::Throttled => Some("a rate limit quota of Vault is exceeded"),
            Self::NotCurrent => Some("the node of Vault is behind the others"),
            Self::StorageConflict => {
                Some("another write collided with this one in Vault's storage")
            }
            Self::NoActiveNode | Self::ServerError => Some("Vault failed"),
            Self::Timeout
            | Self::Redirect
            | Self::ConfigurationOnly
            | Self::LocalError
            | Self::SecretIdUnusable
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
            | Self::ResponseTooLarge
            | Self::ServerError
            | Self::BadRequest => true,
            Self::Connect
            | Self::Tls
            | Self::Redirect
            | Self::TokenNotFound
            | Self::NoCapabilities
            | Self::NotFound
            | Self::MountNotFound
            | Self::EndpointNotFound
            | Self::NamespaceNotFound
            | Self::KeyNotFound
            | Self::VersionConflict
            | Self::DecryptionFailed(_)
            | Self::AlreadyInitialized
            | Self::ConfigurationOnly
            | Self::EntryTooLarge
            | Self::LocalError
            | Self::TokenRejected
            | Self::PermissionDenied
            | Self::LoginCredentialsRejected
            | Self::LoginDenied
            | Self::SecretIdUnusable
            | Self::UserRejected
            | Self::LoginExpired
            | Self::LoginMisconfigured
            | Self::WrappingTokenInvalid
            | Self::Throttled
            | Self::NotCurrent
            | Self::NoActiveNode
            | Self::Sealed
            | Self::StorageConflict => false,
        }
    }

    /// Returns true if another node may answer the request, and this one has certainly not carried it
    /// out.
    pub(super) fn is_of_node(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Tls
                | Self::Redirect
                | Self::Sealed
                | Self::NotCurrent
                | Self::NoActiveNode
        )
    }

    /// Returns true if another node may answer the request, and this one may have carried it out.
    pub(super) fn may_be_of_node(self) -> bool {
        matches!(self, Self::Reset | Self::ServerError | Self::Malformed)
    }

    /// Returns true if there is no response.
    pub(super) fn is_without_response(self) -> bool {
        matches!(self, Self::Connect | Self::Tls | Self::Timeout | Self::Reset)
    }
}
