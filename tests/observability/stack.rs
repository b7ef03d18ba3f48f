//! The compose file of the stack, and the configuration of its programs.

use std::{collections::BTreeSet, fs, process::Command};

use serde_norway::Value;

use crate::support::tools::repository;

const FOLDER: &str = "deploy/observability";

fn read(path: &str) -> String {
    let path = repository(FOLDER).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: &str) -> Value {
    let mut all: Value = serde_norway::from_str(&read(path)).expect("YAML");
    all.apply_merge().expect("merges");
    all
}

fn services() -> Vec<(String, Value)> {
    let all = yaml("compose.yaml");
    let services = all["services"].as_mapping().expect("services").iter();
    services
        .map(|(name, service)| (name.as_str().expect("a name").into(), service.clone()))
        .collect()
}

/// Returns the items of a list, or the keys of a mapping.
fn strings(value: &Value) -> BTreeSet<String> {
    let keys = value.as_mapping().into_iter().flat_map(|all| all.keys());
    let items = value.as_sequence().into_iter().flatten().chain(keys);
    items.map(|item| item.as_str().expect("a text").to_owned()).collect()
}

/// Returns whether the service is one that `deploy/compose.yaml` defines and this file extends.
fn is_extended(name: &str) -> bool {
    matches!(name, "validator" | "caddy")
}

#[test]
fn services_of_the_stack_have_least_privilege() {
    for (name, service) in services().iter().filter(|(name, _)| !is_extended(name)) {
        assert_eq!(strings(&service["profiles"]), ["observability".to_owned()].into(), "{name}");
        assert_eq!(service["read_only"].as_bool(), Some(true), "{name}");
        assert_eq!(service["cap_drop"][0].as_str(), Some("ALL"), "{name}");
        assert_eq!(service["security_opt"][0].as_str(), Some("no-new-privileges:true"), "{name}");
        assert!(service["mem_limit"].is_string(), "{name}: no limit of memory");
        for key in ["privileged", "pid", "ipc", "devices", "ports"] {
            assert!(service[key].is_null(), "{name}: {key}");
        }
        let image = service["image"].as_str().expect("an image");
        assert!(image.rsplit_once(":-").is_some(), "{name}: {image} cannot be replaced");
        assert!(!image.contains("latest"), "{name}: {image}");
    }
}

#[test]
fn stack_fits_a_machine_with_4_gb() {
    let bytes = |limit: &str| -> u64 {
        let (number, unit) = limit.split_at(limit.len() - 1);
        let factor = if unit == "g" { 1024 } else { 1 };
        number.parse::<u64>().expect("a number") * factor
    };
    let limits = services();
    let limits = limits.iter().filter_map(|(_, service)| service["mem_limit"].as_str());
    let sum: u64 = limits.map(bytes).sum();
    // OpenBao, the validator and Caddy have 1.25 GB.
    assert!(sum <= 2700, "{sum} MiB");
}

#[test]
fn references_of_the_stack_exist() {
    let all = yaml("compose.yaml");
    let (networks, volumes) = (strings(&all["networks"]), strings(&all["volumes"]));
    let names: BTreeSet<_> = services().into_iter().map(|(name, _)| name).collect();
    for (name, service) in services() {
        for network in strings(&service["networks"]) {
            assert!(networks.contains(&network), "{name}: network {network}");
        }
        for other in strings(&service["depends_on"]) {
            assert!(names.contains(&other), "{name}: service {other}");
        }
        for volume in strings(&service["volumes"]) {
            let (from, _) = volume.split_once(':').expect("from:to");
            let found = match from.strip_prefix('.') {
                Some(_) => repository("deploy").join(from).exists(),
                None => volumes.contains(from),
            };
            assert!(found, "{name}: {from}");
        }
    }
}

#[test]
fn networks_have_only_their_members() {
    let all = yaml("compose.yaml");
    let on = |network: &str| -> BTreeSet<String> {
        let services = services().into_iter();
        let here = services.filter(|(_, one)| strings(&one["networks"]).contains(network));
        here.map(|(name, _)| name).collect()
    };
    assert_eq!(on("grafana-net"), ["caddy", "grafana"].map(str::to_owned).into());
    assert_eq!(on("scrape-net"), ["prometheus", "validator"].map(str::to_owned).into());
    assert_eq!(on("alerts-net"), ["alertmanager".to_owned()].into());
    assert!(!on("observability-net").contains("validator"));
    assert!(!on("observability-net").contains("caddy"));
    for network in strings(&all["networks"]) {
        let is_internal = all["networks"][&network]["internal"].as_bool() == Some(true);
        assert_eq!(is_internal, network != "alerts-net", "{network}");
    }
    let validator = &all["services"]["validator"];
    let aliases = strings(&validator["networks"]["scrape-net"]["aliases"]);
    let listen = validator["environment"]["VALIDATOR_ADMIN_LISTEN"].as_str().expect("an address");
    let (host, _) = listen.split_once(':').expect("host:port");
    assert!(aliases.contains(host), "{listen}");
    assert_ne!(host, "vault-auth-validator", "it is the name on another network as well");
}

#[test]
fn prepare_creates_each_password_once() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folders = ["clickhouse", "collector", "grafana"];
    for folder in folders {
        fs::create_dir_all(root.path().join("keys").join(folder)).expect("a folder");
    }
    let prepare = || {
        let script = repository(FOLDER).join("prepare.sh");
        let done = Command::new("sh").arg(script).env("ROOT", root.path()).status().expect("sh");
        assert!(done.success());
    };
    let key = |file: &str| fs::read_to_string(root.path().join("keys").join(file)).expect(file);
    prepare();
    let hashes = key("clickhouse/passwords.xml");
    let files = [
        ("schema", "clickhouse/schema-password"),
        ("collector", "collector/clickhouse-password"),
        ("grafana", "grafana/clickhouse-password"),
    ];
    for (user, file) in files {
        let password = key(file);
        assert_eq!(password.len(), 64, "{file}");
        let digest = ring::digest::digest(&ring::digest::SHA256, password.as_bytes());
        let hash = crate::support::otlp::hex(digest.as_ref());
        assert!(hashes.contains(&format!("<{user}_hash>{hash}</{user}_hash>")), "{user}");
        let users = read("clickhouse/users.xml");
        assert!(users.contains(&format!("incl=\"{user}_hash\" optional=\"false\"")), "{user}");
    }
    let admin = key("grafana/admin-password");
    prepare();
    assert_eq!(key("clickhouse/passwords.xml"), hashes);
    assert_eq!(key("grafana/admin-password"), admin);
}

#[test]
fn collector_writes_the_tables_of_the_schema() {
    let collector = yaml("collector/collector.yaml");
    let exporter = &collector["exporters"]["clickhouse"];
    assert_eq!(exporter["create_schema"].as_bool(), Some(false));
    let metrics = exporter["metrics_tables"].as_mapping().expect("tables").values();
    let mut tables: BTreeSet<_> =
        metrics.map(|one| one["name"].as_str().expect("a name")).collect();
    for key in ["logs_table_name", "traces_table_name"] {
        tables.insert(exporter[key].as_str().expect("a name"));
    }
    assert_eq!(tables.len(), 7);
    let schema = read("clickhouse/schema.sql");
    for table in tables {
        let created = format!("CREATE TABLE IF NOT EXISTS otel.{table}\n");
        let (_, definition) = schema.split_once(&created).expect(table);
        let (definition, _) = definition.split_once(";\n").expect(table);
        assert!(definition.contains("INTERVAL 72 HOUR\n"), "{table}: another retention");
    }
    let pipelines = collector["service"]["pipelines"].as_mapping().expect("pipelines");
    assert_eq!(pipelines.len(), 3);
    for (name, pipeline) in pipelines {
        assert_eq!(pipeline["processors"][0].as_str(), Some("memory_limiter"), "{name:?}");
        for kind in ["receivers", "processors", "exporters"] {
            for part in strings(&pipeline[kind]) {
                assert!(!collector[kind][&part].is_null(), "{name:?}: {part}");
            }
        }
    }
    let retry = &exporter["retry_on_failure"];
    assert!(retry["max_elapsed_time"].is_string() && !exporter["sending_queue"]["batch"].is_null());
}

#[test]
fn configuration_names_mounted_passwords() {
    let collector = read("collector/collector.yaml");
    assert!(collector.contains("${file:/keys/clickhouse-password}"));
    let sources = read("grafana/provisioning/datasources/datasources.yaml");
    assert!(sources.contains("$__file{/keys/clickhouse-password}"));
    assert!(read("grafana/grafana.ini").contains("$__file{/keys/admin-password}"));
    assert!(read("clickhouse/users.xml").contains("<include_from>/keys/passwords.xml<"));
    for text in [collector, sources] {
        let is_password = |line: &&str| line.trim_start().starts_with("password:");
        assert!(text.lines().filter(is_password).all(|line| line.contains('{')), "{text}");
    }
}
