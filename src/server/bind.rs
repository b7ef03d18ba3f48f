use std::{
    fmt, io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::config::Listen;

/// A socket that is listened on.
pub enum Listener {
    /// On a network.
    Tcp(TcpListener),
    /// In the file system.
    Unix(UnixListener, SocketFile),
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
