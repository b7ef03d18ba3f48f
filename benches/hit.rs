//! Measures the time of a cached `/validate` within the process, without a socket. `cargo bench
//! --features bench --bench hit`; the times depend on the machine, so no test compares them.

#![allow(
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "when a benchmark's surroundings fail, it has to"
)]

mod known;

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Builder;
use vault_auth_validator::server::FastPathBench;

fn hit(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("hit");
    for (kind, target) in known::KINDS {
        let mut connection = runtime.block_on(async {
            let cache = known::empty_cache(1);
            known::fill(Arc::clone(&cache), 1).await;
            FastPathBench::new(cache).connection()
        });
        let request = known::request(target, &known::token(1));
        group.bench_function(kind, |bencher| {
            let whole =
                runtime.block_on(connection.respond(&request)).starts_with(b"HTTP/1.1 200 ");
            assert!(whole, "it is let in");
            bencher.iter(|| runtime.block_on(connection.respond(&request)).len());
        });
    }
}

criterion_group!(benches, hit);
criterion_main!(benches);
