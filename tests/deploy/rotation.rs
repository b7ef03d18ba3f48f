//! `deploy/rotation/` and the compose service `key-rotation`: their commands rotate the due keys,
//! with the login created for them.

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    deploy::machine::Machine,
    support::{
        bao::Bao,
        platform::{self, age_key, aged},
        tools::{self, repository},
        wait::eventually,
    },
};

const PROGRAM: &str = "/usr/local/bin/vault-auth-validator";
const SECRET_ID: &str = "/etc/vault-auth-validator/key-rotator-secret-id";

/// Starts a server with a tenant with a due key, and a folder with the rotator's secret id.
async fn due(folder: &Path) -> Bao {
    let bao = Bao::dev().await;
    platform::provision(&bao).await;
    platform::create_tenant(&bao, "acme").await;
    let settings = json!({"data": {"v": 1, "rotate_every": "90d"}});
    bao.must("POST", "secret/data/tenant-settings/acme", Some(settings)).await;
    age_key(&bao, "acme", 90 * 24).await;
    let made = Command::new("sh")
        .arg(repository("deploy/rotation/role.sh"))
        .arg(folder.join("secret-id"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder)
        .env("VAULT", tools::bao())
        .env("VAULT_ADDR", bao.addr())
        .env("VAULT_TOKEN", bao.root_token())
        .output()
        .expect("sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    bao
}

/// Runs a shell command in this environment on this server's machine.
async fn rotates(bao: &Bao, line: &str, mut environment: BTreeMap<String, String>) {
    let line = line.replace(PROGRAM, &tools::validator().display().to_string());
    let address = environment.insert("VAULT_ADDR".to_owned(), bao.addr());
    assert_eq!(address.as_deref(), Some("https://vault.example.com:8200"));
    let ended = Command::new("sh").args(["-c", &line]).env_clear().envs(environment).output();
    let ended = ended.expect("sh");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let key = bao.must("GET", "transit/keys/tenant-acme", None).await;
    assert_eq!(key["data"]["latest_version"], 2, "{}", String::from_utf8_lossy(&ended.stdout));
}

/// Returns the values of a setting of the systemd unit.
fn values<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_service_rotates_due_keys() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let bao = due(folder.path()).await;
    let unit = fs::read_to_string(repository("deploy/rotation/key-rotation.service"));
    let unit = unit.expect("the unit");
    assert_eq!(values(&unit, "LoadCredential"), [format!("secret-id:{SECRET_ID}")]);
    let credentials = folder.path().display().to_string();
    let environment = values(&unit, "Environment").into_iter().map(|variable| {
        let (name, value) = variable.split_once('=').expect("a variable");
        (name.to_owned(), value.replace("%d", &credentials))
    });
    let [line] = values(&unit, "ExecStart")[..] else { panic!("one command") };
    rotates(&bao, line, environment.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cron_line_rotates_due_keys() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let bao = due(folder.path()).await;
    let crontab = fs::read_to_string(repository("deploy/rotation/crontab")).expect("the file");
    let lines = crontab.lines().filter(|line| !line.starts_with('#'));
    let (jobs, variables): (Vec<_>, Vec<_>) = lines.partition(|line| !line.contains('='));
    let environment = variables.iter().map(|variable| {
        let (name, value) = variable.split_once('=').expect("a variable");
        let secret_id = folder.path().join("secret-id").display().to_string();
        (name.to_owned(), value.replace(SECRET_ID, &secret_id))
    });
    let [job] = jobs[..] else { panic!("one job: {jobs:?}") };
    let fields: Vec<&str> = job.splitn(7, ' ').collect();
    let [minute, hour, "*", "*", "*", "key-rotator", line] = fields[..] else { panic!("{job}") };
    assert!(minute.parse::<u8>().is_ok_and(|minute| minute < 60) && hour.parse::<u8>().is_ok());
    assert!(!line.contains('%'), "cron takes it for the end of the line");
    rotates(&bao, line, environment.collect()).await;
}

#[test]
fn systemd_units_are_valid_and_confined() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let units = ["key-rotation.service", "key-rotation.timer"].map(|name| {
        let unit = fs::read_to_string(repository("deploy/rotation").join(name)).expect("a unit");
        let copy = folder.path().join(name);
        fs::write(&copy, unit.replace(PROGRAM, "/bin/true")).expect("a copy");
        copy
    });
    let verified = Command::new("systemd-analyze").arg("verify").args(&units).output();
    // Some machines that run these tests have no systemd.
    let Ok(verified) = verified else { return };
    let stderr = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !stderr.contains("key-rotation"), "{stderr}");
    let exposure = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(&units[0])
        .output()
        .expect("systemd-analyze");
    assert!(exposure.status.success(), "{}", String::from_utf8_lossy(&exposure.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_service_rotates_until_stopped() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let machine = Machine::new(root.path());
    let _bao = machine.start_bao().await;
    let administrator = machine.administrator().await;
    let ask = async |method: &str, path: &str, body: Option<Value>| {
        let answer = machine.vault(&administrator, method, path, body).await.expect("an answer");
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        answer
    };
    ask("POST", "transit/keys/tenant-acme", Some(json!({"derived": true}))).await;
    let readable = json!({"exportable": true, "allow_plaintext_backup": true});
    ask("POST", "transit/keys/tenant-acme/config", Some(readable)).await;
    let backup = ask("GET", "transit/backup/tenant-acme", None).await.json();
    let backup = json!({"backup": aged(&backup["data"]["backup"], 90 * 24), "force": true});
    ask("POST", "transit/restore/tenant-acme", Some(backup)).await;
    let settings = json!({"data": {"v": 1, "rotate_every": "90d"}});
    ask("POST", "secret/data/tenant-settings/acme", Some(settings)).await;

    let service = machine.start("key-rotation");
    eventually(Duration::from_mins(1), "a rotation", async || {
        assert!(service.exit_status().is_none(), "it exited:\n{}", service.log());
        service.log().contains("1 rotated").then_some(())
    })
    .await;
    let key = ask("GET", "transit/keys/tenant-acme", None).await.json();
    assert_eq!(key["data"]["latest_version"], 2, "{}", service.log());
    let status = service.stop_gracefully(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0), "{}", service.log());
}
