use std::{fmt, str::FromStr};

/// The server products whose policies differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// OpenBao.
    OpenBao,
    /// HashiCorp Vault.
    Vault,
}

impl FromStr for Server {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "openbao" => Ok(Self::OpenBao),
            "vault" => Ok(Self::Vault),
            _ => Err("expected `openbao` or `vault`"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenBao => "OpenBao",
            Self::Vault => "HashiCorp Vault",
        })
    }
}
