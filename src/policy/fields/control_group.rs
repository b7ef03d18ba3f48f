use super::{
    super::{
        HclItem, HclValue, Spanned,
        error::{ParseError, Quoted},
    },
    block, check_keys, integer, items_with_key,
    lifetime::RawDuration,
    text, unlabelled_value,
};

/// The operations that a factor can control. Vault has more operations than capabilities; `sudo`
/// is not one of them.
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

/// Checks every `control_group`: each requires a factor, and each factor requires approvers.
/// Returns the features that HashiCorp Vault accepts and OpenBao rejects.
pub(in crate::policy) fn check(
    items: &[HclItem],
) -> Result<Vec<Spanned<&'static str>>, ParseError> {
    let mut vault_only = Vec::new();
    for item in items_with_key(items, "control_group") {
        group(item, &mut vault_only)?;
    }
    Ok(vault_only)
}

fn group(item: &HclItem, vault_only: &mut Vec<Spanned<&'static str>>) -> Result<(), ParseError> {
    let items = block(item)?;
    check_keys(items, &["ttl", "factor", "self_auth_allowed"])?;
    if let Some(lifetime) = RawDuration::read(items, "ttl")? {
        lifetime.nanoseconds()?;
    }
    for item in items_with_key(items, "self_auth_allowed") {
        let value = unlabelled_value(item)?;
        if !matches!(value.value, HclValue::Bool(_)) {
            return Err(ParseError::expected(value.at, "`true` or `false`", &value.value));
        }
    }
    if items_with_key(items, "factor").next().is_none() {
        return Err(ParseError::new(
            item.at(),
            "expected at least one `factor` in the control group",
        ));
    }
    items_with_key(items, "factor").try_for_each(|item| factor(item, vault_only))
}

fn factor(item: &HclItem, vault_only: &mut Vec<Spanned<&'static str>>) -> Result<(), ParseError> {
    let items = block(item)?;
    if item.labels().is_empty() {
        return Err(ParseError::expected(
            item.value.at,
            "a name after `factor`",
            &item.value.value,
        ));
    }
    check_keys(items, &["controlled_capabilities", "identity"])?;
    let operations = text::string_list(items, "controlled_capabilities")?;
    if let Some(unknown) = operations.iter().find(|o| !OPERATIONS.contains(&o.value.as_str())) {
        let found = Quoted(&unknown.value);
        return Err(ParseError::expected(unknown.at, "an operation", found));
    }
    if operations.is_empty() {
        vault_only.push(Spanned::new("a `factor` without `controlled_capabilities`", item.at()));
    }
    identity(item, items)
}

/// Checks `identity`. Vault ignores the case of its keys, and unknown keys in it.
fn identity(factor: &HclItem, items: &[HclItem]) -> Result<(), ParseError> {
    let mut groups: Vec<Spanned<String>> = Vec::new();
    let mut approvals = 0;
    for identity in items_with_key(items, "identity") {
        unlabelled_value(identity)?;
        for item in block(identity)? {
            if item.key().eq_ignore_ascii_case("group_names") {
                text::append(item, &mut groups)?;
            } else if item.key().eq_ignore_ascii_case("approvals") {
                approvals = integer::read(unlabelled_value(item)?)?;
            }
        }
    }
    if approvals < 1 {
        return Err(ParseError::new(
            factor.at(),
            "expected at least one of `approvals` in `identity`",
        ));
    }
    if groups.is_empty() {
        return Err(ParseError::new(factor.at(), "expected `group_names` in `identity`"));
    }
    Ok(())
}
