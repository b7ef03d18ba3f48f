//! An `OpenID` provider: a second OpenBao, at which people log in with a password.

use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::bao::Bao;

/// The path of the provider.
const PROVIDER: &str = "identity/oidc/provider/main";

/// The password of everyone.
const PASSWORD: &str = "correct horse";

/// The provider, with one client.
pub struct Idp {
    /// The server.
    pub bao: Bao,
    redirect_uri: String,
    client_id: String,
    client_secret: String,
}

/// The parameters with which the provider sends a browser back.
#[derive(Debug)]
pub struct ProviderAnswer {
    /// The code of the login.
    pub code: SecretString,
    /// The state that it was started with.
    pub state: SecretString,
}

impl Idp {
    /// Starts a provider whose client may send people to this address, and at which these people
    /// have accounts. Their ID tokens have the claims `username`, and `groups` with `staff`.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(redirect_uri: &str, people: &[&str]) -> Self {
        let bao = Bao::dev().await;
        bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
        let mut entities = Vec::new();
        for name in people {
            entities.push(add_person(&bao, name).await);
        }
        let group = json!({"name": "staff", "member_entity_ids": entities});
        bao.must("POST", "identity/group", Some(group)).await;
        let assignment = json!({ "entity_ids": entities });
        bao.must("POST", "identity/oidc/assignment/people", Some(assignment)).await;
        let key = json!({"allowed_client_ids": ["*"], "algorithm": "RS256"});
        bao.must("POST", "identity/oidc/key/main", Some(key)).await;
        let template =
            r#"{"username": {{identity.entity.name}}, "groups": {{identity.entity.groups.names}}}"#;
        let scope = json!({ "template": template });
        bao.must("POST", "identity/oidc/scope/person", Some(scope)).await;
        let client = json!({
            "key": "main",
            "redirect_uris": [redirect_uri],
            "assignments": ["people"],
            "client_type": "confidential",
        });
        bao.must("POST", "identity/oidc/client/vault", Some(client)).await;
        let client = bao.must("GET", "identity/oidc/client/vault", None).await;
        let client_id = text(&client["data"]["client_id"]);
        let provider = json!({
            "allowed_client_ids": [client_id],
            "scopes_supported": ["person"],
            "issuer": bao.addr(),
        });
        bao.must("POST", PROVIDER, Some(provider)).await;
        let client_secret = text(&client["data"]["client_secret"]);
        Self { bao, redirect_uri: redirect_uri.to_owned(), client_id, client_secret }
    }

    /// Enables the auth method `oidc` in Vault with this provider, and with its default role `staff`.
    pub async fn enable(&self, vault: &Bao) {
        vault.must("POST", "sys/auth/oidc", Some(json!({"type": "oidc"}))).await;
        let config = json!({
            "oidc_discovery_url": format!("{}/v1/{PROVIDER}", self.bao.addr()),
            "oidc_client_id": self.client_id,
            "oidc_client_secret": self.client_secret,
            "default_role": "staff",
        });
        vault.must("POST", "auth/oidc/config", Some(config)).await;
        self.write_role(vault, "staff", json!({})).await;
    }

    /// Creates a role of the auth method, with these parameters besides the necessary ones.
    ///
    /// # Panics
    /// If the parameters are no object.
    pub async fn write_role(&self, vault: &Bao, name: &str, parameters: Value) {
        let mut role = json!({
            "role_type": "oidc",
            "user_claim": "username",
            "oidc_scopes": ["person"],
            "allowed_redirect_uris": [self.redirect_uri],
        });
        let parameters = parameters.as_object().expect("an object").clone();
        role.as_object_mut().expect("an object").extend(parameters);
        vault.must("POST", &format!("auth/oidc/role/{name}"), Some(role)).await;
    }

    /// Does what a browser does at the address of a login: this person logs in and is sent back.
    ///
    /// # Panics
    /// If the provider refuses that.
    pub async fn authorize(&self, person: &str, auth_url: &str) -> ProviderAnswer {
        let url = Url::parse(auth_url).expect("a URL");
        assert_eq!(url.origin().ascii_serialization(), self.bao.addr(), "another provider");
        let (login, password) = (format!("auth/userpass/login/{person}"), PASSWORD);
        let answer =
            self.bao.request_as("", "POST", &login, Some(json!({ "password": password }))).await;
        let token = text(&answer.1["auth"]["client_token"]);
        let query = url.query().expect("a query");
        let path = format!("{PROVIDER}/authorize?{query}");
        let (status, answer) = self.bao.request_as(&token, "GET", &path, None).await;
        assert_eq!(status, 200, "{answer}");
        ProviderAnswer { code: text(&answer["code"]).into(), state: text(&answer["state"]).into() }
    }
}

/// Creates a user, and returns the id of the entity.
async fn add_person(bao: &Bao, name: &str) -> String {
    let path = format!("auth/userpass/users/{name}");
    bao.must("POST", &path, Some(json!({ "password": PASSWORD }))).await;
    let mounts = bao.must("GET", "sys/auth", None).await;
    bao.must("POST", "identity/entity", Some(json!({ "name": name }))).await;
    let entity = bao.must("GET", &format!("identity/entity/name/{name}"), None).await;
    let alias = json!({
        "name": name,
        "canonical_id": entity["data"]["id"],
        "mount_accessor": mounts["data"]["userpass/"]["accessor"],
    });
    bao.must("POST", "identity/entity-alias", Some(alias)).await;
    text(&entity["data"]["id"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}")).to_owned()
}
