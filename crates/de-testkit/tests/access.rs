//! Tokens of Cloudflare Access: what holds, what does not, and when the team's keys are read.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use de_core::{
    auth::{
        access_keys,
        access_token::{AccessTeam, AccessToken, AccessTokenError, KeySet, presented},
    },
    http::error::{ApiError, Code},
    ports::Platform,
};
use de_testkit::{
    access::{AUDIENCE, TestSigner, TestTeam, claims},
    clock::FakeClock,
    fetch::ReqwestFetch,
    platform::{START, TestPlatform},
};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;

fn team() -> AccessTeam {
    AccessTeam::read("acme.cloudflareaccess.com", AUDIENCE).unwrap()
}

fn signer() -> TestSigner {
    TestSigner::of_fixture("first", "k1")
}

fn list(signers: &[&TestSigner]) -> KeySet {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// The only place that reads a token.
fn read(token: &str) -> Result<String, AccessTokenError> {
    AccessToken::parse(token)?.email(&list(&[&signer()]), &team(), START)
}

/// A token whose claims differ in this; null takes one out.
fn with(change: &Value) -> String {
    let mut said = claims(&team(), "Ada@Example.com", START);
    let members = said.as_object_mut().unwrap();
    members.extend(change.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    signer().token(&said)
}

#[test]
fn a_token_of_the_team_names_its_person_in_lower_case() {
    let token = with(&json!({}));
    assert_eq!(AccessToken::parse(&token).unwrap().kid(), "k1");
    assert_eq!(read(&token), Ok("ada@example.com".to_owned()));
    // One audience may stand alone, and `nbf` may be missing.
    assert_eq!(
        read(&with(&json!({"aud": AUDIENCE, "nbf": null}))),
        Ok("ada@example.com".to_owned())
    );
}

#[test]
fn claims_that_do_not_hold_are_refused() {
    let now_s = START.0 / 1_000;
    let rows = [
        (json!({"aud": ["other"]}), AccessTokenError::Audience),
        (json!({"aud": []}), AccessTokenError::Audience),
        (json!({"aud": null}), AccessTokenError::Malformed),
        (json!({"type": "org"}), AccessTokenError::Audience),
        (json!({"iss": "https://other.cloudflareaccess.com"}), AccessTokenError::Issuer),
        (json!({"iss": "https://acme.cloudflareaccess.com/"}), AccessTokenError::Issuer),
        (json!({"iss": null}), AccessTokenError::Malformed),
        (json!({"exp": now_s - 30}), AccessTokenError::Expired),
        (json!({"exp": null}), AccessTokenError::Malformed),
        (json!({"exp": "tomorrow"}), AccessTokenError::Malformed),
        (json!({"exp": 1e30}), AccessTokenError::Malformed),
        (json!({"exp": i64::MIN}), AccessTokenError::Expired),
        (json!({"nbf": now_s + 31}), AccessTokenError::TooEarly),
        (json!({"iat": now_s + 31}), AccessTokenError::TooEarly),
        (json!({"iat": null}), AccessTokenError::Malformed),
        (json!({"email": null, "common_name": "robot.access"}), AccessTokenError::NoEmail),
        (json!({"email": ""}), AccessTokenError::NoEmail),
        (json!({"email": "x".repeat(255)}), AccessTokenError::NoEmail),
        (json!({"email": ["a@b.c"]}), AccessTokenError::Malformed),
    ];
    for (change, expected) in rows {
        assert_eq!(read(&with(&change)), Err(expected), "{change}");
    }
    // Our clock and theirs may be half a minute apart.
    for change in [json!({"exp": now_s - 29}), json!({"nbf": now_s + 30, "iat": now_s + 30})] {
        assert!(read(&with(&change)).is_ok(), "{change}");
    }
}

#[test]
fn what_the_team_did_not_sign_is_refused() {
    let good = with(&json!({}));
    let said = claims(&team(), "ada@example.com", START);
    let other = TestSigner::of_fixture("second", "k1").token(&said);
    assert_eq!(read(&other), Err(AccessTokenError::Signature), "another key under this name");
    let unknown = TestSigner::of_fixture("second", "k2").token(&said);
    assert_eq!(read(&unknown), Err(AccessTokenError::UnknownKey));
    // Someone else's claims over a good signature.
    let parts: Vec<&str> = good.split('.').collect();
    let mut forged = said.clone();
    forged["email"] = "root@example.com".into();
    let payload = URL_SAFE_NO_PAD.encode(forged.to_string());
    let forged = format!("{}.{payload}.{}", parts[0], parts[2]);
    assert_eq!(read(&forged), Err(AccessTokenError::Signature));
    for signature in ["", "AAAA", &"A".repeat(343), &parts[2][4..]] {
        let token = format!("{}.{}.{signature}", parts[0], parts[1]);
        assert_eq!(read(&token), Err(AccessTokenError::Signature), "{signature}");
    }
}

#[test]
fn only_rs256_is_a_signature() {
    let said = claims(&team(), "ada@example.com", START).to_string();
    for alg in ["none", "None", "", "HS256", "RS384", "RS512", "PS256", "ES256", "rs256"] {
        let token = signer().signed(&json!({"alg": alg, "kid": "k1"}), &said);
        assert_eq!(read(&token), Err(AccessTokenError::Algorithm), "{alg}");
    }
    // HMAC with what everybody can read: the public key. The header may say what it wants.
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", part(r#"{"alg":"RS256","kid":"k1"}"#), part(&said));
    let digest = <Sha256 as sha2::Digest>::digest(signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(digest));
    assert_eq!(read(&token), Err(AccessTokenError::Signature));
}

#[test]
fn what_is_no_token_is_malformed() {
    let said = claims(&team(), "ada@example.com", START).to_string();
    let header = json!({"alg": "RS256", "kid": "k1"});
    let twice = said.replacen('{', r#"{"email":"root@example.com","#, 1);
    let rows = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "e30.e30.AAAA".to_owned(),
        with(&json!({"padding": "x".repeat(9_000)})),
        format!("{}.more", with(&json!({}))),
        with(&json!({})).replacen('.', "=.", 1),
        signer().signed(&json!({"alg": "RS256"}), &said),
        signer().signed(&json!({"alg": "RS256", "kid": 1}), &said),
        signer().signed(&json!({"alg": "RS256", "kid": "k1", "crit": ["b64"]}), &said),
        signer().signed(&json!(["RS256"]), &said),
        signer().signed(&header, "not JSON"),
        signer().signed(&header, "[]"),
        signer().signed(&header, &twice),
        signer().signed(&header, "\u{0}"),
    ];
    for token in rows {
        assert_eq!(read(&token), Err(AccessTokenError::Malformed), "{token:.80}");
    }
}

#[test]
fn the_team_is_read_from_what_the_operator_wrote() {
    for domain in ["acme.cloudflareaccess.com", " https://acme.cloudflareaccess.com/ "] {
        assert_eq!(AccessTeam::read(domain, &format!("{AUDIENCE}, ")), Some(team()), "{domain}");
    }
    let local = AccessTeam::read("http://127.0.0.1:9000", "a, b").unwrap();
    assert_eq!((local.domain.as_str(), local.audiences.len()), ("http://127.0.0.1:9000", 2));
    for (domain, audiences) in [("", "a"), ("acme.cloudflareaccess.com", " , "), ("file:///x", "a")]
    {
        assert_eq!(AccessTeam::read(domain, audiences), None, "{domain}");
    }
}

#[test]
fn only_keys_for_rs256_are_taken_from_the_list() {
    let good = signer().jwk();
    let changed = |change: &Value| {
        let mut jwk = good.clone();
        jwk.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        jwk
    };
    let short = URL_SAFE_NO_PAD.encode([0xff_u8; 128]);
    let long = URL_SAFE_NO_PAD.encode([0xff_u8; 1_024]);
    let even = URL_SAFE_NO_PAD.encode([0xfe_u8; 256]);
    for bad in [
        changed(&json!({"kty": "EC"})),
        changed(&json!({"kty": "oct", "k": "AAAA"})),
        changed(&json!({"alg": "RS512"})),
        changed(&json!({"use": "enc"})),
        changed(&json!({"n": short})),
        changed(&json!({"n": long})),
        changed(&json!({"n": even})),
        changed(&json!({"n": ""})),
        changed(&json!({"n": "%%"})),
        changed(&json!({"e": ""})),
        changed(&json!({"e": "AQ"})),
        changed(&json!({"e": URL_SAFE_NO_PAD.encode([1; 9])})),
        changed(&json!({"kid": null})),
        json!(null),
    ] {
        let text = json!({ "keys": [bad] }).to_string();
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text:.200}");
        let beside = json!({ "keys": [bad, changed(&json!({"kid": "k2"}))] }).to_string();
        let keys = KeySet::parse(beside.as_bytes()).unwrap();
        assert!(keys.has("k2") && !keys.has("k1"), "{beside:.200}");
    }
    // The largest that are: 4,096 bits, and an exponent of 32.
    for large in [json!({"n": URL_SAFE_NO_PAD.encode([0xff_u8; 512])}), json!({"e": "_____w"})] {
        let text = json!({ "keys": [changed(&large)] }).to_string();
        assert!(KeySet::parse(text.as_bytes()).unwrap().has("k1"), "{text:.200}");
    }
    for bad in ["", "{}", "[]", r#"{"keys": {}}"#, r#"{"keys": []}"#, "<html>"] {
        assert!(KeySet::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn the_header_counts_before_the_cookie() {
    let mut headers = HeaderMap::new();
    assert_eq!(presented(&headers), None);
    headers.insert("cookie", HeaderValue::from_static("a=b; CF_Authorization=c.d.e"));
    assert_eq!(presented(&headers), Some("c.d.e"));
    headers.insert("cf-access-jwt-assertion", HeaderValue::from_static("f.g.h"));
    assert_eq!(presented(&headers), Some("f.g.h"));
}

/// A platform that reads keys from a team on loopback.
struct World {
    isolate: Platform,
    team: TestTeam,
    test: TestPlatform,
}

impl World {
    async fn new(signers: &[&TestSigner]) -> Self {
        let team = TestTeam::start(signers).await.unwrap();
        let test = TestPlatform::builder()
            .clock(FakeClock::at(START))
            .access(team.team(), Some(team.port()))
            .fetch(|background| Arc::new(ReqwestFetch::new(background).unwrap()))
            .build()
            .await
            .unwrap();
        Self { isolate: test.another_isolate(), team, test }
    }

    async fn keys(&self, kid: &str) -> Result<Arc<KeySet>, ApiError> {
        let team = self.isolate.settings.access.clone().unwrap();
        access_keys::keys(&self.isolate, &team, kid).await
    }

    async fn has(&self, kid: &str) -> bool {
        self.keys(kid).await.unwrap().has(kid)
    }

    async fn unavailable(&self, kid: &str) -> String {
        let error = self.keys(kid).await.unwrap_err();
        assert_eq!(error.code(), Code::ProviderUnavailable);
        error.cause().unwrap().to_owned()
    }

    fn advance_s(&self, seconds: u64) {
        self.test.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn the_list_is_kept_for_an_hour_and_read_anew_for_a_new_key_once_a_minute() {
    let (first, second) = (signer(), TestSigner::of_fixture("second", "k2"));
    let world = World::new(&[&first]).await;
    assert!(world.has("k1").await && world.has("k1").await);
    assert_eq!(world.team.asked(), 1);
    // A name that somebody made up, a moment after the list was read.
    assert!(!world.has("k2").await);
    assert_eq!(world.team.asked(), 1);
    world.team.publish(&[&first, &second]);
    world.advance_s(59);
    assert!(!world.has("k2").await);
    assert_eq!(world.team.asked(), 1);
    world.advance_s(1);
    assert!(world.has("k2").await);
    assert_eq!(world.team.asked(), 2);
    for n in 0..20 {
        assert!(!world.has(&format!("made-up-{n}")).await);
    }
    assert_eq!(world.team.asked(), 2);
    // A key that is gone is believed for no more than an hour.
    world.team.publish(&[&second]);
    world.advance_s(3_599);
    assert!(world.has("k1").await);
    world.advance_s(1);
    assert!(!world.has("k1").await && world.has("k2").await);
    assert_eq!(world.team.asked(), 3);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_our_failure_and_asked_for_again_soon() {
    let first = signer();
    let world = World::new(&[&first]).await;
    world.team.answer(500, json!({}));
    assert!(world.unavailable("k1").await.ends_with("it answered 500"));
    world.advance_s(9);
    assert!(world.unavailable("k1").await.ends_with("a moment ago"));
    assert_eq!(world.team.asked(), 1);
    world.advance_s(1);
    world.team.answer(200, json!({"keys": []}));
    assert!(world.unavailable("k1").await.contains("none that can be used"));
    world.advance_s(10);
    world.team.answer(200, json!({"keys": [], "more": "x".repeat(70_000)}));
    assert!(world.unavailable("k1").await.ends_with("it is too large"));
    world.advance_s(10);
    // A list has certificates beside its keys, and is some kilobytes long.
    world.team.answer(200, json!({"keys": [first.jwk()], "more": "x".repeat(60_000)}));
    assert!(world.has("k1").await);
    // A failure of the search for a new key leaves the known ones.
    world.team.answer(500, json!({}));
    world.advance_s(60);
    world.unavailable("k2").await;
    assert!(world.has("k1").await);
}

#[tokio::test]
async fn keys_are_read_only_where_anything_may_be_called() {
    let first = signer();
    let team = TestTeam::start(&[&first]).await.unwrap();
    let test = TestPlatform::builder()
        .access(team.team(), None)
        .fetch(|background| Arc::new(ReqwestFetch::new(background).unwrap()))
        .build()
        .await
        .unwrap();
    let known = test.platform.settings.access.clone().unwrap();
    let error = access_keys::keys(&test.platform, &known, "k1").await.unwrap_err();
    assert!(error.cause().unwrap().contains("is not a public host name"));
    assert_eq!(team.asked(), 0);
}

#[tokio::test]
async fn a_team_that_does_not_answer_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let team = AccessTeam::read(&format!("http://127.0.0.1:{port}"), AUDIENCE).unwrap();
    let test = TestPlatform::builder()
        .clock(FakeClock::at(START))
        .access(team.clone(), Some(port))
        .fetch(|background| Arc::new(ReqwestFetch::new(background).unwrap()))
        .build()
        .await
        .unwrap();
    let asking = {
        let platform = test.platform.clone();
        tokio::spawn(async move { access_keys::keys(&platform, &team, "k1").await.map(drop) })
    };
    // The connection is there, and nothing more will come.
    tokio::task::spawn_blocking(move || listener.accept().map(|(stream, _)| (listener, stream)))
        .await
        .unwrap()
        .unwrap();
    test.clock.advance(Duration::from_secs(5));
    let error = asking.await.unwrap().unwrap_err();
    assert!(error.cause().unwrap().ends_with("it did not come in time"));
}
