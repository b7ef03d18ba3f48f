//! The increases of counters and histograms: several replicas, restarts, and series that appear late.

use serde_json::json;

use super::{
    database::{number, run},
    rows::{Rows, add_metrics},
    simulated::Run,
};

/// The start of the queried range; the data begins three hours earlier.
const FROM: u64 = 1_800_000_000;
const MINUTE: u64 = 60;

/// A series: the id of the instance, the start of the process, and its values by minute from `FROM`.
type Series = (&'static str, u64, &'static [(i64, u64)]);

struct Case {
    metric: &'static str,
    series: &'static [Series],
    /// The increases within the range of one hour by instance, in the order of the instances.
    expected: &'static [u64],
}

const LONG_AGO: u64 = FROM - 30 * 24 * 60 * MINUTE;

const CASES: &[Case] = &[
    Case {
        metric: "points_before_the_range",
        series: &[("a", LONG_AGO, &[(-2, 1000), (-1, 1007), (0, 1010), (1, 1020), (2, 1020)])],
        expected: &[13],
    },
    Case {
        metric: "two_replicas_and_a_restart",
        series: &[
            ("a1", LONG_AGO, &[(-1, 500), (0, 510), (1, 520), (2, 530)]),
            ("a2", FROM + 3 * MINUTE, &[(4, 7), (5, 17)]),
            ("b", LONG_AGO, &[(-1, 90), (1, 95), (3, 100), (5, 100)]),
        ],
        expected: &[30, 17, 10],
    },
    Case {
        metric: "restart_under_the_same_id",
        series: &[
            ("a", LONG_AGO, &[(-1, 500), (0, 510)]),
            ("a", FROM + 5 * MINUTE, &[(6, 4), (7, 6)]),
        ],
        expected: &[16],
    },
    Case {
        metric: "restart_that_overtakes",
        series: &[("a", LONG_AGO, &[(-1, 5), (0, 6)]), ("a", FROM + 5 * MINUTE, &[(6, 40)])],
        expected: &[41],
    },
    Case {
        metric: "reset_without_a_new_start",
        series: &[("a", LONG_AGO, &[(-1, 500), (0, 510), (1, 3), (2, 5)])],
        expected: &[15],
    },
    Case {
        metric: "late_series_of_an_old_process",
        series: &[("a", LONG_AGO, &[(10, 2), (11, 5)])],
        expected: &[5],
    },
    Case { metric: "gap", series: &[("a", LONG_AGO, &[(-90, 100), (30, 160)])], expected: &[60] },
    Case {
        metric: "end_of_the_range",
        series: &[("a", LONG_AGO, &[(-1, 1), (59, 2), (61, 50)])],
        expected: &[1],
    },
];

fn at(minute: i64) -> u64 {
    FROM.saturating_add_signed(minute * 60)
}

/// Returns the rows of all cases, each as a counter and as a histogram whose values are in bucket 3.
fn rows() -> Rows {
    let mut rows = Rows::new();
    for case in CASES {
        for &(instance, start, values) in case.series {
            let run = Run { instance, start };
            for &(minute, value) in values {
                let precise = f64::from(u32::try_from(value).expect("small"));
                let counter = run.counter(&[], at(minute), precise);
                let histogram = run.histogram(&[], at(minute), 3, value);
                add_metrics(&mut rows, &run.metric(case.metric, counter));
                add_metrics(&mut rows, &run.metric(case.metric, histogram));
            }
        }
    }
    let oldest = Run { instance: "z", start: LONG_AGO };
    for minute in [-180, -179] {
        let counter = oldest.counter(&[], at(minute), 1_000_000.0);
        let histogram = oldest.histogram(&[], at(minute), 3, 1_000_000);
        add_metrics(&mut rows, &oldest.metric("older_than_the_data", counter));
        add_metrics(&mut rows, &oldest.metric("older_than_the_data", histogram));
    }
    rows
}

fn query(view: &str, columns: &str, metric: &str, from: i64) -> String {
    format!(
        "SELECT instance, {columns} FROM {view}(metric = '{metric}', from = toDateTime({}), \
         to = toDateTime({})) GROUP BY instance ORDER BY instance",
        at(from),
        at(60)
    )
}

#[test]
fn o2_counters_are_not_doubled_or_negative() {
    let columns = "sum(increase) AS total, min(increase) AS least";
    let queries: Vec<_> =
        CASES.iter().map(|case| query("counter_increases", columns, case.metric, 0)).collect();
    for (case, answer) in CASES.iter().zip(run(&rows(), &queries)) {
        let totals: Vec<_> = answer.iter().map(|row| row["total"].clone()).collect();
        assert_eq!(json!(totals), json!(case.expected), "{}", case.metric);
        assert!(answer.iter().all(|row| number(&row["least"]) >= 0.0), "{}", case.metric);
    }
}

#[test]
fn o2_histograms_are_not_doubled_or_negative() {
    let columns = "sumForEach(counts) AS all";
    let queries: Vec<_> =
        CASES.iter().map(|case| query("histogram_increases", columns, case.metric, 0)).collect();
    for (case, answer) in CASES.iter().zip(run(&rows(), &queries)) {
        let only = |index: usize, expected: u64| if index == 3 { expected } else { 0 };
        let counts = |&expected: &u64| (0..20).map(|at| only(at, expected)).collect::<Vec<_>>();
        let expected: Vec<_> = case.expected.iter().map(counts).collect();
        let answer: Vec<_> = answer.iter().map(|row| row["all"].clone()).collect();
        assert_eq!(json!(answer), json!(expected), "{}", case.metric);
    }
}

#[test]
fn o2_series_older_than_the_data_begin_with_zero() {
    let queries = [
        query("counter_increases", "sum(increase) AS total", "older_than_the_data", -200),
        query("histogram_increases", "sum(counts[4]) AS total", "older_than_the_data", -200),
    ];
    for answer in run(&rows(), &queries) {
        assert!(number(&answer[0]["total"]).abs() < 1e-9, "{answer:?}");
    }
}

#[test]
fn quantiles_are_interpolated() {
    let cases = [
        ("0.5, [1, 2, 1, 0], [0.1, 0.2, 0.4]", Some(0.15)),
        ("0.5, [4, 0, 0, 0], [0.1, 0.2, 0.4]", Some(0.05)),
        ("0.25, [0, 4, 0, 0], [0.1, 0.2, 0.4]", Some(0.125)),
        ("0.99, [90, 0, 10, 0], [0.1, 0.2, 0.4]", Some(0.38)),
        ("1, [1, 1, 1, 0], [0.1, 0.2, 0.4]", Some(0.4)),
        ("0.99, [0, 0, 0, 5], [0.1, 0.2, 0.4]", Some(0.4)),
        ("0.99, [0, 0, 0, 0], [0.1, 0.2, 0.4]", None),
    ];
    let queries =
        cases.map(|(arguments, _)| format!("SELECT histogram_quantile({arguments}) AS quantile"));
    for ((arguments, expected), answer) in cases.iter().zip(run(&Rows::new(), &queries)) {
        let found = answer[0]["quantile"].as_f64();
        let is_close = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
            (found, expected) => found == *expected,
        };
        assert!(is_close, "{arguments}: {found:?}, not {expected:?}");
    }
}
