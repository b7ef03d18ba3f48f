//! What a connection says, to Vault or to a proxy.

use std::net::{IpAddr, SocketAddr};

use super::diagnosis::Finding;
use crate::probe::{Certificate, CertificateFault, Failure, now};

/// How soon the end of a certificate deserves a look, in days.
const SOON: i64 = 14;

/// What says where a server is, and whose signatures count there.
pub(super) struct Place {
    /// What is asked for, for people.
    pub(super) name: String,
    pub(super) address_setting: &'static str,
    pub(super) authority_setting: &'static str,
}

/// What a check of an address, and one of TLS, have found when there is no connection.
pub(super) fn unreached(place: &Place, failure: &Failure) -> Vec<Finding> {
    let Place { name, address_setting, authority_setting } = place;
    let remedy = match failure {
        Failure::Certificate(fault) => {
            let remedy = match fault {
                CertificateFault::Expired(_) => {
                    "renew the server's certificate, and have the server read it again".to_owned()
                }
                CertificateFault::NotYetValid => {
                    "compare the clocks of the two machines; it may be this one's that is wrong"
                        .to_owned()
                }
                CertificateFault::Name(_) => format!(
                    "give the server a certificate with this name among its subject alternative \
                     names, or {address_setting} a name that it has"
                ),
                CertificateFault::Issuer => {
                    format!("name the authority that signed it: {authority_setting}")
                }
                CertificateFault::Unsupported => format!(
                    "name the certificate itself with {authority_setting}, or give the server one \
                     that an authority has signed: README.md has the command of openssl"
                ),
                CertificateFault::Other(_) => "give the server another certificate".to_owned(),
            };
            let answered = Finding::ok("address", format!("{name} accepts connections"));
            return vec![answered, Finding::failed("TLS", failure.to_string(), remedy)];
        }
        Failure::Tls(_) => {
            let remedy =
                format!("does it speak plain http there? Then {address_setting} says http");
            let answered = Finding::ok("address", format!("{name} accepts connections"));
            return vec![answered, Finding::failed("TLS", failure.to_string(), remedy)];
        }
        Failure::Name(_) | Failure::Connect(_) => {
            format!("{address_setting} says where it is; is it running there?")
        }
        Failure::Timeout(_) => format!(
            "{address_setting} says where it is; is there a firewall in between, or is it stuck?"
        ),
        Failure::Http(_) => format!("{address_setting} says where it is; is it something else?"),
    };
    vec![
        Finding::failed("address", format!("{name}: {failure}"), remedy),
        Finding::skipped("TLS", "there is no connection", ""),
    ]
}

/// How well a connection is protected: by its certificate, or by staying at home.
pub(super) fn protection(peer: SocketAddr, scheme: &str, shown: Option<Certificate>) -> Finding {
    match (scheme, shown) {
        ("https", Some(certificate)) => validity(certificate),
        ("https", None) => Finding::warning(
            "TLS",
            "the certificate is trusted, but when it ends cannot be read",
            "look at it with openssl s_client",
        ),
        _ if in_the_clear(peer, scheme) => Finding::warning(
            "TLS",
            format!(
                "none, and {} is not on a private network: tokens go there in the clear",
                peer.ip()
            ),
            "use https",
        ),
        _ if peer.ip().is_loopback() => {
            Finding::ok("TLS", "none, and none is needed: it is on this machine")
        }
        _ => Finding::ok("TLS", format!("none; {} is on a private network", peer.ip())),
    }
}

/// Whether everybody on the way can read what goes there.
pub(super) fn in_the_clear(peer: SocketAddr, scheme: &str) -> bool {
    scheme != "https" && !peer.ip().is_loopback() && !is_private(peer.ip())
}

fn validity(certificate: Certificate) -> Finding {
    let days = (certificate.not_after - now().as_second()).div_euclid(24 * 3600);
    if days < SOON {
        let detail = format!("the certificate is valid for {days} days more");
        return Finding::warning(
            "TLS",
            detail,
            "renew it, and find out why nothing has done so yet",
        );
    }
    Finding::ok("TLS", format!("the certificate is valid for {days} days more, and for this name"))
}

/// Whether an address is reached without leaving networks of one's own (RFC 1918, RFC 3927,
/// RFC 4193, RFC 4291).
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::diagnosis::Outcome::{self, Ok, Warning},
        protection,
    };
    use crate::probe::{Certificate, now};

    fn found(peer: &str, scheme: &str, days: Option<i64>) -> Outcome {
        let end = |days: i64| now().as_second() + days * 24 * 3600 + 60;
        let shown = days.map(|days| Certificate { not_after: end(days) });
        protection(peer.parse().unwrap(), scheme, shown).outcome
    }

    #[test]
    fn tokens_in_the_clear_are_fine_at_home_alone() {
        for home in ["127.0.0.1:1", "[::1]:1", "10.1.2.3:1", "172.18.0.2:1", "[fd00::1]:1"] {
            assert_eq!(found(home, "http", None), Ok, "{home}");
        }
        for away in ["8.8.8.8:1", "172.32.0.1:1", "[2001:db8::1]:1", "[::ffff:8.8.8.8]:1"] {
            assert_eq!(found(away, "http", None), Warning, "{away}");
        }
    }

    #[test]
    fn a_certificate_that_ends_soon_deserves_a_look() {
        assert_eq!(found("8.8.8.8:1", "https", Some(90)), Ok);
        assert_eq!(found("8.8.8.8:1", "https", Some(13)), Warning);
        assert_eq!(found("8.8.8.8:1", "https", None), Warning);
    }
}
