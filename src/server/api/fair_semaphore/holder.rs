use crate::token::TokenKey;

/// The holder that permits are counted for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::server::api) enum Holder {
    /// All callers of this tenant together.
    Tenant(String),
    /// All tokens of this entity, which has no tenant.
    Entity(String),
    /// One token without an entity.
    Token(TokenKey),
}
