use std::{
    fmt, io, iter,
    net::IpAddr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::ListenAddress;

/// A bound socket that accepts connections.
pub enum Listener {
    /// A TCP socket.
    Tcp(TcpListener),
    /// A Unix domain socket, with its file.
    Unix(UnixListener, SocketFile),
}

/// An accepted connection.
pub(super) enum Socket {
    /// A TCP connection and its peer's address.
    Tcp(TcpStream, IpAddr),
    /// A connection to a Unix domain socket.
    Unix(UnixStream),
}

/// The file of a Unix domain socket, removed on drop.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // An error means that it is removed already.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// An error from binding a listener to an address.
#[derive(Debug)]
pub struct BindError {
    listen: ListenAddress,
    source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.listen, self.source)
    }
}

impl std::error::Error for BindError {}

/// The mode of a socket file. Members of its group may connect too, for a proxy that runs as
/// another user in the same group.
const SOCKET_MODE: u32 = 0o660;

/// The maximum number of queued connections that are accepted during shutdown: Linux's default
/// queue length. Without a maximum, a client that keeps connecting would delay the shutdown.
const MAX_QUEUED: usize = 4096;

impl Listener {
    /// Binds a listener to an address. Replaces a socket file that a dead process has left behind,
    /// but neither one that is in use nor any other file.
    ///
    /// # Errors
    /// [`BindError`] if the address cannot be bound.
    pub async fn bind(listen: &ListenAddress) -> Result<Self, BindError> {
        let bound = match listen {
            ListenAddress::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            ListenAddress::Unix(path) => bind_unix(path).await,
        };
        bound.map_err(|source| BindError { listen: listen.clone(), source })
    }

    /// Accepts the next connection.
    ///
    /// # Errors
    /// The error of `accept(2)`, mostly for want of file descriptors.
    pub(super) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok(Socket::Tcp(stream, address.ip()))
            }
            Self::Unix(listener, _) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }

    /// Stops listening and returns the connections in the kernel's accept queue. Their peers may
    /// have sent requests already, and would be reset if the queue were dropped.
    pub(super) fn into_queued(self) -> Vec<Socket> {
        // Reads the queue from the kernel directly, whose state may be newer than the runtime's.
        match self {
            Self::Tcp(listener) => {
                let Ok(listener) = listener.into_std() else { return Vec::new() };
                iter::from_fn(|| listener.accept().ok())
                    .take(MAX_QUEUED)
                    .filter_map(|(stream, address)| {
                        stream.set_nonblocking(true).ok()?;
                        Some(Socket::Tcp(TcpStream::from_std(stream).ok()?, address.ip()))
                    })
                    .collect()
            }
            Self::Unix(listener, file) => {
                // Without the file, no client can join the queue.
                drop(file);
                let Ok(listener) = listener.into_std() else { return Vec::new() };
                iter::from_fn(|| listener.accept().ok())
                    .take(MAX_QUEUED)
                    .filter_map(|(stream, _)| {
                        stream.set_nonblocking(true).ok()?;
                        Some(Socket::Unix(UnixStream::from_std(stream).ok()?))
                    })
                    .collect()
            }
        }
    }

    /// Returns the bound address, with the port that the kernel chose for port 0.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => {
                listener.local_addr().map(|address| address.to_string()).unwrap_or_default()
            }
            Self::Unix(_, SocketFile(path)) => format!("unix:{}", path.display()),
        }
    }
}

async fn bind_unix(path: &Path) -> io::Result<Listener> {
    if let Ok(metadata) = std::fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file that is not a socket exists at this path",
            ));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::from(io::ErrorKind::AddrInUse));
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    std::fs::set_permissions(path, PermissionsExt::from_mode(SOCKET_MODE))?;
    Ok(Listener::Unix(listener, file))
}
