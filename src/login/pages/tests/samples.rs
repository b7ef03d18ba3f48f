use std::time::Duration;

use http::StatusCode;

use super::super::{
    AccountPage, AuthorizationProblem, AuthorizationTarget, ConsentClient, ConsentPage, HtmlPage,
    Language, LoginForm, LoginMessage, LoginTarget, MfaForm, Notice, NoticePage, RedirectPlace,
    RefusalPage,
};
use crate::login::{BrowserLoginMethod, GuardedHosts, ReturnUrl, parse_login_methods};

pub(super) const LANGUAGES: [Language; 2] = [Language::English, Language::Spanish];

/// The codes that have an explanation of their own.
pub(super) const CODES: &[(u16, &str)] = &[
    (401, "credential_missing"),
    (401, "token_invalid"),
    (401, "credential_malformed"),
    (401, "credential_conflict"),
    (403, "policy_required"),
    (403, "tenant_mismatch"),
    (403, "acl_denied"),
    (403, "path_ambiguous"),
    (403, "address_not_allowed"),
    (403, "token_not_allowed"),
    (403, "cross_site"),
    (429, "too_many_failures"),
    (503, "vault_unavailable"),
    (503, "vault_sealed"),
    (503, "vault_throttled"),
    (503, "not_ready"),
    (503, "overloaded"),
    (503, "decision_log_unavailable"),
    (400, "requirement_invalid"),
    (400, "request_invalid"),
    (500, "internal_error"),
];

const MESSAGES: [LoginMessage; 9] = [
    LoginMessage::WrongCredentials,
    LoginMessage::WrongCode,
    LoginMessage::TooManyAttempts(Duration::from_mins(1)),
    LoginMessage::TooManyAttempts(Duration::from_secs(61)),
    LoginMessage::VaultUnavailable,
    LoginMessage::Expired,
    LoginMessage::Cancelled,
    LoginMessage::NotUsable,
    LoginMessage::CrossSite,
];

pub(super) fn methods(list: &str) -> Vec<BrowserLoginMethod> {
    parse_login_methods(list).expect("a list")
}

pub(super) fn return_url(text: &str) -> ReturnUrl {
    let hosts = GuardedHosts::parse("acme.crm.example.com").expect("a list");
    ReturnUrl::parse(text, &hosts).expect("a URL")
}

/// A login form without a message.
pub(super) fn login_form<'p>(
    methods: &'p [BrowserLoginMethod],
    to: Option<&'p ReturnUrl>,
) -> LoginForm<'p> {
    LoginForm {
        status: StatusCode::OK,
        methods,
        method: None,
        target: LoginTarget { to, browser: Some("browser.value"), authorization: None },
        name: "",
        message: None,
        request_id: None,
    }
}

pub(super) fn account() -> AccountPage<'static> {
    AccountPage {
        host: "acme.crm.example.com",
        subject: "ana.rojas@example.com",
        tenant: Some("acme"),
        policies: &["crm-agent", "crm-reports-reader", "default", "tenant-acme"],
        expires: Some("2026-11-28T17:30:00Z"),
        application: Some("/"),
    }
}

pub(super) const AUTHORIZATION: AuthorizationTarget<'_> = AuthorizationTarget {
    sealed: "authorization.value",
    client: "claude.ai",
    resource: "MCP registry",
};

pub(super) fn consent() -> ConsentPage<'static> {
    ConsentPage {
        client_name: Some("Claude"),
        client: ConsentClient::Document { host: "claude.ai" },
        redirect: "claude.ai",
        place: RedirectPlace::Website,
        resource_name: "MCP registry",
        resource: "https://mcp.example.com",
        subject: "ana.rojas@example.com",
        tenant: Some("acme"),
        policies: &["crm-agent", "default", "mcp-registry-reader", "tenant-acme"],
        consent: "consent.value",
    }
}

/// Consent pages for all kinds of clients and places, with names for error messages.
pub(super) fn consents() -> Vec<(&'static str, ConsentPage<'static>)> {
    let page = consent();
    let registered = ConsentPage { client: ConsentClient::Registered, ..page };
    let configured =
        ConsentPage { client: ConsentClient::Configured { id: "claude-desktop" }, ..page };
    let local =
        ConsentPage { redirect: "127.0.0.1:33418", place: RedirectPlace::ThisComputer, ..page };
    let scheme = ConsentPage { redirect: "cursor:", ..local };
    vec![
        ("consent-document", page),
        ("consent-document-unnamed", ConsentPage { client_name: None, tenant: None, ..page }),
        ("consent-document-local", local),
        ("consent-configured", configured),
        ("consent-configured-unnamed", ConsentPage { client_name: None, ..configured }),
        ("consent-registered", registered),
        ("consent-registered-local", ConsentPage { client: ConsentClient::Registered, ..scheme }),
        ("consent-registered-unnamed", ConsentPage { client_name: None, ..registered }),
        ("consent-policies", ConsentPage { policies: &POLICIES, ..page }),
        ("consent-no-policies", ConsentPage { policies: &[], ..page }),
    ]
}

/// More policies than a consent page shows at first.
pub(super) const POLICIES: [&str; 24] = [
    "billing-invoices-reader",
    "billing-reports-reader",
    "crm-admin",
    "crm-agent",
    "crm-contacts-exporter",
    "crm-reports-reader",
    "default",
    "documents-editor",
    "documents-reader",
    "helpdesk-agent",
    "helpdesk-supervisor",
    "inventory-reader",
    "inventory-writer",
    "mcp-calendar-writer",
    "mcp-mail-reader",
    "mcp-mail-writer",
    "mcp-registry-reader",
    "mcp-registry-writer",
    "metabase-viewer",
    "n8n-editor",
    "odoo-sales-manager-for-the-region-of-valparaiso-and-the-islands",
    "payroll-reader",
    "projects-reader",
    "tenant-acme",
];

pub(super) fn notices() -> Vec<(&'static str, Notice<'static>)> {
    let link = Some("https://acme.crm.example.com/.vault-auth/login?to=a&b");
    let host = "acme.crm.example.com";
    let refused = |reason| Notice::AuthorizationRefused { reason };
    vec![
        ("not-logged-in", Notice::NotLoggedIn { log_in: link }),
        ("logged-out", Notice::LoggedOut { log_in: link }),
        ("logout-failed", Notice::LogoutFailed),
        ("return-refused", Notice::ReturnRefused { host: Some(host) }),
        ("return-refused-unknown", Notice::ReturnRefused { host: None }),
        ("insecure", Notice::InsecureConnection { host }),
        ("ticket-invalid", Notice::TicketInvalid { log_in: link }),
        ("session-not-kept", Notice::SessionNotKept { host, again: link, account: link }),
        ("notice-vault-unavailable", Notice::VaultUnavailable { again: link }),
        ("session-ended", Notice::SessionEnded { again: link }),
        ("notice-cross-site", Notice::CrossSite { again: link }),
        ("unknown-client", refused(AuthorizationProblem::UnknownClient)),
        ("client-unavailable", refused(AuthorizationProblem::ClientUnavailable)),
        ("too-many-requests", refused(AuthorizationProblem::TooManyRequests)),
        ("redirect-refused", refused(AuthorizationProblem::RedirectRefused)),
        ("invalid-request", refused(AuthorizationProblem::InvalidRequest)),
        ("authorization-expired", refused(AuthorizationProblem::Expired)),
    ]
}

/// Renders pages of all kinds, with names for error messages.
pub(super) fn pages(language: Language) -> Vec<(String, HtmlPage)> {
    let mut pages = form_pages(language);
    pages.push(("account".to_owned(), account().render(language)));
    let bare = AccountPage { tenant: None, expires: None, application: None, ..account() };
    pages.push(("account-bare".to_owned(), bare.render(language)));
    for (name, page) in consents() {
        pages.push((name.to_owned(), page.render(language)));
    }
    for (name, notice) in notices() {
        let page = NoticePage { status: StatusCode::OK, notice, request_id: Some("req-1") };
        pages.push((name.to_owned(), page.render(language)));
    }
    for (status, code) in CODES.iter().chain([&(418, "another_code")]) {
        let page = RefusalPage {
            status: StatusCode::from_u16(*status).expect("a status"),
            code,
            request_id: "01JDTQ0T8ZJ0W7C5S4V1N3B2K6",
            log_in: (*status == 401).then_some("/.vault-auth/login?to=a"),
            account: Some("/.vault-auth/"),
        };
        pages.push((format!("refusal-{code}"), page.render(language)));
    }
    pages
}

fn form_pages(language: Language) -> Vec<(String, HtmlPage)> {
    let to = return_url("https://acme.crm.example.com/tickets?open=1");
    let (one, several) = (methods("userpass"), methods("userpass,ldap:corp,oidc:google,oidc"));
    let providers = methods("oidc:google:staff,oidc:google:partners,oidc:microsoft");
    let base = login_form(&one, Some(&to));
    let authorization = LoginTarget { authorization: Some(AUTHORIZATION), ..base.target };
    let mut forms = vec![
        ("login".to_owned(), base),
        ("login-no-target".to_owned(), login_form(&one, None)),
        ("login-authorization".to_owned(), LoginForm { target: authorization, ..base }),
        (
            "login-authorization-several".to_owned(),
            LoginForm { target: authorization, ..login_form(&several, None) },
        ),
        ("login-several".to_owned(), login_form(&several, Some(&to))),
        ("login-providers".to_owned(), login_form(&providers, Some(&to))),
    ];
    for (index, message) in MESSAGES.into_iter().enumerate() {
        let form = LoginForm {
            name: "ana",
            message: Some(message),
            request_id: (message == LoginMessage::NotUsable).then_some("req-1"),
            ..base
        };
        forms.push((format!("login-message-{index}"), form));
    }
    let mut pages: Vec<_> =
        forms.iter().map(|(name, form)| (name.clone(), form.render(language))).collect();
    for (name, target, codes, message) in [
        ("mfa", base.target, 1, None),
        ("mfa-wrong", base.target, 1, Some(LoginMessage::WrongCode)),
        ("mfa-several", base.target, 2, Some(LoginMessage::VaultUnavailable)),
        ("mfa-authorization", authorization, 1, None),
    ] {
        let status = StatusCode::OK;
        let form = MfaForm { status, pending: "pending.value", codes, target, message };
        pages.push((name.to_owned(), form.render(language)));
    }
    pages
}
