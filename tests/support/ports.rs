//! Free ports on the loopback interface.

use std::{
    net::TcpListener,
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};

/// The first port that is handed out.
const FIRST: u16 = 12_000;

/// The number of ports, all below those that Linux chooses itself (32768 to 60999). A listener at
/// port 0 or a client never takes a port between its choice and its use.
const COUNT: u16 = 10_000;

/// The distance between two ports. `OpenBao` listens for its cluster at the port after its own.
const STEP: u16 = 2;

/// Returns a port that is free, and that no other call in this process returns. Another process may
/// take it before its user binds it, so starting a server on it is worth a second try.
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));
    let mut ports =
        (0..COUNT).map(|_| FIRST + STEP * (NEXT.fetch_add(1, Ordering::Relaxed) % COUNT));
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a free port")
}
