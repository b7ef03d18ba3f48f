//! The check of how long people stay logged in.

use std::time::Duration;

use crate::{
    diagnostics::finding::Finding,
    provisioning::{LOGIN_TOKEN_MAX_TTL, LOGIN_TOKEN_TTL},
    vault::MountConfig,
};

/// The lifetime above which a session that was left open is reported.
const MAX_TTL: Duration = Duration::from_hours(8);

/// The maximum lifetime above which a session is reported.
const MAX_MAX_TTL: Duration = Duration::from_hours(24);

/// Checks the lifetimes of the tokens of a mount, and of a role, in seconds. Those of the role are 0 if it
/// has none of its own.
pub(super) fn check(
    check: &'static str,
    path: &str,
    config: &MountConfig,
    (role_ttl, role_max_ttl): (u64, u64),
) -> Finding {
    let max_ttl = shortest([config.max_lease_ttl, role_max_ttl]);
    let ttl = if role_ttl > 0 { role_ttl } else { config.default_lease_ttl };
    let ttl = shortest([ttl, max_ttl.unwrap_or_default()]);
    let text = |seconds: Option<u64>| match seconds {
        Some(seconds) => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
        None => {
            "as long as Vault's default, 32 days unless its configuration has another".to_owned()
        }
    };
    let message = format!(
        "tokens of {path}/ are valid for {}, and with renewal for {}",
        text(ttl),
        text(max_ttl)
    );
    let within = |seconds: Option<u64>, limit: Duration| {
        seconds.is_some_and(|seconds| Duration::from_secs(seconds) <= limit)
    };
    if within(ttl, MAX_TTL) && within(max_ttl, MAX_MAX_TTL) {
        return Finding::ok(check, message);
    }
    let [ttl, max_ttl] =
        [LOGIN_TOKEN_TTL, LOGIN_TOKEN_MAX_TTL].map(|ttl| format!("{}h", ttl.as_secs() / 3600));
    Finding::warning(
        check,
        format!("{message}: a session that a person leaves open stays usable for that long"),
        format!("`bao auth tune -default-lease-ttl={ttl} -max-lease-ttl={max_ttl} {path}/`"),
    )
}

/// Returns the shortest of these lifetimes, in seconds, of which 0 is none.
fn shortest(lifetimes: [u64; 2]) -> Option<u64> {
    lifetimes.into_iter().filter(|seconds| *seconds > 0).min()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        diagnostics::finding::Status::{self, Ok, Warning},
        vault::MountConfig,
    };

    const HOUR: u64 = 3600;

    fn status(ttl: u64, max_ttl: u64, role: Option<(u64, u64)>) -> Status {
        let config = MountConfig {
            default_lease_ttl: ttl * HOUR,
            max_lease_ttl: max_ttl * HOUR,
            ..MountConfig::default()
        };
        let role = role.map_or((0, 0), |(ttl, max_ttl)| (ttl * HOUR, max_ttl * HOUR));
        check("lifetime", "userpass", &config, role).status
    }

    #[test]
    fn long_logins_are_reported() {
        for (ttl, max_ttl, role, expected) in [
            (1, 12, None, Ok),
            (8, 24, None, Ok),
            (0, 8, None, Ok),
            (0, 0, None, Warning),
            (1, 0, None, Warning),
            (0, 24, None, Warning),
            (9, 24, None, Warning),
            (1, 25, None, Warning),
            (0, 0, Some((1, 12)), Ok),
            (0, 12, Some((1, 0)), Ok),
            (1, 12, Some((9, 0)), Warning),
        ] {
            assert_eq!(status(ttl, max_ttl, role), expected, "{ttl} {max_ttl} {role:?}");
        }
    }
}
