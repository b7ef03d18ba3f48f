//! Lints for the isolation of the tenants' secrets and keys.

use std::collections::BTreeSet;

use super::{Diagnostic, Lint, LintContext, Mounts};
use crate::{
    capabilities::Capability,
    policy::{
        Policy, PolicySet, Rule,
        pattern::{Pattern, overlaps},
    },
    tenants::{SECRETS_FOLDER, key_name, secrets_folder, tenant_from_key, tenant_from_policy},
};

/// The selector of the caller's tenant.
const TENANT: &str = "identity.entity.metadata.tenant";

/// Sample names: the caller's tenant, one whose name begins with that, and any other.
const OWN: &str = "tenant-of-the-caller";
const LONGER: &str = "tenant-of-the-caller-2";
const ANY: &str = "any-other-tenant";

/// Returns the tenants that are named in the paths or the names of the policies.
pub(super) fn named(set: &PolicySet, mounts: &Mounts) -> BTreeSet<String> {
    let mut tenants = BTreeSet::new();
    for (name, file) in set.iter() {
        tenants.extend(tenant_from_policy(name.as_str()).map(str::to_owned));
        for rule in file.policy.rules() {
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

/// Finds grants of `create` on encryption: encrypting with a mistyped key name would create that
/// key, which is not derived.
pub(super) fn transit_create(rule: &Rule, context: &LintContext<'_>) -> Option<Diagnostic> {
    let transit = &context.mounts.transit;
    let path = rule.path();
    let declared = path.value.trim_start_matches('/');
    let encrypt = Pattern::new(&format!("{transit}/encrypt/*"));
    let about =
        declared.starts_with(&format!("{transit}/")) && overlaps(&pattern(rule, OWN), &encrypt);
    let create = rule.capabilities().contains(Capability::Create);
    let at = rule.declared().iter().find(|one| one.value == Capability::Create);
    (about && create).then(|| {
        Diagnostic::new(
            Lint::TransitCreate,
            at.map_or(path.at, |one| one.at),
            "with `create`, encrypting with a missing key creates it",
            "grant only `update`, which is sufficient to encrypt",
        )
    })
}

/// Finds rules of a tenant's policy that match paths of another tenant. A policy is a tenant's if
/// its name is `tenant-NAME`, or if any of its paths contains the tenant's template, because then
/// every tenant has it.
pub(super) fn check_tenant_isolation(
    name: &str,
    policy: &Policy,
    context: &LintContext<'_>,
) -> Vec<Diagnostic> {
    let asks = |rule: &Rule| rule.template().selectors().any(|selector| selector == TENANT);
    let own = match tenant_from_policy(name) {
        Some(own) => own,
        None if policy.rules().iter().any(asks) => OWN,
        None => return Vec::new(),
    };
    let longer = if own == OWN { LONGER.to_owned() } else { format!("{own}-2") };
    let others = context.tenants.iter().map(String::as_str).filter(|other| *other != own);
    let others: Vec<&str> = others.chain([ANY, longer.as_str()]).collect();
    let reaches = |rule: &&Rule| {
        let pattern = pattern(rule, own);
        let reached = |other: &&&str| {
            tenant_paths(other, context).iter().any(|path| overlaps(&pattern, path))
        };
        others.iter().find(reached).copied()
    };
    let granting = policy.rules().iter().filter(|rule| !rule.capabilities().denies());
    let reaching = granting.filter_map(|rule| Some((rule, reaches(&rule)?)));
    let message = |other: &str| {
        match other {
        ANY => "a rule of a tenant's policy matches paths of every tenant".to_owned(),
        other if other == longer => {
            "a rule of a tenant's policy matches paths of tenants whose names begin with that tenant's"
                .to_owned()
        }
        other => format!("a rule of a tenant's policy matches paths of the tenant {other}"),
    }
    };
    reaching.map(|(rule, other)| diagnostic(rule, message(other))).collect()
}

fn diagnostic(rule: &Rule, message: String) -> Diagnostic {
    let remedy = format!(
        "write {{{{{TENANT}}}}} as the whole tenant name, or move the rule to another policy"
    );
    Diagnostic::new(Lint::TenantReach, rule.path().at, message, remedy)
}

/// Returns the patterns of this tenant's secrets and keys.
fn tenant_paths(tenant: &str, context: &LintContext<'_>) -> Vec<Pattern> {
    let transit = &context.mounts.transit;
    let kv = context.kv.iter().map(|kv| format!("{kv}/+/{}", secrets_folder(tenant)));
    let keys = ["+", "datakey/+", "export/+"];
    let keys = keys.iter().map(|call| format!("{transit}/{call}/{}", key_name(tenant)));
    kv.chain(keys).flat_map(|at| [Pattern::new(&at), Pattern::new(&format!("{at}/*"))]).collect()
}

/// Returns the path rendered for a caller of this tenant.
fn pattern(rule: &Rule, tenant: &str) -> Pattern {
    let value = |selector: &str| if selector == TENANT { tenant } else { "x" };
    Pattern::new(&rule.template().render(|selector| value(selector).to_owned()))
}
