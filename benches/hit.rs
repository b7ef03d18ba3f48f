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

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Builder;

fn hit(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("hit");
    for (kind, target, credential) in fixture::KINDS {
        let (handler, request) = fixture::handler_and_request(target, credential);
        let mut connection = handler.connection();
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
