use std::{fmt, path::PathBuf, str::FromStr};

/// The address of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// `host:port`; port 0 selects a free port.
    Tcp(String),
    /// The absolute path of a Unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Returns true if two listeners cannot be bound to these addresses together.
    #[must_use]
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let any_port = matches!(self, Self::Tcp(address) if address.ends_with(":0"));
        self == other && !any_port
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return path.is_absolute().then_some(Self::Unix(path)).ok_or_else(|| {
                "the path of a Unix socket must be absolute, such as unix:/run/auth.sock".to_owned()
            });
        }
        let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        match port.map(|(_, port)| port.parse::<u16>()) {
            Some(Ok(_)) => Ok(Self::Tcp(text.to_owned())),
            _ => Err("not a listen address (expected host:port or unix:/path)".to_owned()),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
