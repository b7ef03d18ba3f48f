use std::fmt;

/// The hosts that hold sessions, and to which a login may return (`VALIDATOR_LOGIN_HOSTS`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedHosts(Vec<HostPattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Exact(String),
    /// The hosts with one label before this suffix, which starts with a dot.
    OneLabelBefore(String),
}

/// An item that is neither a host name nor a host name after `*.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPatternError(String);

impl GuardedHosts {
    /// Parses a list of hosts, separated by commas: `crm.example.com`, or `*.crm.example.com` for all
    /// hosts with one label before that suffix.
    ///
    /// # Errors
    /// [`HostPatternError`], with the item.
    pub fn parse(list: &str) -> Result<Self, HostPatternError> {
        let parse = |item: &str| {
            let lower = item.to_ascii_lowercase();
            match lower.strip_prefix("*.") {
                Some(parent) if is_host(parent) => {
                    Ok(HostPattern::OneLabelBefore(format!(".{parent}")))
                }
                None if is_host(&lower) => Ok(HostPattern::Exact(lower)),
                _ => Err(HostPatternError(item.to_owned())),
            }
        };
        list.split(',').map(|item| parse(item.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the hosts that are listed by their whole name.
    pub fn exact_hosts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|pattern| match pattern {
            HostPattern::Exact(host) => Some(host.as_str()),
            HostPattern::OneLabelBefore(_) => None,
        })
    }

    /// Returns the items with a wildcard, such as `*.crm.example.com`.
    pub fn wildcards(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|pattern| match pattern {
            HostPattern::Exact(_) => None,
            HostPattern::OneLabelBefore(suffix) => Some(format!("*{suffix}")),
        })
    }

    /// Returns true if this host, in lower case and without a port, is one of them.
    #[must_use]
    pub fn contains(&self, host: &str) -> bool {
        self.0.iter().any(|pattern| match pattern {
            HostPattern::Exact(exact) => exact == host,
            HostPattern::OneLabelBefore(suffix) => host.strip_suffix(suffix).is_some_and(is_label),
        })
    }
}

/// Returns true if this is a host name in lower case (RFC 1123, 2.1) or the IPv6 loopback address.
fn is_host(text: &str) -> bool {
    text == "[::1]" || (text.len() <= 253 && text.split('.').all(is_label))
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

impl fmt::Display for HostPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a host: write `crm.example.com`, or `*.crm.example.com` for one label \
             before it, without scheme, port and path",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for HostPatternError {}

#[cfg(test)]
mod tests {
    use super::GuardedHosts;

    #[test]
    fn listed_hosts_and_one_label_match() {
        let hosts =
            GuardedHosts::parse("CRM.example.com, *.crm.example.com,localhost").expect("a list");
        for host in ["crm.example.com", "acme.crm.example.com", "a-1.crm.example.com", "localhost"]
        {
            assert!(hosts.contains(host), "{host}");
        }
        assert_eq!(hosts.exact_hosts().collect::<Vec<_>>(), ["crm.example.com", "localhost"]);
        assert_eq!(hosts.wildcards().collect::<Vec<_>>(), ["*.crm.example.com"]);
        for host in [
            "",
            "example.com",
            "evil-crm.example.com",
            "a.b.crm.example.com",
            ".crm.example.com",
            "-.crm.example.com",
            "crm.example.com.",
            "crm.example.com.evil.test",
            "acme.localhost",
        ] {
            assert!(!hosts.contains(host), "{host}");
        }
    }

    #[test]
    fn invalid_hosts_are_rejected() {
        for item in [
            "",
            "crm.example.com,",
            "*",
            "*.",
            "*.*.example.com",
            "a.*.example.com",
            "https://crm.example.com",
            "crm.example.com:443",
            "crm.example.com/",
            "crm..example.com",
            "crm.example.com.",
            "-crm.example.com",
            "crm_1.example.com",
            "crm.example.com evil.test",
            "crm.exämple.com",
        ] {
            assert!(GuardedHosts::parse(item).is_err(), "{item}");
        }
    }
}
