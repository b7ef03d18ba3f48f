//! Passcodes, which Vault requires after the password.

use serde_json::{Value, json};
use vault_auth_validator::login::{LoginBackend, LoginError, LoginStep, MfaRequirement};

use super::{LoginVault, PASSWORD, expired, misconfigured, rejected, text, unavailable};
use crate::support::totp::{self, Totp};

impl LoginVault {
    /// Creates a MFA method of this type, and returns its id.
    async fn add_method(&self, kind: &str, parameters: Value) -> String {
        let path = format!("identity/mfa/method/{kind}");
        text(&self.bao.must("POST", &path, Some(parameters)).await["data"]["method_id"])
    }

    async fn add_totp(&self, name: &str) -> String {
        let method = json!({"method_name": name, "issuer": "acme", "max_validation_attempts": 3});
        self.add_method("totp", method).await
    }

    /// Requires one of these methods for logins of this entity.
    pub(super) async fn enforce(&self, name: &str, entity: &str, methods: &[&str]) {
        let path = format!("identity/mfa/login-enforcement/{name}");
        let body = json!({"mfa_method_ids": methods, "identity_entity_ids": [entity]});
        self.bao.must("POST", &path, Some(body)).await;
    }

    async fn enrol(&self, entity: &str, method: &str) -> Totp {
        let body = json!({"method_id": method, "entity_id": entity});
        let path = "identity/mfa/method/totp/admin-generate";
        let answer = self.bao.must("POST", path, Some(body)).await;
        Totp::from_url(&text(&answer["data"]["url"]))
    }

    /// Requires TOTP for logins of `ana`, and returns the secret.
    pub(super) async fn require_totp(&self, entity: &str) -> Totp {
        totp::require(&self.bao, entity).await
    }

    /// Logs `ana` in with the password.
    async fn requirement(&self) -> MfaRequirement {
        required(self.log_in("ana", PASSWORD).await)
    }

    async fn validate(
        &self,
        requirement: &MfaRequirement,
        passcodes: &[&str],
    ) -> Result<vault_auth_validator::token::CallerToken, LoginError> {
        let passcodes: Vec<_> = passcodes.iter().map(|code| (*code).into()).collect();
        self.backend.validate_mfa(requirement, &passcodes).await
    }
}

#[track_caller]
pub(super) fn required(step: Result<LoginStep, LoginError>) -> MfaRequirement {
    match step {
        Ok(LoginStep::MfaRequired(requirement)) => requirement,
        other => panic!("no requirement: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l25_passcode_completes_a_login() {
    let vault = LoginVault::start().await;
    let totp = vault.require_totp(&vault.entity("ana").await).await;
    rejected(vault.log_in("ana", "wrong").await);
    let requirement = vault.requirement().await;
    assert_eq!(requirement.methods.len(), 1);
    rejected(vault.validate(&requirement, &[&totp.wrong_code()]).await);
    let code = totp.code();
    let token = vault.validate(&requirement, &[&code]).await.expect("a token");
    assert_eq!(vault.lookup_status(&token).await, 200);
    expired(vault.validate(&requirement, &[&totp.next_code()]).await);
    let again = vault.requirement().await;
    rejected(vault.validate(&again, &[&code]).await);
    vault.validate(&again, &[&totp.next_code()]).await.expect("a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn l25_many_wrong_codes_reject_the_right_one() {
    let vault = LoginVault::start().await;
    let totp = vault.require_totp(&vault.entity("ana").await).await;
    let requirement = vault.requirement().await;
    let wrong = totp.wrong_code();
    for _ in 0..4 {
        rejected(vault.validate(&requirement, &[&wrong]).await);
    }
    rejected(vault.validate(&requirement, &[&totp.code()]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn l25_other_texts_are_not_sent() {
    let vault = LoginVault::start().await;
    vault.require_totp(&vault.entity("ana").await).await;
    let requirement = vault.requirement().await;
    for passcodes in [&["a=b"][..], &[""], &["12 3456"], &["passcode=123456"], &[], &["1", "2"]] {
        rejected(vault.validate(&requirement, passcodes).await);
    }
    assert_eq!(vault.requests("sys/mfa/validate"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_mfa_request_is_expired() {
    let vault = LoginVault::start().await;
    let request_id = "f817348c-4df1-72a0-8096-d8e1962da8ac".to_owned();
    let unknown = MfaRequirement { request_id, methods: vec!["m".to_owned()] };
    expired(vault.validate(&unknown, &["123456"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_enforcement_expires_a_login() {
    let vault = LoginVault::start().await;
    let entity = vault.entity("ana").await;
    vault.require_totp(&entity).await;
    let requirement = vault.requirement().await;
    let other = vault.add_totp("other").await;
    vault.enforce("staff", &entity, &[&other]).await;
    expired(vault.validate(&requirement, &["123456"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn person_without_secret_is_rejected() {
    let vault = LoginVault::start().await;
    let method = vault.add_totp("staff-totp").await;
    vault.enforce("staff", &vault.entity("ana").await, &[&method]).await;
    rejected(vault.validate(&vault.requirement().await, &["123456"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_enforcements_need_a_passcode() {
    let vault = LoginVault::start().await;
    let entity = vault.entity("ana").await;
    let (first, second) = (vault.add_totp("first").await, vault.add_totp("second").await);
    vault.enforce("b.second", &entity, &[&second]).await;
    vault.enforce("a-first", &entity, &[&first]).await;
    let one = vault.enrol(&entity, &first).await;
    let two = vault.enrol(&entity, &second).await;
    let requirement = vault.requirement().await;
    assert_eq!(requirement.methods, [first, second]);
    rejected(vault.validate(&requirement, &[&one.code()]).await);
    let (one, two) = (one.code(), two.code());
    vault.validate(&requirement, &[&one, &two]).await.expect("a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn push_factors_are_misconfigured() {
    let vault = LoginVault::start().await;
    let duo = json!({
        "method_name": "duo",
        "integration_key": "i",
        "secret_key": "s",
        "api_hostname": "127.0.0.1:1",
    });
    let duo = vault.add_method("duo", duo).await;
    let entity = vault.entity("ana").await;
    vault.enforce("only-duo", &entity, &[&duo]).await;
    let why = misconfigured(vault.log_in("ana", PASSWORD).await);
    assert!(why.contains("`only-duo`"), "{why}");
    let totp = vault.add_totp("staff-totp").await;
    vault.enforce("only-duo", &entity, &[&duo, &totp]).await;
    let secret = vault.enrol(&entity, &totp).await;
    let requirement = vault.requirement().await;
    assert_eq!(requirement.methods, [totp]);
    rejected(vault.validate(&requirement, &[&secret.wrong_code()]).await);
    vault.validate(&requirement, &[&secret.code()]).await.expect("a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_factor_is_unavailable() {
    let vault = LoginVault::start().await;
    let duo = json!({
        "method_name": "duo",
        "integration_key": "i",
        "secret_key": "s",
        "api_hostname": "127.0.0.1:1",
        "use_passcode": true,
    });
    let duo = vault.add_method("duo", duo).await;
    vault.enforce("duo", &vault.entity("ana").await, &[&duo]).await;
    unavailable(vault.validate(&vault.requirement().await, &["123456"]).await);
}
