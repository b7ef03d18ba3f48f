//! Vault as it looks from outside.

use super::{
    connection::{Place, protection, unreached},
    diagnosis::{Finding, Group},
};
use crate::vault::{Condition, Product, Settings, Sight, Unseen, look};

/// From how many seconds on a clock is off.
const NOTICEABLE: i64 = 2;
const TOO_MUCH: i64 = 30;

/// The oldest releases that this program is held against.
const OLDEST: [(Product, (u32, u32)); 2] = [(Product::Vault, (1, 15)), (Product::OpenBao, (2, 0))];

const ID: &str = "vault";

/// The checks that need Vault's own word.
const SPOKEN: [&str; 5] = ["initialised", "seal", "version", "node", "clock"];

/// That nobody can say where Vault is.
pub(super) fn unexamined(because: &str) -> Group {
    Group::skipped(ID, "Vault", &["address"], because)
}

/// What was found, and whether Vault can be asked for more.
pub(super) async fn examine(settings: &Settings) -> (Group, Result<(), String>) {
    let address = settings.address.origin().ascii_serialization();
    let title = format!("Vault at {address}");
    let place = Place {
        name: address.clone(),
        address_setting: "VAULT_ADDR",
        authority_setting: "VAULT_CACERT",
    };
    let (mut findings, sight) = match look(settings).await {
        Ok(sight) => (vec![reached(&place, &sight)], Some(sight)),
        Err(Unseen::Server(failure)) => (unreached(&place, &failure), None),
        Err(Unseen::Settings(why)) => {
            let remedy = "mend VAULT_CACERT, VAULT_CAPATH, VAULT_TLS_SERVER_NAME, VAULT_CLIENT_CERT or VAULT_CLIENT_KEY";
            (vec![Finding::failed("address", why, remedy)], None)
        }
    };
    let usable = match &sight {
        None => Err("Vault cannot be reached".to_owned()),
        Some(sight) => {
            findings.push(protection(sight.peer, settings.address.scheme(), sight.certificate));
            usable(sight)
        }
    };
    if let Some(Sight { health: Ok(health), ahead, .. }) = &sight {
        findings.extend([
            initialised(health),
            seal(health),
            version(health),
            node(health),
            clock(*ahead),
        ]);
    } else {
        let skipped = SPOKEN.map(|check| Finding::skipped(check, "Vault does not answer", ""));
        findings.extend(skipped);
    }
    (Group::new(ID, title, findings), usable)
}

fn reached(place: &Place, sight: &Sight) -> Finding {
    let Place { name, .. } = place;
    match &sight.health {
        Ok(_) => Finding::ok(
            "address",
            format!("{} answers within {} ms", sight.peer, sight.took.as_millis().max(1)),
        ),
        Err(status) => Finding::failed(
            "address",
            format!("{name} answers {status}, and not as Vault does"),
            "VAULT_ADDR has to lead to Vault itself: is it http for https, or another program?",
        ),
    }
}

fn usable(sight: &Sight) -> Result<(), String> {
    match &sight.health {
        Err(_) => Err("what answers there is not Vault".to_owned()),
        Ok(health) if !health.initialized => Err("Vault is not initialised".to_owned()),
        Ok(health) if health.sealed => Err("Vault is sealed".to_owned()),
        Ok(_) => Ok(()),
    }
}

fn initialised(health: &Condition) -> Finding {
    if health.initialized {
        return Finding::ok("initialised", "yes");
    }
    let remedy = "initialise it: `bootstrap --init`, or `bao operator init`";
    Finding::failed("initialised", "no: it is empty", remedy)
}

fn seal(health: &Condition) -> Finding {
    match (health.initialized, health.sealed) {
        (_, false) => Finding::ok("seal", "it is unsealed"),
        (false, true) => Finding::skipped("seal", "it is not initialised", ""),
        (true, true) => Finding::failed(
            "seal",
            "it is sealed: every request is refused with 503",
            "unseal it (`bao operator unseal`), or configure a seal that does so by itself",
        ),
    }
}

fn version(health: &Condition) -> Finding {
    let product = health.product();
    let name = match product {
        Product::Vault => "HashiCorp Vault",
        Product::OpenBao => "OpenBao",
    };
    let known = OLDEST.iter().find(|(known, _)| *known == product).map(|(_, oldest)| *oldest);
    match (number(&health.version), known) {
        (Some(number), Some(oldest)) if number >= oldest => {
            Finding::ok("version", format!("{name} {}", health.version))
        }
        (Some(_), Some((major, minor))) => Finding::warning(
            "version",
            format!("{name} {}, older than anything that was tried", health.version),
            format!("upgrade to {major}.{minor} or later"),
        ),
        _ => Finding::warning(
            "version",
            format!("{name} does not say which version it is"),
            "ask it: `bao version`",
        ),
    }
}

fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn node(health: &Condition) -> Finding {
    if health.sealed || !health.initialized {
        return Finding::skipped("node", "a sealed one is neither active nor a standby", "");
    }
    let detail =
        if health.standby { "a standby; another node is active" } else { "the active one" };
    Finding::ok("node", detail)
}

/// Vault gives a token's end by its own clock, which is what callers are told in `X-Auth-Expires`.
fn clock(ahead: Option<i64>) -> Finding {
    let Some(ahead) = ahead else {
        return Finding::skipped("clock", "Vault does not say what time it is", "");
    };
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let detail = format!("Vault's is {} s {direction} this machine's", ahead.abs());
    let why = "certificates, the end of tokens and the order of logs are judged by it: let both \
               machines keep time (chrony, timesyncd)";
    match ahead.abs() {
        0 => Finding::ok("clock", "the same as this machine's, to the second"),
        off if off <= NOTICEABLE => Finding::ok("clock", detail),
        off if off <= TOO_MUCH => Finding::warning("clock", detail, why),
        _ => Finding::failed("clock", detail, why),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::diagnosis::Outcome::{Failed, Ok, Skipped, Warning},
        clock, version,
    };
    use crate::vault::Condition;

    #[test]
    fn a_clock_may_be_off_a_little() {
        for (ahead, outcome) in
            [(0, Ok), (2, Ok), (-2, Ok), (3, Warning), (-30, Warning), (31, Failed), (-31, Failed)]
        {
            assert_eq!(clock(Some(ahead)).outcome, outcome, "{ahead}");
        }
        assert_eq!(clock(None).outcome, Skipped);
    }

    #[test]
    fn each_product_has_its_own_oldest_version() {
        let found = |json: &str| {
            let health: Condition = serde_json::from_str(json).unwrap();
            let finding = version(&health);
            (finding.outcome, finding.detail)
        };
        let vault = |version: &str| {
            found(&format!(
                r#"{{"initialized":true,"sealed":false,"performance_standby":false,"version":"{version}"}}"#
            ))
        };
        assert_eq!(vault("1.20.4+ent"), (Ok, "HashiCorp Vault 1.20.4+ent".to_owned()));
        assert_eq!(vault("1.9.0").0, Warning);
        assert_eq!(vault("?").0, Warning);
        let bao = r#"{"initialized":true,"sealed":false,"version":"2.7.2"}"#;
        assert_eq!(found(bao), (Ok, "OpenBao 2.7.2".to_owned()));
    }
}
