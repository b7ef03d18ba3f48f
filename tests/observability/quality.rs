//! The dashboards as documents: complete, and with names that exist.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use serde_norway::Value as Yaml;

use super::dashboards::{Dashboard, Panel, Source};
use crate::support::tools::repository;

/// The columns of Grafana's grid.
const GRID_WIDTH: u64 = 24;

fn all_panels() -> Vec<Panel> {
    Dashboard::all().iter().flat_map(Dashboard::panels).collect()
}

#[test]
fn dashboards_have_unique_ids_and_titles() {
    for dashboard in Dashboard::all() {
        let panels = dashboard.raw["panels"].as_array().expect("panels");
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
        assert_eq!(ids.len(), panels.len(), "{}: an id is used twice", dashboard.file);
        let titles: BTreeSet<_> = panels.iter().map(|panel| panel["title"].as_str()).collect();
        assert_eq!(titles.len(), panels.len(), "{}: a title is used twice", dashboard.file);
        assert!(!ids.contains(&None) && !titles.contains(&None), "{}", dashboard.file);
    }
    let uids = Dashboard::all().iter().map(|one| one.raw["uid"].clone()).collect::<Vec<_>>();
    for dashboard in Dashboard::all() {
        for link in dashboard.raw["links"].as_array().expect("links") {
            let url = link["url"].as_str().expect("a URL");
            let uid = url.strip_prefix("/d/").expect("a dashboard");
            assert!(uids.contains(&uid.into()), "{}: {url}", dashboard.file);
        }
    }
}

#[test]
fn panels_have_a_description_and_a_unit() {
    for panel in all_panels() {
        let description = panel.raw["description"].as_str().unwrap_or_default();
        assert!(description.len() > 20 && description.ends_with('.'), "{}", panel.name);
        let defaults = &panel.raw["fieldConfig"]["defaults"];
        assert!(defaults["unit"].as_str().is_some_and(|unit| !unit.is_empty()), "{}", panel.name);
        assert!(defaults["thresholds"]["steps"].is_array(), "{}", panel.name);
    }
}

#[test]
fn panels_do_not_overlap() {
    for dashboard in Dashboard::all() {
        let mut taken = BTreeSet::new();
        for panel in dashboard.raw["panels"].as_array().expect("panels") {
            let place = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
            let (left, top) = (place("x"), place("y"));
            assert!(left + place("w") <= GRID_WIDTH, "{}: {}", dashboard.file, panel["title"]);
            for x in left..left + place("w") {
                for y in top..top + place("h") {
                    assert!(taken.insert((x, y)), "{}: {}", dashboard.file, panel["title"]);
                }
            }
        }
    }
}

#[test]
fn data_sources_are_provisioned() {
    let path = "deploy/observability/grafana/provisioning/datasources/datasources.yaml";
    let text = fs::read_to_string(repository(path)).expect("the data sources");
    let provisioned: Yaml = serde_norway::from_str(&text).expect("YAML");
    let provisioned = provisioned["datasources"].as_sequence().expect("a list").iter();
    let text = |value: &Yaml| value.as_str().map(str::to_owned);
    let known: BTreeSet<_> =
        provisioned.map(|one| (text(&one["type"]), text(&one["uid"]))).collect();
    let check = |name: &str, source: &Value| {
        let text = |key: &str| source[key].as_str().map(str::to_owned);
        assert!(known.contains(&(text("type"), text("uid"))), "{name}: {source}");
    };
    for panel in all_panels() {
        check(&panel.name, &panel.raw["datasource"]);
    }
    for dashboard in Dashboard::all() {
        for variable in dashboard.raw["templating"]["list"].as_array().expect("variables") {
            check(dashboard.file, &variable["datasource"]);
        }
    }
}

#[test]
fn variables_are_used_and_used_ones_exist() {
    for dashboard in Dashboard::all() {
        let names: BTreeSet<_> = dashboard.variables().into_iter().map(|(name, _)| name).collect();
        let mut used = BTreeSet::new();
        for panel in dashboard.panels() {
            let after = panel.query.split("${").skip(1);
            used.extend(after.filter_map(|rest| Some(rest.split_once(':')?.0.to_owned())));
            let is_filtered = panel.query.contains("$instance");
            assert!(is_filtered || panel.source == Source::Prometheus, "{}", panel.name);
        }
        assert_eq!(used, names, "{}", dashboard.file);
    }
}

#[test]
fn metrics_of_panels_are_documented() {
    let page = fs::read_to_string(repository("docs/metrics.md")).expect("docs/metrics.md");
    for panel in all_panels() {
        for metric in panel.metrics() {
            assert!(page.contains(&format!("`{metric}`")), "{}: {metric}", panel.name);
        }
    }
}
