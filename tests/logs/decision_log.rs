use std::{
    collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, process::Command,
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::Value;
use tempfile::TempDir;

use super::{INFO, TIMEOUT, json_lines};
use crate::support::{direct::Direct, stack::bearer, tools, wait::eventually};

/// The number of requests of each client.
const REQUESTS: usize = 60;

/// A service with a decision log in a folder of its own.
struct Logged {
    service: Direct,
    folder: TempDir,
}

impl Logged {
    async fn start(env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("decisions.jsonl").display().to_string();
        let all: Vec<_> =
            [INFO, ("VALIDATOR_DECISION_LOG", &file)].iter().chain(env).copied().collect();
        let service = Direct::start_with(&all).await;
        Self { service, folder }
    }

    /// Returns the content of all files, the rotated ones first.
    fn content(&self) -> String {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files.iter().rev().map(|file| fs::read_to_string(file).expect("text")).collect()
    }

    /// Waits until there is this number of records, and returns those by request id.
    async fn records(&self, number: usize) -> BTreeMap<String, Value> {
        let what = format!("{number} records");
        let content = eventually(TIMEOUT, &what, async || {
            let content = self.content();
            (content.lines().count() >= number && content.ends_with('\n')).then_some(content)
        })
        .await;
        let id = |line: &Value| line["request_id"].as_str().expect("an id").to_owned();
        let records: BTreeMap<_, _> =
            json_lines(&content).into_iter().map(|line| (id(&line), line)).collect();
        assert_eq!(records.len(), content.lines().count(), "a request has two records");
        assert_eq!(records.len(), number);
        records
    }

    /// Sends requests of several clients at once, of which every third is denied.
    async fn load(&self, name: &str, meanwhile: impl AsyncFn(usize)) -> usize {
        let authorization = bearer(self.service.acme.token());
        let clients = (0..6).map(async |client: usize| {
            for request in 0..REQUESTS {
                let id = format!("{name}-{client}-{request}");
                let uri = format!("/{client}/{request}?token=in-the-query");
                let headers = [
                    ("authorization", authorization.as_str()),
                    ("x-request-id", &*id),
                    ("x-forwarded-host", "crm.example.com"),
                    ("x-forwarded-method", "GET"),
                    ("x-forwarded-uri", &*uri),
                    ("x-forwarded-for", "203.0.113.9"),
                ];
                let headers = if request % 3 == 2 { &headers[1..] } else { &headers[..] };
                let answer = self.service.validator.validate("", headers).await;
                assert_eq!(answer.status, if request % 3 == 2 { 401 } else { 200 });
                if client == 0 {
                    meanwhile(request).await;
                }
            }
        });
        join_all(clients).await;
        6 * REQUESTS
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_has_one_record() {
    let logged = Logged::start(&[]).await;
    let number = logged.load("cached", async |_| {}).await;
    let records = logged.records(number).await;
    let caller = &logged.service.acme.caller;
    for (id, record) in &records {
        let denied =
            id.rsplit('-').next().and_then(|n| n.parse::<usize>().ok()).expect("a number") % 3 == 2;
        let (result, reason, status) =
            if denied { ("deny", "credential_missing", 401) } else { ("allow", "ok", 200) };
        assert_eq!(
            (&record["result"], &record["reason"], &record["status"]),
            (&result.into(), &reason.into(), &status.into()),
            "{record}"
        );
        let subject = record.get("subject").and_then(Value::as_str);
        assert_eq!(subject, (!denied).then_some(&*caller.subject()), "{record}");
        let path = record["path"].as_str().expect("a path");
        assert_eq!(format!("cached{}", path.replace('/', "-")), *id);
        for (field, expected) in
            [("host", "crm.example.com"), ("method", "GET"), ("client", "203.0.113.9")]
        {
            assert_eq!(record[field], expected, "{record}");
        }
        assert!(record["duration_us"].is_u64(), "{record}");
        let time = record["time"].as_str().expect("a time");
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    }
    let hits = records.values().filter(|record| record["cache"] == "hit").count();
    assert!(hits > number / 2, "{hits} records of cached decisions");
    let content = logged.content();
    assert!(!content.contains("in-the-query") && !content.contains(logged.service.acme.token()));
    assert!(content.contains(&caller.accessor) && content.contains(&caller.entity_id));
    let file = logged.folder.path().join("decisions.jsonl");
    let mode = fs::metadata(file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_loses_nothing() {
    let logged = Logged::start(&[]).await;
    let file = logged.folder.path().join("decisions.jsonl");
    let rotate = async |request: usize| {
        if request % 20 == 10 {
            eventually(TIMEOUT, "a file", async || file.exists().then_some(())).await;
            fs::rename(&file, file.with_extension(format!("jsonl.{request}"))).expect("a rename");
        }
    };
    let number = logged.load("rotated", rotate).await;
    logged.records(number).await;
    assert_eq!(fs::read_dir(logged.folder.path()).expect("a folder").count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_is_written_at_the_end() {
    let logged = Logged::start(&[]).await;
    let number = logged.load("last", async |_| {}).await;
    let process = logged.service.validator.process();
    assert!(process.stop_gracefully(Duration::from_secs(5)).await.success());
    assert_eq!(logged.content().lines().count(), number);
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_is_a_decision_log() {
    let service = Direct::start_with(&[INFO, ("VALIDATOR_DECISION_LOG", "stdout")]).await;
    service.validator.validate("", &[("x-request-id", "to-stdout")]).await;
    eventually(TIMEOUT, "a record", async || {
        let log = service.validator.log();
        let record =
            log.lines().find(|line| line.contains("to-stdout") && line.contains("time\""))?;
        let record: Value = serde_json::from_str(record).ok()?;
        (record["reason"] == "credential_missing").then_some(())
    })
    .await;
}

#[test]
fn unusable_decision_logs_are_errors_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().expect("mkfifo").success());
    fs::write(path("file"), "").expect("a file");
    std::os::unix::fs::symlink(path("file"), path("link")).expect("a link");
    for (log, mandatory, message) in [
        (path(""), "false", "not a regular file"),
        (path("pipe"), "true", "not a regular file"),
        (path("link"), "false", "symbolic link: use the path of its target"),
        (path("none/file"), "false", "No such file or directory"),
        ("/dev/full".to_owned(), "false", "not a regular file"),
        (String::new(), "true", "needs decision_log: a file or stdout"),
        (path("file"), "maybe", "`maybe` is neither true nor false"),
    ] {
        let (code, stderr) = check(&log, mandatory);
        assert_eq!(code, Some(2), "{log}: {stderr}");
        assert!(stderr.contains(message) && stderr.contains("VALIDATOR_DECISION_LOG"), "{stderr}");
    }
    let (code, stderr) = check(&path("new"), "true");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!Path::new(&path("new")).exists(), "a check creates nothing");
}

/// Returns the exit code and the output of `serve --check`.
fn check(log: &str, mandatory: &str) -> (Option<i32>, String) {
    let output = Command::new(tools::validator())
        .args(["serve", "--check"])
        .env_clear()
        .envs([
            ("VAULT_ADDR", "http://127.0.0.1:1"),
            ("VALIDATOR_ROLE_ID", "role"),
            ("VALIDATOR_SECRET_ID_FILE", "/proc/self/cmdline"),
            ("VALIDATOR_DECISION_LOG", log),
            ("VALIDATOR_DECISION_LOG_MANDATORY", mandatory),
        ])
        .output()
        .expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
