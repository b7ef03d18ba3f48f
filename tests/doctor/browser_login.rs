//! Checks of the logins of people: keys and auth methods.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use serde_json::{Value, json};
use vault_auth_validator::sealed::KeyRing;

use super::{Diagnosis, Shell};
use crate::support::{
    bao::Bao,
    people::{HOSTS, People},
    platform,
};

const CALLBACK: &str = "https://login.example.com/.vault-auth/oidc/callback";

/// The checks that need a proxy.
const PROXIED: [&str; 3] = ["login page", "application host", "login cookie"];

/// Returns a shell with the settings of the service and a root token.
fn shell(people: &People) -> Shell {
    let (service, bao) = (&people.direct, people.bao());
    let keys = people.key_file();
    fs::set_permissions(&keys, Permissions::from_mode(0o600)).expect("a mode");
    Shell::of_service(&bao.addr(), &service.role)
        .and_home_of(bao.root_token())
        .with("VALIDATOR_LOGIN_URL", "https://login.example.com")
        .with("VALIDATOR_LOGIN_HOSTS", HOSTS)
        .with("VALIDATOR_SEALING_KEY_FILE", &keys.display().to_string())
}

async fn tune(bao: &Bao, mount: &str, config: Value) {
    bao.must("POST", &format!("sys/auth/{mount}/tune"), Some(config)).await;
}

/// Gives a mount the lifetimes that `bootstrap` gives a new one.
async fn shorten(bao: &Bao, mount: &str) {
    tune(bao, mount, json!({"default_lease_ttl": "1h", "max_lease_ttl": "12h"})).await;
}

fn of_logins(diagnosis: &Diagnosis) -> &Value {
    let group = diagnosis.groups.iter().find(|group| group["group"] == "browser login");
    group.expect("the group of browser logins")
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_browser_login_passes() {
    let people = People::start().await;
    shorten(people.bao(), "userpass").await;
    let diagnosis = shell(&people).diagnosis(&[]);
    let checks = of_logins(&diagnosis)["checks"].as_array().expect("checks");
    let outcomes: Vec<_> = checks
        .iter()
        .map(|check| {
            (check["check"].as_str().expect("a name"), check["outcome"].as_str().expect("one"))
        })
        .collect();
    let ok = [
        "sealing keys",
        "key permissions",
        "login method",
        "login lifetime",
        "login tokens",
        "user lockout",
    ];
    let expected: Vec<_> = ok
        .map(|name| (name, "ok"))
        .into_iter()
        .chain(PROXIED.map(|name| (name, "skipped")))
        .collect();
    assert_eq!(outcomes, expected);
    diagnosis.is("sealing keys", "ok", "one valid key");
    diagnosis.is("key permissions", "ok", "mode 0600");
    diagnosis.is("login lifetime", "ok", "valid for 1h, and with renewal for 12h");
    diagnosis.is("login page", "skipped", "no proxy is given");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_url_means_no_login_checks() {
    let people = People::start().await;
    let service = Shell::of_service(&people.bao().addr(), &people.direct.role);
    let diagnosis = service.and_home_of(people.bao().root_token()).diagnosis(&[]);
    assert!(diagnosis.groups.iter().all(|group| group["group"] != "browser login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_key_faults_are_reported() {
    let people = People::start().await;
    let keys = people.key_file();
    let with_mode = |mode: u32| {
        let shell = shell(&people);
        fs::set_permissions(&keys, Permissions::from_mode(mode)).expect("a mode");
        shell.diagnosis(&[])
    };
    with_mode(0o644).is("key permissions", "fail", "every user has access (mode 0644)");
    with_mode(0o620).is("key permissions", "fail", "may write to the file (mode 0620)");
    with_mode(0o440).is("key permissions", "warning", "mode 0440: the owner and the group");
    let two = [KeyRing::generate().as_str(), KeyRing::generate().as_str()].concat();
    fs::write(&keys, two).expect("a file");
    shell(&people).diagnosis(&[]).is("sealing keys", "ok", "2 valid keys: the first seals");
    fs::write(&keys, "secret-that-is-no-key\n").expect("a file");
    let output = shell(&people).run(&["--output", "json"]);
    assert!(!output.stdout.contains("secret-that-is-no-key"), "{output:?}");
    let diagnosis = Diagnosis::of(&output);
    diagnosis.is("sealing keys", "fail", "line 1 is not a sealing key");
    diagnosis.is("login method", "ok", "");
    let diagnosis = shell(&people).with("VALIDATOR_SEALING_KEY_FILE", "").diagnosis(&[]);
    diagnosis.is("sealing keys", "fail", "VALIDATOR_SEALING_KEY_FILE is not set");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_method_faults_are_reported() {
    let people = People::start().await;
    let bao = people.bao();
    let diagnose =
        |methods: &str| shell(&people).with("VALIDATOR_LOGIN_METHODS", methods).diagnosis(&[]);
    diagnose("userpass:people").is("login method", "fail", "there is no auth method at people/");
    diagnose("ldap:userpass").is("login method", "fail", "is of the type userpass, not ldap");
    diagnose("saml").is("login method", "skipped", "the settings of browser logins are invalid");
    let long = "valid for as long as Vault's default, 32 days";
    diagnose("userpass").is("login lifetime", "warning", long);
    tune(bao, "userpass", json!({"default_lease_ttl": "1h", "max_lease_ttl": "48h"})).await;
    diagnose("userpass").is("login lifetime", "warning", "with renewal for 2days");
    tune(bao, "userpass", json!({"token_type": "batch"})).await;
    diagnose("userpass").is("login tokens", "fail", "userpass/ yields batch tokens");
    diagnose("userpass").is("user lockout", "ok", "after 5 failed logins, Vault's default");
    let lockout =
        |threshold: &str| json!({"user_lockout_config": {"lockout_threshold": threshold}});
    tune(bao, "userpass", lockout("3")).await;
    diagnose("userpass").is("user lockout", "warning", "locks a user after 3 failed logins");
    tune(bao, "userpass", lockout("6")).await;
    diagnose("userpass").is("user lockout", "ok", "after 6");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidc_role_faults_are_reported() {
    let people = People::start().await;
    let bao = people.bao();
    bao.must("POST", "sys/auth/google", Some(json!({"type": "oidc"}))).await;
    let diagnose =
        |methods: &str| shell(&people).with("VALIDATOR_LOGIN_METHODS", methods).diagnosis(&[]);
    diagnose("oidc:google").is("redirect URI", "fail", "google/ has no default role");
    diagnose("oidc:google:staff").is("redirect URI", "fail", "google/ has no role staff");
    let role = async |settings: Value| {
        let mut role = json!({"user_claim": "sub", "allowed_redirect_uris": [CALLBACK]});
        role.as_object_mut().expect("an object").extend(settings.as_object().expect("one").clone());
        bao.must("POST", "auth/google/role/staff", Some(role)).await;
    };
    role(json!({"allowed_redirect_uris": [format!("{CALLBACK}/")]})).await;
    let missing = format!("the role staff of google/ does not allow {CALLBACK}");
    diagnose("oidc:google:staff").is("redirect URI", "fail", &missing);
    role(json!({"token_ttl": "1h", "token_max_ttl": "12h"})).await;
    let diagnosis = diagnose("oidc:google:staff");
    for check in ["redirect URI", "login method", "login lifetime", "login tokens"] {
        diagnosis.is(check, "ok", "");
    }
    assert!(diagnosis.findings().all(|finding| finding["check"] != "user lockout"));
    role(json!({"token_type": "batch"})).await;
    diagnose("oidc:google:staff").is("login tokens", "fail", "yields batch tokens");
    role(json!({"token_type": "default", "token_no_default_policy": true})).await;
    diagnose("oidc:google:staff").is("login tokens", "fail", "without the policy `default`");

    let operator = platform::token(bao, json!({"policies": ["operator"], "ttl": "1h"})).await;
    let shell =
        shell(&people).and_home_of(&operator).with("VALIDATOR_LOGIN_METHODS", "oidc:google:staff");
    let diagnosis = shell.diagnosis(&[]);
    diagnosis.is("redirect URI", "skipped", "your token has no read on auth/google/role/staff");
    let shell = Shell::of_service(&bao.addr(), &people.direct.role)
        .with("VALIDATOR_LOGIN_URL", "https://login.example.com")
        .with("VALIDATOR_LOGIN_HOSTS", HOSTS);
    let diagnosis = shell.diagnosis(&[]);
    diagnosis.is("login method", "skipped", "the service's token has no read on sys/auth");
}
