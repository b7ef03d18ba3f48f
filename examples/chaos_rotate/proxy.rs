//! A proxy in front of OpenBao that injects a fault at one request of a round.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc, oneshot, watch},
};

use crate::support::fault::wire::{Request, read_request};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    Nothing,
    /// 500 instead of forwarding the request.
    Error500,
    /// 500 although the request was forwarded and succeeded.
    FalseError,
    /// The connection is closed before the request is forwarded.
    DropBefore,
    /// The connection is closed after the request was forwarded.
    DropAfter,
    /// OpenBao is killed and started again.
    Kill,
    /// OpenBao is terminated and started again.
    Restart,
    /// The rotations are killed.
    KillRotations,
    /// A rotation conflicts in the storage with another rotation or another change of the key.
    Conflict,
    /// The same as `Conflict`, but the failed rotation gets no response.
    SilentConflict,
}

impl Fault {
    pub const ALL: [Self; 10] = [
        Self::Nothing,
        Self::Error500,
        Self::Kill,
        Self::FalseError,
        Self::DropBefore,
        Self::KillRotations,
        Self::DropAfter,
        Self::Conflict,
        Self::Restart,
        Self::SilentConflict,
    ];
}

/// The fault of a round, and the number of the request at which it occurs.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub fault: Fault,
    pub at: u64,
}

/// The proxy.
pub struct Proxy {
    pub address: String,
    plan: watch::Sender<Plan>,
    calls: Arc<AtomicU64>,
    /// Faults that the driver has to cause.
    pub due: mpsc::UnboundedReceiver<Fault>,
}

struct Connections {
    target: String,
    root_token: String,
    plan: watch::Receiver<Plan>,
    calls: Arc<AtomicU64>,
    due: mpsc::UnboundedSender<Fault>,
    /// A rotation that waits for another to conflict with.
    waiting: Mutex<Option<oneshot::Sender<()>>>,
}

/// The maximum time to wait for another rotation.
const CONFLICT_WAIT: Duration = Duration::from_millis(300);

impl Proxy {
    pub async fn start(target: String, root_token: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let (plan, plan_receiver) = watch::channel(Plan { fault: Fault::Nothing, at: 0 });
        let (sender, due) = mpsc::unbounded_channel();
        let calls = Arc::<AtomicU64>::default();
        let connections = Arc::new(Connections {
            target,
            root_token,
            plan: plan_receiver,
            calls: Arc::clone(&calls),
            due: sender,
            waiting: Mutex::default(),
        });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connections = Arc::clone(&connections);
                tokio::spawn(async move { connections.serve(client).await });
            }
        });
        Self { address, plan, calls, due }
    }

    /// Resets the request count, and sets the fault at one of the requests.
    pub fn set(&mut self, plan: Plan) {
        while self.due.try_recv().is_ok() {}
        self.calls.store(0, Ordering::SeqCst);
        self.plan.send_replace(plan);
    }

    /// Returns the number of requests since [`Proxy::set`].
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Connections {
    /// Forwards one request, then closes the connection.
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let request = read_request(&mut client).await?;
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let Plan { fault, at } = *self.plan.borrow();
        let is_rotation = request.head.contains("/rotate HTTP/1.1");
        match fault {
            Fault::Conflict if is_rotation => {
                client.write_all(&self.conflict(&request).await?).await
            }
            Fault::SilentConflict if is_rotation => {
                let response = self.conflict(&request).await?;
                if response.starts_with(b"HTTP/1.1 500") {
                    return Ok(());
                }
                client.write_all(&response).await
            }
            Fault::Conflict | Fault::SilentConflict | Fault::Nothing => {
                self.forward(client, &request).await
            }
            _ if number != at => self.forward(client, &request).await,
            Fault::Error500 => client.write_all(ERROR_RESPONSE).await,
            Fault::FalseError => {
                self.response(&request).await?;
                client.write_all(ERROR_RESPONSE).await
            }
            Fault::DropBefore => Ok(()),
            Fault::DropAfter => self.response(&request).await.map(drop),
            Fault::Kill | Fault::Restart | Fault::KillRotations => {
                let _ = self.due.send(fault);
                self.forward(client, &request).await
            }
        }
    }

    async fn forward(&self, mut client: TcpStream, request: &Request) -> io::Result<()> {
        client.write_all(&self.response(request).await?).await
    }

    async fn response(&self, request: &Request) -> io::Result<Vec<u8>> {
        let head = request.head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        self.send(&[head.as_bytes(), &request.body].concat()).await
    }

    /// Makes this rotation of the key conflict with another one, or if none follows soon, with
    /// another change of the key.
    async fn conflict(&self, request: &Request) -> io::Result<Vec<u8>> {
        let partner = self.waiting.lock().await.take();
        let has_partner = if let Some(partner) = partner {
            partner.send(()).is_ok()
        } else {
            let (sender, paired) = oneshot::channel();
            self.waiting.lock().await.replace(sender);
            tokio::time::timeout(CONFLICT_WAIT, paired).await.is_ok_and(|paired| paired.is_ok())
        };
        if has_partner {
            return self.response(request).await;
        }
        let (response, _) = tokio::join!(self.response(request), self.change_key());
        response
    }

    /// Toggles a setting of the key.
    async fn change_key(&self) -> io::Result<Vec<u8>> {
        let body = format!("{{\"deletion_allowed\":{}}}", rand::random::<bool>());
        let request = format!(
            "POST /v1/transit/keys/tenant-acme/config HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\
             X-Vault-Token: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.root_token,
            body.len()
        );
        self.send(request.as_bytes()).await
    }

    async fn send(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(&self.target).await?;
        server.write_all(request).await?;
        let mut response = Vec::new();
        server.read_to_end(&mut response).await?;
        Ok(response)
    }
}

const ERROR_RESPONSE: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\
    Content-Type: application/json\r\nContent-Length: 29\r\n\r\n{\"errors\":[\"internal error\"]}";
