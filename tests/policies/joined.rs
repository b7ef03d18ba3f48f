//! The capabilities of several policies together, compared with `sys/capabilities`.

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use vault_auth_validator::policy::{Policy, evaluate};

use crate::support::bao::Bao;

/// The numbers of sets of policies, of paths per set, and of policies in a set.
const SETS: usize = 150;
const PATHS: usize = 12;
const POLICIES: usize = 3;

/// Capabilities; `deny` is rare, since it would hide most of the others.
const CAPABILITIES: [&str; 16] = [
    "create", "read", "update", "patch", "delete", "list", "scan", "sudo", "create", "read",
    "update", "patch", "delete", "list", "read", "deny",
];

/// A caller with a token that has the policies `joined-0`, `joined-1`, and so on.
struct Caller {
    token: String,
    entity: String,
    accessor: String,
}

impl Caller {
    async fn create(bao: &Bao) -> Self {
        bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
        let mounts = bao.must("GET", "sys/auth", None).await;
        let accessor = text(&mounts["userpass/"]["accessor"]);
        let policies: Vec<_> = (0..POLICIES).map(|n| format!("joined-{n}")).collect();
        let user = json!({
            "password": "p", "token_policies": policies, "token_no_default_policy": true,
        });
        bao.must("POST", "auth/userpass/users/al", Some(user)).await;
        let entity = json!({"name": "ab", "metadata": {"tenant": "a", "empty": ""}});
        let entity = text(&bao.must("POST", "identity/entity", Some(entity)).await["data"]["id"]);
        let alias = json!({"name": "al", "canonical_id": entity, "mount_accessor": accessor});
        bao.must("POST", "identity/entity-alias", Some(alias)).await;
        let login = json!({"password": "p"});
        let login = bao.must("POST", "auth/userpass/login/al", Some(login)).await;
        Self { token: text(&login["auth"]["client_token"]), entity, accessor }
    }

    /// Returns the value for a template.
    fn fill(&self, selector: &str) -> Option<String> {
        let alias = format!("identity.entity.aliases.{}.name", self.accessor);
        match selector {
            "identity.entity.id" => Some(self.entity.clone()),
            "identity.entity.name" => Some("ab".to_owned()),
            "identity.entity.metadata.tenant" => Some("a".to_owned()),
            "identity.entity.metadata.empty" => Some(String::new()),
            selector if selector == alias => Some("al".to_owned()),
            _ => None,
        }
    }

    /// Returns a segment of a path in a rule.
    fn segment(&self, random: &mut StdRng) -> String {
        let alias = format!("{{{{identity.entity.aliases.{}.name}}}}", self.accessor);
        let segments = [
            "a",
            "a",
            "ab",
            "b",
            "b",
            "+",
            "+",
            "",
            "a+",
            "+b",
            "a*b",
            "{{identity.entity.metadata.tenant}}",
            "{{ identity.entity.name }}",
            "{{identity.entity.id}}",
            "{{identity.entity.metadata.empty}}",
            "a{{identity.entity.metadata.tenant}}b",
            "{{identity.entity.metadata.missing}}",
            "{{unknown}}",
            &alias,
        ];
        (*segments.choose(random).expect("a segment")).to_owned()
    }

    fn policy(&self, random: &mut StdRng) -> String {
        let rule = |random: &mut StdRng| {
            let segments: Vec<_> =
                (0..random.random_range(1..4)).map(|_| self.segment(random)).collect();
            let ending = ["", "", "*", "/*", "/"].choose(random).expect("an ending");
            let path = format!("{}{ending}", segments.join("/")).replace("+*", "+/*");
            let count = random.random_range(0..4);
            let capabilities: Vec<_> =
                (0..count).map(|_| *CAPABILITIES.choose(random).expect("a capability")).collect();
            format!("path \"{path}\" {{ capabilities = {} }}\n", json!(capabilities))
        };
        (0..random.random_range(1..7)).map(|_| rule(random)).collect()
    }

    fn path(&self, random: &mut StdRng) -> String {
        let segments = ["a", "a", "b", "b", "ab", "aab", "al", "", "x", "a+", &self.entity];
        let path: Vec<_> = (0..random.random_range(1..5))
            .map(|_| *segments.choose(random).expect("a segment"))
            .collect();
        // Vault rejects an empty path.
        let end = match random.random_bool(0.2) {
            _ if path == [""] => "a",
            true => "/",
            false => "",
        };
        format!("{}{end}", path.join("/"))
    }
}

#[tokio::test]
async fn joined_capabilities_match_openbao() {
    let bao = Bao::dev().await;
    let caller = Caller::create(&bao).await;
    let mut random = StdRng::seed_from_u64(2);
    let (mut compared, mut granted, mut differ) = (0, 0, Vec::new());
    for _ in 0..SETS {
        let texts: Vec<_> = (0..POLICIES).map(|_| caller.policy(&mut random)).collect();
        for (n, text) in texts.iter().enumerate() {
            let path = format!("sys/policies/acl/joined-{n}");
            bao.must("PUT", &path, Some(json!({ "policy": text }))).await;
        }
        let policies: Vec<_> =
            texts.iter().map(|text| Policy::parse(text).expect("a policy")).collect();
        let policies: Vec<_> = policies.iter().collect();
        let paths: BTreeSet<_> = (0..PATHS).map(|_| caller.path(&mut random)).collect();
        let asked = json!({"token": caller.token, "paths": paths});
        let answer = bao.must("POST", "sys/capabilities", Some(asked)).await;
        for path in &paths {
            let evaluation = evaluate(&policies, path, &|selector| caller.fill(selector));
            let evaluation = evaluation.expect("values that fit");
            let ours =
                evaluation.map(|evaluation| evaluation.capabilities).unwrap_or_default().names();
            let theirs = &answer["data"][path];
            compared += 1;
            granted += usize::from(ours != ["deny"]);
            if json!(ours) != *theirs {
                differ.push(format!("{path:?}: {ours:?}, OpenBao {theirs}\n{}", texts.concat()));
            }
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
    assert!(compared > 500 && granted > compared / 5, "{compared} {granted}");
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
