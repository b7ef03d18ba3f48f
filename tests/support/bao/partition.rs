//! Relays between the nodes of a cluster that can cut nodes off from the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// The position of a node in the cluster.
type Node = usize;

/// The connections among the nodes, each through a relay in front of the node that accepts it.
///
/// The API of the nodes is not affected when one is cut off.
pub struct Links {
    shared: Arc<Shared>,
    relays: Vec<JoinHandle<()>>,
}

/// The treatment of the connections of a node that is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As by a network that drops packets: connections stay open, and nothing passes.
    Dropped,
    /// As by a network that rejects packets: connections are closed.
    Rejected,
}

type CutOff = BTreeMap<Node, Cut>;

struct Shared {
    cut_off: watch::Sender<CutOff>,
    /// The process ids of the nodes, by which the relays tell who connects.
    pids: Mutex<Vec<u32>>,
}

impl Links {
    /// Creates the links of a cluster without nodes.
    pub fn new() -> Self {
        let shared = Shared { cut_off: watch::Sender::default(), pids: Mutex::default() };
        Self { shared: Arc::new(shared), relays: Vec::new() }
    }

    /// Starts the relay in front of the next node. Returns its address.
    pub async fn add(&mut self, target: String) -> String {
        let node = self.relays.len();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let shared = Arc::clone(&self.shared);
        self.relays.push(tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (shared, target) = (Arc::clone(&shared), target.clone());
                tokio::spawn(async move { relay(client, &target, node, &shared).await });
            }
        }));
        address
    }

    /// Sets the process ids of the nodes, in their order.
    pub fn set_pids(&self, pids: Vec<u32>) {
        *self.shared.pids.lock().unwrap_or_else(PoisonError::into_inner) = pids;
    }

    /// Cuts a node off from the others.
    pub fn cut_off(&self, node: Node, cut: Cut) {
        self.shared.cut_off.send_if_modified(|cut_off| cut_off.insert(node, cut) != Some(cut));
    }

    /// Connects all nodes again.
    pub fn heal(&self) {
        self.shared.cut_off.send_modify(CutOff::clear);
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.relays.iter().for_each(JoinHandle::abort);
    }
}

async fn relay(mut client: TcpStream, target: &str, node: Node, shared: &Shared) -> io::Result<()> {
    let pids = shared.pids.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let port = client.peer_addr()?.port();
    let ends = [Some(node), pids.iter().position(|pid| has_connection(*pid, port))];
    let cut_off = || shared.cut_off.subscribe();
    let passed = async {
        connected(cut_off(), ends).await;
        let mut server = TcpStream::connect(target).await?;
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        // Either direction that ends closes the connection.
        tokio::select! {
            ended = copy(from_client, to_server, cut_off(), ends) => ended,
            ended = copy(from_server, to_client, cut_off(), ends) => ended,
        }
    };
    tokio::select! {
        ended = passed => ended,
        () = wait_until(cut_off(), |cut_off| is_cut(cut_off, ends, Cut::Rejected)) => Ok(()),
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    cut_off: watch::Receiver<CutOff>,
    ends: [Option<Node>; 2],
) -> io::Result<()> {
    let mut block = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut block).await?;
        connected(cut_off.clone(), ends).await;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&block[..read]).await?;
    }
}

/// Waits until neither end drops what it is sent.
async fn connected(cut_off: watch::Receiver<CutOff>, ends: [Option<Node>; 2]) {
    wait_until(cut_off, |cut_off| !is_cut(cut_off, ends, Cut::Dropped)).await;
}

async fn wait_until(mut cut_off: watch::Receiver<CutOff>, condition: impl FnMut(&CutOff) -> bool) {
    // The sender lives as long as the relays.
    let _ = cut_off.wait_for(condition).await;
}

fn is_cut(cut_off: &CutOff, ends: [Option<Node>; 2], cut: Cut) -> bool {
    ends.iter().flatten().any(|node| cut_off.get(node) == Some(&cut))
}

/// Returns whether a process has a TCP connection over IPv4 from this port.
fn has_connection(pid: u32, port: u16) -> bool {
    let Ok(table) = fs::read_to_string(format!("/proc/{pid}/net/tcp")) else { return false };
    let local = format!(":{port:04X}");
    let inodes: BTreeSet<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() > 9 && fields[1].ends_with(&local))
        .map(|fields| format!("socket:[{}]", fields[9]))
        .collect();
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|target| inodes.contains(&*target.to_string_lossy()))
}
