//! `tenants members`: one file per command.

mod add;
mod list;
mod remove;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::{
    cli::{
        operator::{Operator, OperatorArgs},
        sources::ForMembers,
        usage_error,
    },
    config::Settings,
    policy::Mounts,
};

/// Manage a tenant's members: people and services.
///
/// A person is identified by login name and auth method: the one at `VALIDATOR_SUBJECT_MOUNT` unless
/// --mount names another.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants members add acme ana --create-user --policy route-crm
  vault-auth-validator tenants members add acme ben@acme.com --mount oidc
  vault-auth-validator tenants members list acme
  vault-auth-validator tenants members remove acme ana")]
pub(super) struct Members {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Add(add::Add),
    Remove(remove::RemoveMemberArgs),
    List(list::ListMembersArgs),
}

impl Members {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Add(add) => add.run(),
            Command::Remove(remove) => remove.run(),
            Command::List(list) => list.run(),
        }
    }
}

/// The auth method that a person logs in with.
#[derive(Args, Clone)]
struct MountArgs {
    /// The path of the auth method [default: `VALIDATOR_SUBJECT_MOUNT`].
    #[arg(long, value_name = "PATH", value_parser = parse_mount)]
    mount: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs<ForMembers>,
}

impl MountArgs {
    /// Runs a command as the operator, with the mounts of the engines and the path of the auth method.
    fn run(
        self,
        command: impl AsyncFnOnce(Operator, Mounts, String) -> Result<ExitCode, String>,
    ) -> ExitCode {
        let sources = || self.operator.clone().sources();
        let settings = Settings::load_mounts(sources())
            .and_then(|mounts| Ok((mounts, Settings::load_subject_mount(sources())?)));
        let (mounts, subject_mount) = match settings {
            Ok(settings) => settings,
            Err(faults) => return usage_error(faults),
        };
        let mount = self.mount.unwrap_or(subject_mount);
        self.operator.run(async |operator| command(operator, mounts, mount).await)
    }
}

/// Parses the path of an auth method, and returns it without the prefix `auth/` and slashes at its
/// ends.
fn parse_mount(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let path = path.strip_prefix("auth/").unwrap_or(path);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
    path.split('/')
        .all(is_segment)
        .then(|| path.to_owned())
        .ok_or_else(|| "expected the path of an auth method, such as userpass".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse_mount;

    #[test]
    fn mount_prefix_and_slashes_are_removed() {
        for text in ["corp/userpass", "corp/userpass/", "auth/corp/userpass/"] {
            assert_eq!(parse_mount(text).as_deref(), Ok("corp/userpass"));
        }
        for text in ["", "/", "a//b", "../sys", "a b", "a?b", "a%2fb"] {
            assert!(parse_mount(text).is_err(), "{text}");
        }
    }
}
