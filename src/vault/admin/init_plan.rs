//! Initialization and unsealing of a server.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{
    provisioning::{CredentialDir, FileContent, PlanRow, ProvisionError, already_exists},
    vault::{KeyShares, SealKind, SealState, ServerInitializer},
};

/// The file of the root token.
const ROOT_TOKEN: &str = "root-token";

/// The file of the unseal keys.
const UNSEAL_KEYS: &str = "unseal-keys";

/// The file of the recovery keys of a server with auto-unseal.
const RECOVERY_KEYS: &str = "recovery-keys";

/// The steps that make a server ready to serve requests.
pub enum InitPlan {
    /// No step: the server is unsealed, or unseals itself.
    Wait,
    /// Unseals it with these keys.
    Unseal(Vec<SecretString>),
    /// Initializes it, and unseals it unless it unseals itself.
    Initialize(SealKind),
}

impl InitPlan {
    /// Plans the steps for a server in this state. Nothing is written.
    ///
    /// # Errors
    /// Fails if the keys to unseal with are missing, or a file would be overwritten.
    pub fn compute(state: SealState, directory: &CredentialDir) -> Result<Self, ProvisionError> {
        match state {
            SealState::Unsealed | SealState::Sealed(SealKind::Auto) => Ok(Self::Wait),
            SealState::Sealed(SealKind::Shamir) => {
                let keys = directory.read(UNSEAL_KEYS)?.ok_or_else(|| no_keys(directory))?;
                let keys = keys.expose_secret().split_whitespace().map(SecretString::from);
                Ok(Self::Unseal(keys.collect()))
            }
            SealState::Uninitialized(kind) => {
                for file in [keys_file(kind), ROOT_TOKEN] {
                    if directory.content(file)? == FileContent::Written {
                        return Err(already_exists(&directory.file_path(file)));
                    }
                }
                Ok(Self::Initialize(kind))
            }
        }
    }

    /// Returns the rows of the plan.
    #[must_use]
    pub fn rows(&self, shares: KeyShares, directory: &CredentialDir) -> Vec<PlanRow> {
        let row = |action, name: &str, detail| PlanRow {
            action,
            kind: "Vault",
            name: name.to_owned(),
            detail,
        };
        let keys = directory.file_path(UNSEAL_KEYS);
        let unseal = |note| row("unseal", "seal", format!("with {}{note}", keys.display()));
        let initialize = |kind| {
            let KeyShares { total: number, threshold } = shares;
            let file = directory.file_path(keys_file(kind));
            let split = format!("{number} keys with a threshold of {threshold}");
            row("initialize", "keys", format!("{split}, into {}", file.display()))
        };
        match self {
            Self::Wait => Vec::new(),
            Self::Unseal(_) => vec![unseal("; the remaining steps are planned after it")],
            Self::Initialize(SealKind::Auto) => vec![initialize(SealKind::Auto)],
            Self::Initialize(SealKind::Shamir) => vec![initialize(SealKind::Shamir), unseal("")],
        }
    }

    /// Applies the steps, and waits until the server serves requests. The files are reserved before
    /// Vault is called: its response is the only one that contains the keys.
    ///
    /// # Errors
    /// Fails if a file cannot be written, or a call fails.
    pub async fn apply(
        &self,
        seal: &ServerInitializer,
        shares: KeyShares,
        directory: &CredentialDir,
    ) -> Result<(), ProvisionError> {
        match self {
            Self::Wait => {}
            Self::Unseal(keys) => seal.unseal(keys).await?,
            Self::Initialize(kind) => {
                let keys_file = directory.reserve(keys_file(*kind))?;
                let token_file = directory.reserve(ROOT_TOKEN)?;
                let made = seal.initialize(*kind, shares).await?;
                let keys: Vec<&str> = made.keys.iter().map(ExposeSecret::expose_secret).collect();
                let keys_written = keys_file.write(&Zeroizing::new(keys.join("\n")));
                // Each is useful without the other, so both are written before an error returns.
                let token_written = token_file.write(made.root_token.expose_secret());
                keys_written.and(token_written)?;
                if *kind == SealKind::Shamir {
                    seal.unseal(&made.keys).await?;
                }
            }
        }
        seal.wait_until_active().await
    }

    /// Returns what the operator has to do with the files of a new server.
    #[must_use]
    pub fn next_step(&self, directory: &CredentialDir) -> Option<String> {
        let Self::Initialize(kind) = self else { return None };
        Some(format!(
            "give each key in {} to a different person, and the root token in {} to none of them \
             (revoke it once there is an operator)",
            directory.file_path(keys_file(*kind)).display(),
            directory.file_path(ROOT_TOKEN).display()
        ))
    }
}

/// Returns the root token that an initialization wrote to the directory.
///
/// # Errors
/// Fails if its file cannot be read.
pub fn read_root_token(directory: &CredentialDir) -> Result<Option<SecretString>, ProvisionError> {
    directory.read(ROOT_TOKEN)
}

fn keys_file(kind: SealKind) -> &'static str {
    match kind {
        SealKind::Shamir => UNSEAL_KEYS,
        SealKind::Auto => RECOVERY_KEYS,
    }
}

fn no_keys(directory: &CredentialDir) -> ProvisionError {
    let path = directory.file_path(UNSEAL_KEYS);
    let file = path.display();
    ProvisionError(if directory.content(UNSEAL_KEYS) == Ok(FileContent::Blank) {
        format!(
            "Vault is initialized and sealed, and {file} is blank: an initialization was \
             interrupted before its keys arrived, and they are lost. This Vault contains no data \
             yet: empty its storage and start again"
        )
    } else {
        format!(
            "Vault is sealed, and there is no {file}: unseal it with the keys that you have, or \
             name their directory with --credentials"
        )
    })
}
