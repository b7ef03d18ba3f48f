/// The largest answer of Vault that is read, in bytes. What this program asks for fits into a
/// fraction of it, and a broken peer must not be able to fill the memory.
const MAX_ANSWER: usize = 1024 * 1024;

/// The same for secrets: of one of 1 MiB, with what encryption and two layers of base64 add; and
/// for a list of some ten thousand names.
const MAX_SECRET: usize = 4 * 1024 * 1024;

/// The same for the list of all entities, which Vault has no pages of: about 300 bytes for each.
const MAX_ENTITY_LIST: usize = 64 * 1024 * 1024;

/// What kind of call it is, in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Lookup,
    LookupSelf,
    Capabilities,
    Spend,
    Entity,
    EntityList,
    Policy,
    Admin,
    Login,
    Renew,
    Revoke,
    Unwrap,
    Health,
    Seal,
    SecretList,
    SecretDetails,
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
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::LookupSelf => "lookup_self",
            Self::Capabilities => "capabilities",
            Self::Spend => "spend",
            Self::Entity => "entity",
            Self::EntityList => "entity_list",
            Self::Policy => "policy",
            Self::Admin => "admin",
            Self::Login => "login",
            Self::Renew => "renew",
            Self::Revoke => "revoke",
            Self::Unwrap => "unwrap",
            Self::Health => "health",
            Self::Seal => "seal",
            Self::SecretList => "secret_list",
            Self::SecretDetails => "secret_details",
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

    /// Whether several callers may wait for the answer.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Lookup | Self::Entity | Self::Capabilities)
    }

    /// The largest answer that is read, in bytes.
    pub(super) fn largest_answer(self) -> usize {
        match self {
            Self::EntityList => MAX_ENTITY_LIST,
            Self::Admin
            | Self::Policy
            | Self::SecretList
            | Self::SecretDetails
            | Self::SecretRead
            | Self::Encrypt
            | Self::Decrypt
            | Self::Rewrap => MAX_SECRET,
            _ => MAX_ANSWER,
        }
    }
}
