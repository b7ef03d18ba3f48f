//! The results: a table, plots and the raw figures.

use std::fmt;

use serde::Serialize;

use crate::contest::{Runs, Sample};

/// The CPU time of a request.
pub fn cpu(sample: &Sample) -> f64 {
    sample.cpu
}

/// Requests per second.
pub fn rate(sample: &Sample) -> f64 {
    sample.rate
}

/// All results.
#[derive(Default, Serialize)]
pub struct Report {
    pub figures: Vec<Figure>,
    pub charts: Vec<Chart>,
    pub runs: Vec<(String, Vec<Runs>)>,
}

/// One row of the table.
#[derive(Serialize)]
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    /// One value per round.
    pub values: Vec<f64>,
    pub target: Option<Target>,
}

/// The target of a figure.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// A group of bars: a name, and its minimum, median and maximum.
#[derive(Serialize)]
pub struct Chart {
    pub title: String,
    pub bars: Vec<(String, Spread)>,
}

/// The minimum, median and maximum of some values.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// # Panics
    /// If there are no values.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else { panic!("no values") };
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self { min, median: f64::midpoint(low, high), max }
    }
}

impl Figure {
    /// Sets the target.
    pub fn to(&mut self, target: Target) {
        self.target = Some(target);
    }

    /// Returns whether the median meets the target, in words; empty without a target.
    pub fn verdict(&self) -> &'static str {
        let median = Spread::of(&self.values).median;
        match self.target {
            None => "",
            Some(Target::AtMost(most)) if median <= most => "met",
            Some(Target::AtLeast(least)) if median >= least => "met",
            Some(_) => "MISSED",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
        }
    }
}

impl Report {
    /// Adds a row with a value per round.
    pub fn figure(&mut self, name: &str, unit: &'static str, values: Vec<f64>) -> &mut Figure {
        self.figures.push(Figure { name: name.to_owned(), unit, values, target: None });
        self.figures.last_mut().expect("a figure was just added")
    }

    /// Adds a row with the ratio of two contestants in each round.
    pub fn ratio(
        &mut self,
        name: &str,
        above: &Runs,
        below: &Runs,
        of: fn(&Sample) -> f64,
    ) -> &mut Figure {
        let pairs = above.samples.iter().zip(&below.samples);
        self.figure(name, "×", pairs.map(|(above, below)| of(above) / of(below)).collect())
    }

    /// Adds a chart with one bar per contestant.
    pub fn chart(&mut self, title: &str, runs: &[Runs], of: fn(&Sample) -> f64) {
        let bar = |runs: &Runs| {
            let values: Vec<_> = runs.samples.iter().map(of).collect();
            (runs.name.clone(), Spread::of(&values))
        };
        self.charts.push(Chart { title: title.to_owned(), bars: runs.iter().map(bar).collect() });
    }

    /// Stores the raw figures of a group.
    pub fn keep(&mut self, group: &str, runs: Vec<Runs>) {
        self.runs.push((group.to_owned(), runs));
    }

    /// Prints the table.
    pub fn print(&self) {
        println!("{:<62}{:>10}{:>10}{:>10}     {:<10}", "figure", "min", "median", "max", "target");
        for figure in &self.figures {
            let Spread { min, median, max } = Spread::of(&figure.values);
            let target = figure.target.map(|target| target.to_string()).unwrap_or_default();
            println!(
                "{:<62}{:>10}{:>10}{:>10} {:<3} {target:<10}{}",
                figure.name,
                short(min),
                short(median),
                short(max),
                figure.unit,
                figure.verdict()
            );
        }
    }
}

/// Formats a value with its significant digits.
fn short(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
