use std::{sync::Arc, time::Duration};

use askama::Template;
use jiff::Timestamp;

use super::{
    chart::{BarChart, ChartedDecisions, LineChart},
    denials::DenialRow,
    format::{number, time_of_day},
    latency::LatencyRow,
    reasons::{self, OK, ReasonRow},
    text::ConsoleText,
    vault::{self, VaultCallRow},
};
use crate::{
    login::pages::Language,
    telemetry::{RecentDenial, RecentMetrics},
};

/// The console's page.
#[derive(Debug)]
pub struct ConsolePage<'d> {
    /// The data; `None` for a page that asks for the admin token.
    pub data: Option<ConsoleData<'d>>,
}

/// The data on the page.
#[derive(Debug)]
pub struct ConsoleData<'d> {
    /// The present time.
    pub now: Timestamp,
    /// The readiness of the service.
    pub readiness: ReadinessState<'d>,
    /// Vault's state: `unknown`, `up`, `sealed`, `unavailable` or `redirecting`.
    pub vault: &'static str,
    /// The service's own token.
    pub service_token: ServiceTokenState,
    /// The numbers of live and of refused tokens in the cache.
    pub cached_tokens: (u64, u64),
    /// The metrics of the last hour.
    pub recent: &'d RecentMetrics,
    /// The last denied requests, the last one first.
    pub denials: &'d [Arc<RecentDenial>],
}

/// The readiness of the service.
#[derive(Clone, Copy, Debug)]
pub enum ReadinessState<'d> {
    /// It can validate tokens.
    Ready,
    /// It cannot.
    NotReady {
        /// The reason, as `/readyz` has it.
        reason: &'d str,
        /// The remedy, if there is a specific one.
        detail: Option<&'d str>,
    },
}

/// The state of the service's own token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTokenState {
    /// There is none.
    Missing,
    /// It does not expire.
    Unlimited,
    /// It expires after this time, unless it is renewed.
    Remaining(Duration),
}

#[derive(Template)]
#[template(path = "console/page.html", whitespace = "minimize")]
struct PageTemplate<'p> {
    language: Language,
    text: &'static ConsoleText,
    version: &'static str,
    data: Option<DataView<'p>>,
}

/// The data as it is shown.
struct DataView<'p> {
    time: String,
    tiles: Vec<Tile<'p>>,
    /// Allowed requests, and all others.
    decisions: [BarChart; 2],
    reasons: Vec<ReasonRow>,
    latency: LineChart,
    latencies: Vec<LatencyRow>,
    vault_calls: Vec<VaultCallRow>,
    denials: Vec<DenialRow>,
}

/// A value at the top of the page.
struct Tile<'p> {
    name: &'static str,
    value: String,
    detail: Option<String>,
    /// A detail in English, which the rest of the page need not be in.
    english: Option<&'p str>,
    state: TileState,
}

/// The state that a tile shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TileState {
    Neutral,
    Good,
    Bad,
}

impl TileState {
    fn class(self) -> &'static str {
        match self {
            Self::Neutral => "tile",
            Self::Good => "tile good",
            Self::Bad => "tile bad",
        }
    }

    fn good_if(is_good: impl Fn() -> bool) -> Self {
        if is_good() { Self::Good } else { Self::Bad }
    }
}

impl<'p> Tile<'p> {
    fn new(name: &'static str, value: impl Into<String>, state: TileState) -> Self {
        Self { name, value: value.into(), detail: None, english: None, state }
    }

    fn detail(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }

    fn english(mut self, detail: Option<&'p str>) -> Self {
        self.english = detail;
        self
    }
}

impl ConsolePage<'_> {
    /// Returns the HTML document.
    #[must_use]
    pub fn render(&self, language: Language) -> String {
        let text = ConsoleText::of(language);
        let version = env!("CARGO_PKG_VERSION");
        let data = self.data.as_ref().map(|data| data.view(text));
        let page = PageTemplate { language, text, version, data }.render();
        // Rendering fails only if a value cannot be formatted, and all of these can.
        page.unwrap_or_else(|error| format!("cannot render the page: {error}"))
    }
}

impl ConsoleData<'_> {
    fn view(&self, text: &'static ConsoleText) -> DataView<'_> {
        let Self { recent, .. } = self;
        let latencies =
            recent.total.durations.iter().map(|(status, latencies)| {
                LatencyRow::new(text.lookup_name(status), latencies, text)
            });
        DataView {
            time: time_of_day(self.now),
            tiles: self.tiles(text),
            decisions: [ChartedDecisions::Allowed, ChartedDecisions::Denied]
                .map(|charted| BarChart::new(recent, charted, text)),
            reasons: reasons::rows(recent, text),
            latency: LineChart::new(recent, text),
            latencies: latencies.collect(),
            vault_calls: vault::rows(&recent.total, text),
            denials: self.denials.iter().map(DenialRow::new).collect(),
        }
    }

    fn tiles(&self, text: &'static ConsoleText) -> Vec<Tile<'_>> {
        let total = &self.recent.total;
        let service = match self.readiness {
            ReadinessState::Ready => Tile::new(text.service, text.ready, TileState::Good),
            ReadinessState::NotReady { reason, detail } => {
                let tile = Tile::new(text.service, text.not_ready, TileState::Bad);
                tile.detail(reason.to_owned()).english(detail)
            }
        };
        let vault = TileState::good_if(|| self.vault == "up");
        let token = match self.service_token {
            ServiceTokenState::Missing => Tile::new(text.own_token, text.no_token, TileState::Bad),
            ServiceTokenState::Unlimited => {
                Tile::new(text.own_token, text.unlimited_token, TileState::Neutral)
            }
            ServiceTokenState::Remaining(lifetime) => {
                let lifetime = text.lifetime(lifetime);
                let tile = Tile::new(text.own_token, lifetime, TileState::Neutral);
                tile.detail(text.remaining.to_owned())
            }
        };
        let count = |name: &str| total.decisions.get(name).copied().unwrap_or_default();
        let (all, allowed) = (total.decisions.values().sum(), count(OK));
        let lookups: u64 = total.lookups.values().sum();
        let hits = total.lookups.get("hit").copied().unwrap_or_default();
        let (live, refused) = self.cached_tokens;
        vec![
            service,
            Tile::new(text.vault, text.vault_state(self.vault), vault),
            token,
            Tile::new(text.decisions, number(all), TileState::Neutral).detail(format!(
                "{} {}",
                text.percentage(allowed, all),
                text.of_allowed
            )),
            Tile::new(text.hit_ratio, text.percentage(hits, lookups), TileState::Neutral)
                .detail(format!("{} {}", number(lookups), text.lookups)),
            Tile::new(text.cache, number(live), TileState::Neutral).detail(format!(
                "{} {}",
                number(refused),
                text.refused_tokens
            )),
        ]
    }
}
