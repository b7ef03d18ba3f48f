//! `deploy/compose.yaml`: its contents, and the interaction of its services.

use std::{collections::BTreeSet, fs, process::Command, time::Duration};

use crate::{
    deploy::machine::Machine,
    support::{
        compose::Compose,
        http,
        ports::free_port,
        stack::bearer,
        tools::{self, repository},
    },
};

#[test]
fn compose_references_exist() {
    let compose = Compose::read();
    let text = fs::read_to_string(repository("deploy/compose.yaml")).expect("the file");
    let all: serde_norway::Value = serde_norway::from_str(&text).expect("YAML");
    let declared = |kind: &str| -> BTreeSet<String> {
        let names = all[kind].as_mapping().expect("a mapping").keys();
        names.map(|name| name.as_str().expect("a name").to_owned()).collect()
    };
    let (networks, volumes) = (declared("networks"), declared("volumes"));
    let services: BTreeSet<_> = compose.services().map(|(name, _)| name.clone()).collect();
    for (name, service) in compose.services() {
        for network in &service.networks {
            assert!(networks.contains(network), "{name}: network {network}");
        }
        for other in &service.depends_on {
            assert!(services.contains(other), "{name}: service {other}");
            let profiles = &compose.service(other).profiles;
            assert!(profiles.iter().all(|one| service.profiles.contains(one)), "{name}: {other}");
        }
        for volume in &service.volumes {
            let (from, _) = volume.split_once(':').expect("from:to");
            let found = match from.strip_prefix('.') {
                Some(_) => repository("deploy").join(from).exists(),
                None => volumes.contains(from),
            };
            assert!(found, "{name}: {from}");
        }
    }
}

/// Returns the sites of the Caddyfile that people log in to, by their labels.
fn sites_for_people(caddyfile: &str) -> BTreeSet<String> {
    let blocks: Vec<(&str, &str)> = caddyfile
        .split("\n}\n")
        .filter_map(|block| {
            block
                .rsplit_once("\n\n")
                .map_or(Some(block), |(_, last)| Some(last))?
                .split_once(" {\n")
        })
        .collect();
    let is_for_people = |body: &str| {
        let lines = body.lines().map(str::trim);
        lines.clone().any(|line| line.starts_with("import app")) || {
            let snippets = lines.filter_map(|line| line.strip_prefix("import "));
            let named: Vec<String> = snippets.map(|name| format!("({name})")).collect();
            blocks.iter().any(|(head, body)| {
                named.iter().any(|name| head.ends_with(name)) && body.contains("import app")
            })
        }
    };
    let sites = blocks.iter().filter(|(_, body)| is_for_people(body));
    sites
        .filter_map(|(head, _)| head.lines().last()?.strip_prefix("import site "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn login_hosts_are_the_sites_for_people() {
    let caddyfile = fs::read_to_string(repository("deploy/caddy/Caddyfile")).expect("a Caddyfile");
    let sites = sites_for_people(&caddyfile);
    for known in ["crm", "*.crm", "mainkey", "erp", "dash"] {
        assert!(sites.contains(known), "{known} is missing: {sites:?}");
    }
    for other in ["api", "login", "mkt", "mcp", "otel"] {
        assert!(!sites.contains(other), "{other}: {sites:?}");
    }
    let service = Compose::read();
    let environment = &service.service("validator").environment;
    let listed: BTreeSet<_> = environment["VALIDATOR_LOGIN_HOSTS"]
        .split(',')
        .map(|host| host.trim().to_owned())
        .collect();
    let domains = ["smarterbot.cl", "smarterbot.store"];
    let hosts = |site: &String| domains.map(|domain| format!("{site}.{domain}"));
    assert_eq!(listed, sites.iter().flat_map(hosts).collect());
    let urls = domains.map(|domain| format!("https://login.{domain}"));
    assert_eq!(environment["VALIDATOR_LOGIN_URL"], urls.join(","));
}

#[test]
fn empty_openbao_gets_every_policy() {
    let given = fs::read_to_string(repository("deploy/openbao/initialize.hcl")).expect("the file");
    for entry in fs::read_dir(repository("policies")).expect("policies/") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "hcl") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            for line in [format!("acl/{name}\""), format!("/policies/{name}.hcl\"")] {
                assert!(given.contains(&line), "{line}");
            }
        }
    }
}

#[test]
fn services_have_least_privilege() {
    for (name, service) in Compose::read().services() {
        let raw = &service.raw;
        assert_eq!(raw["read_only"].as_bool(), Some(true), "{name}");
        assert_eq!(raw["cap_drop"][0].as_str(), Some("ALL"), "{name}");
        assert_eq!(raw["security_opt"][0].as_str(), Some("no-new-privileges:true"), "{name}");
        for key in ["privileged", "pid", "ipc", "devices"] {
            assert!(raw[key].is_null(), "{name}: {key}");
        }
        let published = raw["ports"].as_sequence().map_or(0, Vec::len);
        let in_front = matches!(name.as_str(), "caddy" | "demo");
        assert_eq!(published > 0, in_front, "{name}");
        for (variable, value) in &service.environment {
            let secret = ["TOKEN", "SECRET_ID"].iter().any(|word| variable.ends_with(word));
            assert!(!secret || value == "demo", "{name}: {variable} is no file");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stack_survives_restart() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let machine = Machine::new(root.path());
    let bao = machine.start_bao().await;
    let validator = machine.start_validator().await;
    let port = free_port();
    let _caddy = machine.start_caddy(port).await;

    let client = http::client();
    let api = async |token: &str| {
        let authorization = bearer(token);
        let headers = [("host", "api.localhost"), ("authorization", authorization.as_str())];
        let url = format!("http://127.0.0.1:{port}/");
        http::send(&client, "GET", &url, &headers, None).await.expect("an answer").status
    };
    let administrator = machine.administrator().await;
    assert_eq!(api("s.made-up").await, 401);
    assert_eq!(api(&administrator).await, 200);

    let tuned = machine.vault(&administrator, "GET", "sys/auth/userpass/tune", None).await;
    let tuned = tuned.expect("an answer").json();
    let lifetimes = ["default_lease_ttl", "max_lease_ttl"].map(|name| &tuned["data"][name]);
    assert_eq!(lifetimes, [3600, 43200], "{tuned}");

    let log = fs::read_to_string(machine.path("openbao/logs/audit.log")).expect("the audit log");
    assert!(log.contains("auth/token/lookup") && !log.contains(&administrator));

    for (service, arguments) in [("validator", &["--login"]), ("operator", &["--operator"])] {
        let found = machine.doctor(service, arguments);
        assert_eq!(found["failed"], 0, "{service}: {found:#}");
    }

    let keys = ["keys/seal/key", "keys/validator/sealing-keys"];
    let read = || keys.map(|file| fs::read(machine.path(file)).expect("a key"));
    let before = read();
    machine.prepare();
    assert_eq!(read(), before);
    bao.stop_gracefully(Duration::from_secs(20)).await;
    validator.stop_gracefully(Duration::from_secs(20)).await;
    let _bao = machine.start_bao().await;
    let _validator = machine.start_validator().await;
    assert_eq!(api(&administrator).await, 200, "the token was not kept");
}

#[test]
fn shell_scripts_have_valid_syntax() {
    for script in ["deploy/demo/setup.sh", "deploy/openbao/prepare.sh", "deploy/rotation/role.sh"] {
        let checked = Command::new("sh").arg("-n").arg(tools::repository(script)).status();
        assert!(checked.expect("sh").success(), "{script}");
    }
}
