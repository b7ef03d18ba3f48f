//! The arguments of the program.

pub const HELP: &str = "\
Prints how many calls to Vault the caches of the validator need: for one token, at several sizes, and with several
replicas, by formulas; and during events such as a restart, by simulation. docs/scaling.md explains the tables.

Usage: scale [--NAME VALUE]...

  --tokens 1000000     number of tokens
  --rate 10000         requests per second, of all replicas together
  --exponent 1         Zipf: the nth token is requested 1/n^EXPONENT as often as the first; 0 is equally often
  --replicas 2         number of replicas
  --routing sticky     sticky: a token's requests reach one replica; spread: any replica
  --ttl 30             VALIDATOR_CACHE_TTL, in seconds
  --ttl-with-feed 600  VALIDATOR_CACHE_TTL_WITH_FEED, in seconds
  --children 0         part of the tokens that have a parent, from 0 to 1
  --calls 2            calls to Vault per lookup: 2 for tokens with an entity, 1 for others
  --vault-calls 8000   calls per second that a node of Vault can handle
  --vault-nodes 3      nodes that respond to lookups; with the feed, the active one responds to all of them
  --latency 0.001      time of one call to an idle Vault, in seconds
  --seconds 240        time that is simulated after the event
  --loss 60            time for which the feed is lost, in seconds
  --seed 1             seed of the random numbers
  --only TABLE         print one table: tokens, sizes, replicas or events

Examples:
  scale --only events --rate 2000 --tokens 100000 --routing spread
  scale --only sizes --exponent 0.8 --ttl-with-feed 3600
  scale --children 0.01
";

/// The way in which the proxy chooses a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// By the token.
    Sticky,
    /// At random.
    Spread,
}

impl Routing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sticky => "sticky",
            Self::Spread => "spread",
        }
    }
}

/// The tables that the program prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Tokens,
    Sizes,
    Replicas,
    Events,
}

/// The parameters of the simulation. Times are in seconds.
#[derive(Clone, Debug)]
pub struct Options {
    pub tokens: usize,
    pub rate: f64,
    pub exponent: f64,
    pub replicas: usize,
    pub routing: Routing,
    pub ttl: f64,
    pub ttl_with_feed: f64,
    pub children: f64,
    pub calls: f64,
    pub vault_calls: f64,
    pub vault_nodes: usize,
    pub latency: f64,
    pub seconds: f64,
    pub loss: f64,
    pub seed: u64,
    pub only: Option<Table>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tokens: 1_000_000,
            rate: 10_000.0,
            exponent: 1.0,
            replicas: 2,
            routing: Routing::Sticky,
            ttl: 30.0,
            ttl_with_feed: 600.0,
            children: 0.0,
            calls: 2.0,
            vault_calls: 8000.0,
            vault_nodes: 3,
            latency: 0.001,
            seconds: 240.0,
            loss: 60.0,
            seed: 1,
            only: None,
        }
    }
}

impl Options {
    /// Parses arguments in pairs of a name and a value.
    ///
    /// # Errors
    /// A message about the first argument that is wrong.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} has no value"))?;
            options.set(&name, &value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let between = |least: f64, greatest: f64| {
            let number = value.parse::<f64>().ok();
            number.filter(|number| (least..=greatest).contains(number)).ok_or_else(|| {
                format!("{name} {value}: expected a number from {least} to {greatest}")
            })
        };
        let unknown = || Err(format!("{name} {value}: unknown; see --help"));
        match name {
            "--tokens" => self.tokens = between(1.0, 5e7)? as usize,
            "--rate" => self.rate = between(1.0, 1e6)?,
            "--exponent" => self.exponent = between(0.0, 3.0)?,
            "--replicas" => self.replicas = between(1.0, 64.0)? as usize,
            "--ttl" => self.ttl = between(0.1, 3600.0)?,
            "--ttl-with-feed" => self.ttl_with_feed = between(0.1, 3600.0)?,
            "--children" => self.children = between(0.0, 1.0)?,
            "--calls" => self.calls = between(1.0, 2.0)?,
            "--vault-calls" => self.vault_calls = between(1.0, 1e7)?,
            "--vault-nodes" => self.vault_nodes = between(1.0, 100.0)? as usize,
            "--latency" => self.latency = between(0.0, 10.0)?,
            "--seconds" => self.seconds = between(1.0, 10_000.0)?,
            "--loss" => self.loss = between(1.0, 10_000.0)?,
            "--seed" => self.seed = between(0.0, 1e15)? as u64,
            "--routing" => match value {
                "sticky" => self.routing = Routing::Sticky,
                "spread" => self.routing = Routing::Spread,
                _ => return unknown(),
            },
            "--only" => match value {
                "tokens" => self.only = Some(Table::Tokens),
                "sizes" => self.only = Some(Table::Sizes),
                "replicas" => self.only = Some(Table::Replicas),
                "events" => self.only = Some(Table::Events),
                _ => return unknown(),
            },
            _ => return unknown(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{HELP, Options, Routing};

    fn parse(arguments: &str) -> Result<Options, String> {
        Options::parse(arguments.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_replace_defaults() {
        let options = parse("--tokens 5e4 --routing spread --latency 0.5").expect("valid");
        assert_eq!((options.tokens, options.routing), (50_000, Routing::Spread));
        assert!((options.latency - 0.5).abs() < 1e-9 && options.replicas == 2);
    }

    #[test]
    fn wrong_arguments_are_errors() {
        for arguments in ["--tokens", "--tokens 0", "--tokens x", "--rate nan", "--only x", "-x 1"]
        {
            assert!(parse(arguments).is_err(), "{arguments}");
        }
    }

    #[test]
    fn help_has_defaults() {
        let lines = HELP.lines().filter(|line| line.starts_with("  --"));
        let lines: Vec<_> = lines.filter(|line| !line.contains("--only")).collect();
        assert_eq!(lines.len(), 15);
        let defaults: Vec<_> = lines.iter().map(|line| line[..23].trim()).collect();
        let parsed = parse(&defaults.join(" ")).expect("valid");
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Options::default()));
    }

    #[test]
    fn examples_are_valid() {
        let examples: Vec<_> =
            HELP.lines().filter_map(|line| line.strip_prefix("  scale ")).collect();
        assert_eq!(examples.len(), 3);
        for example in examples {
            parse(example).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
}
