//! Reads Prometheus text.

/// Returns the sum of the series in `text` with this name and at least these labels, in any
/// order: `name` or `name{label="value"}`. 0 when there is none.
///
/// # Panics
/// If a value is no number.
pub fn sum(text: &str, series: &str) -> f64 {
    let (name, labels) = parse_series(series);
    text.lines()
        .filter(|line| !line.starts_with('#'))
        // An exemplar may follow the value.
        .filter_map(|line| line.split(" # ").next())
        .filter_map(|line| line.split_once("} ").or_else(|| line.split_once(' ')))
        .filter(|(series, _)| {
            let (this, these) = parse_series(series);
            this == name && labels.iter().all(|label| these.contains(label))
        })
        .map(|(_, value)| {
            let value = value.split(' ').next().unwrap_or_default();
            value.parse::<f64>().expect("a value")
        })
        // `sum` of nothing is -0.
        .fold(0.0, |sum, value| sum + value)
}

/// Splits `name{a="b",c="d"}`, the closing brace optional, into the name and its labels.
fn parse_series(series: &str) -> (&str, Vec<&str>) {
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
    (name, labels.collect())
}
