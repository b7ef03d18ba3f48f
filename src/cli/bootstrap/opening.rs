//! From a Vault that is empty or sealed to one that serves.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{
    cli::{
        credentials::{Content, Credentials, taken},
        steps::Line,
    },
    vault::{Seal, SealKind, SealState, Shares},
};

/// The file with the token that may do everything.
const ROOT_TOKEN: &str = "root-token";

/// The file with the keys that people unseal Vault with.
const UNSEAL_KEYS: &str = "unseal-keys";

/// The file with the keys for the day when a Vault that unseals itself no longer can.
const RECOVERY_KEYS: &str = "recovery-keys";

/// What it takes until Vault serves.
pub(super) enum Opening {
    /// Nothing, or to wait while it unseals itself and finds its leader.
    Open,
    /// To unseal it with these keys.
    Unseal(Vec<SecretString>),
    /// To initialise it, and to unseal it unless it does so itself.
    Initialise(SealKind),
}

impl Opening {
    /// What it takes for a server that is found so. Nothing is written.
    pub(super) fn plan(state: SealState, credentials: &Credentials) -> Result<Self, String> {
        match state {
            SealState::Unsealed | SealState::Sealed(SealKind::Auto) => Ok(Self::Open),
            SealState::Sealed(SealKind::Shamir) => {
                let keys = credentials.read(UNSEAL_KEYS)?.ok_or_else(|| no_keys(credentials))?;
                let keys = keys.expose_secret().split_whitespace().map(SecretString::from);
                Ok(Self::Unseal(keys.collect()))
            }
            SealState::Empty(kind) => {
                for file in [keys_file(kind), ROOT_TOKEN] {
                    if credentials.look(file)? == Content::Written {
                        return Err(taken(&credentials.path(file)));
                    }
                }
                Ok(Self::Initialise(kind))
            }
        }
    }

    /// The steps, as they are shown.
    pub(super) fn lines(&self, shares: Shares, credentials: &Credentials) -> Vec<Line> {
        let line =
            |verb, name: &str, detail| Line { verb, kind: "Vault", name: name.to_owned(), detail };
        let keys = credentials.path(UNSEAL_KEYS);
        let unseal = |more| line("unseal", "seal", format!("with {}{more}", keys.display()));
        let init = |kind| {
            let Shares { number, threshold } = shares;
            let file = credentials.path(keys_file(kind));
            let split = format!("{number} keys, of which it takes {threshold}");
            line("initialise", "keys", format!("{split}, into {}", file.display()))
        };
        match self {
            Self::Open => Vec::new(),
            Self::Unseal(_) => vec![unseal("; what else is to be done is seen then")],
            Self::Initialise(SealKind::Auto) => vec![init(SealKind::Auto)],
            Self::Initialise(SealKind::Shamir) => vec![init(SealKind::Shamir), unseal("")],
        }
    }

    /// Carries it out. The files are there, with room on the disk, before Vault is asked: what it
    /// answers it never shows again.
    pub(super) async fn carry_out(
        &self,
        seal: &Seal,
        shares: Shares,
        credentials: &Credentials,
    ) -> Result<(), String> {
        let unsealed = match self {
            Self::Open => Ok(()),
            Self::Unseal(keys) => seal.unseal(keys).await,
            Self::Initialise(kind) => {
                let keys_file = credentials.reserve(keys_file(*kind))?;
                let token_file = credentials.reserve(ROOT_TOKEN)?;
                let made = seal.initialise(*kind, shares).await;
                let made = made.map_err(|trouble| trouble.to_string())?;
                let keys: Vec<&str> = made.keys.iter().map(ExposeSecret::expose_secret).collect();
                let keys_written = keys_file.fill(&Zeroizing::new(keys.join("\n")));
                // The one is of use without the other.
                let token_written = token_file.fill(made.root_token.expose_secret());
                keys_written.and(token_written)?;
                match kind {
                    SealKind::Shamir => seal.unseal(&made.keys).await,
                    SealKind::Auto => Ok(()),
                }
            }
        };
        unsealed.map_err(|trouble| trouble.to_string())?;
        seal.serves().await.map_err(|trouble| trouble.to_string())
    }
}

/// The token that an initialisation left here.
pub(super) fn root_token(credentials: &Credentials) -> Result<Option<SecretString>, String> {
    credentials.read(ROOT_TOKEN)
}

/// What becomes of the keys and of the token.
pub(super) fn advice(kind: SealKind, credentials: &Credentials) -> String {
    let keys = credentials.path(keys_file(kind));
    let token = credentials.path(ROOT_TOKEN);
    format!(
        "give the keys in {} to different people and the root token in {} to nobody (revoke it \
         once there is an operator)",
        keys.display(),
        token.display()
    )
}

fn keys_file(kind: SealKind) -> &'static str {
    match kind {
        SealKind::Shamir => UNSEAL_KEYS,
        SealKind::Auto => RECOVERY_KEYS,
    }
}

fn no_keys(credentials: &Credentials) -> String {
    let file = credentials.path(UNSEAL_KEYS);
    let blank = credentials.look(UNSEAL_KEYS) == Ok(Content::Blank);
    let file = file.display();
    if blank {
        return format!(
            "Vault is initialised and sealed, and {file} is blank: an initialisation was cut off \
             before its keys arrived, and nobody has them. There is nothing in that Vault yet: \
             empty its storage and start again"
        );
    }
    format!(
        "Vault is sealed, and there is no {file}: unseal it with the keys that you have, or name \
         their folder with --credentials"
    )
}
