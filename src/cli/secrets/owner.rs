use std::str::FromStr;

use nix::unistd::{Group, User};

/// The user that a file is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The user's id.
    pub(super) uid: u32,
    /// The group's id: the one that was named, else the user's own.
    pub(super) gid: Option<u32>,
}

impl FromStr for Owner {
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
        (None, Err(_)) => Err(format!("there is no user {name}")),
    }
}

fn find_group(name: &str) -> Result<u32, String> {
    let known = Group::from_name(name).map_err(|error| format!("group {name}: {error}"))?;
    match (known, name.parse()) {
        (Some(group), _) => Ok(group.gid.as_raw()),
        (None, Ok(gid)) => Ok(gid),
        (None, Err(_)) => Err(format!("there is no group {name}")),
    }
}
