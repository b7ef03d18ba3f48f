//! The page as a screen reader presents it.

use serde_json::{Value, json};

use super::Browser;

/// The roles of what a person operates.
/// <https://www.w3.org/TR/wai-aria-1.2/#widget_roles>
const CONTROLS: [&str; 18] = [
    "button",
    "checkbox",
    "combobox",
    "gridcell",
    "link",
    "listbox",
    "menuitem",
    "menuitemcheckbox",
    "menuitemradio",
    "option",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
    "treeitem",
];

impl Browser {
    /// Returns the HTML of each control of the page that has no name for a screen reader.
    pub async fn unnamed_controls(&self) -> Vec<String> {
        let mut unnamed = Vec::new();
        for node in self.accessible_nodes().await {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            let name = node["name"]["value"].as_str().unwrap_or_default();
            if CONTROLS.contains(&role.to_lowercase().as_str()) && name.trim().is_empty() {
                let node = json!({"backendNodeId": node["backendDOMNodeId"]});
                let html = self.cdp("DOM.getOuterHTML", node).await;
                unnamed.push(format!("{role}: {}", html["outerHTML"].as_str().unwrap_or_default()));
            }
        }
        unnamed
    }

    /// Returns the nodes of the page's accessibility tree that are not hidden from screen readers.
    /// Each has `role` and `name`, both with a `value`.
    pub async fn accessible_nodes(&self) -> Vec<Value> {
        let mut tree = self.cdp("Accessibility.getFullAXTree", json!({})).await;
        let Value::Array(nodes) = tree["nodes"].take() else { panic!("no tree: {tree}") };
        nodes.into_iter().filter(|node| node["ignored"] != true).collect()
    }
}
