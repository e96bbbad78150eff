//! One call's share: leased, settled, in windows that remember more or fewer calls.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion};
use de_core::{
    ids::LeaseId,
    limits::{
        Epochs, Kind, Limit, Limiter, Policy, Scope, ScopeKind, Span,
        wire::{Grant, LeaseRequest as Ask, Need, SettleRequest, Spent},
    },
    time::UnixMillis,
};

const MANY: u64 = 1 << 39;
const EPOCHS: Epochs = Epochs { catalogue: 1, tenant: 1 };
/// How many calls the window has when one more comes.
const BEFORE: [u32; 3] = [0, 1_000, 30_000];

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limits");
    for before in BEFORE {
        let full = filled(before);
        group.bench_with_input(BenchmarkId::new("lease", before), &full, |b, full| {
            b.iter_batched_ref(
                || full.clone(),
                |limiter| lease(limiter, before + 1),
                BatchSize::LargeInput,
            );
        });
        let mut leased = full.clone();
        lease(&mut leased, before + 1);
        group.bench_with_input(BenchmarkId::new("settle", before), &leased, |b, leased| {
            b.iter_batched_ref(
                || leased.clone(),
                |limiter| settle(limiter, before + 1),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// A limiter whose minute has seen so many calls, all of them settled.
fn filled(calls: u32) -> Limiter {
    let mut limiter = Limiter::default();
    let limits = [Kind::Requests(Span::Minute), Kind::Tokens(Span::Minute), Kind::Concurrent];
    let limits = limits.map(|kind| Limit::new(key(), kind, MANY)).to_vec();
    let policy = Policy { catalogue_epoch: 1, limits, tenant_epoch: 1, ..Policy::default() };
    limiter.set_policy(UnixMillis(0), policy);
    for number in 1..=calls {
        lease(&mut limiter, number);
        settle(&mut limiter, number);
    }
    limiter
}

fn key() -> Scope {
    Scope::new(ScopeKind::Key, "key_1")
}

fn id(number: u32) -> LeaseId {
    LeaseId::parse(&format!("lease_{number}")).unwrap()
}

/// Two calls a millisecond: 30,000 of them are within one minute.
fn at(number: u32) -> UnixMillis {
    UnixMillis(i64::from(number / 2))
}

fn lease(limiter: &mut Limiter, number: u32) {
    let ask = Ask {
        deadline_ms: Some(60_000),
        epochs: EPOCHS,
        extra: Need::default(),
        lease_id: id(number),
        need: Need { micros: Some(0), requests: 1, slots: 1, tokens: 500 },
        news: Vec::new(),
        scopes: vec![key()],
    };
    let grant = limiter.lease(at(number), black_box(&ask));
    assert!(matches!(grant, Grant::Granted(_)));
}

fn settle(limiter: &mut Limiter, number: u32) {
    let spent = Spent { requests: 1, tokens: 120, ..Spent::default() };
    let report = SettleRequest::of_one(id(number), spent);
    black_box(limiter.settle(at(number), black_box(&report)));
}
