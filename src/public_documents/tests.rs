use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::StatusCode;

use super::{
    DocumentError, MAX_DOCUMENT_SIZE, PublicDocuments, PublicUrl,
    fetch::MAX_IN_FLIGHT,
    test_server::{PreparedAnswers, TestReply, TestServer},
};
use crate::probe::TrustRoots;

const PAUSE: Duration = Duration::from_millis(200);

/// Requests the document of a server that sends this response.
async fn get(reply: TestReply) -> Result<Vec<u8>, DocumentError> {
    let server = TestServer::start(move |_| reply.clone()).await;
    server.documents().get(&server.url("/client.json")).await
}

fn with_type(lines: &str) -> TestReply {
    TestReply::raw(&format!("HTTP/1.1 200 OK\r\n{lines}content-length: 2\r\n\r\n{{}}"))
}

fn chunked(length: usize) -> TestReply {
    let chunk = format!("100\r\n{}\r\n", "a".repeat(256));
    let (whole, rest) = (length / 256, length % 256);
    let last =
        if rest == 0 { String::new() } else { format!("{rest:x}\r\n{}\r\n", "a".repeat(rest)) };
    TestReply::raw(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
         {}{last}0\r\n\r\n",
        chunk.repeat(whole)
    ))
}

#[tokio::test]
async fn m17_document_is_returned() {
    assert_eq!(get(TestReply::json("{}")).await.as_deref(), Ok(&b"{}"[..]));
    for line in [
        "content-type: application/json; charset=utf-8\r\n",
        "Content-Type: Application/JSON\r\n",
        "content-type: application/client-metadata+json\r\n",
    ] {
        assert_eq!(get(with_type(line)).await.as_deref(), Ok(&b"{}"[..]), "{line}");
    }
}

#[tokio::test]
async fn m17_other_content_types_are_refused() {
    for lines in [
        "",
        "content-type: text/html\r\n",
        "content-type: text/json\r\n",
        "content-type: application/jsonp\r\n",
        "content-type: application/+json\r\n",
        "content-type: application/octet-stream\r\n",
        "content-type: application/json\r\ncontent-type: text/html\r\n",
    ] {
        assert_eq!(get(with_type(lines)).await, Err(DocumentError::NotJson), "{lines}");
    }
}

#[tokio::test]
async fn m17_large_documents_are_refused() {
    let exact = "a".repeat(MAX_DOCUMENT_SIZE);
    assert_eq!(get(TestReply::json(&exact)).await.map(|body| body.len()), Ok(exact.len()));
    let larger = "a".repeat(MAX_DOCUMENT_SIZE + 1);
    assert_eq!(get(TestReply::json(&larger)).await, Err(DocumentError::TooLarge));
    let without_length =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{larger}");
    assert_eq!(get(TestReply::raw(&without_length)).await, Err(DocumentError::TooLarge));
    assert_eq!(get(chunked(MAX_DOCUMENT_SIZE)).await.map(|body| body.len()), Ok(MAX_DOCUMENT_SIZE));
    assert_eq!(get(chunked(6 * 1024)).await, Err(DocumentError::TooLarge));
}

#[tokio::test]
async fn m17_wrong_content_length_is_no_help() {
    let with_length = |length: usize, body: &str| {
        TestReply::raw(&format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n\
             {body}"
        ))
    };
    assert_eq!(get(with_length(1_000_000, "{}")).await, Err(DocumentError::TooLarge));
    assert_eq!(get(with_length(2, &"{}".repeat(5000))).await.as_deref(), Ok(&b"{}"[..]));
    let cut = get(with_length(100, "{}")).await;
    assert!(matches!(cut, Err(DocumentError::Connection(_))), "{cut:?}");
}

#[tokio::test]
async fn m17_compressed_document_is_not_unpacked() {
    let reply = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\
                 content-length: 4\r\n\r\n\x1f\x0b\x08\x01";
    assert_eq!(get(TestReply::raw(reply)).await.as_deref(), Ok(&b"\x1f\x0b\x08\x01"[..]));
}

#[tokio::test]
async fn m17_redirects_are_not_followed() {
    let server = TestServer::start(|path| match path {
        "/client.json" => TestReply::raw(
            "HTTP/1.1 302 Found\r\nlocation: /other.json\r\ncontent-length: 0\r\n\r\n",
        ),
        _ => TestReply::json("{}"),
    });
    let server = server.await;
    let result = server.documents().get(&server.url("/client.json")).await;
    assert_eq!(result, Err(DocumentError::Redirect(StatusCode::FOUND)));
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn m17_other_statuses_are_refused() {
    for (status, is_transient) in [
        (404, false),
        (403, false),
        (204, false),
        (206, false),
        (429, true),
        (500, true),
        (503, true),
    ] {
        let head = format!("HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\n");
        let error = get(TestReply::raw(&format!("{head}\r\n"))).await.expect_err("an error");
        let status = StatusCode::from_u16(status).expect("a status");
        assert_eq!(error, DocumentError::Status(status));
        assert_eq!(error.is_transient(), is_transient, "{status}");
    }
}

#[tokio::test]
async fn m17_slow_documents_time_out() {
    let begun = Instant::now();
    let mut slow = TestReply::json("{\"client_id\":\"https://client.test/\"}");
    slow.pause = Some(PAUSE);
    assert_eq!(get(slow).await, Err(DocumentError::Timeout));
    let passed = begun.elapsed();
    assert!(passed > Duration::from_secs(1) && passed < Duration::from_secs(10), "{passed:?}");
}

#[tokio::test]
async fn m17_private_addresses_are_refused() {
    let server = TestServer::start(|_| TestReply::json("{}")).await;
    for (answer, refused) in [
        (&["10.0.0.1"][..], "10.0.0.1"),
        (&["169.254.169.254"], "169.254.169.254"),
        (&["::ffff:10.0.0.1"], "::ffff:10.0.0.1"),
        (&["::1"], "::1"),
        (&["127.0.0.1", "192.168.0.1"], "192.168.0.1"),
        (&["127.0.0.1", "fd00::1"], "fd00::1"),
    ] {
        let documents = server.documents_with(PreparedAnswers::always(answer));
        let result = documents.get(&server.url("/client.json")).await;
        let refused = refused.parse().expect("an address");
        assert_eq!(result, Err(DocumentError::PrivateAddress(refused)));
    }
    let documents = server.documents_with(PreparedAnswers::always(&[]));
    let result = documents.get(&server.url("/client.json")).await;
    assert!(matches!(result, Err(DocumentError::NoAddress(_))), "{result:?}");
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn m17_loopback_is_refused_by_default() {
    let documents = PublicDocuments::new(&TrustRoots::System, &[]).expect("a client");
    let url = PublicUrl::parse("https://localhost:1/client.json").expect("a URL");
    let result = documents.get(&url).await;
    assert!(matches!(result, Err(DocumentError::PrivateAddress(_))), "{result:?}");
}

#[tokio::test]
async fn m17_changed_dns_answer_is_checked() {
    let server = TestServer::start(|_| TestReply::json("{}")).await;
    let answers = PreparedAnswers::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let counter = answers.counter();
    let documents = server.documents_with(answers);
    let url = server.url("/client.json");
    assert_eq!(documents.get(&url).await.as_deref(), Ok(&b"{}"[..]));
    assert_eq!(counter.load(SeqCst), 1, "the connection needs no second answer");
    let private = "10.0.0.1".parse().expect("an address");
    assert_eq!(documents.get(&url).await, Err(DocumentError::PrivateAddress(private)));
    assert_eq!((counter.load(SeqCst), server.request_count()), (2, 1));
}

#[tokio::test]
async fn untrusted_certificate_is_refused() {
    let server = TestServer::start(|_| TestReply::json("{}")).await;
    let other = TestServer::start(|_| TestReply::json("{}")).await;
    let result = other.documents().get(&server.url("/client.json")).await;
    let error = result.expect_err("an error");
    assert!(matches!(&error, DocumentError::Connection(reason) if reason.contains("certificate")));
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn requests_in_flight_are_limited() {
    let slow = TestReply { bytes: b"HTTP/1.1 200 OK\r\n".to_vec(), pause: Some(PAUSE) };
    let server = TestServer::start(move |_| slow.clone()).await;
    let (documents, url) = (server.documents(), server.url("/client.json"));
    let results = join_all((0..MAX_IN_FLIGHT + 4).map(|_| documents.get(&url))).await;
    let number = |error: DocumentError| {
        results.iter().filter(|result| result.as_ref() == Err(&error)).count()
    };
    assert_eq!(number(DocumentError::Timeout), MAX_IN_FLIGHT);
    assert_eq!(number(DocumentError::Overloaded), 4);
    assert_eq!(server.request_count(), MAX_IN_FLIGHT);
}
