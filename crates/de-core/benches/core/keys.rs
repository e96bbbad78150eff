//! A caller's key: its form, checksum and digest. A vendor's: opened from what the row holds.

use std::hint::black_box;

use criterion::Criterion;
use de_core::{
    auth::{
        api_key::{ApiKey, KeyKind, digest},
        vault,
    },
    ids::{InstanceId, ProviderId},
    ports::{Entropy, Settings},
    secret::Secret,
};

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("keys");
    let made = ApiKey::make(KeyKind::Live, &Sevens).secret;
    let text = made.expose();
    let other = |letter: char| if letter == 'a' { 'b' } else { 'a' };
    let typo =
        text.char_indices().map(|(at, letter)| if at == 20 { other(letter) } else { letter });
    let typo: String = typo.collect();
    group
        .bench_function("form, checksum and digest", |b| b.iter(|| ApiKey::parse(black_box(text))));
    group.bench_function("a typing error in one", |b| {
        b.iter(|| ApiKey::parse(black_box(&typo)).is_err())
    });
    group.bench_function("digest alone", |b| b.iter(|| digest(black_box(text))));

    let settings = Settings {
        master_keys: vec![(1, Secret::new("a master secret of thirty-two bytes".to_owned()))],
        ..Settings::default()
    };
    let (instance, provider) =
        (InstanceId::parse("inst_bench").unwrap(), ProviderId::parse("openai").unwrap());
    let key = Secret::new("sk-".to_owned() + &"x".repeat(48));
    let sealed = vault::seal(&settings, &Sevens, &instance, &provider, &key).unwrap();
    group.bench_function("a vendor's key, opened", |b| {
        b.iter(|| vault::open(&settings, &instance, &provider, black_box(&sealed)).unwrap());
    });
    group.finish();
}
