//! The paths of Vault's API whose changes end tokens, or change what tokens are granted.

/// The tokens that a request to a path affects.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scope<'p> {
    /// No token.
    Nothing,
    /// The token whose accessor is in the request's body.
    TokenInBody,
    /// The caller's own token.
    TokenOfCaller,
    /// All tokens of the entity with this id.
    Entity(&'p str),
    /// Possibly any token.
    AllTokens,
}

/// Operations of Vault's that change nothing. Any other, known or not, is a change.
const READS: [&str; 7] =
    ["read", "list", "scan", "help", "header", "alias-lookahead", "resolve-role"];

/// Paths below `sys/` that end no token, and that are either open to ordinary callers (the policy
/// `default`, logins) or called often. All other changes below `sys/` are an operator's, and rare:
/// auth methods (also tuned, or moved: `remount`), policies, leases, namespaces, restored
/// snapshots, raw storage.
const SYS_WITHOUT_EFFECT: [&str; 10] = [
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

/// Paths below `identity/` that end no token. All others are entities, groups and their aliases.
const IDENTITY_WITHOUT_EFFECT: [&str; 3] = ["lookup/", "mfa/", "oidc/"];

/// Returns the tokens that this operation on this path affects, if it succeeds.
///
/// Below `auth/` it is the token store alone that ends tokens: a login method's users, roles and
/// secret ids are looked at when somebody logs in or renews, and what was issued stays valid (seen
/// on OpenBao 2.7).
pub(super) fn of_request<'p>(path: &'p str, operation: Option<&str>) -> Scope<'p> {
    // A mount is moved in the background. Whoever moves it reads the status until that is done.
    let moves = path.starts_with("sys/remount");
    if !moves && operation.is_some_and(|operation| READS.contains(&operation)) {
        return Scope::Nothing;
    }
    match path.split_once('/') {
        Some(("auth", path)) => in_auth(path),
        Some(("identity", path)) => in_identity(path),
        Some(("sys", path)) => in_sys(path),
        _ => Scope::Nothing,
    }
}

fn in_auth(path: &str) -> Scope<'static> {
    match path {
        "token/revoke-accessor" => Scope::TokenInBody,
        "token/revoke-self" => Scope::TokenOfCaller,
        path if path.starts_with("token/revoke") || path == "token/tidy" => Scope::AllTokens,
        _ => Scope::Nothing,
    }
}

fn in_identity(path: &str) -> Scope<'_> {
    match path.strip_prefix("entity/id/") {
        Some(id) if !id.is_empty() && !id.contains('/') => Scope::Entity(id),
        _ if starts_with_any(path, &IDENTITY_WITHOUT_EFFECT) => Scope::Nothing,
        _ => Scope::AllTokens,
    }
}

fn in_sys(path: &str) -> Scope<'static> {
    let secrets_engine = path.starts_with("mounts/") && !path.starts_with("mounts/auth/");
    if secrets_engine || starts_with_any(path, &SYS_WITHOUT_EFFECT) {
        return Scope::Nothing;
    }
    Scope::AllTokens
}

fn starts_with_any(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}
