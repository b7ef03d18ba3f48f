use std::str::FromStr;

use nix::unistd::{Group, User};

/// The user and group that a file is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileOwner {
    /// The user id.
    pub(super) uid: u32,
    /// The group id: that of the given group, else of the user's primary group. `None` if the user
    /// is an id without an account.
    pub(super) gid: Option<u32>,
}

impl FromStr for FileOwner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (user, group) = text.split_once(':').map_or((text, None), |(u, g)| (u, Some(g)));
        let (uid, own_group) = find_user(user)?;
        let gid = group.map(find_group).transpose()?.or(own_group);
        Ok(Self { uid, gid })
    }
}

fn find_user(name: &str) -> Result<(u32, Option<u32>), String> {
    let known = User::from_name(name).map_err(|error| format!("user {name}: {error}"))?;
    match (known, name.parse()) {
        (Some(user), _) => Ok((user.uid.as_raw(), Some(user.gid.as_raw()))),
        (None, Ok(uid)) => Ok((uid, None)),
        (None, Err(_)) => Err(format!("user {name} does not exist")),
    }
}

fn find_group(name: &str) -> Result<u32, String> {
    let known = Group::from_name(name).map_err(|error| format!("group {name}: {error}"))?;
    match (known, name.parse()) {
        (Some(group), _) => Ok(group.gid.as_raw()),
        (None, Ok(gid)) => Ok(gid),
        (None, Err(_)) => Err(format!("group {name} does not exist")),
    }
}
