//! Addresses of listeners: ports and socket files, free or in use.

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixListener,
    },
    path::Path,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::UnixStream,
};

use crate::{
    expect::granted,
    support::{
        backend::Backend,
        bao::Bao,
        caddy::Caddy,
        platform::{self, AppRole, Tenant},
        raw::read_answer,
        validator::Validator,
    },
};

const TIMEOUT: Duration = Duration::from_secs(10);

/// OpenBao, and a folder for a socket.
struct Place {
    dir: TempDir,
    bao: Bao,
    role: AppRole,
    acme: Tenant,
}

impl Place {
    async fn new() -> Self {
        let bao = Bao::dev().await;
        let role = platform::provision(&bao).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        Self { dir: tempfile::tempdir().expect("a temporary directory"), bao, role, acme }
    }

    fn socket(&self) -> String {
        self.dir.path().join("auth.sock").display().to_string()
    }

    async fn start(&self) -> Validator {
        let listen = format!("unix:{}", self.socket());
        Validator::start(&self.bao, &self.role, &[("VALIDATOR_LISTEN", &listen)]).await
    }

    /// Starts a validator that has to fail, and returns its log.
    async fn fails(&self, listen: &str) -> String {
        let validator = Validator::spawn(&self.bao, &self.role, &[("VALIDATOR_LISTEN", listen)]);
        let status = validator.process().exited(TIMEOUT).await;
        assert_eq!(status.code(), Some(1));
        validator.log()
    }

    /// Asserts that acme's token is accepted through the socket.
    async fn assert_accepted(&self) {
        let stream = UnixStream::connect(self.socket()).await.expect("a connection");
        let mut stream = BufReader::new(stream);
        let token = self.acme.token();
        let request =
            format!("GET /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        granted(&read_answer(&mut stream).await.expect("an answer").into());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unix_socket_is_removed_at_exit() {
    let place = Place::new().await;
    let validator = place.start().await;
    place.assert_accepted().await;
    let metadata = fs::metadata(place.socket()).expect("the socket");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660, "owner and group alone");

    let backend = Backend::start().await;
    let upstream = format!("unix/{}", place.socket());
    let caddy = Caddy::start(&upstream, backend.address(), &[]).await;
    let headers = [("x-vault-token", place.acme.token())];
    assert_eq!(caddy.send("GET", "acme.crm.localhost", "/", &headers).await.status, 200);

    let status = validator.process().stop_gracefully(TIMEOUT).await;
    assert_eq!(status.code(), Some(0));
    assert!(!Path::new(&place.socket()).exists(), "the file is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_socket_file_is_replaced() {
    let place = Place::new().await;
    place.start().await.process().kill();
    assert!(Path::new(&place.socket()).exists(), "there is nothing to replace");
    let _validator = place.start().await;
    place.assert_accepted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn non_socket_file_is_kept() {
    let place = Place::new().await;
    fs::write(place.socket(), "precious").expect("a file");
    let log = place.fails(&format!("unix:{}", place.socket())).await;
    assert!(log.contains("a file that is not a socket exists at this path"), "{log}");
    assert!(log.contains(&place.socket()), "{log}");
    assert_eq!(fs::read_to_string(place.socket()).expect("the file"), "precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn address_in_use_is_reported() {
    let place = Place::new().await;
    let taken = UnixListener::bind(place.socket()).expect("a socket");
    let log = place.fails(&format!("unix:{}", place.socket())).await;
    assert!(log.contains("cannot listen on unix:") && log.contains("in use"), "{log}");
    assert!(taken.set_nonblocking(true).is_ok() && Path::new(&place.socket()).exists());

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let log = place.fails(&address).await;
    assert!(log.contains(&format!("cannot listen on {address}")), "{log}");
    assert!(log.contains("in use"), "{log}");
}
