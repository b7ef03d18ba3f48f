use std::{
    fmt, io, iter,
    net::IpAddr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::Listen;

/// A socket that is listened on.
pub enum Listener {
    /// On a network.
    Tcp(TcpListener),
    /// In the file system.
    Unix(UnixListener, SocketFile),
}

/// A connection that was accepted.
pub(super) enum Socket {
    /// From this address.
    Tcp(TcpStream, IpAddr),
    /// From this machine.
    Unix(UnixStream),
}

/// A socket's file, which goes with it.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // If it is gone already, all is well.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    listen: Listen,
    source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.listen, self.source)
    }
}

impl std::error::Error for BindError {}

/// Group members may connect to a socket as well as its owner: a proxy under another user shares
/// a group with this service.
const SOCKET_MODE: u32 = 0o660;

/// The maximum number of queued connections that are still accepted at the end: Linux's default
/// length of the queue. Whoever connects without a pause must not hold up the end.
const MAX_QUEUED: usize = 4096;

impl Listener {
    /// Listens on this address. A socket file that a dead process left behind is replaced; one
    /// that is in use, or any other file, is not.
    ///
    /// # Errors
    /// [`BindError`] if the address cannot be had.
    pub async fn bind(listen: &Listen) -> Result<Self, BindError> {
        let bound = match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Listen::Unix(path) => bind_unix(path).await,
        };
        bound.map_err(|source| BindError { listen: listen.clone(), source })
    }

    /// Accepts the next connection.
    ///
    /// # Errors
    /// Those of `accept(2)`: mostly the want of file descriptors.
    pub(super) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok(Socket::Tcp(stream, address.ip()))
            }
            Self::Unix(listener, _) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }

    /// Stops listening and returns the connections that the system has accepted and nobody has
    /// taken yet. Their peers may have sent requests already, and closing resets them.
    pub(super) fn into_queued(self) -> Vec<Socket> {
        // The system's word is asked for, which may be newer than the runtime's.
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
                // Without the file, nobody joins the queue any more.
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

    /// The address, with the port that was taken if any would do.
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
                "there is a file that is no socket",
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
