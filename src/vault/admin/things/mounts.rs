use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;

use super::{APPROLE, Call, Things, trouble};
use crate::{
    provision::{Engine, State, Trouble},
    vault::error::Failure,
};

/// A mount, in the list of all by their paths, which end in a slash.
#[derive(Deserialize)]
struct Mount {
    #[serde(rename = "type")]
    kind: String,
    options: Option<HashMap<String, Option<String>>>,
    accessor: Option<String>,
}

type Mounts = HashMap<String, Mount>;

#[derive(Deserialize)]
struct AuditDevice {
    #[serde(rename = "type")]
    kind: String,
    options: Option<HashMap<String, Option<String>>>,
}

impl Things<'_> {
    pub(super) async fn look_for_engine(
        &self,
        path: &str,
        engine: Engine,
    ) -> Result<State, Trouble> {
        let mounts: Mounts = self.get("sys/mounts").await?.unwrap_or_default();
        let wanted = format!("{path}/");
        if let Some(mount) = mounts.get(&wanted) {
            return Ok(mount.as_engine(engine));
        }
        let nested =
            mounts.keys().find(|other| other.starts_with(&wanted) || wanted.starts_with(*other));
        Ok(nested.map_or(State::Missing, |other| {
            State::InTheWay(format!("{other} is mounted, and mounts cannot be within each other"))
        }))
    }

    pub(super) async fn make_engine(&self, path: &str, engine: Engine) -> Result<(), Trouble> {
        let body = match engine {
            Engine::Kv => json!({"type": "kv", "options": {"version": "2"}}),
            Engine::Transit => json!({"type": "transit"}),
        };
        self.post(&format!("sys/mounts/{path}"), body).await
    }

    pub(super) async fn look_for_app_roles(&self) -> Result<State, Trouble> {
        let mounts: Mounts = self.get("sys/auth").await?.unwrap_or_default();
        Ok(match mounts.get(&format!("{APPROLE}/")) {
            None => State::Missing,
            Some(mount) if mount.kind == APPROLE => State::There,
            Some(mount) => State::InTheWay(format!(
                "the auth method there is of the type {}; services log in at approle/: move the \
                 other one (sys/remount)",
                mount.kind
            )),
        })
    }

    pub(super) async fn make_app_roles(&self) -> Result<(), Trouble> {
        self.post(&format!("sys/auth/{APPROLE}"), json!({"type": APPROLE})).await
    }

    pub(super) async fn look_for_people(&self, path: &str) -> Result<State, Trouble> {
        let mounts: Mounts = self.get("sys/auth").await?.unwrap_or_default();
        Ok(match mounts.get(&format!("{path}/")) {
            None => State::Missing,
            Some(mount) if ["approle", "token"].contains(&mount.kind.as_str()) => {
                State::InTheWay(format!(
                    "the auth method there is of the type {}, with which no people log in: \
                     VALIDATOR_SUBJECT_MOUNT names the one that they use",
                    mount.kind
                ))
            }
            Some(_) => State::There,
        })
    }

    pub(super) async fn make_people(&self, path: &str) -> Result<(), Trouble> {
        self.post(&format!("sys/auth/{path}"), json!({"type": "userpass"})).await
    }

    /// What stands for the AppRole method in aliases; `None` if it is not there.
    pub(super) async fn app_role_accessor(&self) -> Result<Option<String>, Trouble> {
        let mounts: Option<Mounts> = self.get("sys/auth").await?;
        let mount = mounts.and_then(|mut mounts| mounts.remove(&format!("{APPROLE}/")));
        Ok(mount.and_then(|mount| mount.accessor))
    }

    pub(super) async fn look_for_audit_file(&self, file: &str) -> Result<State, Trouble> {
        let devices: HashMap<String, AuditDevice> =
            self.get("sys/audit").await?.unwrap_or_default();
        if devices.values().any(|device| device.writes_to(file)) {
            return Ok(State::There);
        }
        Ok(match devices.get("file/") {
            None => State::Missing,
            Some(_) => State::InTheWay(
                "there is another device at file/: leave --audit-file out, or name its file"
                    .to_owned(),
            ),
        })
    }

    pub(super) async fn make_audit_file(&self, file: &str) -> Result<(), Trouble> {
        let body = json!({"type": "file", "options": {"file_path": file}});
        let path = "sys/audit/file";
        let made = self.desk.done(&Call::post(path, &body)).await;
        made.map_err(|error| match error.failure {
            Failure::ConfigurationOnly => Trouble(format!(
                "OpenBao has audit devices from its configuration alone. Put this there, send it a \
                 SIGHUP, and start again: \
                 audit \"file\" \"file\" {{ options {{ file_path = {file:?} }} }}"
            )),
            _ => trouble(&error, &format!("write {path}"), &format!("update on {path}")),
        })
    }
}

impl Mount {
    fn version(&self) -> Option<&str> {
        self.options.as_ref()?.get("version")?.as_deref()
    }

    fn as_engine(&self, engine: Engine) -> State {
        match (engine, self.kind.as_str(), self.version()) {
            (Engine::Kv, "kv", Some("2")) | (Engine::Transit, "transit", _) => State::There,
            (Engine::Kv, "kv" | "generic", _) => State::InTheWay(
                "it is KV version 1, which keeps no versions: mount the secrets elsewhere, or bring \
                 it to version 2 (`kv enable-versioning`)"
                    .to_owned(),
            ),
            (_, kind, _) => State::InTheWay(format!("it is a mount of the type {kind}")),
        }
    }
}

impl AuditDevice {
    fn writes_to(&self, file: &str) -> bool {
        let options = self.options.as_ref();
        let path = options.and_then(|options| options.get("file_path")?.as_deref());
        self.kind == "file" && path == Some(file)
    }
}
