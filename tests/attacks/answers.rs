//! Attacks on the response and on the connection.

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Fronts, RESPONSE_TIMEOUT, request, send};
use crate::{
    expect::{granted, refused},
    support::{
        backend::received,
        bao::Bao,
        direct::Direct,
        platform::{Caller, create_caller},
        stack::{Stack, bearer},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a38_rapid_stream_resets_are_harmless() {
    let service = Direct::start().await;
    let address = service.validator.auth_address();
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    for number in 0..2000_u32 {
        let request = Request::get(format!("http://{address}/validate"))
            .header("x-vault-token", format!("s.{number:024}"))
            .body(Empty::<Bytes>::new())
            .expect("a request");
        // The server may close the connection.
        if sender.ready().await.is_err() {
            break;
        }
        drop(sender.send_request(request));
    }
    granted(&service.ask(service.acme.token()).await);

    // A head without end: HEADERS without its end, then one CONTINUATION after another.
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let frame = |kind: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("a short frame");
        [&[0, 0, length, kind, 0, 0, 0, 0, stream], payload].concat()
    };
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let start = [preface, frame(4, 0, &[]), frame(1, 1, &[0x82])].concat();
    stream.write_all(&start).await.expect("sent");
    // A literal header that is not to be indexed, `a: bbb...`.
    let field = [&[0, 1, b'a', 100], &[b'b'; 100][..]].concat();
    let endless = frame(9, 1, &field).repeat(100);
    let closed = timeout(RESPONSE_TIMEOUT, async {
        let (mut reader, mut writer) = stream.split();
        let flood = async {
            while writer.write_all(&endless).await.is_ok() {}
            Vec::new()
        };
        let read = async {
            let mut answer = Vec::new();
            let _ = reader.read_to_end(&mut answer).await;
            answer
        };
        tokio::select! { answer = flood => answer, answer = read => answer }
    });
    assert!(closed.await.is_ok(), "a head without end is read for ever");
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.validator.count("panics_total").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a39_validator_never_upgrades() {
    let stack = Stack::start().await;
    let token = format!("X-Vault-Token: {}\r\n", stack.acme.token());
    for lines in [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Expect: 100-continue\r\nContent-Length: 1\r\n",
    ] {
        let address = stack.validator.auth_address();
        granted(&send(address, request("GET /validate HTTP/1.1", "v", &[&token, lines])).await);
        let anonymous = send(address, request("GET /validate HTTP/1.1", "v", &[lines])).await;
        refused(&anonymous, "credential_missing");
    }
    let lines = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let request = request("GET / HTTP/1.1", "acme.crm.localhost", &[&token, lines]);
    let seen = send(&stack.caddy.address(), request).await.json();
    assert!(seen.to_string().contains("websocket"), "the application gets no handshake: {seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a39_proxies_upgrade_to_websocket_only() {
    let fronts = Fronts::start().await;
    for upgrade in [
        "h2c",
        "H2C",
        "websocket, h2c",
        "h2c\r\nUpgrade: websocket",
        "websocket\r\nUpgrade: h2c",
        "TLS/1.0",
        "x",
    ] {
        let lines = format!(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABk\r\n"
        );
        for (front, answer) in fronts.each(&lines).await {
            match answer.status {
                // After an upgrade, only the application would see the requests.
                200 => {
                    let offered = received(&answer.json(), "upgrade");
                    assert!(offered.is_empty() || offered == ["websocket"], "{front}: {offered:?}");
                }
                status => assert!((400..500).contains(&status), "{front}: {upgrade}: {answer:?}"),
            }
        }
    }
    let lines = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    for (front, answer) in fronts.each(lines).await {
        assert_eq!(received(&answer.json(), "upgrade"), ["websocket"], "{front}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a41_input_injects_no_header() {
    let stack = Stack::start().await;
    let address = stack.validator.auth_address();
    for id in ["a b", "a\"b", "<script>", "a;b", "ä", &"a".repeat(200), "a: b"] {
        let line = format!("X-Request-Id: {id}\r\n");
        let answer = send(address, request("GET /validate HTTP/1.1", "v", &[&line])).await;
        refused(&answer, "credential_missing");
        assert!(!answer.body.contains(id), "{id} is repeated");
    }
    let odd = create_oddly_named_caller(&stack.bao).await;
    let headers = [("x-vault-token", odd.token.as_str())];
    let path = "/%0d%0aX-Auth-Tenant:%20globex?%0d%0aX-Auth-Tenant:%20globex";
    let seen = stack.caddy.send("GET", "acme.crm.localhost", path, &headers).await.json();
    assert_eq!(received(&seen, "x-auth-tenant"), ["acme"]);
    assert_eq!(received(&seen, "x-auth-subject"), ["entity:a%0D%0Ax-auth-tenant: globex"]);
}

/// Creates a caller of acme with a line break and a header line in its entity name.
async fn create_oddly_named_caller(bao: &Bao) -> Caller {
    let odd = create_caller(bao, "odd", json!({"tenant": "acme"}), &["crm-agent"]).await;
    // With two aliases the subject is the entity's name.
    bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    let mounts = bao.must("GET", "sys/auth", None).await;
    let accessor = &mounts["data"]["userpass/"]["accessor"];
    let alias = json!({"name": "odd", "canonical_id": odd.entity_id, "mount_accessor": accessor});
    bao.must("POST", "identity/entity-alias", Some(alias)).await;
    let path = format!("identity/entity/id/{}", odd.entity_id);
    let name = json!({"name": "a\r\nx-auth-tenant: globex"});
    bao.must("POST", &path, Some(name)).await;
    odd
}

#[tokio::test(flavor = "multi_thread")]
async fn a44_other_origins_get_no_access() {
    let stack = Stack::start().await;
    let host = Stack::crm(&stack.acme);
    let authorization = bearer(stack.acme.token());
    let preflight = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = stack.caddy.send("OPTIONS", &host, "/", &preflight).await;
    refused(&answer, "credential_missing");
    let headers = [("authorization", authorization.as_str()), ("origin", "https://evil.example")];
    granted(&stack.validator.validate("", &headers).await);
    refused(&stack.validator.validate("tenant=globex", &headers).await, "tenant_mismatch");
}
