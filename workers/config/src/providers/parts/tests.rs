//! What a provider may be, field by field.

use de_core::{ids::OrganizationId, ports::Settings, time::UnixMillis};
use serde_json::json;

use super::super::{Held, blank};
use crate::resource::{Fields, Resource};

const SEEDS: &str = include_str!("../../../../../seeds/providers.json");

fn held() -> Held {
    let organization = OrganizationId::parse("org_1").ok();
    let row = blank(None, organization, UnixMillis(0)).unwrap();
    Held { row, settings: Settings::default().into() }
}

/// The fields that are complained of, in order; none if all is well.
fn wrong(body: &serde_json::Value) -> Vec<String> {
    let fields = Fields::of(body.as_object().cloned().unwrap_or_default());
    let Err(error) = held().apply(fields, UnixMillis(0)) else { return Vec::new() };
    let fields = error.details()["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().filter_map(|field| field["field"].as_str().map(str::to_owned)).collect()
}

#[test]
fn every_seed_could_be_saved() {
    let seeds: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(SEEDS).unwrap();
    for mut seed in seeds {
        seed.shift_remove("id");
        let mut held = held();
        let saved = held.apply(Fields::of(seed.clone()), UnixMillis(0));
        assert!(saved.is_ok(), "{seed:?}: {saved:?}");
        let shown = json!(held.shown());
        for (name, value) in seed.iter().filter(|(name, _)| *name != "key_test") {
            assert_eq!(&shown[name], value);
        }
    }
}

#[test]
fn s01_a_header_is_no_place_for_a_key() {
    for name in [
        "authorization",
        "Authorization",
        "proxy-authorization",
        "x-api-key",
        "Api-Key",
        "xi-api-key",
        "x-goog-api-key",
    ] {
        assert_eq!(wrong(&json!({"headers": {name: "v"}})), [format!("/headers/{name}")]);
    }
    for value in ["sk-proj-abcdefghij", "Bearer sk-abc", "0123456789abcdef0123456789abcdef"] {
        assert_eq!(wrong(&json!({"headers": {"x-extra": value}})), ["/headers/x-extra"], "{value}");
    }
    let own = json!({"auth": {"kind": "header", "name": "X-Mine"}, "headers": {"x-mine": "v"}});
    assert_eq!(wrong(&own), ["/headers/x-mine"]);
}

#[test]
fn s01_a_header_of_the_connection_stays_ours() {
    for name in [
        "host",
        "Host",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "accept-encoding",
        "cookie",
        "cf-connecting-ip",
        "x-forwarded-for",
    ] {
        assert_eq!(wrong(&json!({"headers": {name: "v"}})), [format!("/headers/{name}")]);
        assert_eq!(wrong(&json!({"auth": {"kind": "header", "name": name}})), ["/auth/name"]);
    }
    for (name, value) in [
        ("a b", json!("v")),
        ("a", json!("v\r\nhost: x")),
        ("a", json!("")),
        ("a", json!(" v")),
        ("a", json!("é")),
        ("a", json!(1)),
        ("", json!("v")),
    ] {
        assert_eq!(wrong(&json!({"headers": {name: value}})), [format!("/headers/{name}")]);
    }
    assert_eq!(wrong(&json!({"headers": {"A": "1", "a": "2"}})), ["/headers/a"]);
    let many: serde_json::Map<_, _> = (0..21).map(|n| (format!("x-{n}"), json!("v"))).collect();
    assert_eq!(wrong(&json!({"headers": many})), ["/headers"]);
}

#[test]
fn how_a_key_is_wanted_is_read_part_by_part() {
    for good in [
        json!({"kind": "bearer"}),
        json!({"kind": "header", "name": "Authorization"}),
        json!({"kind": "header", "name": "Authorization", "prefix": "Key "}),
        json!({"kind": "header", "name": "x-key", "prefix": null}),
        json!({"kind": "query", "name": "key"}),
    ] {
        assert_eq!(wrong(&json!({"auth": good})), [""; 0], "{good}");
    }
    let rows: [(serde_json::Value, &[&str]); 12] = [
        (json!(null), &["/auth"]),
        (json!("bearer"), &["/auth"]),
        (json!({}), &["/auth/kind"]),
        (json!({"kind": "basic"}), &["/auth/kind"]),
        (json!({"kind": "bearer", "name": "x"}), &["/auth/name"]),
        (json!({"kind": "header"}), &["/auth/name"]),
        (json!({"kind": "header", "name": "a b", "prefix": ""}), &["/auth/name", "/auth/prefix"]),
        (json!({"kind": "header", "name": "a", "prefix": "sk-abc"}), &["/auth/prefix"]),
        (json!({"kind": "header", "name": "a", "prefix": "x\r\n"}), &["/auth/prefix"]),
        (json!({"kind": "query", "name": "a&b"}), &["/auth/name"]),
        (json!({"kind": "query", "name": 1}), &["/auth/name"]),
        (json!({"kind": "query", "name": "k", "secret": "x"}), &["/auth/secret"]),
    ];
    for (auth, expected) in rows {
        assert_eq!(wrong(&json!({"auth": auth})), expected, "{auth}");
    }
}

#[test]
fn c31_everything_that_is_wrong_with_a_provider_is_told_at_once() {
    let body = json!({
        "display_name": "", "base_url": "http://10.0.0.1/", "allowed_hosts": ["a.example", "10.1"],
        "auth": {"kind": "x"}, "headers": {"host": "x"},
        "protocol_defaults": {"takes_user": 1, "seed_field": "x", "max_tokens_field": "max_tokens", "y": 1},
        "key_test": {"method": "POST", "path": "//evil.example", "z": 1}, "seeded": 1,
    });
    let expected = [
        "/display_name",
        "/base_url",
        "/allowed_hosts/1",
        "/auth/kind",
        "/headers/host",
        "/protocol_defaults/takes_user",
        "/protocol_defaults/seed_field",
        "/protocol_defaults/y",
        "/key_test/method",
        "/key_test/path",
        "/key_test/z",
        "/seeded",
    ];
    assert_eq!(wrong(&body), expected);
    assert_eq!(wrong(&json!({"key_test": null, "headers": null, "allowed_hosts": null})), [""; 0]);
}
