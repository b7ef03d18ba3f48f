//! Event streams.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Response;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{TOOLS, edges_before, named, start_people};
use crate::support::{
    edge::{Edge, MCP_HOST, Recipe},
    platform::token_with,
};

/// The time without events: longer than the default timeouts of nginx and Traefik.
const SILENCE: Duration = Duration::from_secs(62);

/// Answers each request with a stream: three events, one a second, and the last one after [`SILENCE`].
async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(send_events(stream));
    }
}

async fn send_events(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = [0; 8192];
    let length = stream.read(&mut request).await?;
    assert!(length > 0, "a request");
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await?;
    for pause in [0, 1, 1, SILENCE.as_secs()] {
        sleep(Duration::from_secs(pause)).await;
        stream.write_all(b"data: {}\n\n").await?;
    }
    stream.shutdown().await
}

/// Returns the times at which the events of a stream arrive, from the request on.
async fn arrivals(name: &str, edge: &Edge, method: &str, token: &str) -> Vec<u64> {
    let started = Instant::now();
    let client =
        reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
    let url = format!("http://{}/mcp", edge.address());
    let mut request = client.request(method.parse().expect("a method"), url);
    for (header, value) in named("count") {
        // The stream of a `GET` is one of the revisions before.
        if method == "POST" {
            request = request.header(header, value);
        }
    }
    let request = request.header("host", MCP_HOST).header("x-vault-token", token);
    let mut response: Response = request.send().await.expect("a response");
    assert_eq!(response.status(), 200, "{name}");
    let mut times = Vec::new();
    while let Some(events) = response.chunk().await.unwrap_or_else(|error| {
        panic!("{name}: {method}: cut after {:?}: {error}", started.elapsed())
    }) {
        let count = String::from_utf8_lossy(&events).matches("data:").count();
        times.extend(std::iter::repeat_n(started.elapsed().as_secs(), count));
    }
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn m12_streams_are_neither_kept_nor_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let server = tokio::spawn(serve(listener));
    let people = start_people().await;
    let policy = format!("{TOOLS}\npath \"route/mcp\" {{ capabilities = [\"read\"] }}");
    let token = token_with(people.bao(), &policy).await;
    let edges = edges_before(&people, &address, Recipe::PLAIN).await;
    let before = people.direct.validator.count("decisions_total").await;
    let streams = edges.iter().flat_map(|(name, edge)| {
        let token = token.as_str();
        ["GET", "POST"].map(|method| async move {
            let times = arrivals(name, edge, method, token).await;
            assert_eq!(times.len(), 4, "{name}: {method}: {times:?}");
            assert!(times[0] < 2 && times[2] < 6, "{name}: {method}: {times:?}");
            assert!(times[3] >= SILENCE.as_secs(), "{name}: {method}: {times:?}");
        })
    });
    let count = join_all(streams).await.len() as u64;
    let after = people.direct.validator.count("decisions_total").await;
    assert_eq!(after - before, count, "one decision for each stream");
    server.abort();
}
