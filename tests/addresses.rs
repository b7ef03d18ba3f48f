//! Tokens that are bound to addresses, and the choice of the client's address.

use serde_json::json;

use crate::{
    expect::{granted, refused},
    support::{
        direct::Direct,
        platform,
        stack::{Stack, bearer},
    },
};

/// Creates a token that is bound to these networks.
async fn bound(bao: &crate::support::bao::Bao, networks: &[&str]) -> String {
    platform::token(bao, json!({"policies": ["tenant"], "bound_cidrs": networks})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_token_needs_its_networks() {
    let service = Direct::start().await;
    let networks = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "2001:db9::1", "10.9.8.7/16"];
    let token = bound(&service.bao, &networks).await;
    for address in [
        "192.0.2.0",
        "192.0.2.255",
        "::ffff:192.0.2.1",
        "::ffff:c000:0201",
        "198.51.100.7",
        "2001:db8::",
        "2001:DB8:ffff::1",
        "2001:db9::1",
        "2001:db9:0:0::1",
        "10.9.255.255",
        " 192.0.2.1 ",
        "192.0.2.1:51234",
        "[2001:db8::5]:443",
        "[2001:db8::5]",
        "[::ffff:192.0.2.1]:80",
    ] {
        granted(&service.from(address, "", &token).await);
    }
    for address in [
        "192.0.3.0",
        "198.51.100.8",
        "::ffff:198.51.100.8",
        "::192.0.2.1",
        "2001:db7:ffff::",
        "2001:db9::2",
        "10.10.0.0",
        "::1",
        "192.0.3.0:51234",
        "[2001:db7::5]:443",
    ] {
        refused(&service.from(address, "", &token).await, "address_not_allowed");
    }
    assert_eq!(service.calls("lookup").await, 1, "the decision is made anew, the facts are not");
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv4_mapped_bound_cidrs_match_ipv4() {
    let service = Direct::start().await;
    let token = bound(&service.bao, &["::ffff:192.0.2.0/120"]).await;
    for address in ["192.0.2.9", "::ffff:192.0.2.9"] {
        granted(&service.from(address, "", &token).await);
    }
    refused(&service.from("192.0.3.9", "", &token).await, "address_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nearest_untrusted_hop_is_client() {
    let proxies = [("VALIDATOR_TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8,2001:db8:ffff::/48")];
    let service = Direct::start_with(&proxies).await;
    let token = bound(&service.bao, &["192.0.2.0/24"]).await;
    for chain in [
        "192.0.2.1",
        "192.0.2.1, 10.0.0.1",
        "192.0.2.1,10.0.0.1 ,2001:db8:ffff::1, ::ffff:10.0.0.2",
        "203.0.113.9, 192.0.2.1, 10.0.0.1",
        "garbage, 192.0.2.1",
        "203.0.113.9,192.0.2.1, ,10.0.0.1,",
    ] {
        granted(&service.from(chain, "", &token).await);
    }
    for chain in ["192.0.2.1, 203.0.113.9", "192.0.2.1, 203.0.113.9, 10.0.0.1", "10.0.0.1"] {
        refused(&service.from(chain, "", &token).await, "address_not_allowed");
    }
    for chain in [
        "",
        "garbage",
        "192.0.2.1, garbage",
        "192.0.2.1, garbage, 10.0.0.1",
        " , ",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "[192.0.2.1]",
        "[2001:db8::1",
        "[fe80::1%eth0]",
        "192.0.2.01",
        "192.0.2.1/32",
        "for=192.0.2.1",
        "fe80::1%eth0",
    ] {
        refused(&service.from(chain, "", &token).await, "request_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_bound_tokens_need_address() {
    let service = Direct::start().await;
    let token = bound(&service.bao, &["192.0.2.0/24"]).await;
    refused(&service.ask(&token).await, "request_invalid");
    let authorization = bearer(&token);
    for other in ["x-real-ip", "forwarded", "x-client-ip", "true-client-ip", "x-original-for"] {
        let headers = [("authorization", authorization.as_str()), (other, "192.0.2.1")];
        refused(&service.validator.validate("", &headers).await, "request_invalid");
    }
    granted(&service.ask(service.acme.token()).await);
    granted(&service.from("garbage", "", service.acme.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_lines_are_joined() {
    let proxies = [("VALIDATOR_TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")];
    let service = Direct::start_with(&proxies).await;
    let token = bound(&service.bao, &["192.0.2.0/24"]).await;
    let authorization = bearer(&token);
    let ask = async |lines: &[&str]| {
        let headers = [("authorization", authorization.as_str())].into_iter();
        let headers: Vec<_> =
            headers.chain(lines.iter().map(|line| ("x-forwarded-for", *line))).collect();
        service.validator.validate("", &headers).await
    };
    for lines in [
        &["192.0.2.1", "192.0.2.1"][..],
        &["203.0.113.9", "192.0.2.1"],
        &["192.0.2.1", "10.0.0.1"],
        &["192.0.2.1", ""],
        &["garbage", "192.0.2.1:443, 10.0.0.2", "10.0.0.1, 10.0.0.3"],
    ] {
        granted(&ask(lines).await);
    }
    for lines in [&["192.0.2.1", "203.0.113.9"][..], &["192.0.2.1, 203.0.113.9,", "10.0.0.1"]] {
        refused(&ask(lines).await, "address_not_allowed");
    }
    for lines in [&["192.0.2.1", "garbage"][..], &["", ","], &["garbage", "10.0.0.1"]] {
        refused(&ask(lines).await, "request_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mapped_proxy_network_matches_ipv4() {
    for networks in ["::ffff:127.0.0.0/104", "::ffff:127.0.0.1", "::ffff:0:0/90"] {
        let service = Direct::start_with(&[("VALIDATOR_TRUSTED_PROXIES", networks)]).await;
        let token = bound(&service.bao, &["192.0.2.0/24"]).await;
        granted(&service.from("192.0.2.1", "", &token).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn untrusted_peer_is_the_client() {
    let service = Direct::start_with(&[("VALIDATOR_TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    let (here, there) =
        (bound(&service.bao, &["127.0.0.1"]).await, bound(&service.bao, &["192.0.2.0/24"]).await);
    for address in ["192.0.2.1", "garbage", "192.0.2.1, 10.0.0.1"] {
        granted(&service.from(address, "", &here).await);
        refused(&service.from(address, "", &there).await, "address_not_allowed");
    }
    granted(&service.ask(&here).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_ignores_spoofed_address() {
    let stack = Stack::start().await;
    let here = bound(&stack.bao, &["127.0.0.0/8"]).await;
    let there = bound(&stack.bao, &["10.0.0.0/8"]).await;
    let forged = [
        ("x-forwarded-for", "10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("true-client-ip", "10.0.0.1"),
    ];
    for (token, status) in [(&here, 200), (&there, 403)] {
        for more in [&forged[..0], &forged] {
            let headers = [&[("x-vault-token", token.as_str())], more].concat();
            let answer = stack.get("api.localhost", &headers).await;
            assert_eq!(answer.status, status, "{more:?}");
        }
    }
    let answer = stack.get("api.localhost", &[("x-vault-token", &there)]).await;
    refused(&answer, "address_not_allowed");
}
