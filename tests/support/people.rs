//! A platform with browser logins: people in `userpass`, a login host, and a file of sealing keys.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use vault_auth_validator::sealed::KeyRing;

use super::{
    bao::Bao,
    direct::Direct,
    person::{Person, Route},
};

/// The hosts of the applications.
pub const HOSTS: &str = "crm.example.com,erp.example.com,*.crm.example.com";

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

/// A platform with browser logins. Fields are in the order in which they are to be stopped.
pub struct People {
    /// The validator and OpenBao.
    pub direct: Direct,
    folder: TempDir,
}

impl People {
    /// Starts everything with a person `ana`, who may use the CRM.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts everything, with variables for the validator.
    pub async fn start_with(env: &[(&str, &str)]) -> Self {
        Self::on(Bao::dev().await, env).await
    }

    /// Starts the rest on this OpenBao.
    pub async fn on(bao: Bao, env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sealing-keys");
        fs::write(&file, KeyRing::generate().as_str()).expect("a file");
        bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
        let file = file.display().to_string();
        let login = [
            ("VALIDATOR_LOGIN_URL", "https://login.example.com"),
            ("VALIDATOR_LOGIN_HOSTS", HOSTS),
            ("VALIDATOR_SEALING_KEY_FILE", file.as_str()),
        ];
        let env: Vec<_> = login.iter().chain(env).copied().collect();
        let people = Self { direct: Direct::on(bao, &env).await, folder };
        people.create("ana", json!({"token_policies": "crm-agent,route-crm"})).await;
        people
    }

    /// Creates a person with [`PASSWORD`].
    pub async fn create(&self, name: &str, mut settings: Value) {
        settings["password"] = json!(PASSWORD);
        self.bao().must("POST", &format!("auth/userpass/users/{name}"), Some(settings)).await;
    }

    /// Returns the id of a person's entity, which a login creates.
    pub async fn entity(&self, name: &str) -> String {
        let login = Some(json!({"password": PASSWORD}));
        let login = self.bao().must("POST", &format!("auth/userpass/login/{name}"), login).await;
        login["auth"]["entity_id"].as_str().expect("an entity").to_owned()
    }

    /// OpenBao.
    pub fn bao(&self) -> &Bao {
        &self.direct.bao
    }

    /// The file of the sealing keys.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("sealing-keys")
    }

    /// Returns a person in front of the validator; every application redirects to the login page.
    pub fn person(&self) -> Person {
        self.person_with("login=redirect&policy=crm-agent")
    }

    /// Returns a person in front of the validator, with this requirement of every application.
    pub fn person_with(&self, requirement: &str) -> Person {
        Person::new(Route::to_validator(&self.direct.validator, requirement))
    }

    /// Returns a person who is logged in at the CRM and at the login host.
    ///
    /// # Panics
    /// If the login fails.
    pub async fn logged_in(&self) -> Person {
        self.log_in("ana").await
    }

    /// Returns another person, who is created and logged in.
    ///
    /// # Panics
    /// If the login fails.
    pub async fn logged_in_as(&self, name: &str) -> Person {
        self.create(name, json!({"token_policies": "crm-agent"})).await;
        self.log_in(name).await
    }

    async fn log_in(&self, name: &str) -> Person {
        let mut person = self.person();
        let form = person.open("https://crm.example.com/").await;
        let page = person.log_in(&form, name, PASSWORD).await;
        assert_eq!(page.status(), 200, "{page:?}");
        person
    }
}
