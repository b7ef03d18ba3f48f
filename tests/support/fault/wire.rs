//! Requests as bytes, and the faulty responses to them.

use std::time::Duration;

use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Fault;

/// Sends the response that `fault` stands for.
pub async fn respond(mut client: TcpStream, fault: Fault) -> io::Result<()> {
    match fault {
        Fault::Pass | Fault::Late(_) | Fault::Hang => std::future::pending().await,
        Fault::Hiccup | Fault::Lost => Ok(()),
        Fault::Reset => {
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{").await?;
            client.set_zero_linger()
        }
        Fault::Garbage => client.write_all(b"\x16\x03\x01 not HTTP \xff\xfe\r\n\r\n").await,
        Fault::Truncated => {
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"data\"").await
        }
        Fault::Huge => {
            client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
            let block = [b' '; 4096];
            loop {
                client.write_all(&block).await?;
            }
        }
        Fault::Drip => {
            for byte in answer(200, "", r#"{"data":{}}"#).bytes() {
                client.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        }
        Fault::Redirect(url) | Fault::Standby(url) => {
            let location = format!("Location: {url}\r\n");
            client.write_all(answer(307, &location, "").as_bytes()).await
        }
        Fault::Status(status, body) | Fault::StatusOnce(status, body) => {
            client.write_all(answer(status, "", body).as_bytes()).await
        }
    }
}

fn answer(status: u16, header: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Fault\r\nContent-Type: application/json\r\nConnection: close\r\n\
         {header}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads a request to its end, so that closing afterwards doesn't reset the connection
/// and lose the answer.
pub async fn read_request(client: &mut TcpStream) -> io::Result<Request> {
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        if let Some(request) = Request::complete(&bytes) {
            return Ok(request);
        }
        let read = client.read(&mut block).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&block[..read]);
    }
}

/// One request of the kind that the validator sends: a body has a Content-Length.
pub struct Request {
    /// The head, up to and including the empty line.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    fn complete(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(0);
        let body = bytes.get(end..end + length)?.to_owned();
        Some(Self { head, body })
    }

    /// Returns whether its path, or its method and path, start with this prefix.
    pub fn starts_with(&self, prefix: &str) -> bool {
        let path = self.head.split(' ').nth(1).unwrap_or_default();
        path.starts_with(prefix) || self.head.starts_with(prefix)
    }
}
