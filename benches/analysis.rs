//! What one sample costs after it was decoded: into the history, and analysed into a moment.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pooltop::analysis::fixture::{
    at, crowd, facts, joined_sample, pooled_crowd, pooler_facts, sample, status,
};
use pooltop::analysis::{Analyser, Settings};
use pooltop::history::History;
use pooltop::model::past::{Checkpoint, Frame};
use pooltop::model::sample::Sample;
use pooltop::model::target::{TargetKind, TargetStatus};
use pooltop::monitor::Cursor;

/// A profile that has run for 60 samples, and the sample after them.
struct Warm {
    history: History,
    analyser: Analyser,
    statuses: Vec<TargetStatus>,
    next: Arc<Sample>,
}

fn warm(backends: usize) -> Warm {
    let facts = Arc::new(facts(u32::try_from(backends).unwrap_or(0) + 100));
    let take = |second: u32| Arc::new(sample("db1", f64::from(second), crowd(backends, second), &facts));
    let statuses = vec![status("db1", TargetKind::Postgres)];
    let mut history = History::default();
    let mut analyser = Analyser::new(Settings::default());
    for second in 1..=60 {
        history.push(take(second));
        analyser.observe(&history, &statuses, &[], at(f64::from(second)));
    }
    Warm { history, analyser, statuses, next: take(61) }
}

fn analyse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sample");
    for backends in [1_000, 5_000, 10_000] {
        let Warm { history, mut analyser, statuses, next } = warm(backends);
        let mut pushed = history.clone();
        pushed.push(Arc::clone(&next));
        let clock = Cell::new(61.0);
        group.bench_function(BenchmarkId::new("push", backends), |bench| {
            // By reference, so that letting the clone go is not measured.
            bench.iter_batched_ref(
                || history.clone(),
                |history| history.push(Arc::clone(&next)),
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::new("analyse", backends), |bench| {
            bench.iter_batched_ref(
                || {
                    // The same rows a second later, so that each iteration has a sample to learn from.
                    let second = clock.get() + 1.0;
                    clock.set(second);
                    let mut later = Sample::clone(&next);
                    (later.at, later.received_at) = (at(second), at(second));
                    pushed.push(Arc::new(later));
                    pushed.clone()
                },
                |history| black_box(analyser.observe(history, &statuses, &[], at(clock.get()))),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A pooler with ten thousand sockets and the server behind it: from the samples to the moment in which each backend
/// has its client.
fn join(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("join");
    for (clients, servers) in [(900, 100), (9_000, 1_000), (5_000, 5_000)] {
        let facts = Arc::new(facts(10_000));
        let pooler_facts = Arc::new(pooler_facts(5_000));
        let statuses = vec![status("db1", TargetKind::Postgres), status("bouncer", TargetKind::Pgbouncer)];
        let mut history = History::default();
        let mut analyser = Analyser::new(Settings::default());
        for second in 1..=5_u32 {
            let now = f64::from(second);
            let (sockets, rows) = pooled_crowd(clients, servers, now);
            let pooler = joined_sample("bouncer", now, "transaction", sockets, &pooler_facts);
            for sample in [pooler, sample("db1", now + 0.1, rows, &facts)] {
                history.push(Arc::new(sample));
                analyser.observe(&history, &statuses, &[], at(now + 0.1));
            }
        }
        // Nothing new is learned: what is measured is putting the moment together, most of which is the join.
        group.bench_function(BenchmarkId::new("moment", format!("{clients}+{servers}")), |bench| {
            bench.iter(|| black_box(analyser.observe(&history, &statuses, &[], at(5.2))));
        });
    }
    group.finish();
}

/// Going back: a checkpoint saved and read back, one step further, and the way from a checkpoint to the end of its stretch.
fn past(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("past");
    group.sample_size(30);
    for backends in [1_000, 10_000] {
        let Warm { history, analyser, statuses, next } = warm(backends);
        let saved = analyser.save(at(60.0)).unwrap_or_default();
        group.throughput(Throughput::Bytes(saved.len() as u64));
        group.bench_function(BenchmarkId::new("save", backends), |bench| {
            bench.iter(|| black_box(analyser.save(at(60.0))));
        });
        let newest: Vec<Arc<Sample>> = history.latest("db1").cloned().into_iter().collect();
        let resumed = History::resumed(usize::MAX, newest.iter().cloned(), 60);
        group.bench_function(BenchmarkId::new("restore", backends), |bench| {
            bench.iter(|| black_box(Analyser::restore(&saved, &resumed)));
        });
        let start = Checkpoint {
            at: at(60.0),
            targets: vec!["db1".into()],
            samples: newest,
            seen: 60,
            statuses,
            operations: Vec::new(),
            learned: saved.into(),
        };
        let frames: Vec<Arc<Frame>> =
            (1..=20_u32).map(|step| Arc::new(frame(&next, 60.0 + f64::from(step)))).collect();
        group.bench_function(BenchmarkId::new("step", backends), |bench| {
            bench.iter_batched_ref(
                || {
                    let mut cursor = Cursor::default();
                    let _ = cursor.moment(0, &start, &frames[..10]);
                    cursor
                },
                |cursor| black_box(cursor.moment(0, &start, &frames[..11])),
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::new("jump", backends), |bench| {
            bench.iter_batched_ref(
                Cursor::default,
                |cursor| black_box(cursor.moment(0, &start, &frames)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// The same rows at that second.
fn frame(sample: &Sample, second: f64) -> Frame {
    let sample = Sample { at: at(second), received_at: at(second), ..sample.clone() };
    Frame {
        at: at(second),
        samples: vec![Arc::new(sample)],
        statuses: vec![status("db1", TargetKind::Postgres)],
        events: Vec::new(),
        operations: Vec::new(),
    }
}

criterion_group!(benches, analyse, join, past);
criterion_main!(benches);
