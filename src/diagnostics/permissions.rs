//! What a token of the service has to be granted, and what it must not be.

use super::diagnosis::Finding;
use crate::{
    policies::Mounts,
    token::Capabilities,
    vault::{Examiner, NEEDED, TokenRecord, Untold},
};

const ASKING: &str = "may ask for capabilities";
const SUDO: &str = "no sudo";

/// All checks of what a token may do, in the order of their findings.
pub(super) const CHECKS: [&str; 11] = [
    "may look up tokens",
    "may read entities",
    ASKING,
    "may renew itself",
    "no secrets",
    "no tenants' keys",
    "no policies",
    "no tokens",
    "no identities",
    "no mounts",
    SUDO,
];

/// What keeps a token alive that can be renewed.
const RENEWAL: &str = "auth/token/renew-self";

/// A tenant that there need not be: what is granted for every tenant is granted for this one.
const ANY_TENANT: &str = "doctor-any-tenant";

/// How many tenants' paths are asked about at the most.
const MANY: usize = 20;

/// What is too much.
#[derive(Clone, Copy)]
enum Limit {
    /// Anything at all.
    Nothing,
    /// Anything but looking.
    Looking,
}

/// Paths that a token must not be granted more on than this.
struct Taboo {
    check: &'static str,
    limit: Limit,
    paths: Vec<String>,
}

/// Asks Vault about each path.
pub(super) async fn examine(
    examiner: &Examiner<'_>,
    mounts: &Mounts,
    tenants: &[String],
    record: &TokenRecord,
) -> Vec<Finding> {
    let taboos = taboos(mounts, tenants);
    let needed = NEEDED.iter().map(|(path, _)| *path).chain([RENEWAL]).map(str::to_owned);
    let paths: Vec<String> =
        needed.chain(taboos.iter().flat_map(|taboo| taboo.paths.iter().cloned())).collect();
    let granted = match examiner.granted(&paths).await {
        Ok(granted) => granted,
        Err(error) => return untold(&error),
    };
    let mut granted: Vec<Grant<'_>> = paths
        .iter()
        .zip(&granted)
        .map(|(path, words)| Grant { path, words: words.iter().map(String::as_str).collect() })
        .collect();
    let sudo = sudo(&granted);
    let mut rest = granted.split_off(NEEDED.len() + 1);
    let mut findings: Vec<Finding> = needs(&granted, record).collect();
    for taboo in &taboos {
        let others = rest.split_off(taboo.paths.len());
        findings.push(taboo.judge(&rest));
        rest = others;
    }
    findings.push(sudo);
    findings
}

/// What Vault grants on a path, in its words.
struct Grant<'g> {
    path: &'g str,
    words: Vec<&'g str>,
}

fn untold(error: &Untold) -> Vec<Finding> {
    let asking = match error {
        Untold::NotAllowed(why) => Finding::failed(
            ASKING,
            format!("it may not: {why}"),
            "it needs update on sys/capabilities, as policies/validator.hcl has it",
        ),
        Untold::Failed(why) => Finding::failed(ASKING, why, "does Vault answer others?"),
    };
    let skipped = |check: &'static str| {
        Finding::skipped(check, "Vault does not say what the token is granted", "")
    };
    let finding = |check| if check == ASKING { asking.clone() } else { skipped(check) };
    CHECKS.into_iter().map(finding).collect()
}

fn needs<'f>(
    granted: &'f [Grant<'_>],
    record: &'f TokenRecord,
) -> impl Iterator<Item = Finding> + 'f {
    let renewal = if record.renewable { Some(Capabilities::UPDATE) } else { None };
    let wanted = NEEDED.iter().map(|(_, wanted)| Some(*wanted)).chain([renewal]);
    granted.iter().zip(CHECKS).zip(wanted).map(|((grant, check), wanted)| {
        let Some(wanted) = wanted else {
            return Finding::skipped(check, "it is not a token that is renewed", "");
        };
        let words = wanted.words().join(", ");
        if Capabilities::from_words(grant.words.iter().copied()).has_any(wanted) {
            return Finding::ok(check, format!("{words} on {}", grant.path));
        }
        let remedy = "give its role the policy in policies/validator.hcl";
        Finding::failed(check, format!("it lacks {words} on {}", grant.path), remedy)
    })
}

impl Taboo {
    fn judge(&self, granted: &[Grant<'_>]) -> Finding {
        let excess = |grant: &Grant<'_>| {
            let words: Vec<_> =
                grant.words.iter().copied().filter(|word| self.limit.is_passed_by(word)).collect();
            (!words.is_empty()).then(|| format!("{} on {}", words.join(", "), grant.path))
        };
        let excess: Vec<String> = granted.iter().filter_map(excess).collect();
        if excess.is_empty() {
            let (number, first) = (self.paths.len(), &self.paths[0]);
            return Finding::ok(self.check, format!("nothing on {number} paths such as {first}"));
        }
        Finding::failed(
            self.check,
            format!("it has {}", excess.join("; ")),
            "whoever takes the service over has that: give its role the policy validator alone",
        )
    }
}

impl Limit {
    fn is_passed_by(self, word: &str) -> bool {
        match self {
            Self::Nothing => word != "deny",
            Self::Looking => !matches!(word, "deny" | "read" | "list" | "scan"),
        }
    }
}

fn sudo(granted: &[Grant<'_>]) -> Finding {
    let with = granted.iter().filter(|grant| grant.words.contains(&"sudo"));
    let with: Vec<_> = with.map(|grant| grant.path).collect();
    if with.is_empty() {
        return Finding::ok(SUDO, "on none of these paths");
    }
    Finding::failed(
        SUDO,
        format!("it has sudo on {}", with.join("; ")),
        "no policy of the service needs sudo: give its role the policy validator alone",
    )
}

/// What no policy of the service grants, in the order of [`CHECKS`]: the limit, and the paths, in
/// which `{tenant}` stands for each tenant that is known.
const TABOOS: [(Limit, &[&str]); 6] = [
    (Limit::Nothing, &["{kv}/data/tenants/{tenant}/any", "{kv}/metadata/tenants/{tenant}/any"]),
    (
        Limit::Nothing,
        &[
            "{transit}/decrypt/tenant-{tenant}",
            "{transit}/encrypt/tenant-{tenant}",
            "{transit}/rewrap/tenant-{tenant}",
            "{transit}/datakey/plaintext/tenant-{tenant}",
            "{transit}/export/encryption-key/tenant-{tenant}",
            "{transit}/backup/tenant-{tenant}",
            "{transit}/keys/tenant-{tenant}",
        ],
    ),
    (
        Limit::Looking,
        &[
            "sys/policies/acl/validator",
            "sys/policies/acl/doctor-any-policy",
            "sys/policy/validator",
        ],
    ),
    (
        Limit::Looking,
        &[
            "auth/token/create",
            "auth/token/create-orphan",
            "auth/token/roles/doctor-any-role",
            "auth/approle/role/validator",
            "auth/approle/role/validator/secret-id",
        ],
    ),
    (
        Limit::Looking,
        &[
            "identity/entity",
            "identity/entity/id/00000000-0000-0000-0000-000000000000",
            "identity/entity-alias",
            "identity/group",
        ],
    ),
    (
        Limit::Looking,
        &[
            "sys/mounts/doctor-any-mount",
            "sys/auth/doctor-any-method",
            "sys/audit/doctor-any-device",
            "sys/seal",
        ],
    ),
];

fn taboos(Mounts { kv, transit }: &Mounts, tenants: &[String]) -> Vec<Taboo> {
    let tenants: Vec<&str> =
        tenants.iter().map(String::as_str).take(MANY).chain([ANY_TENANT]).collect();
    let fill = |form: &&str| -> Vec<String> {
        let form = form.replace("{kv}", kv).replace("{transit}", transit);
        let of = |tenant: &&str| form.replace("{tenant}", tenant);
        let tenants = if form.contains("{tenant}") { &tenants[..] } else { &[ANY_TENANT] };
        tenants.iter().map(of).collect()
    };
    let checks = CHECKS.into_iter().skip(NEEDED.len() + 1);
    let taboo = |(check, (limit, forms)): (&'static str, (Limit, &[&str]))| Taboo {
        check,
        limit,
        paths: forms.iter().flat_map(fill).collect(),
    };
    checks.zip(TABOOS).map(taboo).collect()
}
