//! ClickHouse as a library, with the schema of `deploy/observability/clickhouse`.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::Rows;
use crate::support::tools::{self, repository};

/// The rows of a query, each as an object by column.
pub(super) type Answer = Vec<Value>;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Rows(Answer),
    Error(String),
}

/// Creates the tables, inserts these rows and runs the queries; returns an answer for each query.
///
/// # Panics
/// If the schema, an insert or a query fails.
pub(super) fn run(rows: &Rows, queries: &[String]) -> Vec<Answer> {
    let file = |name: &str| repository("deploy/observability/clickhouse").join(name);
    let request = json!({
        "files": [file("schema.sql"), file("views.sql")],
        "rows": rows,
        "queries": queries,
    });
    let mut child = Command::new(tools::chdb_python())
        .arg(repository("tests/observability/clickhouse.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    let mut stdin = child.stdin.take().expect("its input");
    let text = request.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    writer.join().expect("no panic").expect("the request is read");
    assert!(output.status.success(), "ClickHouse failed");
    let outcomes: Vec<Outcome> = serde_json::from_slice(&output.stdout).expect("JSON");
    let outcomes = outcomes.into_iter().zip(queries);
    outcomes
        .map(|(outcome, query)| match outcome {
            Outcome::Rows(rows) => rows,
            Outcome::Error(error) => panic!("{error}\n\n{query}"),
        })
        .collect()
}

/// Returns a number; ClickHouse writes large integers as text.
pub(super) fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().unwrap_or_else(|_| panic!("{text} is no number")),
        value => value.as_f64().unwrap_or_else(|| panic!("{value} is no number")),
    }
}
