//! What recording costs: time per sample, bytes per backend and sample, and finding a moment in an hour.

#![expect(clippy::expect_used, reason = "a benchmark stops at the first thing that is not as expected")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pooltop::record::fixture::{BEGIN, Server};
use pooltop::record::{Bounds, Entry, Meta, Reader, RecordPhase, Recorder};
use tokio::runtime::Runtime;

const SECOND: Duration = Duration::from_secs(1);
/// Frames of a stretch.
const STRETCH: usize = 20;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// So many frames, in stretches, of a server of which half changes from second to second.
fn material(backends: usize, frames: usize) -> Vec<Entry> {
    let mut server = Server::new(backends, backends / 2);
    let mut entries = Vec::new();
    for frame in 0..frames {
        if frame % STRETCH == 0 {
            entries.push(Entry::Start(Arc::new(server.checkpoint())));
        }
        entries.push(Entry::Frame(server.frame(SECOND)));
    }
    entries
}

async fn record(path: &Path, entries: &[Entry]) {
    let meta = Meta::new("shop", BEGIN, 1.0);
    let mut recorder = Recorder::start(path, &meta, Bounds::default()).await.expect("a new file");
    for entry in entries {
        recorder.give(entry.clone()).await;
    }
    assert_eq!(recorder.finish().await.phase, RecordPhase::Finished);
}

fn write(criterion: &mut Criterion) {
    let (runtime, directory) = (runtime(), tempfile::tempdir().expect("a directory"));
    let mut group = criterion.benchmark_group("record a sample, half of it changed");
    group.sample_size(10);
    for backends in [300, 1_000] {
        let entries = material(backends, 3 * STRETCH);
        group.throughput(Throughput::Elements(backends as u64));
        let path = directory.path().join(format!("{backends}.pooltop"));
        runtime.block_on(record(&path, &entries));
        tell_size(&path, backends);
        group.bench_function(BenchmarkId::from_parameter(backends), |bench| {
            bench.iter_custom(|iterations| {
                let mut took = Duration::ZERO;
                for n in 0..iterations.div_ceil(3 * STRETCH as u64) {
                    let path = directory.path().join(format!("{backends}-{n}.pooltop"));
                    let begun = now();
                    runtime.block_on(record(&path, &entries));
                    took += begun.elapsed();
                    std::fs::remove_file(path).expect("the file just written");
                }
                took.mul_f64(
                    iterations as f64 / (iterations.div_ceil(3 * STRETCH as u64) * 3 * STRETCH as u64) as f64,
                )
            });
        });
    }
    group.finish();
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stderr, reason = "a size is no time, so criterion cannot report it")]
fn tell_size(path: &Path, backends: usize) {
    let bytes = std::fs::metadata(path).expect("the file just written").len() as f64;
    let samples = (3 * STRETCH) as f64;
    eprintln!(
        "{backends} backends: {:.1} bytes per backend and sample, {:.0} MB an hour",
        bytes / samples / backends as f64,
        bytes / samples * 3600.0 / 1e6
    );
}

fn seek(criterion: &mut Criterion) {
    let (runtime, directory) = (runtime(), tempfile::tempdir().expect("a directory"));
    let mut group = criterion.benchmark_group("seek in an hour");
    group.sample_size(10);
    for backends in [100, 1_000] {
        let path = directory.path().join(format!("{backends}.pooltop"));
        runtime.block_on(record(&path, &material(backends, 3600)));
        let mut reader = runtime.block_on(Reader::open(&path)).expect("the file just written");
        let mut place = 0;
        group.bench_function(BenchmarkId::new("stretch_at", backends), |bench| {
            bench.iter(|| {
                place = (place + 1_234) % 3600;
                black_box(runtime.block_on(reader.stretch_at(BEGIN.plus(SECOND * place))).expect("a stretch"))
            });
        });
        group.bench_function(BenchmarkId::new("track", backends), |bench| {
            bench.iter(|| black_box(runtime.block_on(reader.track()).expect("a track")));
        });
    }
    group.finish();
}

criterion_group!(benches, write, seek);
criterion_main!(benches);
