//! Checks of Vault that need no token: connection, health, version and clock.

use super::{
    connection::{ADDRESS, ServerSettings, check_protection},
    finding::{CheckGroup, Finding, skipped},
};
use crate::vault::{
    ClientSettings, HealthResponse, Product, ServerProbe, ServerProbeError, probe_server,
};

/// The largest clock skew that passes the check, in seconds.
const MAX_OK_SKEW: i64 = 2;

/// The clock skew above which the check fails, in seconds.
const MAX_SKEW: i64 = 30;

/// The oldest releases that this program is tested against.
const OLDEST_TESTED: [(Product, (u32, u32)); 2] =
    [(Product::Vault, (1, 15)), (Product::OpenBao, (2, 0))];

const ID: &str = "vault";

const INITIALISED: &str = "initialised";
const SEAL: &str = "seal";
const VERSION: &str = "version";
const NODE: &str = "node";
const CLOCK: &str = "clock";

/// The checks that read Vault's health response.
const HEALTH_CHECKS: [&str; 5] = [INITIALISED, SEAL, VERSION, NODE, CLOCK];

/// Returns the group for an unknown Vault address.
pub(super) fn skip(reason: &str) -> CheckGroup {
    CheckGroup::skipped(ID, "Vault", &[ADDRESS], reason)
}

/// Runs the checks for each address. Also returns an error if Vault cannot be used for further checks at
/// any of them.
pub(super) async fn check_each(settings: &ClientSettings) -> (Vec<CheckGroup>, Result<(), String>) {
    let mut groups = Vec::new();
    let mut usable = Err("Vault has no address".to_owned());
    for settings in settings.for_each_address() {
        let (group, result) = check(&settings).await;
        groups.push(group);
        if usable.is_err() {
            usable = result;
        }
    }
    (groups, usable)
}

/// Runs the checks of the server at the only address of these settings. Also returns an error if Vault cannot be used for further checks.
async fn check(settings: &ClientSettings) -> (CheckGroup, Result<(), String>) {
    let address = settings.addresses.to_string();
    let title = format!("Vault at {address}");
    let server = ServerSettings {
        name: address.clone(),
        address_setting: "VAULT_ADDR",
        authority_setting: "VAULT_CACERT",
    };
    let (mut findings, probed) = match probe_server(settings).await {
        Ok(probed) => (vec![check_response(&server.name, &probed)], Some(probed)),
        Err(ServerProbeError::Server(failure)) => (server.connect_failure(&failure), None),
        Err(ServerProbeError::Settings(why)) => {
            let remedy = "correct VAULT_CACERT, VAULT_CAPATH, VAULT_TLS_SERVER_NAME, \
                          VAULT_CLIENT_CERT or VAULT_CLIENT_KEY";
            (vec![Finding::failed(ADDRESS, why, remedy)], None)
        }
    };
    let usable = match &probed {
        None => Err("Vault cannot be reached".to_owned()),
        Some(probed) => {
            let scheme = settings.addresses.first().scheme();
            findings.push(check_protection(probed.peer, scheme, probed.certificate));
            ensure_usable(probed)
        }
    };
    if let Some(ServerProbe { health: Ok(health), clock_skew: ahead, .. }) = &probed {
        findings.extend([
            check_initialised(health),
            check_seal(health),
            check_version(health),
            check_node(health),
            check_clock(*ahead),
        ]);
    } else {
        findings.extend(skipped(HEALTH_CHECKS, "Vault returned no health information"));
    }
    (CheckGroup::new(ID, title, findings), usable)
}

fn check_response(name: &str, probed: &ServerProbe) -> Finding {
    match &probed.health {
        Ok(_) => Finding::ok(
            ADDRESS,
            format!("{} responds within {} ms", probed.peer, probed.latency.as_millis().max(1)),
        ),
        Err(status) => Finding::failed(
            ADDRESS,
            format!("{name} responds with {status}, but not with Vault's health"),
            "VAULT_ADDR has to be the address of Vault itself: check http or https, and whether \
             another program listens there",
        ),
    }
}

fn ensure_usable(probed: &ServerProbe) -> Result<(), String> {
    match &probed.health {
        Err(_) => Err("the server at VAULT_ADDR is not Vault".to_owned()),
        Ok(health) if !health.initialized => Err("Vault is not initialized".to_owned()),
        Ok(health) if health.sealed => Err("Vault is sealed".to_owned()),
        Ok(_) => Ok(()),
    }
}

fn check_initialised(health: &HealthResponse) -> Finding {
    if health.initialized {
        return Finding::ok(INITIALISED, "yes");
    }
    let remedy = "initialize Vault: `bootstrap --init`, or `bao operator init`";
    Finding::failed(INITIALISED, "no", remedy)
}

fn check_seal(health: &HealthResponse) -> Finding {
    match (health.initialized, health.sealed) {
        (_, false) => Finding::ok(SEAL, "unsealed"),
        (false, true) => Finding::skipped(SEAL, "Vault is not initialized", ""),
        (true, true) => Finding::failed(
            SEAL,
            "sealed: every request is rejected with 503",
            "unseal Vault (`bao operator unseal`), or configure auto-unseal",
        ),
    }
}

fn check_version(health: &HealthResponse) -> Finding {
    let product = health.product();
    let name = match product {
        Product::Vault => "HashiCorp Vault",
        Product::OpenBao => "OpenBao",
    };
    let oldest =
        OLDEST_TESTED.iter().find(|(tested, _)| *tested == product).map(|(_, oldest)| *oldest);
    match (parse_version(&health.version), oldest) {
        (Some(version), Some(oldest)) if version >= oldest => {
            Finding::ok(VERSION, format!("{name} {}", health.version))
        }
        (Some(_), Some((major, minor))) => Finding::warning(
            VERSION,
            format!("{name} {}, older than every tested release", health.version),
            format!("upgrade to {major}.{minor} or later"),
        ),
        _ => Finding::warning(
            VERSION,
            format!("{name} does not report its version"),
            "check it with `bao version`",
        ),
    }
}

fn parse_version(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn check_node(health: &HealthResponse) -> Finding {
    if health.sealed || !health.initialized {
        return Finding::skipped(NODE, "a sealed node is neither active nor standby", "");
    }
    let message = if health.standby { "standby; another node is active" } else { "active" };
    Finding::ok(NODE, message)
}

/// Checks the clock skew. Vault states the expiry of a token by its own clock, and callers receive
/// that time in `X-Auth-Expires`.
fn check_clock(ahead: Option<i64>) -> Finding {
    let Some(ahead) = ahead else {
        return Finding::skipped(CLOCK, "Vault does not report its time", "");
    };
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let message = format!("Vault's clock is {} s {direction} this machine's", ahead.abs());
    let remedy = "synchronise the clocks of both machines (chrony, timesyncd): certificates, the \
                  expiry of tokens and the order of logs depend on them";
    match ahead.abs() {
        0 => Finding::ok(CLOCK, "Vault's clock equals this machine's to the second"),
        skew if skew <= MAX_OK_SKEW => Finding::ok(CLOCK, message),
        skew if skew <= MAX_SKEW => Finding::warning(CLOCK, message, remedy),
        _ => Finding::failed(CLOCK, message, remedy),
    }
}

#[cfg(test)]
mod tests {
    use super::{check_clock, check_version};
    use crate::{
        diagnostics::finding::Status::{Failed, Ok, Skipped, Warning},
        vault::HealthResponse,
    };

    #[test]
    fn clock_check_tolerates_small_skew() {
        for (ahead, status) in
            [(0, Ok), (2, Ok), (-2, Ok), (3, Warning), (-30, Warning), (31, Failed), (-31, Failed)]
        {
            assert_eq!(check_clock(Some(ahead)).status, status, "{ahead}");
        }
        assert_eq!(check_clock(None).status, Skipped);
    }

    #[test]
    fn oldest_version_depends_on_product() {
        let check = |json: &str| {
            let health: HealthResponse = serde_json::from_str(json).unwrap();
            let finding = check_version(&health);
            (finding.status, finding.message)
        };
        let vault = |version: &str| {
            check(&format!(
                r#"{{"initialized":true,"sealed":false,"performance_standby":false,"version":"{version}"}}"#
            ))
        };
        assert_eq!(vault("1.20.4+ent"), (Ok, "HashiCorp Vault 1.20.4+ent".to_owned()));
        assert_eq!(vault("1.9.0").0, Warning);
        assert_eq!(vault("?").0, Warning);
        let bao = r#"{"initialized":true,"sealed":false,"version":"2.7.2"}"#;
        assert_eq!(check(bao), (Ok, "OpenBao 2.7.2".to_owned()));
    }
}
