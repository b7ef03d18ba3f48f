/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsFormat {
    /// `OpenMetrics` 1.0, with exemplars.
    OpenMetrics,
    /// The Prometheus text format 0.0.4, which every tool reads.
    Prometheus,
}

impl MetricsFormat {
    /// Returns the format for the value of an `Accept` header: `OpenMetrics` for those that ask for it, as
    /// Prometheus does.
    #[must_use]
    pub fn for_accept(accept: Option<&str>) -> Self {
        match accept {
            Some(types) if types.contains("application/openmetrics-text") => Self::OpenMetrics,
            _ => Self::Prometheus,
        }
    }

    /// Returns the content type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Converts `OpenMetrics` to the Prometheus text format, which names a counter with its `_total`, has no
/// type for build information, and has neither exemplars nor an end mark
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
pub(super) fn to_prometheus(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut lines = openmetrics.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (Some((name, help)), Some(of)) = (help.split_once(' '), lines.peek()) else {
                continue;
            };
            let kind = of.rsplit(' ').next().unwrap_or_default();
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                other => ("", other),
            };
            text.extend([
                "# HELP ",
                name,
                suffix,
                " ",
                help,
                "\n# TYPE ",
                name,
                suffix,
                " ",
                kind,
                "\n",
            ]);
        } else if !line.starts_with('#') {
            let sample = line.split_once(" # ").map_or(line, |(sample, _)| sample);
            text.extend([sample, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{MetricsFormat, to_prometheus};

    #[test]
    fn prometheus_text_has_no_exemplars() {
        let openmetrics = "# HELP a Some a.\n# TYPE a counter\na_total{b=\"c\"} 1\n\
                           # HELP d Some d.\n# TYPE d info\nd_info{v=\"1\"} 1\n\
                           # HELP e Some e.\n# TYPE e histogram\n\
                           e_bucket{le=\"1.0\"} 2 # {trace_id=\"0a\"} 0.5 1.0\n# EOF\n";
        let prometheus = "# HELP a_total Some a.\n# TYPE a_total counter\na_total{b=\"c\"} 1\n\
                          # HELP d_info Some d.\n# TYPE d_info gauge\nd_info{v=\"1\"} 1\n\
                          # HELP e Some e.\n# TYPE e histogram\ne_bucket{le=\"1.0\"} 2\n";
        assert_eq!(to_prometheus(openmetrics), prometheus);
    }

    #[test]
    fn only_those_that_ask_get_openmetrics() {
        let of_prometheus = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
        let format = MetricsFormat::for_accept(Some(of_prometheus));
        assert_eq!(format, MetricsFormat::OpenMetrics);
        for other in [None, Some("*/*"), Some("text/plain;version=0.0.4")] {
            assert_eq!(MetricsFormat::for_accept(other), MetricsFormat::Prometheus, "{other:?}");
        }
    }
}
