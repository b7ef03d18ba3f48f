//! Content of single pages.

use std::time::Duration;

use http::StatusCode;

use super::{
    super::{
        AccountPage, AuthorizationProblem, Language, LoginForm, LoginMessage, LoginTarget, MfaForm,
        Notice, NoticePage, RefusalPage,
    },
    html::{attribute, tags},
    samples::{CODES, account, login_form, methods, notices, return_url},
};

/// Returns the fields of a page with their types and values.
pub(super) fn fields(body: &str) -> Vec<(&str, &str, &str)> {
    let value = |tag, name| attribute(tag, name).unwrap_or_default();
    tags(body, "input")
        .into_iter()
        .map(|tag| (value(tag, "name"), value(tag, "type"), value(tag, "value")))
        .collect()
}

#[test]
fn single_password_method_is_hidden() {
    let methods = methods("oidc:google,ldap");
    let to = return_url("https://acme.crm.example.com/a?b=c&d");
    let body = login_form(&methods, Some(&to)).render(Language::English).body;
    assert_eq!(
        fields(&body),
        [
            ("to", "hidden", "https://acme.crm.example.com/a?b=c&#38;d"),
            ("browser", "hidden", "browser.value"),
            ("method", "hidden", "1"),
            ("name", "text", ""),
            ("password", "password", ""),
        ]
    );
    assert!(body.contains("<bdi>acme.crm.example.com</bdi>"));
    let link = "href=\"/.vault-auth/login?method=0&#38;to=https%3A%2F%2Facme.crm.example.com%2Fa\
                %3Fb%3Dc%26d&#38;browser=browser.value\"";
    assert!(body.contains(link), "{body}");
    assert!(body.contains("Continue with <bdi class=\"provider\">google</bdi>"), "{body}");
}

#[test]
fn several_password_methods_are_radio_buttons() {
    let methods = methods("userpass,oidc,ldap:corp");
    let form = login_form(&methods, None);
    for (method, selected) in [(None, "0"), (Some(2), "2"), (Some(1), "0"), (Some(9), "0")] {
        let body = LoginForm { method, ..form }.render(Language::Spanish).body;
        let radios: Vec<&str> = tags(&body, "input")
            .into_iter()
            .filter(|tag| attribute(tag, "type") == Some("radio"))
            .collect();
        assert_eq!(radios.len(), 2);
        let checked: Vec<_> = radios.iter().filter(|tag| tag.ends_with(" checked")).collect();
        assert_eq!(checked.len(), 1);
        assert_eq!(attribute(checked[0], "value"), Some(selected), "{method:?}");
        assert!(body.contains("Continuar con inicio de sesión único</a>"), "{body}");
    }
}

#[test]
fn roles_tell_providers_of_one_mount_apart() {
    let methods = methods("oidc:google:staff,oidc:google:partners,oidc:corp:staff");
    let body = login_form(&methods, None).render(Language::English).body;
    for name in ["google (staff)", "google (partners)", "corp"] {
        assert!(body.contains(&format!("<bdi class=\"provider\">{name}</bdi>")), "{body}");
    }
    assert!(!body.contains("<form") && !body.contains("class=\"or\""), "{body}");
}

#[test]
fn message_is_announced_and_described() {
    let methods = methods("userpass");
    let message = Some(LoginMessage::WrongCredentials);
    let form = LoginForm {
        status: StatusCode::UNAUTHORIZED,
        name: "ana",
        message,
        ..login_form(&methods, None)
    };
    let page = form.render(Language::English);
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(page.body.contains("<title>Wrong user name or password – Log in</title>"));
    assert!(page.body.contains("role=\"alert\" id=\"message\""));
    let inputs = tags(&page.body, "input");
    let password = inputs.iter().find(|tag| attribute(tag, "id") == Some("password"));
    let password = password.expect("a field");
    assert!(password.contains(" autofocus") && password.contains(" aria-invalid=\"true\""));
    assert_eq!(attribute(password, "aria-describedby"), Some("message"));
    assert_eq!(attribute(password, "value"), None);
}

#[test]
fn time_to_wait_is_rounded_up_to_minutes() {
    let methods = methods("userpass");
    for (seconds, english, spanish) in [
        (0, "Wait one minute, ", "Espera un minuto "),
        (60, "Wait one minute, ", "Espera un minuto "),
        (61, "Wait 2 minutes, ", "Espera 2 minutos "),
        (900, "Wait 15 minutes, ", "Espera 15 minutos "),
    ] {
        let message = Some(LoginMessage::TooManyAttempts(Duration::from_secs(seconds)));
        let form = LoginForm { message, ..login_form(&methods, None) };
        assert!(form.render(Language::English).body.contains(english), "{seconds}");
        assert!(form.render(Language::Spanish).body.contains(spanish), "{seconds}");
    }
}

#[test]
fn each_code_has_a_field() {
    let to = return_url("https://acme.crm.example.com/");
    let target = LoginTarget { to: Some(&to), ..LoginTarget::default() };
    for (codes, shown) in [(0, 1), (1, 1), (3, 3)] {
        let form = MfaForm { status: StatusCode::OK, pending: "p", codes, target, message: None };
        let body = form.render(Language::English).body;
        let fields = fields(&body);
        assert_eq!(fields[0], ("pending", "hidden", "p"));
        assert_eq!(fields[1..], vec![("code", "text", ""); shown]);
        assert_eq!(body.contains("Code 1</label>"), codes > 1);
        assert!(body.contains("href=\"/.vault-auth/login?to=https%3A%2F%2Facme"), "{body}");
    }
}

#[test]
fn account_shows_the_session() {
    let english = account().render(Language::English).body;
    let spanish = account().render(Language::Spanish).body;
    let time = "<time datetime=\"2026-11-28T17:30:00Z\">";
    assert!(english.contains(&format!("{time}28 November 2026, 17:30 UTC</time>")), "{english}");
    assert!(spanish.contains(&format!("{time}28 de noviembre de 2026, 17:30 UTC</time>")));
    assert!(english.contains("<form method=\"post\" action=\"/.vault-auth/logout\">"));
    for text in ["ana.rojas@example.com", "acme", "tenant-acme", "acme.crm.example.com"] {
        assert!(english.contains(&format!("<bdi>{text}</bdi>")), "{text}");
    }
    let empty = AccountPage { tenant: Some(""), expires: Some(""), ..account() };
    let body = empty.render(Language::English).body;
    assert!(body.contains("<dd>none</dd>") && !body.contains("<time"), "{body}");
    let odd = AccountPage { expires: Some("soon"), ..account() }.render(Language::English);
    assert!(odd.body.contains("<time datetime=\"soon\">soon</time>"));
}

#[test]
fn notices_have_their_links() {
    for (name, notice) in notices() {
        let page = NoticePage { status: StatusCode::BAD_REQUEST, notice, request_id: None };
        let page = page.render(Language::English);
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        let links = tags(&page.body, "a").len();
        let (expected_links, expected_forms) = match notice {
            Notice::LogoutFailed => (0, 1),
            Notice::ReturnRefused { .. } => (0, 0),
            Notice::AuthorizationRefused { reason } => {
                (usize::from(reason == AuthorizationProblem::ClientUnavailable), 0)
            }
            Notice::SessionNotKept { .. } => (2, 0),
            _ => (1, 0),
        };
        assert_eq!(links, expected_links, "{name}");
        assert_eq!(tags(&page.body, "form").len(), expected_forms, "{name}");
        assert!(!page.body.contains("<footer"), "{name}");
    }
}

#[test]
fn each_code_is_explained() {
    let refusal = |status, code| RefusalPage {
        status: StatusCode::from_u16(status).expect("a status"),
        code,
        request_id: "req-1",
        log_in: None,
        account: Some("/.vault-auth/"),
    };
    let general = "<h1>The request was refused</h1>";
    for (status, code) in CODES {
        let body = refusal(*status, code).render(Language::English).body;
        assert!(!body.contains(general), "{code}");
        assert!(body.contains(&format!("<code>{code}</code>")), "{code}");
        assert!(body.contains("<code>req-1</code>"), "{code}");
        let has_account = *status == 403 || *code == "credential_conflict";
        assert_eq!(body.contains("href=\"/.vault-auth/\""), has_account, "{code}");
        assert_eq!(body.contains("href=\"\""), *status == 503, "{code}");
    }
    let body = refusal(418, "teapot").render(Language::English).body;
    assert!(body.contains(general), "{body}");
    let page = RefusalPage { log_in: Some("/.vault-auth/login"), ..refusal(401, "token_invalid") };
    assert!(page.render(Language::Spanish).body.contains(">Iniciar sesión</a>"));
}
