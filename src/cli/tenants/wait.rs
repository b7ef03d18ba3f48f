use std::time::Duration;

use clap::Args;

/// The time that a command waits for the lease on a tenant's rotation.
#[derive(Args, Clone, Copy)]
pub(super) struct WaitArgs {
    /// Wait this long if another process is rotating the tenant's key; 0s does not wait.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse)]
    pub(super) wait: Duration,
}

fn parse(text: &str) -> Result<Duration, String> {
    let wait = humantime::parse_duration(text).ok();
    wait.filter(|wait| *wait <= Duration::from_hours(24))
        .ok_or_else(|| "expected a duration up to 24h, such as 90s".to_owned())
}
