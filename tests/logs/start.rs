use super::{INFO, line_with};
use crate::support::{direct::Direct, validator::Validator};

#[tokio::test(flavor = "multi_thread")]
async fn start_line_names_version_and_changed_settings() {
    let changed = [INFO, ("VALIDATOR_CACHE_TTL", "10s"), ("VALIDATOR_NEGATIVE_TTL", "2s")];
    let service = Direct::start_with(&changed).await;
    let line = line_with(&service.validator, "message", "started").await;
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(line["vault"], format!("{}/", service.fault.addr()));
    assert_eq!(line["auth"], service.validator.auth_address());
    let settings = line["settings"].as_str().expect("text");
    let role = format!("VALIDATOR_ROLE_ID={}", service.role.role_id);
    for part in ["VALIDATOR_CACHE_TTL=10s", "VALIDATOR_SECRET_ID_FILE=(set)", &role] {
        assert!(settings.split(' ').any(|setting| setting == part), "{part} in {settings}");
    }
    for default in ["NEGATIVE_TTL", "VALIDATOR_LOG=info", "STALE_GRACE", "/secret-id"] {
        assert!(!settings.contains(default), "{default} in {settings}");
    }
    let starts = service.validator.log().matches("\"started\"").count();
    assert_eq!(starts, 1);

    let vault = service.bao.addr();
    let text = [("VALIDATOR_LOG_FORMAT", "text"), ("VAULT_ADDR", vault.as_str())];
    let text = Validator::start(&service.bao, &service.role, &text).await;
    let log = text.log();
    let line = log.lines().find(|line| line.contains(" started ")).expect("a line");
    let vault = format!("version={} vault={}/", env!("CARGO_PKG_VERSION"), service.bao.addr());
    assert!(line.contains(&vault) && line.contains("VALIDATOR_LOG_FORMAT=text"), "{line}");
}
