//! The paths of Vault's API whose changes revoke tokens, or change the policies of tokens.

/// The tokens that a request to a path affects.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scope<'p> {
    /// No token.
    None,
    /// The token whose accessor is in the request's body.
    TokenInBody,
    /// The caller's own token.
    TokenOfCaller,
    /// All tokens of the entity with this id.
    Entity(&'p str),
    /// Possibly any token.
    AllTokens,
}

/// Vault's read-only operations. Any other, known or not, is a change.
const READ_OPERATIONS: [&str; 7] =
    ["read", "list", "scan", "help", "header", "alias-lookahead", "resolve-role"];

/// Paths below `sys/` that affect no token, and that are either allowed for ordinary callers (the
/// policy `default`, logins) or called often. All other changes below `sys/` are made by operators,
/// and rare: auth methods (including `tune` and `remount`), policies, leases, namespaces, restored
/// snapshots, raw storage.
const SYS_PATHS_WITHOUT_EFFECT: [&str; 10] = [
    "audit-hash/",
    "capabilities",
    "control-group/",
    "internal/",
    "leases/lookup",
    "leases/renew",
    "mfa/",
    "renew",
    "tools/",
    "wrapping/",
];

/// Paths below `identity/` that affect no token. All others are entities, groups and their aliases.
const IDENTITY_PATHS_WITHOUT_EFFECT: [&str; 3] = ["lookup/", "mfa/", "oidc/"];

/// Returns the tokens that this operation on this path affects, if it succeeds.
///
/// Below `auth/` only the token store affects tokens: an auth method's users, roles and secret ids
/// are read at a login or a renewal, and tokens that were issued before stay valid (observed on
/// OpenBao 2.7).
pub(super) fn of_request<'p>(path: &'p str, operation: Option<&str>) -> Scope<'p> {
    // A mount is moved in the background, and the operator polls the status until that is done.
    let is_remount = path.starts_with("sys/remount");
    if !is_remount && operation.is_some_and(|operation| READ_OPERATIONS.contains(&operation)) {
        return Scope::None;
    }
    match path.split_once('/') {
        Some(("auth", path)) => scope_in_auth(path),
        Some(("identity", path)) => scope_in_identity(path),
        Some(("sys", path)) => scope_in_sys(path),
        _ => Scope::None,
    }
}

fn scope_in_auth(path: &str) -> Scope<'static> {
    match path {
        "token/revoke-accessor" => Scope::TokenInBody,
        "token/revoke-self" => Scope::TokenOfCaller,
        path if path.starts_with("token/revoke") || path == "token/tidy" => Scope::AllTokens,
        _ => Scope::None,
    }
}

fn scope_in_identity(path: &str) -> Scope<'_> {
    match path.strip_prefix("entity/id/") {
        Some(id) if !id.is_empty() && !id.contains('/') => Scope::Entity(id),
        _ if starts_with_any(path, &IDENTITY_PATHS_WITHOUT_EFFECT) => Scope::None,
        _ => Scope::AllTokens,
    }
}

fn scope_in_sys(path: &str) -> Scope<'static> {
    let is_secrets_engine = path.starts_with("mounts/") && !path.starts_with("mounts/auth/");
    if is_secrets_engine || starts_with_any(path, &SYS_PATHS_WITHOUT_EFFECT) {
        return Scope::None;
    }
    Scope::AllTokens
}

fn starts_with_any(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}
