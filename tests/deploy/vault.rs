//! The compose file for HashiCorp Vault: its `bootstrap` and `hand-over`, on a server that people
//! unseal.

use std::{fs, path::Path, process::Command};

use serde_norway::Value;

use crate::support::{
    bao::{Bao, Unsealed},
    platform::AppRole,
    tools::{self, repository},
    validator::Validator,
};

/// Runs the command of the service `bootstrap`.
fn bootstrap(bao: &Bao, root: &Path) {
    let text = fs::read_to_string(repository("deploy/vault/compose.yaml")).expect("the file");
    let all: Value = serde_norway::from_str(&text).expect("YAML");
    let words = all["services"]["bootstrap"]["command"].as_sequence().expect("a command");
    let here = |word: &Value| {
        let word = word.as_str().expect("text");
        word.replace("/credentials", &root.join("credentials").to_string_lossy())
            .replace("/vault/logs", &root.to_string_lossy())
    };
    let ended = Command::new(tools::validator())
        .args(words.iter().map(here))
        .env_clear()
        .env("VAULT_ADDR", bao.addr())
        .output()
        .expect("the program");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

fn hand_over(bao: &Bao, root: &Path) {
    let ended = Command::new("sh")
        .arg(repository("deploy/vault/hand-over.sh"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", root)
        .env("ROOT", root)
        .env("VAULT", tools::bao())
        .env("VAULT_ADDR", bao.addr())
        .output()
        .expect("sh");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_works_again_after_restart() {
    let root = tempfile::tempdir().expect("a temporary directory");
    for folder in ["keys/validator", "keys/administrator", "keys/rotator"] {
        fs::create_dir_all(root.path().join(folder)).expect("a folder");
    }
    let mut bao = Bao::empty(root.path(), Unsealed::ByPeople).await;
    for _ in 0..2 {
        bootstrap(&bao, root.path());
        hand_over(&bao, root.path());
        for (role, folder) in [
            ("validator", "validator"),
            ("administrator", "administrator"),
            ("key-rotator", "rotator"),
        ] {
            let file = root.path().join("keys").join(folder).join("secret-id");
            let secret_id = fs::read_to_string(file).expect("a secret id");
            let role = AppRole { role_id: role.to_owned(), secret_id };
            let answers = bao.request_as(
                "",
                "POST",
                "auth/approle/login",
                Some(serde_json::json!({"role_id": role.role_id, "secret_id": role.secret_id})),
            );
            assert_eq!(answers.await.0, 200, "{}", role.role_id);
            if role.role_id == "validator" {
                Validator::start(&bao, &role, &[]).await;
            }
        }
        bao.restart_sealed().await;
    }
}
