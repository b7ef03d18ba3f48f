//! The macros and variables in queries of Grafana's data source for ClickHouse.

use std::collections::BTreeMap;

/// The time range and the variables of a dashboard.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The first second of the range, as a Unix time.
    pub(super) from: u64,
    /// The last second of the range.
    pub(super) to: u64,
    /// The seconds of one interval of a time series.
    pub(super) interval: u64,
    /// The selected values of variables; a variable that is absent selects all.
    pub(super) selected: BTreeMap<&'static str, Vec<String>>,
}

impl View {
    /// Returns a query with its macros and variables replaced, as the data source does it.
    ///
    /// # Panics
    /// If a macro or variable is unknown or incomplete.
    pub(super) fn expand(&self, sql: &str) -> String {
        let mut text = self.without_conditions(sql);
        for (name, values) in &self.selected {
            let quoted: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
            text = text.replace(&format!("${{{name}:singlequote}}"), &quoted.join(","));
        }
        let (from, to) = (datetime(self.from), datetime(self.to));
        text = replace_call(&text, "$__timeFilter", |column| {
            format!("{column} >= {from} AND {column} <= {to}")
        });
        text = replace_call(&text, "$__timeInterval", |column| {
            format!("toStartOfInterval(toDateTime({column}), INTERVAL {} second)", self.interval)
        });
        text = text.replace("$__fromTime", &from).replace("$__toTime", &to);
        text = text.replace("$__interval_s", &self.interval.to_string());
        assert!(!text.contains('$'), "an unknown macro or variable: {text}");
        text
    }

    /// Replaces each `$__conditionalAll(condition, $variable)`.
    fn without_conditions(&self, sql: &str) -> String {
        replace_call(sql, "$__conditionalAll", |arguments| {
            let (condition, variable) = arguments.rsplit_once(", $").expect("two arguments");
            let is_selected = self.selected.contains_key(variable);
            if is_selected { condition.to_owned() } else { "1=1".to_owned() }
        })
    }
}

fn datetime(seconds: u64) -> String {
    format!("toDateTime({seconds})")
}

/// Replaces each call of a macro by a text made from what is between its parentheses.
fn replace_call(text: &str, name: &str, with: impl Fn(&str) -> String) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some((before, call)) = rest.split_once(&format!("{name}(")) {
        let mut depth = 1;
        let end = call.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        let end = end.expect("a closing parenthesis");
        replaced += before;
        replaced += &with(&call[..end]);
        rest = &call[end + 1..];
    }
    replaced + rest
}
