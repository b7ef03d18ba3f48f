//! Measures the time of a cached `/validate` request within the process, without a socket. Run it
//! with `cargo bench --features bench --bench hit`. The times depend on the machine, so no test
//! compares them.

#![allow(
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark panics if its setup fails"
)]

mod fixture;

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Builder;
use vault_auth_validator::server::FastPathBench;

fn hit(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("hit");
    for (kind, target) in fixture::KINDS {
        let mut connection = runtime.block_on(async {
            let cache = fixture::empty_cache(1);
            fixture::fill(Arc::clone(&cache), 1).await;
            FastPathBench::new(cache).connection()
        });
        let request = fixture::request(target, &fixture::token(1));
        group.bench_function(kind, |bencher| {
            let is_allowed =
                runtime.block_on(connection.respond(&request)).starts_with(b"HTTP/1.1 200 ");
            assert!(is_allowed, "the request was refused");
            bencher.iter(|| runtime.block_on(connection.respond(&request)).len());
        });
    }
}

criterion_group!(benches, hit);
criterion_main!(benches);
