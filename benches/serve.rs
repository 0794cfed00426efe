//! What a scrape costs: the metrics of a profile with many pools, in both formats.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pooltop::analysis::Moment;
use pooltop::analysis::fixture::checkout_leak;
use pooltop::export::openmetrics::{Exposition, Observed, Process, openmetrics};
use pooltop::text::Text;

/// The leak's moment with as many pools, each declared and with everything known.
fn moment(pools: usize) -> Moment {
    let mut moment = checkout_leak();
    let first = moment.pools[0].clone();
    moment.pools = (0..pools)
        .map(|number| {
            let mut row = first.clone();
            row.pool.name = Text::line(&format!("checkout-api-{number} app@shop"));
            row.pool.key.declared = Some(row.pool.name.clone());
            row
        })
        .collect();
    moment
}

fn scrape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("metrics");
    for pools in [100, 2_000] {
        let moment = Arc::new(moment(pools));
        let process = Process { started: moment.at, now: moment.at, scrapes: 0 };
        for (name, format) in [("openmetrics", Exposition::OpenMetrics), ("classic", Exposition::Classic)] {
            group.bench_function(BenchmarkId::new(name, pools), |bench| {
                bench.iter(|| {
                    let observed = Observed { profile: "shop".into(), moment: Some(Arc::clone(&moment)) };
                    black_box(openmetrics(vec![observed], process, format))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, scrape);
criterion_main!(benches);
