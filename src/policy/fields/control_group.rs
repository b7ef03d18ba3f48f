use super::{
    super::{
        At, Item, Value,
        error::{Fault, Quoted},
    },
    block, integer, known,
    lifetime::Lifetime,
    named, plain, text,
};

/// What a factor may control: Vault's operations, which are more than its capabilities and
/// don't include `sudo`.
const OPERATIONS: [&str; 14] = [
    "create",
    "read",
    "update",
    "patch",
    "delete",
    "list",
    "scan",
    "help",
    "alias-lookahead",
    "resolve-role",
    "revoke",
    "renew",
    "rollback",
    "header",
];

/// Checks every `control_group`: each needs at least one factor, and each factor somebody who can
/// approve. Returns what HashiCorp Vault accepts and OpenBao refuses.
pub(in crate::policy) fn check(items: &[Item]) -> Result<Vec<At<&'static str>>, Fault> {
    let mut vault_only = Vec::new();
    for item in named(items, "control_group") {
        group(item, &mut vault_only)?;
    }
    Ok(vault_only)
}

fn group(item: &Item, vault_only: &mut Vec<At<&'static str>>) -> Result<(), Fault> {
    let items = block(item)?;
    known(items, &["ttl", "factor", "self_auth_allowed"])?;
    if let Some(lifetime) = Lifetime::read(items, "ttl")? {
        lifetime.nanoseconds()?;
    }
    for item in named(items, "self_auth_allowed") {
        let value = plain(item)?;
        if !matches!(value.value, Value::Bool(_)) {
            return Err(Fault::expected(value.at, "`true` or `false`", &value.value));
        }
    }
    if named(items, "factor").next().is_none() {
        return Err(Fault::new(item.at(), "expected at least one `factor` in the control group"));
    }
    named(items, "factor").try_for_each(|item| factor(item, vault_only))
}

fn factor(item: &Item, vault_only: &mut Vec<At<&'static str>>) -> Result<(), Fault> {
    let items = block(item)?;
    if item.labels().is_empty() {
        return Err(Fault::expected(item.value.at, "a name after `factor`", &item.value.value));
    }
    known(items, &["controlled_capabilities", "identity"])?;
    let operations = text::texts(items, "controlled_capabilities")?;
    if let Some(unknown) = operations.iter().find(|o| !OPERATIONS.contains(&o.value.as_str())) {
        let found = Quoted(&unknown.value);
        return Err(Fault::expected(unknown.at, "an operation", found));
    }
    if operations.is_empty() {
        vault_only.push(At::new("a `factor` without `controlled_capabilities`", item.at()));
    }
    identity(item, items)
}

/// The keys in `identity` are the only ones whose case Vault ignores, and whose company.
fn identity(factor: &Item, items: &[Item]) -> Result<(), Fault> {
    let mut groups: Vec<At<String>> = Vec::new();
    let mut approvals = 0;
    for identity in named(items, "identity") {
        plain(identity)?;
        for item in block(identity)? {
            if item.key().eq_ignore_ascii_case("group_names") {
                text::append(item, &mut groups)?;
            } else if item.key().eq_ignore_ascii_case("approvals") {
                approvals = integer::read(plain(item)?)?;
            }
        }
    }
    if approvals < 1 {
        return Err(Fault::new(factor.at(), "expected at least one of `approvals` in `identity`"));
    }
    if groups.is_empty() {
        return Err(Fault::new(factor.at(), "expected `group_names` in `identity`"));
    }
    Ok(())
}
