//! Free ports on the loopback interface.

use std::net::TcpListener;

/// A port that was free a moment ago. Another process may take it before its user
/// binds it, so starting a server on it is worth a second try.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}
