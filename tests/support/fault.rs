//! A TCP proxy in front of the real server that misbehaves on demand.

pub mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
};

use self::wire::{Request, read_request, respond};

/// The treatment of requests by the proxy.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Passes all bytes on, both ways.
    Pass,
    /// Reads the request and never answers.
    Hang,
    /// Resets the connection in the middle of the answer.
    Reset,
    /// Answers with bytes that are not HTTP.
    Garbage,
    /// Announces a longer body than it sends.
    Truncated,
    /// 200 with a body that never ends.
    Huge,
    /// A correct answer, one byte every 100 ms.
    Drip,
    /// 307 to this URL.
    Redirect(&'static str),
    /// 307 to this URL, as of a standby of OpenBao that does not forward requests. It answers requests
    /// for its health, with 429, and reads itself.
    Standby(&'static str),
    /// Answers with this status and JSON body.
    Status(u16, &'static str),
    /// Answers the first request with this status and JSON body; passes the others on.
    StatusOnce(u16, &'static str),
    /// Passes the request on, this much later.
    Late(Duration),
    /// Closes the connection instead of the first answer, and passes the others on.
    Hiccup,
    /// Passes the request on, and closes the connection when the answer comes.
    Lost,
}

/// The proxy. Its fault can be changed at any time.
pub struct FaultProxy {
    address: String,
    plan: watch::Sender<Plan>,
    gone: Mutex<mpsc::Receiver<()>>,
    struck: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

/// The treatment of the requests of a connection.
#[derive(Clone)]
struct Plan {
    fault: Fault,
    /// The start of the requests that the fault is for.
    prefix: String,
    /// True until the first matching request.
    first: Arc<AtomicBool>,
    /// Held by every connection under this plan. Nothing is sent on it.
    _open: mpsc::Sender<()>,
    /// The number of requests that the fault was applied to.
    struck: Arc<AtomicUsize>,
}

impl FaultProxy {
    /// Starts it in front of `target` (`host:port`), passing everything.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let (open, gone) = mpsc::channel(1);
        let struck = Arc::<AtomicUsize>::default();
        let (plan, _) = watch::channel(Plan {
            fault: Fault::Pass,
            prefix: String::new(),
            first: Arc::new(AtomicBool::new(true)),
            _open: open,
            struck: Arc::clone(&struck),
        });
        let server = tokio::spawn(serve(listener, target.to_owned(), plan.clone()));
        let gone = Mutex::new(gone);
        Self { address, plan, gone, struck, server }
    }

    /// Returns its URL, as for `VAULT_ADDR`.
    pub fn addr(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Applies this fault to every request from now on. Returns when the connections that
    /// were open are closed.
    pub async fn set(&self, fault: Fault) {
        self.set_for("", fault).await;
    }

    /// Applies this fault to requests that start with `prefix`, their path (`/v1/identity/`) or
    /// their method and path (`POST /v1/identity/`); the others pass.
    pub async fn set_for(&self, prefix: &str, fault: Fault) {
        let mut gone = self.gone.lock().await;
        let (open, next) = mpsc::channel(1);
        let struck = Arc::clone(&self.struck);
        let first = Arc::new(AtomicBool::new(true));
        let plan = Plan { fault, prefix: prefix.to_owned(), first, _open: open, struck };
        drop(self.plan.send_replace(plan));
        gone.recv().await;
        *gone = next;
    }

    /// Returns the number of requests that a fault was applied to until now.
    pub fn struck(&self) -> usize {
        self.struck.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, target: String, plan: watch::Sender<Plan>) {
    let target: Arc<str> = target.into();
    while let Ok((client, _)) = listener.accept().await {
        let target = Arc::clone(&target);
        let mut changes = plan.subscribe();
        let plan = changes.borrow_and_update().clone();
        tokio::spawn(async move {
            // Any error closes the connection.
            tokio::select! {
                _ = changes.changed() => {}
                _ = treat(client, &target, &plan) => {}
            }
        });
    }
}

async fn treat(mut client: TcpStream, target: &str, plan: &Plan) -> io::Result<()> {
    if matches!(plan.fault, Fault::Pass) {
        let mut server = TcpStream::connect(target).await?;
        io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let request = read_request(&mut client).await?;
    if !request.starts_with(&plan.prefix) {
        return pass_one(client, target, &request).await;
    }
    let reads = request.starts_with("GET ") && !request.starts_with("/v1/sys/health");
    if matches!(plan.fault, Fault::Standby(_)) && reads {
        return pass_one(client, target, &request).await;
    }
    plan.struck.fetch_add(1, Ordering::SeqCst);
    let first = plan.first.swap(false, Ordering::SeqCst);
    if matches!(plan.fault, Fault::Hiccup | Fault::StatusOnce(..)) && !first {
        return pass_one(client, target, &request).await;
    }
    if let Fault::Late(pause) = plan.fault {
        tokio::time::sleep(pause).await;
        return pass_one(client, target, &request).await;
    }
    if matches!(plan.fault, Fault::Lost) {
        let mut server = forward(target, &request).await?;
        server.read_to_end(&mut Vec::new()).await?;
        return Ok(());
    }
    let fault = match plan.fault {
        Fault::Standby(_) if request.starts_with("/v1/sys/health") => Fault::Status(429, STANDBY),
        Fault::Standby(url) => Fault::Redirect(url),
        other => other,
    };
    respond(client, fault).await
}

/// The health of a standby.
const STANDBY: &str = r#"{"initialized":true,"sealed":false,"standby":true,"version":"1.20.0"}"#;

/// Passes one request and makes the server close after it, so that the next one of
/// this client, which may be due a fault, comes on a new connection.
async fn pass_one(mut client: TcpStream, target: &str, request: &Request) -> io::Result<()> {
    let mut server = forward(target, request).await?;
    io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// Sends one request to the server, which is to close after it.
async fn forward(target: &str, request: &Request) -> io::Result<TcpStream> {
    let mut server = TcpStream::connect(target).await?;
    let head = request.head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(head.as_bytes()).await?;
    server.write_all(&request.body).await?;
    Ok(server)
}
