//! The pages of an OAuth authorization.

use http::StatusCode;

use super::{
    super::{
        AuthorizationProblem, AuthorizationTarget, ConsentClient, ConsentPage, HtmlPage, Language,
        LoginForm, LoginTarget, MfaForm, Notice, NoticePage, RedirectPlace,
    },
    content::fields,
    html::{HOSTILE, attribute, tags},
    samples::{
        AUTHORIZATION, LANGUAGES, POLICIES, consent, consents, login_form, methods, return_url,
    },
};

/// A name that looks like another one where its direction is not isolated.
const REVERSED: &str = "\u{202e}moc.elgoog\u{2066}";

/// Returns the text of a page without its tags and its style.
fn text_of(page: &HtmlPage) -> String {
    let content = page.body.split_once("<main>").expect("a main").1;
    let parts = content.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    parts.collect()
}

#[test]
fn consent_is_sent_with_a_decision() {
    for (name, page) in consents() {
        let body = page.render(Language::English).body;
        let form = tags(&body, "form");
        assert_eq!(form, ["<form method=\"post\" action=\"/oauth/consent\""], "{name}");
        assert_eq!(fields(&body), [("consent", "hidden", "consent.value")], "{name}");
        let buttons = tags(&body, "button");
        let values: Vec<_> = buttons
            .iter()
            .map(|tag| (attribute(tag, "name"), attribute(tag, "type"), attribute(tag, "value")))
            .collect();
        let button = |value| (Some("decision"), Some("submit"), Some(value));
        assert_eq!(values, [button("allow"), button("deny")], "{name}");
        assert_eq!(attribute(buttons[0], "class"), Some("button primary"), "{name}");
        assert_eq!(attribute(buttons[1], "class"), Some("button"), "{name}");
        assert!(!body.contains(" autofocus") && !body.contains("tabindex"), "{name}");
    }
}

#[test]
fn consent_says_who_vouches_for_the_client() {
    let page = consent();
    for (client, client_name, expected) in [
        (
            ConsentClient::Document { host: "claude.ai" },
            Some("Claude"),
            &["claude.ai wants to use MCP registry", "vouches for", "It calls itself Claude."][..],
        ),
        (
            ConsentClient::Document { host: "claude.ai" },
            None,
            &["claude.ai wants to use", "This website vouches for the application."],
        ),
        (
            ConsentClient::Configured { id: "claude-desktop" },
            Some("Claude"),
            &["Claude wants to use", "Set up by the administrator as claude-desktop."],
        ),
        (
            ConsentClient::Configured { id: "claude-desktop" },
            Some(" \u{200b}"),
            &["claude-desktop wants to use", "Set up by the administrator."],
        ),
        (
            ConsentClient::Registered,
            Some("Claude"),
            &["An unverified application wants to use", "An application that calls itself Claude."],
        ),
        (
            ConsentClient::Registered,
            Some(""),
            &["An unverified application wants to use", "An application without a name."],
        ),
    ] {
        let page = ConsentPage { client_name, client, ..page }.render(Language::English);
        assert_eq!(page.status, StatusCode::OK);
        let text = text_of(&page);
        for part in expected {
            assert!(text.contains(part), "{client:?} {client_name:?}: {text}");
        }
        assert_eq!(text.contains("erified"), client == ConsentClient::Registered, "{text}");
    }
}

#[test]
fn consent_warns_of_programs_on_this_computer() {
    for (name, page) in consents() {
        let rendered = page.render(Language::Spanish);
        let is_local = page.place == RedirectPlace::ThisComputer;
        let is_registered = page.client == ConsentClient::Registered;
        let cautions = rendered.body.matches("class=\"message caution\"").count();
        assert_eq!(cautions, usize::from(is_local || is_registered), "{name}");
        let text = text_of(&rendered);
        let warning = "solo si acabas de iniciar esto desde un programa en este computador.";
        assert_eq!(text.contains(warning), is_local, "{name}: {text}");
        let address = format!("<bdi>{}</bdi>", page.redirect);
        assert!(rendered.body.contains(&address), "{name}");
    }
}

#[test]
fn consent_says_what_the_client_may_do() {
    let text = text_of(&consent().render(Language::English));
    for part in [
        "wants to use MCP registry on your behalf.",
        "Call MCP registry as ana.rojas@example.com, as far as Vault's policies allow.",
        "Address: https://mcp.example.com",
        "Organization (tenant): acme",
        "mcp-registry-reader",
        "Until the administrator revokes it, or the login expires.",
        "It never gets your password.",
    ] {
        assert!(text.replace("&#39;", "'").contains(part), "{part}: {text}");
    }
    let bare = ConsentPage { tenant: Some(""), policies: &[], ..consent() };
    let body = bare.render(Language::English).body;
    assert!(!body.contains("tenant") && !body.contains("<ul>"), "{body}");
}

#[test]
fn all_policies_of_a_long_list_are_on_the_page() {
    for (count, unfolded) in [(6, 0), (7, 0), (8, 2), (24, 18)] {
        let page = ConsentPage { policies: &POLICIES[..count], ..consent() };
        let body = page.render(Language::English).body;
        assert_eq!(tags(&body, "li").len(), count);
        assert_eq!(tags(&body, "details").len(), usize::from(unfolded > 0), "{count}");
        let summary = format!("<summary>{unfolded} more policies</summary>");
        assert_eq!(body.contains(&summary), unfolded > 0, "{count}");
    }
}

#[test]
fn login_carries_the_authorization() {
    let methods = methods("userpass,oidc:google");
    let to = return_url("https://acme.crm.example.com/");
    let form = login_form(&methods, Some(&to));
    let target = LoginTarget { authorization: Some(AUTHORIZATION), ..form.target };
    let login = LoginForm { target, ..form }.render(Language::English);
    assert_eq!(fields(&login.body)[0], ("authorization", "hidden", "authorization.value"));
    let link = "href=\"/.vault-auth/login?method=1&#38;authorization=authorization.value\"";
    assert!(login.body.contains(link), "{}", login.body);
    let mfa = MfaForm { status: StatusCode::OK, pending: "p", codes: 1, target, message: None };
    let mfa = mfa.render(Language::English);
    let link = "href=\"/.vault-auth/login?authorization=authorization.value\"";
    assert!(mfa.body.contains(link), "{}", mfa.body);
    let sentence = "to connect <b><bdi>claude.ai</bdi></b> with <b><bdi>MCP registry</bdi></b>";
    for page in [login, mfa] {
        assert!(page.body.contains(sentence), "{}", page.body);
        for other in ["name=\"to\"", "name=\"browser\"", "acme", "to continue to", "browser="] {
            assert!(!page.body.contains(other), "{other}: {}", page.body);
        }
    }
}

/// Returns pages with this text in the place of every value.
fn pages_with(text: &str, language: Language) -> Vec<HtmlPage> {
    let authorization = AuthorizationTarget { sealed: text, client: text, resource: text };
    let methods = methods("userpass,oidc:google");
    let target = LoginTarget { authorization: Some(authorization), ..LoginTarget::default() };
    let form = LoginForm { target, ..login_form(&methods, None) };
    let mfa = MfaForm { status: StatusCode::OK, pending: text, codes: 1, target, message: None };
    let mut pages = vec![form.render(language), mfa.render(language)];
    for client in [
        ConsentClient::Document { host: text },
        ConsentClient::Configured { id: text },
        ConsentClient::Registered,
    ] {
        for place in [RedirectPlace::Website, RedirectPlace::ThisComputer] {
            let policies = [text; 12];
            let page = ConsentPage {
                client_name: Some(text),
                client,
                redirect: text,
                place,
                resource_name: text,
                resource: text,
                subject: text,
                tenant: Some(text),
                policies: &policies,
                consent: text,
            };
            pages.push(page.render(language));
        }
    }
    pages
}

#[test]
fn hostile_names_are_escaped() {
    for page in LANGUAGES.into_iter().flat_map(|language| pages_with(HOSTILE, language)) {
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{}", page.body);
        assert!(!page.body.contains("\"'") && page.body.contains("alert"), "{}", page.body);
    }
}

#[test]
fn reversed_names_are_isolated() {
    for page in LANGUAGES.into_iter().flat_map(|language| pages_with(REVERSED, language)) {
        let content = page.body.split_once("<main>").expect("a main").1;
        let isolated = content.matches(&format!("<bdi>{REVERSED}</bdi>")).count();
        let hidden = content.matches(&format!("value=\"{REVERSED}\"")).count();
        assert!(isolated >= 2, "{content}");
        assert_eq!(content.matches(REVERSED).count(), isolated + hidden, "{content}");
    }
}

#[test]
fn long_names_are_cut_off() {
    let name = "Claude ".repeat(2000);
    let page = ConsentPage { client_name: Some(&name), ..consent() }.render(Language::English);
    assert!(page.body.len() < 20_000, "{}", page.body.len());
    let authorization = AuthorizationTarget { client: &name, ..AUTHORIZATION };
    let methods = methods("userpass");
    let target = LoginTarget { authorization: Some(authorization), ..LoginTarget::default() };
    let page = LoginForm { target, ..login_form(&methods, None) }.render(Language::English);
    assert!(page.body.contains("\u{2026}</bdi>") && page.body.len() < 20_000, "{}", page.body);
}

#[test]
fn only_an_unavailable_client_can_be_tried_again() {
    for reason in [
        AuthorizationProblem::UnknownClient,
        AuthorizationProblem::ClientUnavailable,
        AuthorizationProblem::TooManyRequests,
        AuthorizationProblem::RedirectRefused,
        AuthorizationProblem::InvalidRequest,
        AuthorizationProblem::Expired,
    ] {
        let notice = Notice::AuthorizationRefused { reason };
        let page = NoticePage { status: StatusCode::BAD_REQUEST, notice, request_id: Some("r-1") };
        let page = page.render(Language::English);
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        let can_retry = reason == AuthorizationProblem::ClientUnavailable;
        assert_eq!(page.body.contains("href=\"\""), can_retry, "{reason:?}");
        assert!(page.body.contains("<code>r-1</code>") && !page.body.contains("<form"));
    }
}
