//! `explain --session`: what a sealed cookie is, and the decision on a request with it.

use std::fs;

use jiff::Timestamp;
use serde_json::{Value, json};
use vault_auth_validator::{
    sealed::{KeyRing, Purpose},
    token::SESSION_COOKIE,
};

use crate::support::{
    people::{PASSWORD, People},
    person::Person,
    platform,
    shell::{Ended, Shell},
};

const HOST: &str = "crm.example.com";

/// A time long after each run of the tests, and one long before.
const LATER: Timestamp = Timestamp::constant(4_102_444_800, 0);
const EARLIER: Timestamp = Timestamp::UNIX_EPOCH;

/// Seals a token for [`HOST`] until this time.
fn seal(keys: &KeyRing, purpose: Purpose, token: &str, expiry: Timestamp) -> String {
    keys.seal(purpose, HOST, expiry, token.as_bytes()).expect("a sealed text")
}

/// An operator with the keys of the sessions.
struct KeyHolder {
    people: People,
    shell: Shell,
}

impl KeyHolder {
    async fn start() -> Self {
        let people = People::start().await;
        let options = json!({"policies": ["validator"], "ttl": "1h"});
        let token = platform::token(people.bao(), options).await;
        let file = people.key_file().display().to_string();
        let shell = Shell::to(people.bao(), &token).with("VALIDATOR_SEALING_KEY_FILE", &file);
        Self { people, shell }
    }

    fn keys(&self) -> KeyRing {
        KeyRing::read(&self.people.key_file()).expect("keys")
    }

    /// Returns the token in a session.
    fn token(&self, session: &str) -> String {
        let token = self.keys().unseal(Purpose::Session, HOST, EARLIER, session);
        String::from_utf8(token.expect("a session").to_vec()).expect("a token")
    }

    fn explain(&self, input: &str, arguments: &[&str]) -> Ended {
        let all = [&["explain", "--session", "--host", HOST], arguments].concat();
        self.shell.feed(&all, input.as_bytes())
    }

    fn json(&self, input: &str, arguments: &[&str]) -> Value {
        self.explain(input, &[&["--output", "json"], arguments].concat()).json()
    }
}

fn session(person: &Person) -> String {
    person.cookie(HOST, SESSION_COOKIE).expect("a session").to_owned()
}

/// Returns this table with the times replaced.
fn timeless(table: &str) -> String {
    let words = table.split(' ').map(|word| {
        let is_time =
            word.len() >= 20 && word.as_bytes()[10] == b'T' && word[..4].parse::<u16>().is_ok();
        if !is_time {
            return word.to_owned();
        }
        let rest =
            word.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-:.".contains(c));
        format!("TIME{rest}")
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_described_and_explained() {
    let holder = KeyHolder::start().await;
    let person = holder.people.logged_in().await;
    let session = session(&person);
    let require = ["--require", "login=redirect&policy=crm-agent", "--uri", "/app?page=2"];
    let ended = holder.explain(&session, &require);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let token = holder.token(&session);
    assert!(!ended.stdout.contains(&token) && !ended.stdout.contains(&session), "{ended:?}");
    let expected = "  sealed  a session for crm.example.com, sealed with the only key; expires TIME at the latest
  caller  ana without a tenant, with the policies crm-agent, default, route-crm; the token expires \
TIME unless it is renewed

GET https://crm.example.com/app?page=2
allowed  200

  ok  token             an active service token of ana, expires TIME
  ok  policy=crm-agent  the token's policies are crm-agent, default, route-crm
  ok  origin            a request that changes nothing may come from any page
";
    assert_eq!(timeless(&ended.stdout), expected);
    let report = holder.json(&session, &require);
    assert_eq!((&report["allowed"], &report["caller"]["subject"]), (&json!(true), &json!("ana")));
    let sealed = &report["sealed"];
    assert_eq!([&sealed["state"], &sealed["purpose"], &sealed["host"]], ["valid", "session", HOST]);
    assert_eq!((&sealed["key"], &sealed["keys"]), (&json!(1), &json!(1)));
    assert!(!report.to_string().contains(&token), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_read_in_every_form() {
    let holder = KeyHolder::start().await;
    let person = holder.people.logged_in().await;
    let session = session(&person);
    let other = "x".repeat(20_000);
    for input in [
        format!("{session}\n"),
        format!("{SESSION_COOKIE}={session}"),
        format!("Cookie: a={other}; {SESSION_COOKIE}={session}; b=c\r\n"),
        format!("{SESSION_COOKIE}=x; {SESSION_COOKIE}={session}"),
    ] {
        let report = holder.json(&input, &[]);
        assert_eq!(report["sealed"]["state"], "valid", "{report}");
        assert_eq!(report["status"], 200, "{report}");
    }
    for host in ["CRM.example.com", "crm.example.com:443"] {
        let arguments = ["explain", "--session", "--host", host, "--output", "json"];
        let report = holder.shell.feed(&arguments, session.as_bytes()).json();
        assert_eq!(report["status"], 200, "{report}");
    }
    for input in ["", "Cookie: a=b", "a=b; c=d"] {
        holder.explain(input, &[]).failed(2, "standard input has no session cookie");
    }
    holder.explain("\u{7f}", &[]).failed(2, "characters that no cookie has");
}

#[tokio::test(flavor = "multi_thread")]
async fn explained_decision_is_that_of_validate() {
    let holder = KeyHolder::start().await;
    let person = holder.people.logged_in().await;
    let cookie = format!("{SESSION_COOKIE}={}", session(&person));
    let origin = format!("https://{HOST}");
    for (method, page, require) in [
        ("GET", Some("https://erp.example.com"), "policy=crm-agent"),
        ("POST", None, "policy=crm-agent"),
        ("POST", Some(origin.as_str()), "policy=crm-agent"),
        ("POST", Some("https://erp.example.com"), "policy=crm-agent"),
        ("POST", Some("http://crm.example.com"), "policy=crm-agent"),
        ("POST", Some("https://erp.example.com"), "cross_site=allow&policy=crm-agent"),
        ("DELETE", None, "acl=route/crm"),
        ("GET", None, "policy=operator"),
    ] {
        let source = match page {
            Some(page) => ("origin", page),
            None => ("sec-fetch-site", "same-origin"),
        };
        let headers = [
            ("cookie", cookie.as_str()),
            ("x-forwarded-method", method),
            ("x-forwarded-uri", "/"),
            ("x-forwarded-host", HOST),
            ("x-forwarded-proto", "https"),
            source,
        ];
        let decision = holder.people.direct.validator.validate(require, &headers).await;
        let mut arguments = vec!["--method", method, "--require", require];
        arguments.extend(page.iter().flat_map(|page| ["--origin", *page]));
        let report = holder.json(&cookie, &arguments);
        assert_eq!(report["status"], decision.status, "{method} {page:?} {require}: {report}");
        if decision.status != 200 {
            assert_eq!(report["code"], decision.json()["code"], "{report}");
        }
    }
}

/// Asserts the description of an input, and that its token is not printed. Returns the status.
fn described(
    holder: &KeyHolder,
    input: &str,
    token: &str,
    expected: (&str, &str, Option<u64>),
    words: &str,
) -> u64 {
    let report = holder.json(input, &[]);
    let sealed = &report["sealed"];
    let text = |key: &str| sealed[key].as_str().unwrap_or_default();
    assert_eq!((text("state"), text("purpose"), sealed["key"].as_u64()), expected, "{report}");
    assert_eq!(sealed["keys"], 2, "{report}");
    assert!(text("because").contains(words), "`{words}` in {report}");
    assert!(!report.to_string().contains(token), "{report}");
    report["status"].as_u64().expect("a status")
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sealed_texts_are_described() {
    let holder = KeyHolder::start().await;
    let person = holder.people.logged_in().await;
    let token = holder.token(&session(&person));
    let old = holder.keys();
    let new = KeyRing::generate();
    let both = format!("{}{}", *new, fs::read_to_string(holder.people.key_file()).expect("keys"));
    fs::write(holder.people.key_file(), both).expect("a file");
    for (purpose, expiry, state, status, words) in [
        (Purpose::Session, LATER, "valid", 200, "key 2 of 2, which does not seal any more"),
        (Purpose::Session, EARLIER, "expired", 401, "; expired 1970-01-01T00:00:00Z"),
        (Purpose::Ticket, LATER, "valid", 401, "the ticket of a login, for crm.example.com"),
        (Purpose::PendingLogin, LATER, "valid", 401, "; it is no session"),
        (Purpose::PendingMfa, LATER, "valid", 401, "waits for its second factor"),
    ] {
        let sealed = seal(&old, purpose, &token, expiry);
        let expected = (state, purpose.label(), Some(2));
        assert_eq!(described(&holder, &sealed, &token, expected, words), status, "{purpose:?}");
    }
    let elsewhere = old.seal(Purpose::Session, "erp.example.com", LATER, token.as_bytes());
    let foreign = KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key");
    let foreign = seal(&foreign, Purpose::Session, &token, LATER);
    for (input, state, key, words) in [
        (&elsewhere.expect("a text"), "not_authentic", Some(2), "but not for crm.example.com"),
        (&foreign, "unknown_key", None, "a key that is not in the file"),
        (&token, "malformed", None, "explained without --session"),
    ] {
        assert_eq!(described(&holder, input, &token, (state, "", key), words), 401, "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_session_is_explained() {
    let holder = KeyHolder::start().await;
    let person = holder.people.logged_in().await;
    let session = session(&person);
    let revoke = json!({"token": holder.token(&session)});
    holder.people.bao().must("POST", "auth/token/revoke", Some(revoke)).await;
    let report = holder.json(&session, &[]);
    assert_eq!((&report["sealed"]["state"], &report["caller"]), (&json!("valid"), &json!(null)));
    assert_eq!((&report["status"], &report["code"]), (&json!(401), &json!("token_invalid")));
}

#[tokio::test(flavor = "multi_thread")]
async fn session_needs_host_and_keys() {
    let holder = KeyHolder::start().await;
    let run = |arguments: &[&str]| holder.shell.run(&[&["explain"], arguments].concat());
    run(&["--session"]).failed(2, "not in it, so that it cannot be found out from the session");
    run(&["--session", "--host", "a b"]).failed(2, "--host is not a host");
    run(&["--origin", "https://erp.example.com"]).failed(2, "--session");
    let shell = holder.shell.clone().with("VALIDATOR_SEALING_KEY_FILE", "");
    let ended = shell.run(&["explain", "--session", "--host", HOST]);
    ended.failed(2, "VALIDATOR_SEALING_KEY_FILE: not set, but --session and access tokens need it");
    let file = holder.people.key_file().display().to_string();
    fs::write(&file, "no key").expect("a file");
    run(&["--session", "--host", HOST, "--sealing-key-file", &file])
        .failed(2, "line 1 is not a sealing key");
}

#[tokio::test(flavor = "multi_thread")]
async fn explained_session_is_not_renewed() {
    let holder = KeyHolder::start().await;
    let short = json!({"token_policies": "crm-agent", "token_ttl": "9s", "token_max_ttl": "1h"});
    holder.people.create("eva", short).await;
    let login = json!({"password": PASSWORD});
    let login = holder.people.bao().must("POST", "auth/userpass/login/eva", Some(login)).await;
    let token = login["auth"]["client_token"].as_str().expect("a token");
    let session = seal(&holder.keys(), Purpose::Session, token, LATER);
    // Less than a third of its lifetime is left then.
    tokio::time::sleep(std::time::Duration::from_millis(6_500)).await;
    let renewals = || holder.people.bao().audited("auth/token/renew-self");
    let before = renewals();
    let report = holder.json(&session, &[]);
    assert_eq!((&report["status"], &report["caller"]["subject"]), (&json!(200), &json!("eva")));
    assert_eq!(renewals(), before);
}
