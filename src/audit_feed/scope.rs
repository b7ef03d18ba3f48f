//! The paths of Vault's API whose changes take rights from tokens.

/// The tokens that a request to a path affects.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scope<'p> {
    /// No token.
    None,
    /// The token in the request's body, and all that have a parent: they may be its descendants.
    TokenInBody(BodyField),
    /// The caller's own token, and all that have a parent.
    TokenOfCaller,
    /// The lifetime of the token in the request's body.
    LifetimeOf(BodyField),
    /// The lifetime of the caller's own token.
    LifetimeOfCaller,
    /// All tokens of the entity with this id.
    Entity(&'p str),
    /// All tokens of the entity with this name.
    EntityName(&'p str),
    /// The tokens of any entity.
    AllEntities,
    /// The tokens of the entity that logs in: a login updates its groups.
    EntityOfLogin,
    /// The capabilities of the tokens with this policy.
    Policy(&'p str),
    /// Possibly any token.
    AllTokens(Completion),
}

/// The member of a request's body that names a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyField {
    /// The accessor of the token.
    Accessor,
    /// The token itself.
    Token,
}

/// The time at which a change is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completion {
    /// Before Vault responds.
    WithResponse,
    /// At some later time, in the background.
    InBackground,
}

/// Vault's read-only operations. Any other, known or not, is a change.
const READ_OPERATIONS: [&str; 7] =
    ["read", "list", "scan", "help", "header", "alias-lookahead", "resolve-role"];

/// Paths below `sys/` that affect no token, and that are either allowed for ordinary callers (the
/// policy `default`, logins), called often, or about the server itself. All other changes below `sys/` are
/// made by operators, and rare: auth methods (including `tune` and `remount`), leases, namespaces, restored
/// snapshots, raw storage.
const SYS_PATHS_WITHOUT_EFFECT: [&str; 12] = [
    "audit-hash/",
    "capabilities",
    "control-group/",
    "internal/",
    "leases/lookup",
    "leases/renew",
    "mfa/",
    "renew",
    "seal",
    "step-down",
    "tools/",
    "wrapping/",
];

/// Paths below `sys/` whose changes Vault completes in the background.
const SYS_PATHS_IN_BACKGROUND: [&str; 3] = ["leases/", "remount", "revoke"];

/// Paths below `sys/` whose removal Vault completes in the background.
const SYS_PATHS_REMOVED_IN_BACKGROUND: [&str; 3] = ["auth/", "mounts/auth/", "namespaces/"];

/// Paths below `identity/` that affect no token. All others are entities, groups and their aliases.
const IDENTITY_PATHS_WITHOUT_EFFECT: [&str; 3] = ["lookup/", "mfa/", "oidc/"];

/// The auth methods whose logins do not change the groups of an entity.
const METHODS_WITHOUT_GROUPS: [&str; 4] = ["approle", "cert", "token", "userpass"];

/// Returns the tokens that this operation on this path affects, if it succeeds. `mount_type` is the type of
/// the engine or auth method there.
///
/// Below `auth/` only the token store affects tokens that exist, and logins that update the external groups
/// of their entity: an auth method's users, roles and secret ids are read at a login or a renewal, and tokens
/// that were issued before stay valid (observed on OpenBao 2.7).
pub(super) fn of_request<'p>(
    path: &'p str,
    operation: Option<&str>,
    mount_type: Option<&str>,
) -> Scope<'p> {
    // A mount is moved in the background, and the operator polls the status until that is done.
    let is_remount = path.starts_with("sys/remount");
    if !is_remount && operation.is_some_and(|operation| READ_OPERATIONS.contains(&operation)) {
        return Scope::None;
    }
    match path.split_once('/') {
        Some(("auth", path)) => scope_in_auth(path, mount_type),
        Some(("identity", path)) => scope_in_identity(path),
        Some(("sys", path)) => scope_in_sys(path, operation),
        _ => Scope::None,
    }
}

fn scope_in_auth<'p>(path: &'p str, mount_type: Option<&str>) -> Scope<'p> {
    let Some(path) = path.strip_prefix("token/") else {
        return match mount_type {
            Some(method) if METHODS_WITHOUT_GROUPS.contains(&method) => Scope::None,
            _ => Scope::EntityOfLogin,
        };
    };
    match path {
        "revoke-accessor" => Scope::TokenInBody(BodyField::Accessor),
        "revoke" | "revoke-orphan" => Scope::TokenInBody(BodyField::Token),
        "revoke-self" => Scope::TokenOfCaller,
        // A renewal may shorten the lifetime.
        "renew" => Scope::LifetimeOf(BodyField::Token),
        "renew-accessor" => Scope::LifetimeOf(BodyField::Accessor),
        "renew-self" => Scope::LifetimeOfCaller,
        "tidy" => Scope::AllTokens(Completion::InBackground),
        // Older versions accept the token in the path.
        path if path.starts_with("revoke") => Scope::AllTokens(Completion::WithResponse),
        path if path.starts_with("renew") => Scope::AllTokens(Completion::WithResponse),
        _ => Scope::None,
    }
}

fn scope_in_identity(path: &str) -> Scope<'_> {
    let named = |kind: &str| {
        let rest = path.strip_prefix(kind)?;
        (!rest.is_empty() && !rest.contains('/')).then_some(rest)
    };
    if let Some(id) = named("entity/id/") {
        Scope::Entity(id)
    } else if let Some(name) = named("entity/name/") {
        Scope::EntityName(name)
    } else if starts_with_any(path, &IDENTITY_PATHS_WITHOUT_EFFECT) {
        Scope::None
    } else {
        Scope::AllEntities
    }
}

fn scope_in_sys<'p>(path: &'p str, operation: Option<&str>) -> Scope<'p> {
    let is_secrets_engine = path.starts_with("mounts/") && !path.starts_with("mounts/auth/");
    if is_secrets_engine || starts_with_any(path, &SYS_PATHS_WITHOUT_EFFECT) {
        return Scope::None;
    }
    if let Some(name) = ["policies/acl/", "policy/"].iter().find_map(|kind| path.strip_prefix(kind))
        && !name.is_empty()
    {
        return Scope::Policy(name);
    }
    // `leases/revoke/LEASE` names the lease, which is a token's only below `auth/`.
    let lease = ["leases/revoke/", "revoke/"].iter().find_map(|kind| path.strip_prefix(kind));
    if lease.is_some_and(|lease| !lease.starts_with("auth/")) {
        return Scope::None;
    }
    let is_removal = operation == Some("delete");
    let in_background = starts_with_any(path, &SYS_PATHS_IN_BACKGROUND)
        || (is_removal && starts_with_any(path, &SYS_PATHS_REMOVED_IN_BACKGROUND));
    Scope::AllTokens(if in_background {
        Completion::InBackground
    } else {
        Completion::WithResponse
    })
}

fn starts_with_any(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}
