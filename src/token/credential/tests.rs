use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*};

use super::{
    Credential, CredentialError, CredentialReader, CredentialSources, RequestAudience,
    SESSION_COOKIE,
};
use crate::{
    sealed::{KeyRing, Purpose},
    token::{AccessToken, CacheKeyHasher, CallerToken},
    wall_clock::now,
};

/// Returns the token that these sources contain in these headers.
fn find(sources: &str, headers: &[(&str, &[u8])]) -> Result<String, CredentialError> {
    let map: HeaderMap = headers
        .iter()
        .filter_map(|(name, value)| {
            let name = HeaderName::try_from(*name).expect("a name");
            Some((name, HeaderValue::from_bytes(value).ok()?))
        })
        .collect();
    let sources: CredentialSources = sources.parse().expect("sources");
    let reader = CredentialReader::new(sources);
    let credential =
        reader.find((&map).into(), RequestAudience { authority: || None, resource: None })?;
    Ok(credential.token().expect("a token").expose().to_owned())
}

const ALL: &str = "bearer,x-vault-token,basic,cookie:t";

#[test]
fn cookie_is_matched_by_its_whole_name() {
    let cookies = |value: &str| find("cookie:t", &[("cookie", value.as_bytes())]);
    assert_eq!(cookies("a=b; t=s.x; tt=c"), Ok("s.x".to_owned()));
    assert_eq!(cookies("t=s.x;t=s.x"), Ok("s.x".to_owned()));
    assert_eq!(cookies("tt=s.x; at=s.x; T=s.x; t"), Err(CredentialError::Missing));
    assert_eq!(cookies("t=\"s.x\""), Err(CredentialError::Malformed));
    assert_eq!(cookies("t="), Err(CredentialError::Malformed));
    assert_eq!(cookies("t=s.x; t=s.y"), Err(CredentialError::Conflict));
}

#[test]
fn cookie_white_space_around_equals_is_strict() {
    let cookies = |value: &str| find("cookie:t", &[("cookie", value.as_bytes())]);
    for value in
        ["t =s.x", "a=b; t =s.x", "t\t=s.x", " t=s.x", "\tt=s.x", "a=b, t=s.x", "a=\"t=s.x\""]
    {
        assert_eq!(cookies(value), Err(CredentialError::Missing), "{value}");
    }
    for value in ["t= s.x", "t=s.x ; a=b", "t=s.x\t;a=b", "t=\"s.x\"", "t==s .x", "t=s.x,a=b"] {
        assert_eq!(cookies(value), Err(CredentialError::Malformed), "{value}");
    }
    for value in
        ["t=s.x;", ";t=s.x", ";; \t t=s.x", "t;t=s.x", "a=\"b; t=s.x; c\"", "a; t=s.x;t =s.y"]
    {
        assert_eq!(cookies(value), Ok("s.x".to_owned()), "{value}");
    }
    let lines = [("cookie", &b"a=b"[..]), ("cookie", b"t=s.x; t =s.y")];
    assert_eq!(find("cookie:t", &lines), Ok("s.x".to_owned()));
    let lines = [("cookie", &b"t=s.x"[..]), ("cookie", b"t=s.y")];
    assert_eq!(find("cookie:t", &lines), Err(CredentialError::Conflict));
}

/// Returns the values that the proxies' `(^|;\s*)t=[^;]*` removes from a cookie header.
fn removed_by_proxy(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("t=") {
        let before = line[..at].trim_end_matches([' ', '\t']);
        if at == 0 || before.ends_with(';') {
            found.push(line[at + 2..].split(';').next().unwrap_or_default());
        }
    }
    found
}

#[test]
fn basic_password_may_contain_colons() {
    let basic = |pair: &str| {
        let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
        find("basic", &[("authorization", value.as_bytes())])
    };
    assert_eq!(basic("user:s.x"), Ok("s.x".to_owned()));
    assert_eq!(basic(":s.x"), Ok("s.x".to_owned()));
    assert_eq!(basic("user:s:x"), Ok("s:x".to_owned()));
    for malformed in ["user", "user:", "user:a b", ""] {
        assert_eq!(basic(malformed), Err(CredentialError::Malformed), "{malformed}");
    }
    let not_base64 = find("basic", &[("authorization", b"Basic !!!")]);
    assert_eq!(not_base64, Err(CredentialError::Malformed));
}

#[test]
fn scheme_is_matched_by_its_whole_name() {
    let bearer = |value: &str| find("bearer", &[("authorization", value.as_bytes())]);
    for value in ["Bearer s.x", "bEARER s.x", "Bearer\ts.x", "Bearer \t s.x"] {
        assert_eq!(bearer(value), Ok("s.x".to_owned()), "{value}");
    }
    for value in ["", "Beare", "Bearers.x", "Bearers s.x", "Bearer=s.x", " Bearer s.x"] {
        assert_eq!(bearer(value), Err(CredentialError::Missing), "{value}");
    }
    for value in ["Bearer", "Bearer ", "Bearer s.x s.y", "Bearer s.x,"] {
        assert_eq!(bearer(value), Err(CredentialError::Malformed), "{value}");
    }
}

#[test]
fn sources_are_parsed_without_duplicates() {
    for good in ["bearer", "cookie:__Host-token", " bearer , basic "] {
        assert!(good.parse::<CredentialSources>().is_ok(), "{good}");
    }
    for bad in ["", "Bearer", "bearer,", "bearer,bearer", "query", "cookie:", "cookie:a b"] {
        assert!(bad.parse::<CredentialSources>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn cookie_read_is_the_one_the_proxy_removes(line in "(t|t|=|=|;|; |;\t| |\t|a|b|\"|,){0,14}") {
        let removed = removed_by_proxy(&line);
        let found = find("cookie:t", &[("cookie", line.as_bytes())]);
        let is_token = |value: &&str| Credential::from_text(*value).is_some();
        let expected = match removed.as_slice() {
            [] => Err(CredentialError::Missing),
            all if !all.iter().all(is_token) => {
                prop_assert!(matches!(found, Err(CredentialError::Malformed | CredentialError::Conflict)));
                return Ok(());
            }
            [first, rest @ ..] if rest.iter().all(|value| value == first) => Ok((*first).to_owned()),
            _ => Err(CredentialError::Conflict),
        };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn token_is_visible_ascii_without_separators(text in "\\PC{0,40}|[!-~]{0,40}") {
        let allowed = |c: char| c.is_ascii_graphic() && !"\",;\\".contains(c);
        let is_token = !text.is_empty() && text.chars().all(allowed);
        prop_assert_eq!(Credential::from_text(text.as_str()).is_some(), is_token);
        prop_assert!(Credential::from_text("x".repeat(60_000)).is_some());
    }

    #[test]
    fn well_formed_token_is_found_unchanged(token in "[A-Za-z0-9._~+/=-]{1,60}", blanks in "[ \t]{1,3}") {
        let bearer = format!("bEaReR{blanks}{token}");
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("user:{token}")));
        let cookie = format!("a=b; t={token}");
        for header in [
            ("authorization", bearer.as_str()),
            ("x-vault-token", &token),
            ("authorization", &basic),
            ("cookie", &cookie),
        ] {
            let found = find(ALL, &[(header.0, header.1.as_bytes())]);
            prop_assert_eq!(found.as_ref(), Ok(&token), "{:?}", header);
        }
        let credential = Credential::from_text(token.clone()).expect("well formed");
        prop_assert_eq!(format!("{credential:?}"), "Credential([REDACTED])");
    }

    #[test]
    fn token_found_is_contained_in_a_header(
        values in vec((0..3usize, vec(any::<u8>(), 0..30)), 0..4),
        scheme in "(Bearer|bearer|Basic|Digest|)",
    ) {
        let names = ["authorization", "x-vault-token", "cookie"];
        let headers: Vec<(&str, Vec<u8>)> = values
            .into_iter()
            .map(|(name, value)| match name {
                0 => (names[0], [scheme.as_bytes(), b" ", &value].concat()),
                2 => (names[2], [b"t=", &value[..]].concat()),
                _ => (names[name], value),
            })
            .collect();
        let borrowed: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        if let Ok(token) = find("bearer,x-vault-token,cookie:t", &borrowed) {
            prop_assert!(Credential::from_text(token.as_str()).is_some());
            let holds = |value: &[u8]| value.windows(token.len()).any(|part| part == token.as_bytes());
            prop_assert!(borrowed.iter().any(|(_, value)| holds(value)));
        }
    }

    #[test]
    fn malformed_credential_does_not_fall_through(
        token in "[a-z]{1,20}",
        broken in "[a-z]{1,9}[ \",;]{1}[a-z]{1,9}",
    ) {
        let bearer = format!("Bearer {broken}");
        for headers in [
            [("authorization", bearer.as_str()), ("x-vault-token", &token)],
            [("x-vault-token", &token), ("x-vault-token", &broken)],
            [("x-vault-token", &broken), ("x-vault-token", &token)],
        ] {
            let headers = headers.map(|(name, value)| (name, value.as_bytes()));
            prop_assert_eq!(find(ALL, &headers), Err(CredentialError::Malformed));
        }
    }

    #[test]
    fn different_tokens_are_a_conflict(one in "[a-z]{1,9}", other in "[0-9]{1,9}") {
        let headers = [("x-vault-token", one.as_bytes()), ("x-vault-token", other.as_bytes())];
        prop_assert_eq!(find(ALL, &headers), Err(CredentialError::Conflict));
    }

    #[test]
    fn conflicting_tokens_are_rejected(
        items in vec((0..6usize, 0..4usize, any::<bool>()), 0..5),
    ) {
        let shown: Vec<TestHeader> = items.into_iter().map(|(place, what, upper)| test_header(place, what, upper)).collect();
        let headers: Vec<(&str, &[u8])> =
            shown.iter().map(|shown| (shown.name, shown.value.as_bytes())).collect();
        let read: Vec<Option<&str>> = shown.iter().filter(|shown| shown.enabled).map(|shown| shown.token).collect();
        let found = find(ALL, &headers);
        let mut tokens: Vec<&str> = read.iter().copied().flatten().collect();
        tokens.sort_unstable();
        tokens.dedup();
        match (tokens.as_slice(), read.contains(&None)) {
            ([], false) => prop_assert_eq!(found, Err(CredentialError::Missing)),
            ([one], false) => prop_assert_eq!(found, Ok((*one).to_owned())),
            ([_, _, ..], false) => prop_assert_eq!(found, Err(CredentialError::Conflict)),
            // Either error may be reported first.
            ([_, _, ..], true) => prop_assert!(
                matches!(found, Err(CredentialError::Malformed | CredentialError::Conflict))
            ),
            (_, true) => prop_assert_eq!(found, Err(CredentialError::Malformed)),
        }
    }
}

/// A header that may contain a token.
struct TestHeader {
    name: &'static str,
    value: String,
    /// True if the header is an enabled source.
    enabled: bool,
    /// The token; `None` if it is malformed.
    token: Option<&'static str>,
}

/// Creates one of six headers with one of two tokens, or with a malformed one.
fn test_header(place: usize, what: usize, upper: bool) -> TestHeader {
    let (text, token) =
        [("s.one", Some("s.one")), ("s.two", Some("s.two")), ("not one", None), ("", None)][what];
    let scheme = |name: &str| if upper { name.to_uppercase() } else { name.to_owned() };
    let pair = BASE64_STANDARD.encode(format!("user:{text}"));
    let (name, value, enabled) = match place {
        0 => ("authorization", format!("{} {text}", scheme("bearer")), true),
        1 => ("x-vault-token", text.to_owned(), true),
        2 => ("authorization", format!("{}  {pair}", scheme("basic")), true),
        3 => ("cookie", format!("a=b; t={text}; c=d"), true),
        4 => ("authorization", format!("{} {text}", scheme("digest")), false),
        _ => ("cookie", format!("T={text}; tt={text}"), false),
    };
    TestHeader { name, value, enabled, token }
}

/// Returns a reader of all sources with one sealing key, and a function that seals a token.
fn session_reader() -> (CredentialReader, impl Fn(&str, &str) -> String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys");
    std::fs::write(&file, KeyRing::generate().as_str()).expect("a file");
    let keys = Arc::new(KeyRing::read(&file).expect("keys"));
    let sources: CredentialSources = format!("{ALL},session").parse().expect("sources");
    let reader = CredentialReader::with_keys(sources, Arc::clone(&keys));
    let seal = move |authority: &str, token: &str| {
        let expiry = now() + SignedDuration::from_hours(1);
        let sealed = keys.seal(Purpose::Session, authority, expiry, token.as_bytes());
        sealed.expect("a sealed text")
    };
    (reader, seal)
}

/// Returns the token in these headers of a request for this host; `None` if it cannot be unsealed.
fn find_session(
    reader: &CredentialReader,
    host: &'static str,
    headers: &[(&'static str, String)],
) -> Result<Option<String>, CredentialError> {
    let map: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        })
        .collect();
    let host = || Some(host).filter(|host| !host.is_empty()).map(Into::into);
    let credential =
        reader.find((&map).into(), RequestAudience { authority: host, resource: None })?;
    Ok(credential.token().map(|token| token.expose().to_owned()))
}

#[test]
fn session_is_read_for_its_host_only() {
    let (reader, seal) = session_reader();
    let cookie = |sealed: &str| [("cookie", format!("a=b; {SESSION_COOKIE}={sealed}; c=d"))];
    let sealed = seal("crm.test", "s.x");
    let token = Ok(Some("s.x".to_owned()));
    assert_eq!(find_session(&reader, "crm.test", &cookie(&sealed)), token);
    assert_eq!(find_session(&reader, "erp.test", &cookie(&sealed)), Ok(None));
    assert_eq!(find_session(&reader, "crm.test", &cookie(&sealed[1..])), Ok(None));
    assert_eq!(find_session(&reader, "crm.test", &cookie("s.x")), Ok(None));
    assert_eq!(find_session(&reader, "crm.test", &cookie("")), Err(CredentialError::Malformed));
    assert_eq!(find_session(&reader, "", &cookie(&sealed)), Err(CredentialError::UnknownHost));
    let missing = Err(CredentialError::Missing);
    assert_eq!(find_session(&reader.without_keys(), "crm.test", &cookie(&sealed)), missing);
    let spaced = [("cookie", format!("{SESSION_COOKIE} ={sealed}"))];
    assert_eq!(find_session(&reader, "crm.test", &spaced), missing);
}

#[test]
fn l07_the_cookie_that_opens_is_used() {
    let (reader, seal) = session_reader();
    let sealed = seal("crm.test", "s.x");
    let foreign = seal("evil.test", "s.evil");
    for order in [[&foreign, &sealed], [&sealed, &foreign]] {
        let [first, second] = order;
        let line = format!("{SESSION_COOKIE}={first}; {SESSION_COOKIE}={second}");
        let found = find_session(&reader, "crm.test", &[("cookie", line)]);
        assert_eq!(found, Ok(Some("s.x".to_owned())));
    }
    let line = format!("{SESSION_COOKIE}={foreign}; {SESSION_COOKIE}=x");
    assert_eq!(find_session(&reader, "crm.test", &[("cookie", line)]), Ok(None));
}

#[test]
fn l21_session_and_other_token_conflict() {
    let (reader, seal) = session_reader();
    let cookie = ("cookie", format!("{SESSION_COOKIE}={}", seal("crm.test", "s.x")));
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let find = |bearer| find_session(&reader, "crm.test", &[cookie.clone(), bearer]);
    assert_eq!(find(bearer("s.y")), Err(CredentialError::Conflict));
    assert_eq!(find(bearer("s.x")), Ok(Some("s.x".to_owned())));
    assert_eq!(find(bearer("a b")), Err(CredentialError::Malformed));
}

#[test]
fn session_and_token_have_different_keys() {
    let (reader, seal) = session_reader();
    let sealed = seal("crm.test", "s.x");
    let keys = CacheKeyHasher::random();
    let cookies: HeaderMap = std::iter::once((
        http::header::COOKIE,
        HeaderValue::try_from(format!("{SESSION_COOKIE}={sealed}")).expect("a value"),
    ))
    .collect();
    let find = |host: &'static str| {
        let authority = || Some(host.into());
        reader.find((&cookies).into(), RequestAudience { authority, resource: None })
    };
    let session = |host| keys.key(&find(host).expect("a credential"));
    let token = |text| keys.key(&Credential::from_text(text).expect("well formed"));
    assert!(session("crm.test") == session("crm.test"));
    assert!(session("crm.test") != session("erp.test"));
    assert!(session("crm.test") != token(sealed.clone()));
    assert!(session("crm.test") != token(format!("{sealed}crm.test")));
}

#[test]
fn m05_access_token_is_for_the_resource_of_a_route() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys");
    std::fs::write(&file, KeyRing::generate().as_str()).expect("a file");
    let keys = Arc::new(KeyRing::read(&file).expect("keys"));
    let token = CallerToken::from("s.x");
    let sealed = AccessToken { token, accessor: "a".to_owned(), client: "c".to_owned() }.seal(
        &keys,
        "https://mcp.test",
        now() + SignedDuration::from_hours(1),
    );
    let sealed = sealed.expect("an access token");
    let reader = CredentialReader::with_keys(CredentialSources::default(), keys);
    let without_keys = reader.without_keys();
    let headers = |token: &str| -> HeaderMap {
        let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a value");
        std::iter::once((http::header::AUTHORIZATION, value)).collect()
    };
    let hasher = CacheKeyHasher::random();
    let find = |reader: &CredentialReader, token: &str, resource: Option<&str>| {
        let headers = headers(token);
        let audience = RequestAudience { authority: || None, resource };
        let credential = reader.find((&headers).into(), audience).expect("a credential");
        let token = credential.token().map(|token| token.expose().to_owned());
        (token, hasher.key(&credential))
    };
    let (token, key) = find(&reader, &sealed, Some("https://mcp.test"));
    assert_eq!(token.as_deref(), Some("s.x"));
    for (reader, resource) in [
        (&reader, None),
        (&reader, Some("https://mcp.test/mcp")),
        (&reader, Some("https://mcp2.test")),
        (&without_keys, Some("https://mcp.test")),
        (&without_keys, None),
    ] {
        let (token, other) = find(reader, &sealed, resource);
        assert_eq!(token, None, "{resource:?}");
        assert!(other != key, "{resource:?}");
    }
    assert_eq!(find(&reader, "vat_x", Some("https://mcp.test")).0, None);
    assert_eq!(find(&reader, "s.x", Some("https://mcp.test")).0.as_deref(), Some("s.x"));
}
