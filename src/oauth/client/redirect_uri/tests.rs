use proptest::prelude::*;
use url::Url;

use super::{RedirectUri, SYSTEM_SCHEMES};

fn uri(text: &str) -> RedirectUri {
    RedirectUri::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn allows(registered: &str, requested: &str) -> bool {
    RedirectUri::parse(requested).is_some_and(|requested| uri(registered).allows(&requested))
}

#[test]
fn uris_of_real_clients_are_valid() {
    for (text, shown, form_action, is_local) in [
        ("https://claude.ai/api/mcp/auth_callback", "claude.ai", "https:", false),
        ("https://chatgpt.com/connector_platform_oauth_redirect", "chatgpt.com", "https:", false),
        ("https://vscode.dev/redirect", "vscode.dev", "https:", false),
        ("https://client.test:8443/cb?a=b", "client.test:8443", "https:", false),
        ("https://client.test", "client.test", "https:", false),
        ("http://127.0.0.1:33418/", "127.0.0.1:33418", "http:", true),
        ("http://127.0.0.1/", "127.0.0.1", "http:", true),
        ("http://localhost/callback", "localhost", "http:", true),
        ("http://localhost:3334/oauth/callback?a", "localhost:3334", "http:", true),
        ("http://[::1]:8080/cb", "[::1]:8080", "http:", true),
        ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor:", "cursor:", true),
        ("vscode://vscode.github-authentication/did-authenticate", "vscode:", "vscode:", true),
        ("com.example.app:/cb", "com.example.app:", "com.example.app:", true),
        ("com.example.app:///cb", "com.example.app:", "com.example.app:", true),
    ] {
        let uri = uri(text);
        assert_eq!(uri.as_str(), text);
        assert_eq!(uri.host_or_scheme(), shown, "{text}");
        assert_eq!(uri.form_action(), form_action, "{text}");
        assert_eq!(uri.is_local(), is_local, "{text}");
    }
}

/// URIs that are not those of a server.
const INVALID_SERVERS: &[&str] = &[
    "",
    "/cb",
    "//client.test/cb",
    "client.test/cb",
    "https:client.test/cb",
    "https:/client.test/cb",
    "https:///client.test/cb",
    "https://",
    "https:///",
    "https://?a",
    "https://client.test/cb#",
    "https://client.test/cb#a",
    "https://user@client.test/cb",
    "https://user:password@client.test/cb",
    "https://@client.test/cb",
    "https://client.test@evil.test/cb",
    "https://client.test\\@evil.test/cb",
    "https://evil.test\\.client.test/cb",
    "https://Client.test/cb",
    "https://client%2etest/cb",
    "https://0x7f.1/cb",
    "https://client.test:/cb",
    "https://client.test:0443/cb",
    "https://client.test:99999/cb",
    "https://client.test:0/cb",
    "https://client.test/c b",
    "https://client.test/\"cb",
    "https://client.test/<cb>",
    "https://client.test/cb\n",
    "https://client.test/\tcb",
    " https://client.test/cb",
    "https://client.test/\u{e9}",
    "https://b\u{fc}cher.example/cb",
    "HTTPS://client.test/cb",
    "https://*/cb",
    "https://a;b/cb",
    "https://a'b/cb",
];

/// URIs that are not on the loopback interface.
const INVALID_LOOPBACK: &[&str] = &[
    "http://client.test/cb",
    "http://localhost.evil.test/cb",
    "http://localhost@evil.test/cb",
    "http://localhost:80@evil.test/cb",
    "http://app.localhost/cb",
    "http://localhost./cb",
    "http://LOCALHOST/cb",
    "http://127.0.0.2/cb",
    "http://127.1/cb",
    "http://2130706433/cb",
    "http://[::ffff:127.0.0.1]/cb",
    "http://[0:0:0:0:0:0:0:1]/cb",
    "http://0.0.0.0/cb",
    "http:localhost/cb",
];

/// URIs without a scheme that applications may claim, or without a path.
const INVALID_SCHEMES: &[&str] = &[
    "com.example.app:",
    "com.example.app:/",
    "com.example.app:cb",
    "com.example.app:/cb#a",
    "Com.Example.App:/cb",
    "cursor://user@host/cb",
    "cursor://a b/cb",
    "javascript:/a",
    "javascript://%0aalert(1)",
    "JavaScript:/a",
    "data:/text/html,a",
    "vbscript:/a",
    "file:///etc/passwd",
    "blob:https://client.test/a",
    "about:/blank",
    "view-source:/a",
    "filesystem:/a",
    "ws://localhost/cb",
    "wss://client.test/cb",
    "ftp://client.test/cb",
    "intent://client.test/cb",
    "ms-msdt:/id",
    "mailto:/a@client.test",
    "9app:/cb",
    "+app:/cb",
    "a_b:/cb",
    "*:/cb",
];

#[test]
fn m16_invalid_uris_are_refused() {
    for text in [INVALID_SERVERS, INVALID_LOOPBACK, INVALID_SCHEMES].concat() {
        assert_eq!(RedirectUri::parse(text), None, "{text}");
    }
    let long = format!("https://client.test/{}", "a".repeat(493));
    assert_eq!(RedirectUri::parse(&long), None);
    assert!(RedirectUri::parse(&long[..512]).is_some());
}

#[test]
fn system_schemes_are_sorted() {
    assert!(SYSTEM_SCHEMES.is_sorted());
    for scheme in SYSTEM_SCHEMES.iter().filter(|scheme| **scheme != "https") {
        assert_eq!(RedirectUri::parse(&format!("{scheme}://client.test/cb")), None, "{scheme}");
    }
}

#[test]
fn m16_loopback_port_may_differ() {
    for (registered, requested) in [
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"),
        ("http://127.0.0.1:33418/", "http://127.0.0.1:5000/"),
        ("http://localhost:3334/cb?a=b", "http://localhost/cb?a=b"),
        ("http://[::1]/cb", "http://[::1]:1/cb"),
        ("https://client.test/cb", "https://client.test/cb"),
    ] {
        assert!(allows(registered, requested), "{registered} {requested}");
    }
}

#[test]
fn m16_everything_else_is_compared_exactly() {
    for (registered, requested) in [
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb/"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/CB"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb?a"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/c%62"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/a/../cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb#"),
        ("http://127.0.0.1", "http://127.0.0.1/"),
        ("http://127.0.0.1/cb", "http://localhost/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.test/cb"),
        ("http://localhost/cb", "http://localhost.evil.test/cb"),
        ("http://localhost/cb", "http://localhost:1@evil.test/cb"),
        ("http://localhost/cb", "http://user@localhost/cb"),
        ("http://localhost/cb", "https://localhost/cb"),
        ("http://localhost/cb", "http://localhost:0/cb"),
        ("http://localhost/cb", "http://localhost:/cb"),
        ("https://localhost/cb", "https://localhost:1/cb"),
        ("https://client.test/cb", "https://client.test:443/cb"),
        ("https://client.test/cb", "https://client.test/cb/"),
        ("https://client.test/cb", "https://client.test/cb?"),
        ("https://client.test/cb", "https://client.test/cb?a=b"),
        ("https://client.test/cb", "https://client.test.evil.test/cb"),
        ("https://client.test/cb", "http://client.test/cb"),
        ("cursor://a/cb", "cursor://a:1/cb"),
        ("cursor://a/cb", "cursor://b/cb"),
    ] {
        assert!(!allows(registered, requested), "{registered} {requested}");
    }
}

#[test]
fn parameters_follow_the_present_query() {
    let parameters = [("code", "a b&c=d"), ("iss", "https://login.test")];
    let added = "code=a%20b%26c%3Dd&iss=https%3A%2F%2Flogin.test";
    for (text, expected) in [
        ("https://client.test/cb", format!("https://client.test/cb?{added}")),
        ("https://client.test", format!("https://client.test?{added}")),
        ("https://client.test/cb?", format!("https://client.test/cb?{added}")),
        ("https://client.test/cb?a=%41+b", format!("https://client.test/cb?a=%41+b&{added}")),
        ("https://client.test/cb?a&", format!("https://client.test/cb?a&{added}")),
        ("com.example.app:/cb", format!("com.example.app:/cb?{added}")),
    ] {
        assert_eq!(uri(text).with_parameters(&parameters), expected);
    }
    assert_eq!(uri("https://client.test/cb").with_parameters(&[]), "https://client.test/cb");
}

proptest! {
    /// The URL parser of browsers finds the same scheme and the same host.
    #[test]
    fn m16_browsers_find_the_same_host(
        scheme in "(https?|cursor|javascript|[a-z.+-]{1,8}):[/\\\\]{0,3}",
        authority in "[a-z@:.%#?\\\\]{0,6}(localhost|127\\.0\\.0\\.1|client\\.test)?[@:.0-9\\\\]{0,4}",
        target in "[/?#\\\\@a-z\t ]{0,8}",
    ) {
        let text = format!("{scheme}{authority}{target}");
        if let Some(parsed) = RedirectUri::parse(&text) {
            let browser = Url::parse(&text).expect("a URL");
            let form_action = format!("{}:", browser.scheme());
            prop_assert_eq!(parsed.form_action(), form_action);
            prop_assert!(browser.username().is_empty() && browser.fragment().is_none());
            if matches!(browser.scheme(), "http" | "https") {
                let host = browser.host_str().expect("a host");
                let shown = parsed.host_or_scheme();
                prop_assert!(shown == host || shown.starts_with(&format!("{host}:")), "{}", shown);
            }
            prop_assert_eq!(
                parsed.is_loopback(),
                browser.scheme() == "http"
                    && matches!(browser.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
            );
        }
    }

    #[test]
    fn parameters_are_read_back(
        query in "(\\?[a-z&=]{0,8})?",
        name in "[a-z_]{1,8}",
        value in "\\PC{0,20}",
    ) {
        let text = format!("https://client.test/cb{query}");
        let uri = RedirectUri::parse(&text).expect("a URI");
        let result = uri.with_parameters(&[(&name, &value)]);
        prop_assert!(result.starts_with(&text));
        let result = Url::parse(&result).expect("a URL");
        let last = result.query_pairs().last().expect("a parameter");
        prop_assert_eq!(last, (name.into(), value.into()));
    }

    #[test]
    fn m16_only_loopback_ports_may_differ(
        registered in "https?://(localhost|127\\.0\\.0\\.1|client\\.test)(:[1-9][0-9]{0,3})?/[ab]?",
        requested in "https?://(localhost|127\\.0\\.0\\.1|client\\.test)(:[1-9][0-9]{0,3})?/[ab]?",
    ) {
        let parsed = (RedirectUri::parse(&registered), RedirectUri::parse(&requested));
        if let (Some(one), Some(other)) = parsed {
            let without_port = |text: &str| {
                let mut url = Url::parse(text).expect("a URL");
                url.set_port(None).expect("a URL with a host");
                url.to_string()
            };
            let expected = registered == requested
                || (registered.starts_with("http:")
                    && without_port(&registered) == without_port(&requested));
            prop_assert_eq!(one.allows(&other), expected);
        }
    }
}
