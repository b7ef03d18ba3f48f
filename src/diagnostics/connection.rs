//! Checks of a connection to Vault or to a proxy: reachability and TLS.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::finding::Finding;
use crate::{
    probe::{Certificate, CertificateError, ProbeError},
    wall_clock::now,
};

/// The timeout of each step of a request to the proxy or the service.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// The remaining validity below which a certificate is reported, in days.
const EXPIRY_WARNING_DAYS: i64 = 14;

pub(super) const ADDRESS: &str = "address";
pub(super) const TLS: &str = "TLS";

/// The name of a server in messages, and the settings that remedies refer to.
pub(super) struct ServerSettings {
    /// The origin of the server.
    pub(super) name: String,
    pub(super) address_setting: &'static str,
    pub(super) authority_setting: &'static str,
}

impl ServerSettings {
    /// Returns the findings of the address check and the TLS check for a failed connection.
    pub(super) fn connect_failure(&self, failure: &ProbeError) -> Vec<Finding> {
        let Self { name, address_setting, .. } = self;
        let remedy = match failure {
            ProbeError::Certificate(error) => {
                return self.tls_failure(failure, self.certificate_remedy(error));
            }
            ProbeError::Tls(_) => {
                let remedy =
                    format!("if the server speaks plain HTTP, use http:// in {address_setting}");
                return self.tls_failure(failure, remedy);
            }
            ProbeError::Resolve(_) | ProbeError::Connect(_) => {
                format!("check {address_setting}, and that the server is running")
            }
            ProbeError::Timeout(_) => format!(
                "check {address_setting}, firewalls in between, and whether the server hangs"
            ),
            ProbeError::Http(_) => {
                format!("check {address_setting}: another program may be listening there")
            }
        };
        vec![
            Finding::failed(ADDRESS, format!("{name}: {failure}"), remedy),
            Finding::skipped(TLS, "no connection was established", ""),
        ]
    }

    fn tls_failure(&self, failure: &ProbeError, remedy: String) -> Vec<Finding> {
        let connected = Finding::ok(ADDRESS, format!("{} accepts connections", self.name));
        vec![connected, Finding::failed(TLS, failure.to_string(), remedy)]
    }

    fn certificate_remedy(&self, error: &CertificateError) -> String {
        let Self { address_setting, authority_setting, .. } = self;
        match error {
            CertificateError::Expired(_) => {
                "renew the server's certificate, and make the server reload it".to_owned()
            }
            CertificateError::NotYetValid => {
                "compare the clocks of the two machines; this machine's may be the wrong one"
                    .to_owned()
            }
            CertificateError::NameMismatch(_) => format!(
                "add this name to the subject alternative names of the server's certificate, or use \
                 one of its names in {address_setting}"
            ),
            CertificateError::UnknownIssuer => {
                format!("trust the authority that signed it: {authority_setting}")
            }
            CertificateError::Unsupported => format!(
                "trust the certificate itself with {authority_setting}, or replace it with one that \
                 an authority has signed (README.md has the openssl command)"
            ),
            CertificateError::Other(_) => "replace the server's certificate".to_owned(),
        }
    }
}

/// Checks how an established connection is protected: by TLS, or by staying on a private network.
pub(super) fn check_protection(
    peer: SocketAddr,
    scheme: &str,
    certificate: Option<Certificate>,
) -> Finding {
    match (scheme, certificate) {
        ("https", Some(certificate)) => check_expiry(certificate),
        ("https", None) => Finding::warning(
            TLS,
            "the certificate is trusted, but its expiry cannot be read",
            "inspect it with `openssl s_client`",
        ),
        _ if is_cleartext(peer, scheme) => Finding::warning(
            TLS,
            format!(
                "none, and {} is on no private network: tokens are sent in cleartext",
                peer.ip()
            ),
            "use https",
        ),
        _ if peer.ip().is_loopback() => Finding::ok(TLS, "none; not needed on this machine"),
        _ => Finding::ok(TLS, format!("none; {} is on a private network", peer.ip())),
    }
}

/// Returns true if the connection is unencrypted and leaves private networks.
pub(super) fn is_cleartext(peer: SocketAddr, scheme: &str) -> bool {
    scheme != "https" && !peer.ip().is_loopback() && !is_private(peer.ip())
}

fn check_expiry(certificate: Certificate) -> Finding {
    let days = (certificate.not_after - now().as_second()).div_euclid(24 * 3600);
    if days < EXPIRY_WARNING_DAYS {
        return Finding::warning(
            TLS,
            format!("the certificate is valid for {days} days more"),
            "renew it, and find out why it was not renewed automatically",
        );
    }
    Finding::ok(TLS, format!("the certificate is valid for {days} days more, and for this name"))
}

/// Returns true for addresses of private and link-local networks (RFC 1918, RFC 3927, RFC 4193,
/// RFC 4291).
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::check_protection;
    use crate::{
        diagnostics::finding::Status::{self, Ok, Warning},
        probe::Certificate,
        wall_clock::now,
    };

    fn status(peer: &str, scheme: &str, days: Option<i64>) -> Status {
        let end = |days: i64| now().as_second() + days * 24 * 3600 + 60;
        let certificate = days.map(|days| Certificate { not_after: end(days) });
        check_protection(peer.parse().unwrap(), scheme, certificate).status
    }

    #[test]
    fn plain_http_off_private_networks_warns() {
        for private in ["127.0.0.1:1", "[::1]:1", "10.1.2.3:1", "172.18.0.2:1", "[fd00::1]:1"] {
            assert_eq!(status(private, "http", None), Ok, "{private}");
        }
        for public in ["8.8.8.8:1", "172.32.0.1:1", "[2001:db8::1]:1", "[::ffff:8.8.8.8]:1"] {
            assert_eq!(status(public, "http", None), Warning, "{public}");
        }
    }

    #[test]
    fn certificate_near_expiry_warns() {
        assert_eq!(status("8.8.8.8:1", "https", Some(90)), Ok);
        assert_eq!(status("8.8.8.8:1", "https", Some(13)), Warning);
        assert_eq!(status("8.8.8.8:1", "https", None), Warning);
    }
}
