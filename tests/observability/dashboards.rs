//! The dashboards of `deploy/observability/grafana`.

use std::fs;

use serde_json::Value;

use crate::support::tools::repository;

/// A dashboard.
pub(super) struct Dashboard {
    /// The name of its file.
    pub(super) file: &'static str,
    /// The whole document.
    pub(super) raw: Value,
}

/// A panel with its query.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    /// `file: title`.
    pub(super) name: String,
    /// The title.
    pub(super) title: String,
    /// The query: SQL for ClickHouse, `PromQL` for Prometheus.
    pub(super) query: String,
    /// The source of the data.
    pub(super) source: Source,
    /// The whole panel.
    pub(super) raw: Value,
}

/// A source of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    ClickHouse,
    Prometheus,
}

impl Dashboard {
    /// Reads all dashboards.
    ///
    /// # Panics
    /// If one is missing or malformed.
    pub(super) fn all() -> Vec<Self> {
        let read = |file: &'static str| {
            let path = repository("deploy/observability/grafana/dashboards").join(file);
            let text = fs::read_to_string(path).expect("a dashboard");
            Self { file, raw: serde_json::from_str(&text).expect("JSON") }
        };
        ["edge.json", "vault.json"].map(read).into()
    }

    /// Returns its panels, without the titles of rows.
    pub(super) fn panels(&self) -> Vec<Panel> {
        let panels = self.raw["panels"].as_array().expect("panels").iter();
        panels.filter(|panel| panel["type"] != "row").map(|panel| self.panel(panel)).collect()
    }

    /// Returns the names and queries of its variables.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let list = self.raw["templating"]["list"].as_array().expect("variables").iter();
        list.map(|one| (text(&one["name"]), text(&one["query"]["rawSql"]))).collect()
    }

    fn panel(&self, raw: &Value) -> Panel {
        let title = text(&raw["title"]);
        let name = format!("{}: {title}", self.file);
        let [target] = raw["targets"].as_array().expect("targets").as_slice() else {
            panic!("{name}: not one target");
        };
        assert_eq!(target["datasource"], raw["datasource"], "{name}");
        let (source, query) = match raw["datasource"]["type"].as_str() {
            Some("grafana-clickhouse-datasource") => (Source::ClickHouse, &target["rawSql"]),
            Some("prometheus") => (Source::Prometheus, &target["expr"]),
            other => panic!("{name}: {other:?}"),
        };
        Panel { query: text(query), title, name, source, raw: raw.clone() }
    }
}

impl Panel {
    /// Returns the names of the metrics that its query reads.
    pub(super) fn metrics(&self) -> Vec<String> {
        let separators = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let words = self.query.split(separators);
        let is_metric = |word: &&str| {
            ["vault_auth_", "http_server_", "process_"].iter().any(|p| word.starts_with(p))
        };
        // `vault_auth` begins the names of attributes as well, with a dot after it.
        words.filter(is_metric).map(str::to_owned).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}
