//! The tables that the program prints.

use crate::{
    options::{Options, Routing, Table},
    random::Zipf,
    simulation::{Event, run},
    steady::{Population, Steady},
};

/// The intervals between two requests with one token, in seconds.
const INTERVALS: [(f64, &str); 5] =
    [(0.01, "10 ms"), (1.0, "1 s"), (60.0, "1 min"), (600.0, "10 min"), (3600.0, "1 h")];

/// The rates, in requests per second, and the numbers of tokens.
const RATES: [f64; 4] = [1e3, 1e4, 1e5, 1e6];
const TOKENS: [u64; 4] = [100_000, 1_000_000, 10_000_000, 100_000_000];

/// The numbers of replicas that any request may reach.
const REPLICAS: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// The events that are simulated with and without the feed.
const EVENTS: [Event; 5] =
    [Event::Nothing, Event::RestartEmpty, Event::RestartKept, Event::FeedLoss, Event::Change];

/// Prints the tables that the options name.
pub fn print(options: &Options) {
    let tables = [
        (Table::Tokens, tokens_table as fn(&Options) -> Vec<String>),
        (Table::Sizes, sizes_table),
        (Table::Replicas, replicas_table),
        (Table::Events, events_table),
    ];
    for (table, lines) in tables {
        if options.only.is_none_or(|only| only == table) {
            println!("{}\n\n{}\n", title(options, table), lines(options).join("\n"));
        }
    }
}

/// Returns the heading of a table, with the options that it depends on.
fn title(options: &Options, table: Table) -> String {
    let Options { tokens, rate, exponent, calls, replicas, .. } = *options;
    match table {
        Table::Tokens => {
            format!("Calls to Vault in an hour for one token in one replica, {calls} per lookup")
        }
        Table::Sizes => {
            format!("Steady state, exponent {exponent}, sticky, {calls} calls per lookup")
        }
        Table::Replicas => format!(
            "Steady state, {tokens} tokens, {rate} requests/s, exponent {exponent}, {calls} calls per lookup"
        ),
        Table::Events => format!(
            "Simulation of {tokens} tokens, {rate} requests/s, exponent {exponent}, {replicas} replicas, {},\n\
             {calls} calls per lookup, {} nodes of Vault with {} calls/s each, seed {}",
            options.routing.as_str(),
            options.vault_nodes,
            options.vault_calls,
            options.seed
        ),
    }
}

/// Returns the calls to Vault for one token.
pub fn tokens_table(options: &Options) -> Vec<String> {
    let Options { calls, ttl, ttl_with_feed, .. } = *options;
    let names = ["without feed", "with feed", "and parent"].map(|name| format!("{name:>14}"));
    let mut lines = vec![format!("{:20}{}", "a request every", names.concat())];
    for (interval, text) in INTERVALS {
        let columns = [ttl, ttl_with_feed, ttl.min(0.2)].map(|ttl| {
            let one = Population { tokens: 1, rate: 1.0 / interval, exponent: 0.0, caches: 1 };
            format!("{:>14.1}", one.steady(ttl).lookups * calls * 3600.0)
        });
        lines.push(format!("{text:20}{}", columns.concat()));
    }
    lines
}

/// Returns the steady state at several sizes, in which the requests with a token reach one replica.
pub fn sizes_table(options: &Options) -> Vec<String> {
    let mut lines = steady_header(options, ["requests/s", "tokens"]).to_vec();
    for rate in RATES {
        for tokens in TOKENS {
            let population = Population { tokens, rate, exponent: options.exponent, caches: 1 };
            lines.push(format!("{rate:>10}{tokens:>12}{}", steady_columns(options, population)));
        }
    }
    lines
}

/// Returns the steady state if the requests with a token reach any replica.
pub fn replicas_table(options: &Options) -> Vec<String> {
    let Options { rate, tokens, exponent, .. } = *options;
    let mut lines = steady_header(options, ["routing", "replicas"]).to_vec();
    for caches in REPLICAS {
        let population = Population { tokens: tokens as u64, rate, exponent, caches };
        let (routing, replicas) = match caches {
            1 => (Routing::Sticky, "any".to_owned()),
            _ => (Routing::Spread, caches.to_string()),
        };
        let columns = steady_columns(options, population);
        lines.push(format!("{:>10}{replicas:>12}{columns}", routing.as_str()));
    }
    lines
}

fn steady_header(options: &Options, names: [&str; 2]) -> [String; 2] {
    let ttls =
        [options.ttl, options.ttl_with_feed].map(|ttl| format!("{:>32}", format!("TTL {ttl} s")));
    let columns = format!("{:>10}{:>11}{:>11}", "hits", "calls/s", "entries").repeat(2);
    [format!("{:22}{}", "", ttls.concat()), format!("{:>10}{:>12}{columns}", names[0], names[1])]
}

/// Returns the columns without the feed and with it.
fn steady_columns(options: &Options, population: Population) -> String {
    let columns = [options.ttl, options.ttl_with_feed].map(|ttl| {
        let Steady { hits, lookups, entries } = population.steady(ttl);
        let [calls, entries] = [lookups * options.calls, entries].map(round);
        format!("{:>10}{calls:>11}{entries:>11}", percent(hits))
    });
    columns.concat()
}

/// Simulates the events.
fn events_table(options: &Options) -> Vec<String> {
    let line = |texts: [&str; 7]| {
        let [event, columns @ ..] = texts;
        format!("{event:37}{}", columns.map(|text| format!("{text:>11}")).concat())
    };
    let mut lines = vec![
        line(["", "hits", "calls/1000", "lowest", "peak", "503", "95 % of"]),
        line(["event", "before", "before", "hits", "calls/s", "", "hits after"]),
    ];
    let zipf = Zipf::new(options.tokens, options.exponent);
    for (feed, ttl) in [("without", options.ttl), ("with", options.ttl_with_feed)] {
        for event in EVENTS {
            let is_of_feed = matches!(event, Event::FeedLoss | Event::Change);
            if is_of_feed && feed == "without" {
                continue;
            }
            let report = run(options, &zipf, ttl, event);
            let before = report.before();
            let calls = before.lookups as f64 * options.calls / before.requests as f64 * 1000.0;
            let recovered = report.recovered_after();
            lines.push(line([
                &format!("{feed} feed: {}", event.as_str()),
                &percent(before.hit_ratio()),
                &format!("{calls:.1}"),
                &percent(report.lowest_hits()),
                &round(report.peak_lookups() as f64 * options.calls).to_string(),
                &report.refused().to_string(),
                &recovered.map_or_else(|| "later".to_owned(), |seconds| format!("{seconds} s")),
            ]));
        }
    }
    lines
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// Rounds a number to three digits.
fn round(number: f64) -> u64 {
    let unit = 10_f64.powf((number.max(1.0).log10().floor() - 2.0).max(0.0));
    ((number / unit).round() * unit) as u64
}

impl Event {
    fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::RestartEmpty => "restart, empty cache",
            Self::RestartKept => "restart, cache kept",
            Self::FeedLoss => "feed lost",
            Self::Change => "change of a group",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn numbers_have_three_digits() {
        let numbers = [0.4, 7.6, 123.4, 1234.0, 98_765.0, 130_456_789.0].map(round);
        assert_eq!(numbers, [0, 8, 123, 1230, 98_800, 130_000_000]);
    }
}
