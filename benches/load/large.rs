//! Measures many tokens that OpenBao has created and the complete service validates. The setup is
//! slow.

use std::{fs, time::Instant};

use futures_util::{StreamExt, stream};

use crate::{
    Options,
    contest::{Contestant, compete},
    cpu,
    report::{Report, Target, cpu as cpu_time},
    setup::{Setup, TENANT_AND_POLICY},
    support::{stack::bearer, validator::Validator},
    wrk::{Load, Tokens},
};

/// The number of tokens in the smaller cache, for the comparison.
const FEW: usize = 1000;

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub async fn run(setup: &Setup, options: &Options, report: &mut Report) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let capacity = options.large.to_string();
    let env = [("VALIDATOR_CACHE_TTL", "10m"), ("VALIDATOR_CACHE_CAPACITY", capacity.as_str())];
    let mut servers = Vec::new();
    for count in [FEW, options.large] {
        let start = Instant::now();
        let tokens = setup.tokens_of("batch", count).await;
        eprintln!("large: OpenBao created {count} tokens in {:.0?}", start.elapsed());
        let validator = setup.validator(&env).await;
        validate(&validator, &tokens[..1]).await;
        let before = cpu::resident(validator.process().pid());
        validate(&validator, &tokens).await;
        let more = cpu::resident(validator.process().pid()).saturating_sub(before);
        eprintln!("large: all tokens are cached after {:.0?}", start.elapsed());
        let file = dir.path().join(count.to_string());
        fs::write(&file, tokens.join("\n")).expect("the tokens' file");
        servers.push((count, validator, file, more as f64 / count as f64));
    }
    let contestants = servers.iter().map(|(count, validator, file, _)| {
        let url = format!("{}{TENANT_AND_POLICY}", validator.auth_url());
        let load = Load::new(url, Tokens::Listed(file.clone()));
        Contestant::new(format!("{count} real tokens"), load, &[validator.process().pid()])
    });
    let runs = compete("large", &contestants.collect::<Vec<_>>(), options).await;
    let [few, many] = runs.as_slice() else { unreachable!("two") };
    let name = format!("CPU: hit among {} real batch tokens / among {FEW}", options.large);
    report.ratio(&name, many, few, cpu_time).to(Target::AtMost(1.5));
    let name = format!("resident bytes per cached token at {} real ones", options.large);
    report.figure(&name, "B", vec![servers[1].3]).to(Target::AtMost(600.0));
    report.keep("large", runs);
}

async fn validate(validator: &Validator, tokens: &[String]) {
    let ask = async |token: &String| {
        let answer = validator.validate("", &[("authorization", &bearer(token))]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    stream::iter(tokens).map(ask).buffer_unordered(64).collect::<()>().await;
}
