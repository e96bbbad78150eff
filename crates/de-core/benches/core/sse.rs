//! Events out of bytes, by the size of an event and by how the bytes are cut.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use de_core::sse::{Decoder, encode};

/// Bytes of data in all, whatever the size of an event.
const ALL: usize = 1 << 20;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse");
    for size in [100, 1_000, 100_000] {
        let stream = encode(None, &"x".repeat(size)).repeat(ALL / size);
        group.throughput(Throughput::Bytes(stream.len().try_into().unwrap()));
        for cut in [64, 1_500, 65_536] {
            let name = BenchmarkId::new(format!("events of {size} bytes"), format!("cut at {cut}"));
            group.bench_function(name, |b| {
                b.iter(|| {
                    let mut decoder = Decoder::default();
                    let chunks = black_box(stream.as_bytes()).chunks(cut);
                    chunks.map(|chunk| decoder.push(chunk).len()).sum::<usize>()
                });
            });
        }
    }
    group.finish();
}
