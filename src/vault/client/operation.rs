/// The maximum size of most responses, in bytes. The expected ones take a fraction of it; the limit
/// keeps a broken peer from filling the memory.
const MAX_RESPONSE: usize = 1024 * 1024;

/// The maximum size of responses with secrets, in bytes: a secret of 1 MiB with the overhead of
/// encryption and of two layers of base64, or a list of some ten thousand names.
const MAX_SECRET_RESPONSE: usize = 4 * 1024 * 1024;

/// The maximum size of the list of all entities, in bytes. Vault does not page it; an entity takes
/// about 300 bytes.
const MAX_ENTITY_LIST_RESPONSE: usize = 64 * 1024 * 1024;

/// The kind of a request to Vault. Determines its label in the metrics, its limits, and the error
/// messages that are expected in the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Lookup,
    LookupSelf,
    Capabilities,
    ConsumeUse,
    Entity,
    EntityList,
    Policy,
    Admin,
    Login,
    UserLogin,
    MfaValidation,
    OidcStart,
    OidcCallback,
    Renew,
    Revoke,
    Unwrap,
    TicketWrap,
    TicketUnwrap,
    RefreshState,
    Health,
    Seal,
    SecretList,
    DetailedMetadata,
    SecretMetadata,
    SecretRead,
    SecretWrite,
    SecretDelete,
    Mount,
    TransitKey,
    Encrypt,
    Decrypt,
    Rewrap,
}

impl Operation {
    /// Returns the label in the metrics and traces.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::LookupSelf => "lookup_self",
            Self::Capabilities => "capabilities",
            Self::ConsumeUse => "spend",
            Self::Entity => "entity",
            Self::EntityList => "entity_list",
            Self::Policy => "policy",
            Self::Admin => "admin",
            Self::Login => "login",
            Self::UserLogin => "user_login",
            Self::MfaValidation => "mfa_validate",
            Self::OidcStart => "oidc_auth_url",
            Self::OidcCallback => "oidc_callback",
            Self::Renew => "renew",
            Self::Revoke => "revoke",
            Self::Unwrap => "unwrap",
            Self::TicketWrap => "ticket_wrap",
            Self::TicketUnwrap => "ticket_unwrap",
            Self::RefreshState => "refresh_state",
            Self::Health => "health",
            Self::Seal => "seal",
            Self::SecretList => "secret_list",
            Self::DetailedMetadata => "secret_details",
            Self::SecretMetadata => "secret_metadata",
            Self::SecretRead => "secret_read",
            Self::SecretWrite => "secret_write",
            Self::SecretDelete => "secret_delete",
            Self::Mount => "mount",
            Self::TransitKey => "transit_key",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Rewrap => "rewrap",
        }
    }

    /// Returns true if several callers may wait for one response.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Lookup | Self::Entity | Self::Capabilities)
    }

    /// Returns true if the request may be sent to several addresses at once: it changes nothing in Vault,
    /// and its token is the service's own, so that no use of a caller's token is consumed.
    pub(super) fn is_read_only(self) -> bool {
        matches!(self, Self::Lookup | Self::Entity | Self::Capabilities)
    }

    /// Returns true if a write that collided with another one in Vault's storage may be sent again.
    /// The login of a person may not: Vault counts failed logins, and accepts a passcode once.
    pub(super) fn is_repeatable(self) -> bool {
        !matches!(self, Self::UserLogin | Self::MfaValidation)
    }

    /// Returns the maximum size of the response body, in bytes.
    pub(super) fn max_response_size(self) -> usize {
        match self {
            Self::EntityList => MAX_ENTITY_LIST_RESPONSE,
            Self::Admin
            | Self::Policy
            | Self::SecretList
            | Self::DetailedMetadata
            | Self::SecretRead
            | Self::Encrypt
            | Self::Decrypt
            | Self::Rewrap => MAX_SECRET_RESPONSE,
            _ => MAX_RESPONSE,
        }
    }
}
