//! What single values may be.

use std::time::Duration;

use ipnet::IpNet;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::{decision::RootTokens, forwarded::HeaderFamily, networks, telemetry::LogFormat};

/// What Caddy calls `private_ranges`: private and loopback networks (RFC 1918, RFC 4193,
/// RFC 4291).
const PRIVATE_RANGES: &str = "192.168.0.0/16,172.16.0.0/12,10.0.0.0/8,127.0.0.0/8,fd00::/8,::1/128";

/// The networks of a list of networks, of single addresses, and of `private_ranges`.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let mut all = Vec::new();
    for item in text.split(',').map(str::trim) {
        if item == "private_ranges" {
            all.extend(self::networks(PRIVATE_RANGES)?);
            continue;
        }
        all.extend(networks::parse(item).ok_or_else(|| {
            format!("`{item}` is no network, such as 10.0.0.0/8, nor `private_ranges`")
        })?);
    }
    Ok(all)
}

/// The host names of a list, in lower case and without a dot at their ends. None if it is empty.
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
        .ok_or_else(|| format!("`{text}` is no host name without port, such as validator"))
}

pub(super) fn header_family(text: &str) -> Result<HeaderFamily, String> {
    match text {
        "x-forwarded" => Ok(HeaderFamily::Forwarded),
        "x-original" => Ok(HeaderFamily::Original),
        _ => Err(format!("`{text}` is neither x-forwarded nor x-original")),
    }
}

pub(super) fn failure_limit(text: &str) -> Result<Option<u32>, String> {
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(limit) => Ok(Some(limit)),
        Err(_) => Err(format!("`{text}` is no number, such as 100, or 0 for no limit")),
    }
}

/// A duration within bounds, in seconds or milliseconds as humans write it (`30s`, `500ms`).
pub(super) fn duration(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| format!("`{text}` is no duration, such as 30s or 500ms"))?;
    let fits = (least..=most).contains(&duration);
    fits.then_some(duration).ok_or_else(|| {
        let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
        format!("{text} is out of range: {least} to {most}")
    })
}

pub(super) fn capacity(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (1..=100_000_000).contains(number));
    number.ok_or_else(|| format!("`{text}` is no number from 1 to 100000000"))
}

/// Something in one piece, such as an id or a token, which is not repeated if it is not.
pub(super) fn word(text: &str) -> Result<String, String> {
    let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
    graphic
        .then(|| text.to_owned())
        .ok_or_else(|| "it has blanks, control or non-ASCII characters in it".to_owned())
}

pub(super) fn root_tokens(text: &str) -> Result<RootTokens, String> {
    match text {
        "true" => Ok(RootTokens::Allowed),
        "false" => Ok(RootTokens::Refused),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
    let levels = "off, error, warn, info, debug, trace";
    text.parse().map_err(|_| format!("`{text}` is no level: {levels}"))
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("`{text}` is neither text nor json")),
    }
}

/// A mount of a secrets engine: path segments without slashes at the ends.
pub(super) fn mount(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    let segment = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !part.is_empty() && part.bytes().all(plain)
    };
    path.split('/')
        .all(segment)
        .then(|| path.to_owned())
        .ok_or_else(|| format!("`{text}` is no mount, such as `secret` or `team/kv`"))
}

/// A mount of an auth method: path segments without `auth/` and without slashes at the ends. One with
/// an `@` would not be told from the name before it.
pub(super) fn auth_mount(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    if path.starts_with("auth/") {
        return Err(format!("`{text}` is to be written without `auth/`, such as `userpass`"));
    }
    let segment = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
    };
    path.split('/')
        .all(segment)
        .then(|| path.to_owned())
        .ok_or_else(|| format!("`{text}` is no mount of an auth method, such as `userpass`"))
}

/// The origin of Vault's API. What follows it would be lost: the API's own path begins there.
pub(super) fn vault_address(text: &str) -> Result<Url, String> {
    let wrong = |why: &str| Err(format!("`{text}` {why}, such as https://vault.example.com:8200"));
    match Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("it holds credentials, which Vault does not take there: use a token".to_owned())
        }
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            wrong("is no http or https address")
        }
        Ok(url) if url.path() != "/" || url.query().is_some() || url.fragment().is_some() => {
            wrong("has a path, and must be an origin alone")
        }
        Ok(url) => Ok(url),
        // What cannot be read may hold a password all the same.
        Err(_) if text.contains('@') => Err("it is no address that can be read".to_owned()),
        Err(_) => wrong("is no address"),
    }
}

/// A name that a certificate can be for: a host name or an IP address.
pub(super) fn server_name(text: &str) -> Result<String, String> {
    let address = text.parse::<std::net::IpAddr>().map(|_| text.to_owned());
    address.or_else(|_| host_name(text))
}
