//! Whether tenants' secrets and keys stay apart.

use std::collections::BTreeSet;

use super::{Check, Mounts, Note, Surroundings};
use crate::{
    capabilities::Capability,
    policy::{
        Policy, PolicySet, Rule,
        pattern::{Pattern, overlap},
    },
    tenants::{SECRETS_FOLDER, key_name, secrets_folder, tenant_from_key, tenant_from_policy},
};

/// What a template has for the tenant.
const TENANT: &str = "identity.entity.metadata.tenant";

/// Stands for the caller's tenant, for one whose name begins with that, and for any other.
const OWN: &str = "tenant-of-the-caller";
const LONGER: &str = "tenant-of-the-caller-2";
const ANY: &str = "any-other-tenant";

/// The tenants that the policies name in their paths, or by their own names.
pub(super) fn named(set: &PolicySet, mounts: &Mounts) -> BTreeSet<String> {
    let mut tenants = BTreeSet::new();
    for (name, member) in set.iter() {
        tenants.extend(tenant_from_policy(name.as_str()).map(str::to_owned));
        for rule in member.policy.rules() {
            let path = rule.path().value.trim_start_matches('/');
            let segments: Vec<&str> = path.split('/').collect();
            let after =
                segments.iter().skip_while(|segment| **segment != SECRETS_FOLDER).nth(1).copied();
            let found = match segments.as_slice() {
                [mount, .., key] if *mount == mounts.transit => tenant_from_key(key),
                _ => after,
            };
            let plain = |tenant: &&str| !tenant.is_empty() && !tenant.contains(['*', '+', '{']);
            tenants.extend(found.filter(plain).map(str::to_owned));
        }
    }
    tenants
}

/// A right to create transit keys by encrypting with them: whoever mistypes a name gets a new key,
/// which is not derived.
pub(super) fn transit_create(rule: &Rule, surroundings: &Surroundings<'_>) -> Option<Note> {
    let transit = &surroundings.mounts.transit;
    let path = rule.path();
    let written = path.value.trim_start_matches('/');
    let encrypt = Pattern::new(&format!("{transit}/encrypt/*"));
    let about =
        written.starts_with(&format!("{transit}/")) && overlap(&pattern(rule, OWN), &encrypt);
    let create = rule.capabilities().contains(Capability::Create);
    let at = rule.written().iter().find(|one| one.value == Capability::Create);
    (about && create).then(|| {
        Note::new(
            Check::TransitCreate,
            at.map_or(path.at, |one| one.at),
            "with `create`, encrypting with a key that does not exist creates it",
            "grant `update` alone: it is enough to encrypt",
        )
    })
}

/// The rules of a tenant's policy that reach another tenant. A policy is a tenant's if its name is
/// `tenant-NAME`, or if it asks for the tenant anywhere, since then each tenant has it.
pub(super) fn reach(name: &str, policy: &Policy, surroundings: &Surroundings<'_>) -> Vec<Note> {
    let asks = |rule: &Rule| rule.template().selectors().any(|selector| selector == TENANT);
    let own = match tenant_from_policy(name) {
        Some(own) => own,
        None if policy.rules().iter().any(asks) => OWN,
        None => return Vec::new(),
    };
    let longer = if own == OWN { LONGER.to_owned() } else { format!("{own}-2") };
    let others = surroundings.tenants.iter().map(String::as_str).filter(|other| *other != own);
    let others: Vec<&str> = others.chain([ANY, longer.as_str()]).collect();
    let reaches = |rule: &&Rule| {
        let pattern = pattern(rule, own);
        let reached =
            |other: &&&str| areas(other, surroundings).iter().any(|area| overlap(&pattern, area));
        others.iter().find(reached).copied()
    };
    let granting = policy.rules().iter().filter(|rule| !rule.capabilities().denies());
    let reaching = granting.filter_map(|rule| Some((rule, reaches(&rule)?)));
    let message = |other: &str| match other {
        ANY => "a rule of a tenant's policy reaches every tenant".to_owned(),
        other if other == longer => {
            "a rule of a tenant's policy reaches tenants whose names begin with that tenant's"
                .to_owned()
        }
        other => format!("a rule of a tenant's policy reaches the tenant {other}"),
    };
    reaching.map(|(rule, other)| note(rule, message(other))).collect()
}

fn note(rule: &Rule, message: String) -> Note {
    let remedy =
        format!("write {{{{{TENANT}}}}} as the whole name of the tenant, or a policy apart");
    Note::new(Check::TenantReach, rule.path().at, message, remedy)
}

/// Where this tenant's secrets and keys are.
fn areas(tenant: &str, surroundings: &Surroundings<'_>) -> Vec<Pattern> {
    let transit = &surroundings.mounts.transit;
    let kv = surroundings.kv.iter().map(|kv| format!("{kv}/+/{}", secrets_folder(tenant)));
    let keys = ["+", "datakey/+", "export/+"];
    let keys = keys.iter().map(|call| format!("{transit}/{call}/{}", key_name(tenant)));
    kv.chain(keys).flat_map(|at| [Pattern::new(&at), Pattern::new(&format!("{at}/*"))]).collect()
}

/// The path for a caller of this tenant.
fn pattern(rule: &Rule, tenant: &str) -> Pattern {
    let value = |selector: &str| if selector == TENANT { tenant } else { "x" };
    Pattern::new(&rule.template().filled(|selector| value(selector).to_owned()))
}
