//! Logins at an `OpenID` provider.

use secrecy::SecretString;
use serde_json::json;
use vault_auth_validator::login::{
    BrowserLoginKind, BrowserLoginMethod, LoginBackend, LoginError, LoginStep, OidcCallback,
    UnsuitableToken,
};

use super::{
    LoginVault, expired, logged_in, mfa::required, misconfigured, rejected, unavailable, unsuitable,
};
use crate::support::idp::{Idp, ProviderAnswer};

/// The address that the provider sends browsers back to.
const REDIRECT_URI: &str = "https://login.example.com/.vault-auth/oidc/callback";

const NONCE: &str = "nonce-of-this-browser";

/// The auth method with this role.
pub(super) fn oidc(role: &str) -> BrowserLoginMethod {
    let (mount, role) = ("oidc".to_owned(), Some(role.to_owned()));
    BrowserLoginMethod { kind: BrowserLoginKind::Oidc, mount, role }
}

/// A Vault with the auth method `oidc`, and the provider.
struct Setup {
    vault: LoginVault,
    idp: Idp,
}

impl Setup {
    async fn start() -> Self {
        let vault = LoginVault::start().await;
        let idp = Idp::start(REDIRECT_URI, &["ana"]).await;
        idp.enable(&vault.bao).await;
        Self { vault, idp }
    }

    async fn begin(&self, role: &str) -> Result<String, LoginError> {
        self.vault.backend.start_oidc(&oidc(role), REDIRECT_URI, &NONCE.into()).await
    }

    /// Begins a login, and logs `ana` in at the provider.
    async fn authorize(&self, role: &str) -> ProviderAnswer {
        let url = self.begin(role).await.expect("an address");
        self.idp.authorize("ana", &url).await
    }

    async fn finish(&self, answer: &ProviderAnswer) -> Result<LoginStep, LoginError> {
        self.finish_with(answer, answer.code.clone(), NONCE).await
    }

    async fn finish_with(
        &self,
        answer: &ProviderAnswer,
        code: SecretString,
        nonce: &str,
    ) -> Result<LoginStep, LoginError> {
        let callback =
            OidcCallback { state: answer.state.clone(), code, client_nonce: nonce.into() };
        self.vault.backend.finish_oidc(&oidc("staff"), &callback).await
    }

    /// Logs `ana` in with this role.
    async fn log_in(&self, role: &str) -> Result<LoginStep, LoginError> {
        self.finish(&self.authorize(role).await).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_login_yields_a_token() {
    let setup = Setup::start().await;
    let token = logged_in(setup.log_in("staff").await);
    let path = "auth/token/lookup-self";
    let (status, answer) = setup.vault.bao.request_as(token.expose(), "GET", path, None).await;
    assert_eq!((status, &answer["data"]["display_name"]), (200, &json!("oidc-ana")));
    let default_role = BrowserLoginMethod { role: None, ..oidc("staff") };
    let backend = &setup.vault.backend;
    let url = backend.start_oidc(&default_role, REDIRECT_URI, &NONCE.into()).await;
    let answer = setup.idp.authorize("ana", &url.expect("an address")).await;
    logged_in(setup.finish(&answer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn l18_other_browsers_nonce_is_refused() {
    let setup = Setup::start().await;
    for nonce in ["nonce-of-another-browser", ""] {
        let answer = setup.authorize("staff").await;
        expired(setup.finish_with(&answer, answer.code.clone(), nonce).await);
        expired(setup.finish(&answer).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l18_state_is_used_once() {
    let setup = Setup::start().await;
    let answer = setup.authorize("staff").await;
    logged_in(setup.finish(&answer).await);
    expired(setup.finish(&answer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_states_are_expired() {
    let setup = Setup::start().await;
    for state in ["", "st_unknown", "a&code=b", "a b%20c#d?e", "ñ\r\n"] {
        let answer = ProviderAnswer { code: "c&state=d".into(), state: state.into() };
        expired(setup.finish(&answer).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_redirect_uri_is_misconfigured() {
    let setup = Setup::start().await;
    let backend = &setup.vault.backend;
    for uri in ["https://evil.test/", "https://login.example.com:443/.vault-auth/oidc/callback"] {
        let why = misconfigured(backend.start_oidc(&oidc("staff"), uri, &NONCE.into()).await);
        assert!(why.contains("allowed_redirect_uris"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_roles_are_misconfigured() {
    let setup = Setup::start().await;
    let why = misconfigured(setup.begin("missing").await);
    assert!(why.contains("missing"), "{why}");
    let backend = &setup.vault.backend;
    for mount in ["missing", "userpass"] {
        let method = BrowserLoginMethod { mount: mount.to_owned(), ..oidc("staff") };
        misconfigured(backend.start_oidc(&method, REDIRECT_URI, &NONCE.into()).await);
    }
    let bao = &setup.vault.bao;
    bao.must("POST", "sys/auth/bare", Some(json!({"type": "oidc"}))).await;
    let bare = BrowserLoginMethod { mount: "bare".to_owned(), ..oidc("staff") };
    misconfigured(backend.start_oidc(&bare, REDIRECT_URI, &NONCE.into()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_decide_about_a_login() {
    let setup = Setup::start().await;
    let bao = &setup.vault.bao;
    for (role, parameters) in [
        ("other", json!({"bound_claims": {"username": "bob"}})),
        ("absent", json!({"bound_claims": {"department": "x"}})),
        ("nameless", json!({"user_claim": "mail"})),
        ("groupless", json!({"groups_claim": "teams"})),
        ("subject", json!({"bound_subject": "x"})),
    ] {
        setup.idp.write_role(bao, role, parameters).await;
        rejected(setup.log_in(role).await);
    }
    let right = json!({"bound_claims": {"groups": ["staff"]}, "groups_claim": "groups"});
    setup.idp.write_role(bao, "right", right).await;
    logged_in(setup.log_in("right").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn l20_disabled_person_is_rejected() {
    let setup = Setup::start().await;
    let token = logged_in(setup.log_in("staff").await);
    let entity = setup.entity(token.expose()).await;
    setup.vault.disable(&entity).await;
    rejected(setup.log_in("staff").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_is_not_exchanged_is_unavailable() {
    let setup = Setup::start().await;
    let answer = setup.authorize("staff").await;
    let why = unavailable(setup.finish_with(&answer, "bad".into(), NONCE).await);
    assert!(why.detail.contains("Error exchanging oidc code"), "{why:?}");
    expired(setup.finish(&answer).await);
    let answer = setup.authorize("staff").await;
    setup.idp.bao.kill();
    unavailable(setup.finish(&answer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unsuitable_oidc_logins_are_refused() {
    let setup = Setup::start().await;
    let batch = json!({"token_type": "batch"});
    setup.idp.write_role(&setup.vault.bao, "batch", batch).await;
    assert_eq!(unsuitable(setup.log_in("batch").await), UnsuitableToken::Batch);
}

#[tokio::test(flavor = "multi_thread")]
async fn l25_provider_login_needs_a_passcode() {
    let setup = Setup::start().await;
    let token = logged_in(setup.log_in("staff").await);
    let totp = setup.vault.require_totp(&setup.entity(token.expose()).await).await;
    let requirement = required(setup.log_in("staff").await);
    let passcodes = [totp.code().into()];
    let token = setup.vault.backend.validate_mfa(&requirement, &passcodes).await.expect("a token");
    assert_eq!(setup.vault.lookup_status(&token).await, 200);
}

impl Setup {
    /// Returns the id of a token's entity.
    async fn entity(&self, token: &str) -> String {
        let path = "auth/token/lookup-self";
        let answer = self.vault.bao.request_as(token, "GET", path, None).await;
        super::text(&answer.1["data"]["entity_id"])
    }
}
