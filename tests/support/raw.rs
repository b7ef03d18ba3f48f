//! Bytes over TCP, for requests that no client library would send.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::http::Answer;

/// One HTTP/1 response as received.
#[derive(Debug)]
pub struct RawAnswer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in order, repeated ones kept.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// Returns the first value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl From<RawAnswer> for Answer {
    fn from(raw: RawAnswer) -> Self {
        let header = |(name, value): (String, String)| {
            let name = HeaderName::try_from(name).expect("a header's name");
            (name, HeaderValue::try_from(value).expect("a header's value"))
        };
        Self {
            status: raw.status,
            headers: raw.headers.into_iter().map(header).collect(),
            body: String::from_utf8_lossy(&raw.body).into_owned(),
        }
    }
}

/// Sends `bytes` to `address` and reads one answer. `None` when the connection ended,
/// or `deadline` passed, before the answer's head and body were complete.
pub async fn exchange(address: &str, bytes: &[u8], deadline: Duration) -> Option<RawAnswer> {
    timeout(deadline, async {
        let mut stream = BufReader::new(TcpStream::connect(address).await.ok()?);
        // The peer may respond before it has read everything; that response counts.
        let _ = stream.write_all(bytes).await;
        read_answer(&mut stream).await
    })
    .await
    .ok()?
}

/// Reads one answer from an open connection. `None` when it ended, or half a minute passed,
/// before the answer was complete.
pub async fn read_answer(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<RawAnswer> {
    timeout(Duration::from_secs(30), read_whole(stream)).await.ok()?
}

async fn read_whole(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<RawAnswer> {
    let status_line = line(stream).await?;
    let status = status_line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let line = line(stream).await?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = RawAnswer { status, headers, body: Vec::new() };
    answer.body = read_body(stream, &answer).await?;
    Some(answer)
}

async fn read_body(stream: &mut (impl AsyncBufRead + Unpin), head: &RawAnswer) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    if let Some(length) = head.header("content-length") {
        body.resize(length.parse().ok()?, 0);
        stream.read_exact(&mut body).await.ok()?;
    } else if head.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = usize::from_str_radix(line(stream).await?.trim(), 16).ok()?;
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..]).await.ok()?;
            line(stream).await?;
            if size == 0 {
                break;
            }
        }
    } else if !matches!(head.status, 100..200 | 204 | 304) {
        stream.read_to_end(&mut body).await.ok()?;
    }
    Some(body)
}

async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes).await.ok()?;
    let line = bytes.strip_suffix(b"\r\n")?;
    Some(String::from_utf8_lossy(line).into_owned())
}
