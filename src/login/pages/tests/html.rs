//! Structure and safety of the HTML.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use ring::digest::{SHA256, digest};

use super::{
    super::{
        AccountPage, CONSENT_PATH, HtmlPage, Language, LoginForm, LoginTarget, MfaForm, Notice,
        NoticePage, RefusalPage, style::STYLE,
    },
    samples::{LANGUAGES, account, login_form, methods, pages, return_url},
};

pub(super) const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=y>&amp;{{ 7*7 }}";

/// The elements that have an end tag wherever they have a start tag.
const TAGS: [&str; 18] = [
    "form", "fieldset", "div", "p", "dl", "dt", "dd", "ul", "li", "a", "bdi", "b", "small",
    "button", "details", "summary", "footer", "label",
];

/// Returns the start tags with this name, with their attributes.
pub(super) fn tags<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    let open = format!("<{name}");
    html.match_indices(&open)
        .map(|(start, _)| &html[start..])
        .filter(|rest| rest[open.len()..].starts_with([' ', '>']))
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .collect()
}

pub(super) fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

#[test]
fn documents_are_complete() {
    for language in LANGUAGES {
        for (name, HtmlPage { body, .. }) in pages(language) {
            assert!(body.starts_with("<!doctype html>"), "{name}");
            assert!(body.contains(&format!("<html lang=\"{}\">", language.tag())), "{name}");
            for tag in ["title", "h1", "main", "style"] {
                assert_eq!(tags(&body, tag).len(), 1, "{name}: {tag}");
                assert_eq!(body.matches(&format!("</{tag}>")).count(), 1, "{name}: {tag}");
            }
            let heading = body.split_once("<h1>").expect("h1").1.split('<').next().expect("text");
            let title = body.split_once("<title>").expect("title").1.split('<').next();
            assert!(title.expect("text").ends_with(heading), "{name}");
            for tag in TAGS {
                let closed = body.matches(&format!("</{tag}>")).count();
                assert_eq!(tags(&body, tag).len(), closed, "{name}: {tag}");
            }
        }
    }
}

#[test]
fn pages_load_and_run_nothing() {
    for (name, HtmlPage { body, .. }) in LANGUAGES.into_iter().flat_map(pages) {
        let rest = body.replace(STYLE, "");
        for part in ["<script", "<img", "<link", "<iframe", " style=", " on", "src=", "javascript:"]
        {
            let is_found = rest.split('<').any(|tag| {
                let tag = tag.split('>').next().unwrap_or_default();
                format!("<{tag}").contains(part)
            });
            assert!(!is_found, "{name}: {part}");
        }
        for target in tags(&rest, "form").into_iter().map(|tag| attribute(tag, "action")) {
            let target = target.expect("an address");
            assert!(target.starts_with("/.vault-auth/") || target == CONSENT_PATH, "{name}");
        }
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('<'));
}

#[test]
fn policy_has_the_hash_of_the_style() {
    for (name, page) in LANGUAGES.into_iter().flat_map(pages) {
        let style = page.body.split_once("<style>").expect("a style").1;
        let style = style.split_once("</style>").expect("its end").0;
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        let headers = page.headers(&["https://acme.crm.example.com"]);
        let value = |header: &str| {
            let found = headers.iter().find(|(name, _)| name == header);
            found.expect("a header").1.to_str().expect("text").to_owned()
        };
        let policy = value("content-security-policy");
        assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{name}: {policy}");
        assert!(policy.ends_with("form-action 'self' https://acme.crm.example.com"), "{policy}");
        assert_eq!(value("content-type"), "text/html; charset=utf-8");
        assert_eq!(value("content-language"), page.language.tag());
        assert_eq!(value("cache-control"), "no-store");
        assert_eq!(value("x-content-type-options"), "nosniff");
        assert_eq!(value("referrer-policy"), "same-origin");
        assert_eq!(value("x-frame-options"), "DENY");
    }
}

#[test]
fn inputs_have_labels_and_ids_are_unique() {
    let mut inputs = 0;
    for (name, HtmlPage { body, .. }) in LANGUAGES.into_iter().flat_map(pages) {
        let ids: Vec<&str> =
            body.split('<').filter_map(|tag| attribute(tag.split('>').next()?, "id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{name}: {ids:?}");
        for input in tags(&body, "input") {
            if attribute(input, "type") == Some("hidden") {
                continue;
            }
            inputs += 1;
            let id = attribute(input, "id").expect("an id");
            assert_eq!(body.matches(&format!("for=\"{id}\"")).count(), 1, "{name}: {input}");
            for described in
                attribute(input, "aria-describedby").iter().flat_map(|ids| ids.split(' '))
            {
                assert!(ids.contains(&described), "{name}: {input}");
            }
        }
        assert!(body.matches(" autofocus").count() <= 1, "{name}");
        if name.starts_with("login") || name.starts_with("mfa") {
            assert_eq!(body.matches(" autofocus").count(), 1, "{name}");
        }
    }
    assert!(inputs > 40, "{inputs}");
}

#[test]
fn values_are_escaped() {
    let methods = methods("userpass,ldap");
    let to = return_url("https://acme.crm.example.com/\"'><script>alert(1)</script>");
    let target = LoginTarget { to: Some(&to), browser: Some(HOSTILE), authorization: None };
    let form = LoginForm { name: HOSTILE, request_id: Some(HOSTILE), ..login_form(&methods, None) };
    let form = LoginForm { target, ..form };
    let mfa = MfaForm { status: StatusCode::OK, pending: HOSTILE, codes: 1, target, message: None };
    let account = AccountPage {
        host: HOSTILE,
        subject: HOSTILE,
        tenant: Some(HOSTILE),
        policies: &[HOSTILE],
        expires: Some(HOSTILE),
        application: Some("/\"><script>alert(1)</script>"),
    };
    let refusal = RefusalPage {
        status: StatusCode::FORBIDDEN,
        code: HOSTILE,
        request_id: HOSTILE,
        log_in: Some("/\"><script>alert(1)</script>"),
        account: Some(HOSTILE),
    };
    for language in LANGUAGES {
        let rendered = [
            form.render(language),
            mfa.render(language),
            account.render(language),
            refusal.render(language),
        ];
        for page in rendered.into_iter().chain(hostile_notices(language)) {
            assert!(!page.body.contains("<script"), "{}", page.body);
            assert!(!page.body.contains("<img") && !page.body.contains("\"'>"), "{}", page.body);
            assert!(page.body.contains("alert"), "{}", page.body);
        }
    }
}

fn hostile_notices(language: Language) -> Vec<HtmlPage> {
    let link = Some("/\"'><script>alert(1)</script>");
    let notices = [
        Notice::NotLoggedIn { log_in: link },
        Notice::LoggedOut { log_in: link },
        Notice::ReturnRefused { host: Some(HOSTILE) },
        Notice::InsecureConnection { host: "a.test/\"'><script>alert(1)</script>" },
        Notice::TicketInvalid { log_in: link },
        Notice::SessionNotKept { host: HOSTILE, again: link, account: link },
        Notice::VaultUnavailable { again: link },
        Notice::SessionEnded { again: link },
        Notice::CrossSite { again: link },
    ];
    let render = |notice| {
        NoticePage { status: StatusCode::OK, notice, request_id: Some(HOSTILE) }.render(language)
    };
    notices.into_iter().map(render).collect()
}

#[test]
fn unsafe_addresses_are_not_linked() {
    let unsafe_link = Some("javascript:alert(1)");
    let page = NoticePage {
        status: StatusCode::OK,
        notice: Notice::SessionNotKept {
            host: "a.test",
            again: unsafe_link,
            account: Some("//evil.test/"),
        },
        request_id: None,
    };
    let account = AccountPage { application: unsafe_link, ..account() };
    for body in [page.render(Language::English).body, account.render(Language::English).body] {
        assert!(!body.contains("<a ") && !body.contains("javascript:"), "{body}");
        assert!(!body.contains("evil"), "{body}");
    }
}
