//! The parsers of single values.

use std::time::Duration;

use ipnet::IpNet;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::{
    auth::RootTokens,
    forwarded::ForwardedHeaders,
    networks,
    oauth::DynamicRegistration,
    telemetry::{DecisionLogMode, LogFormat},
    vault::VaultAddresses,
};

/// Caddy's `private_ranges`: private and loopback networks (RFC 1918, RFC 4193, RFC 4291).
const PRIVATE_RANGES: &str = "192.168.0.0/16,172.16.0.0/12,10.0.0.0/8,127.0.0.0/8,fd00::/8,::1/128";

/// Returns a parser with the text of the error of this one.
pub(super) fn from_error<T, E: std::error::Error>(
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(&str) -> Result<T, String> {
    |text| parse(text).map_err(|error| error.to_string())
}

/// Parses a list of networks, addresses and `private_ranges`.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let mut all = Vec::new();
    for item in text.split(',').map(str::trim) {
        if item == "private_ranges" {
            all.extend(self::networks(PRIVATE_RANGES)?);
            continue;
        }
        all.extend(networks::parse(item).ok_or_else(|| {
            format!("`{item}` is neither a network, such as 10.0.0.0/8, nor `private_ranges`")
        })?);
    }
    Ok(all)
}

/// Parses a list of host names into lower case without a trailing dot. Empty text is an empty list.
pub(super) fn host_names(text: &str) -> Result<Vec<String>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(str::trim).map(host_name).collect()
}

fn host_name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=63).contains(&label.len()) && label.bytes().all(plain)
    };
    (name.len() <= 253 && name.split('.').all(is_label))
        .then(|| name.to_ascii_lowercase())
        .ok_or_else(|| format!("`{text}` is not a host name without a port, such as validator"))
}

/// Parses the family of forwarding headers.
pub(super) fn header_family(text: &str) -> Result<ForwardedHeaders, String> {
    match text {
        "x-forwarded" => Ok(ForwardedHeaders::Forwarded),
        "x-original" => Ok(ForwardedHeaders::Original),
        _ => Err(format!("`{text}` is neither x-forwarded nor x-original")),
    }
}

/// Parses the limit of failures; 0 is `None`, no limit.
pub(super) fn failure_limit(text: &str) -> Result<Option<u32>, String> {
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(limit) => Ok(Some(limit)),
        Err(_) => Err(format!("`{text}` is not a number, such as 100, or 0 for no limit")),
    }
}

/// Parses a duration with units, such as `30s` or `500ms`, within these bounds.
pub(crate) fn parse_duration(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| format!("`{text}` is not a duration (expected for example 30s or 500ms)"))?;
    let is_in_range = (min..=max).contains(&duration);
    is_in_range.then_some(duration).ok_or_else(|| {
        let (min, max) = (humantime::format_duration(min), humantime::format_duration(max));
        format!("{text} is out of range: {min} to {max}")
    })
}

/// Parses the capacity of the cache, in tokens.
pub(super) fn capacity(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (1..=100_000_000).contains(number));
    number.ok_or_else(|| format!("`{text}` is not a number from 1 to 100000000"))
}

/// Parses a string of visible ASCII characters, such as an id or a token. Errors do not echo the
/// value.
pub(super) fn opaque_string(text: &str) -> Result<String, String> {
    let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
    graphic
        .then(|| text.to_owned())
        .ok_or_else(|| "contains whitespace, control or non-ASCII characters".to_owned())
}

/// Parses whether root tokens are accepted.
pub(super) fn root_tokens(text: &str) -> Result<RootTokens, String> {
    match text {
        "true" => Ok(RootTokens::Accepted),
        "false" => Ok(RootTokens::Rejected),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// Parses whether a request without a record in the decision log is refused.
pub(super) fn decision_log_mode(text: &str) -> Result<DecisionLogMode, String> {
    match text {
        "true" => Ok(DecisionLogMode::Mandatory),
        "false" => Ok(DecisionLogMode::BestEffort),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// Parses the setting that lets OAuth clients register themselves.
pub(super) fn registration(text: &str) -> Result<DynamicRegistration, String> {
    match text {
        "true" => Ok(DynamicRegistration::On),
        "false" => Ok(DynamicRegistration::Off),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// Parses the log level.
pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
    let levels = "off, error, warn, info, debug, trace";
    text.parse().map_err(|_| format!("`{text}` is not a log level (expected {levels})"))
}

/// Parses the log format.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("`{text}` is neither text nor json")),
    }
}

/// Parses the mount of a secrets engine: path segments, without slashes at the ends.
pub(super) fn mount(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    let segment = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !part.is_empty() && part.bytes().all(plain)
    };
    path.split('/')
        .all(segment)
        .then(|| path.to_owned())
        .ok_or_else(|| format!("`{text}` is not a mount path, such as `secret` or `team/kv`"))
}

/// Parses the mount of an auth method: path segments, without `auth/` and without slashes at the
/// ends. A mount with `@` would make the subject `NAME@MOUNT/` ambiguous.
pub(super) fn auth_mount(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    if path.starts_with("auth/") {
        return Err(format!("`{text}` must not begin with `auth/`: write for example `userpass`"));
    }
    let segment = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
    };
    path.split('/')
        .all(segment)
        .then(|| path.to_owned())
        .ok_or_else(|| format!("`{text}` is not a mount of an auth method, such as `userpass`"))
}

/// Parses the origins of Vault's API, separated by commas.
pub(super) fn vault_addresses(text: &str) -> Result<VaultAddresses, String> {
    let addresses = text.split(',').map(|address| vault_address(address.trim()));
    VaultAddresses::new(addresses.collect::<Result<_, _>>()?)
}

/// Parses the origin of Vault's API. A path would be lost, since the API's own path replaces it.
fn vault_address(text: &str) -> Result<Url, String> {
    let invalid = |why: &str| {
        Err(format!("`{text}` {why}: write for example https://vault.example.com:8200"))
    };
    match Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("contains credentials, which Vault does not support: use a token".to_owned())
        }
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            invalid("is not an http or https address")
        }
        Ok(url) if url.path() != "/" || url.query().is_some() || url.fragment().is_some() => {
            invalid("has a path and must be an origin only")
        }
        Ok(url) => Ok(url),
        // An unparsable address may contain a password.
        Err(_) if text.contains('@') => Err("not a valid address".to_owned()),
        Err(_) => invalid("is not an address"),
    }
}

/// Parses the subject name of a certificate: a host name or an IP address.
pub(super) fn server_name(text: &str) -> Result<String, String> {
    let address = text.parse::<std::net::IpAddr>().map(|_| text.to_owned());
    address.or_else(|_| host_name(text))
}

#[cfg(test)]
mod tests {
    use super::vault_addresses;

    #[test]
    fn vault_addresses_are_origins_each_once() {
        let shown = |text| vault_addresses(text).map(|addresses| addresses.to_string());
        for (text, expected) in [
            ("http://a:1", "http://a:1"),
            ("https://a:8200/,http://b:1 , https://c", "https://a:8200, http://b:1, https://c"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected));
        }
        for text in [
            "",
            "http://a:1,",
            "http://a:1,,http://b:1",
            "http://a:1 http://b:1",
            "http://a:1,b:1",
            "http://a:1,http://b:1/v1",
            "http://a:1,http://A:1/",
            "https://a,https://b,https://a:443",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
