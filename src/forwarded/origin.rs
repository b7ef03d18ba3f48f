use std::borrow::Cow;

/// The bytes of host names, IP addresses and ports.
const AUTHORITY_BYTES: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        allowed[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
        byte += 1;
    }
    allowed
};

/// Returns the authority of an origin in its usual form: in lower case, without a default port. `None`
/// if it has user information, or other characters than those of host names, IP addresses and ports.
#[must_use]
pub fn normalized_authority(authority: &str) -> Option<Cow<'_, str>> {
    if authority.is_empty() || !authority.bytes().all(|byte| AUTHORITY_BYTES[usize::from(byte)]) {
        return None;
    }
    let authority = [":443", ":80"]
        .into_iter()
        .find_map(|port| authority.strip_suffix(port))
        .unwrap_or(authority);
    Some(if authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(authority.to_ascii_lowercase())
    } else {
        Cow::Borrowed(authority)
    })
}

/// Returns the authority without a port.
#[must_use]
pub fn without_port(authority: &str) -> &str {
    let host_end = authority.rfind(']').map_or(0, |end| end + 1);
    authority[host_end..].find(':').map_or(authority, |colon| &authority[..host_end + colon])
}

/// Returns true if the host, in lower case and without a port, is this machine. Browsers treat such
/// hosts as secure without TLS (<https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy>).
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::normalized_authority;

    #[test]
    fn authority_is_in_lower_case_without_default_port() {
        for (authority, expected) in [
            ("crm.example.com", "crm.example.com"),
            ("CRM.example.com:443", "crm.example.com"),
            ("localhost:80", "localhost"),
            ("localhost:8443", "localhost:8443"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(normalized_authority(authority).as_deref(), Some(expected));
        }
        for authority in ["", "a b", "a@b", "a/b", "a,b", "a\0", "b\u{e9}n"] {
            assert_eq!(normalized_authority(authority), None, "{authority}");
        }
    }
}
