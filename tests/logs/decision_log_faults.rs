//! A decision log on a full disk.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{INFO, TIMEOUT, json_lines, line_with};
use crate::{
    expect::{granted, refused},
    support::{
        bao::Bao,
        platform::{self, Tenant},
        validator::Validator,
        wait::eventually,
    },
};

/// A validator whose decision log is on a small file system of its own.
struct SmallDisk {
    validator: Validator,
    acme: Tenant,
    _bao: Bao,
    folder: TempDir,
}

impl SmallDisk {
    /// Returns `None` without the right to mount a file system.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    async fn start(mandatory: &str) -> Option<Self> {
        let tried = Command::new("unshare").args(["--mount", "true"]).status();
        if !tried.is_ok_and(|status| status.success()) {
            eprintln!("skipped: `unshare --mount` needs root");
            return None;
        }
        let bao = Bao::dev().await;
        let role = platform::provision(&bao).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display().to_string();
        let log = format!("{path}/decisions.jsonl");
        let mount = "mount -t tmpfs -o size=1m none \"$0\"; exec \"$@\"";
        let under = ["unshare", "--mount", "sh", "-ec", mount, &path];
        let env = [
            INFO,
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("VALIDATOR_DECISION_LOG", log.as_str()),
            ("VALIDATOR_DECISION_LOG_MANDATORY", mandatory),
        ];
        let mut validator = Validator::spawn_under(&under, &bao, &role, &env);
        validator.listening().await;
        validator.ready().await;
        Some(Self { validator, acme, _bao: bao, folder })
    }

    /// Returns the path of a file on that file system.
    fn path(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.validator.process().pid()));
        let folder = self.folder.path().strip_prefix("/").expect("an absolute path");
        root.join(folder).join(name)
    }

    /// Fills the file system. The log has room for the rest of its last page.
    fn fill(&self) {
        let full = fs::write(self.path("filler"), vec![0; 2 * 1024 * 1024]);
        assert!(full.is_err(), "the file system is not full");
    }

    fn empty(&self) {
        fs::remove_file(self.path("filler")).expect("a file");
    }

    async fn ask(&self, id: &str) -> crate::support::http::Answer {
        let headers = [("x-vault-token", self.acme.token()), ("x-request-id", id)];
        self.validator.validate("", &headers).await
    }

    /// Waits until the record of this request is written, and returns the ids of all records.
    async fn ids_up_to(&self, last: &str) -> Vec<String> {
        let content = eventually(TIMEOUT, &format!("the record of {last}"), async || {
            let content = fs::read_to_string(self.path("decisions.jsonl")).ok()?;
            (content.contains(&format!("\"{last}\"")) && content.ends_with('\n')).then_some(content)
        })
        .await;
        let id = |record: Value| record["request_id"].as_str().expect("an id").to_owned();
        json_lines(&content).into_iter().map(id).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_keeps_queued_records() {
    let Some(disk) = SmallDisk::start("false").await else { return };
    granted(&disk.ask("before").await);
    disk.ids_up_to("before").await;
    disk.fill();
    let start = Instant::now();
    for request in 0..200 {
        assert_eq!(disk.ask(&format!("full-{request}")).await.status, 200);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let begin = line_with(&disk.validator, "reason", "unwritable").await;
    assert!(
        begin["error"].as_str().is_some_and(|error| error.contains("No space left")),
        "{begin}"
    );
    disk.empty();
    granted(&disk.ask("after").await);
    let ids = disk.ids_up_to("after").await;
    assert_eq!(ids.len(), 202, "{ids:?}");
    let end = line_with(&disk.validator, "message", "the decision log is written again").await;
    assert_eq!(end["dropped"], 0, "{end}");
    assert_eq!(disk.validator.log().matches("decision log cannot be written").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_with_mandatory_log_refuses_requests() {
    let Some(disk) = SmallDisk::start("true").await else { return };
    granted(&disk.ask("before").await);
    disk.ids_up_to("before").await;
    disk.fill();
    let mut allowed = Vec::new();
    eventually(TIMEOUT, "a refusal", async || {
        let id = format!("full-{}", allowed.len());
        let answer = disk.ask(&id).await;
        if answer.status == 200 {
            allowed.push(id);
            return None;
        }
        let without_id = disk.validator.validate("", &[("x-vault-token", disk.acme.token())]).await;
        refused(&without_id, "decision_log_unavailable");
        Some(())
    })
    .await;
    // A request without a token gets no 401 either: its record could not be written.
    let anonymous = disk.validator.validate("", &[]).await;
    refused(&anonymous, "decision_log_unavailable");
    let mut refusals = 3;
    disk.empty();
    eventually(TIMEOUT, "a decision", async || {
        let is_allowed = disk.ask("after").await.status == 200;
        refusals += u64::from(!is_allowed);
        is_allowed.then_some(())
    })
    .await;
    let ids = disk.ids_up_to("after").await;
    for id in allowed {
        assert!(ids.contains(&id), "{id} was allowed without a record");
    }
    let end = line_with(&disk.validator, "message", "the decision log is written again").await;
    assert_eq!(end["refused"], refusals, "{end}");
}
