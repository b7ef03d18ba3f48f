//! `/validate` compared with Vault's own decisions, on random paths and methods.

use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;

use crate::support::{
    direct::Direct,
    platform::{create_caller, set_policy},
};

/// The number of requests that each test makes.
const REQUESTS: usize = 240;

/// Policies with paths that overlap in every way that Vault knows.
const POLICIES: [(&str, &str); 3] = [
    (
        "globs",
        r#"
        path "route/*"       { capabilities = ["read", "update"] }
        path "route/a/*"     { capabilities = ["create", "delete"] }
        path "route/ab*"     { capabilities = ["patch"] }
        path "route/a/b"     { capabilities = ["update", "list"] }
        path "route/a/b/c/*" { capabilities = ["deny"] }
        path "*"             { capabilities = ["patch"] }
        "#,
    ),
    (
        "segments",
        r#"
        path "route/+/b"     { capabilities = ["update", "sudo"] }
        path "route/+/+/c"   { capabilities = ["delete"] }
        path "route/+/+"     { capabilities = ["read", "create"] }
        path "route/b/+"     { capabilities = ["create", "read", "update"] }
        path "route/+/d*"    { capabilities = ["patch", "read"] }
        path "route/+/b/+/d" { capabilities = ["deny"] }
        path "a/+/*"         { capabilities = ["read", "delete"] }
        "#,
    ),
    (
        "templates",
        r#"
        path "route/{{identity.entity.metadata.tenant}}/*" {
          capabilities = ["create", "read", "update", "patch", "delete"]
        }
        path "route/+/{{identity.entity.name}}" { capabilities = ["deny"] }
        path "{{identity.entity.metadata.tenant}}/+" { capabilities = ["read", "update"] }
        "#,
    ),
];

/// Segments of paths: those in the policies, similar ones, and odd ones.
const SEGMENTS: [&str; 16] = [
    "route",
    "a",
    "b",
    "c",
    "d",
    "ab",
    "abc",
    "dd",
    "acme",
    "globex",
    "ann",
    "+",
    "*",
    "a*",
    "Jürgen M",
    "x.y,z=%",
];

const METHODS: [&str; 11] =
    ["GET", "GET", "HEAD", "OPTIONS", "POST", "POST", "PUT", "PATCH", "DELETE", "get", "PROPFIND"];

/// Vault and the validator, and callers with different policies.
struct Oracle {
    service: Direct,
    tokens: Vec<String>,
    seed: u64,
    random: StdRng,
    granted: usize,
    denied: usize,
}

impl Oracle {
    async fn new(seed: u64) -> Self {
        let service = Direct::start().await;
        for (name, policy) in POLICIES {
            set_policy(&service.bao, name, policy).await;
        }
        let mut tokens = Vec::new();
        for (name, tenant, policies) in [
            ("ann", "acme", ["globs", "segments", "templates"].as_slice()),
            ("bob", "globex", &["segments", "templates"]),
            ("cid", "a", &["globs", "templates"]),
            ("dan", "acme", &["globs", "segments"]),
        ] {
            let metadata = json!({ "tenant": tenant });
            tokens.push(create_caller(&service.bao, name, metadata, policies).await.token);
        }
        let random = StdRng::seed_from_u64(seed);
        Self { service, tokens, seed, random, granted: 0, denied: 0 }
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from.choose(&mut self.random).expect("something").clone()
    }

    fn path(&mut self, lengths: std::ops::RangeInclusive<usize>) -> String {
        let length = self.random.random_range(lengths);
        let segments: Vec<&str> = (0..length).map(|_| self.pick(&SEGMENTS)).collect();
        segments.join("/")
    }

    /// Returns the path as a request target with some characters percent-encoded at random.
    fn target(&mut self, path: &str) -> String {
        let mut target = "/".to_owned();
        for c in path.chars() {
            let literal = c == '/' || (c.is_ascii_graphic() && c != '%');
            if literal && (c == '/' || self.random.random_bool(0.7)) {
                target.push(c);
            } else {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    write!(target, "%{byte:02X}").expect("a string takes everything");
                }
            }
        }
        target
    }

    /// Compares the validator's decision with Vault's for this token, path and method.
    async fn compare(&mut self, token: &str, method: &str, path: &str, query: &str, uri: &str) {
        let question = json!({"token": token, "paths": [path]});
        let answer = self.service.bao.must("POST", "sys/capabilities", Some(question)).await;
        let words = answer["data"][path].as_array().expect("capabilities");
        let has = |word: &str| words.iter().any(|granted| granted == word);
        let sufficient: &[&str] = match method {
            "GET" | "HEAD" | "OPTIONS" => &["read"],
            "POST" => &["create", "update"],
            "PUT" => &["update"],
            "PATCH" => &["patch"],
            "DELETE" => &["delete"],
            _ => &[],
        };
        let expected = !has("deny") && sufficient.iter().any(|word| has(word));
        let answer = self.service.request(method, uri, query, token).await;
        let code = if expected { (200, None) } else { (403, Some("acl_denied".to_owned())) };
        let decision =
            (answer.status != 200).then(|| answer.json()["code"].as_str().map(str::to_owned));
        assert_eq!(
            (answer.status, decision.flatten()),
            code,
            "{method} {uri} {query}: {words:?} (seed {})",
            self.seed
        );
        if expected { self.granted += 1 } else { self.denied += 1 }
    }

    /// Asserts that requests of both kinds occurred: those of one kind alone would show nothing.
    fn has_seen_both(&self) {
        let (granted, denied) = (self.granted, self.denied);
        assert_eq!(granted + denied, REQUESTS);
        assert!(granted > REQUESTS / 5 && denied > REQUESTS / 5, "{granted} to {denied}");
    }
}

fn encoded(path: &str) -> String {
    utf8_percent_encode(path, NON_ALPHANUMERIC).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn random_acl_paths_match_vault() {
    let mut oracle = Oracle::new(20_260_726).await;
    for _ in 0..REQUESTS {
        let (token, method) = (oracle.pick(&oracle.tokens.clone()), oracle.pick(&METHODS));
        let beginning = oracle.pick(&["route/", "route/", "route/", ""]);
        let path = format!("{beginning}{}", oracle.path(1..=4));
        let query = format!("acl={}", encoded(&path));
        oracle.compare(&token, method, &path, &query, "/").await;
    }
    oracle.has_seen_both();
}

#[tokio::test(flavor = "multi_thread")]
async fn random_request_paths_match_vault() {
    let mut oracle = Oracle::new(20_260_727).await;
    for _ in 0..REQUESTS {
        let (token, method) = (oracle.pick(&oracle.tokens.clone()), oracle.pick(&METHODS));
        let base = oracle.pick(&["route", "route", "route/a", "a", "acme"]);
        // A `%` that is left after decoding could be decoded again, so there is none.
        let mut rest = oracle.path(0..=4).replace('%', "");
        if !rest.is_empty() && oracle.random.random_bool(0.2) {
            rest.push('/');
        }
        let mut uri = oracle.target(&rest);
        if oracle.random.random_bool(0.2) {
            uri.push_str("?next=/../route//b&x=%2f");
        }
        let path = format!("{base}/{rest}");
        let query = format!("acl_uri={}", encoded(base));
        oracle.compare(&token, method, &path, &query, &uri).await;
    }
    oracle.has_seen_both();
}
