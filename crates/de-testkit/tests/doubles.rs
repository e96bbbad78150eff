//! The doubles together: limits, relays, clients that leave.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use de_core::{
    ids::LeaseId,
    limits::{
        Epochs, Kind, Scope, ScopeKind, Span,
        wire::{Grant, LeaseReply, LeaseRequest, Need, SettleRequest, Settled, Spent},
    },
    ports::{
        Database, Departure, Fetch, Limiter, Meter, Outbound, Peers, Platform, RelayDeadlines,
        RelayEnd,
    },
    store::{epochs, limits},
};
use de_testkit::{
    client::TestClient,
    fetch::{Answer, ReqwestFetch},
    host::Host,
    peers::RouterPeers,
    platform::{START, TestPlatform},
};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Method};
use serde_json::json;
use tokio::sync::mpsc;

struct Notes(mpsc::UnboundedSender<String>);

impl Meter for Notes {
    fn seen(&mut self, bytes: &Bytes) {
        self.0.send(String::from_utf8_lossy(bytes).into()).ok();
    }

    fn end(self: Box<Self>, how: RelayEnd) -> (Option<Bytes>, BoxFuture<'static, ()>) {
        let tail = (how != RelayEnd::Whole).then(|| Bytes::from("data: sorry\n\n"));
        (tail, async move { self.0.send(format!("{how:?}")).unwrap() }.boxed())
    }
}

/// Relays what the vendor says.
async fn relayed(
    platform: Platform,
    Extension(notes): Extension<mpsc::UnboundedSender<String>>,
) -> Response {
    let request = Outbound {
        body: Bytes::new(),
        headers: HeaderMap::new(),
        method: Method::POST,
        url: "http://127.0.0.1:1/".parse().unwrap(),
    };
    let answer = platform.fetch.send(request).await.unwrap();
    let deadlines = RelayDeadlines { gap: Duration::from_secs(30), total: Duration::from_secs(60) };
    let relay = answer.body.relay(deadlines, Box::new(Notes(notes)));
    let mut response = Body::empty().into_response();
    response.extensions_mut().insert(relay);
    response
}

/// Never answers, but notices that nobody waits.
async fn waits(
    Extension(departure): Extension<Departure>,
    Extension(notes): Extension<mpsc::UnboundedSender<String>>,
) -> &'static str {
    departure.0.fired().await;
    notes.send("left".to_owned()).unwrap();
    "too late"
}

fn router(platform: Platform) -> (Router, mpsc::UnboundedReceiver<String>) {
    let (notes, noted) = mpsc::unbounded_channel();
    let router = Router::new()
        .route("/relayed", post(relayed))
        .route("/waits", get(waits))
        .route("/plain", get(|| async { "plain" }))
        .route("/panics", get(|| async { panic_now() }))
        .layer(Extension(notes))
        .layer(Extension(platform));
    (router, noted)
}

fn panic_now() -> &'static str {
    panic!("for the test")
}

async fn check_client(
    client: &TestClient,
    test: &TestPlatform,
    noted: &mut mpsc::UnboundedReceiver<String>,
) {
    let plain = client.get("/plain").await.unwrap();
    assert_eq!((plain.status, plain.text().as_str()), (200, "plain"));
    assert_eq!(client.get("/panics").await.unwrap().status, 500);

    test.fetch.answer(Answer::events().event("one").named_event("two", "2").break_off());
    let mut stream = client.stream("/relayed", &json!({})).await.unwrap();
    assert_eq!(stream.next_event().await.unwrap().data, "one");
    let two = stream.next_event().await.unwrap();
    assert_eq!((two.name.as_str(), two.data.as_str()), ("two", "2"));
    assert_eq!(stream.next_event().await.unwrap().data, "sorry");
    assert_eq!(stream.next_event().await, None);
    assert!(!stream.broken);
    for expected in ["data: one\n\n", "event: two\ndata: 2\n\n", "Broken"] {
        assert_eq!(noted.recv().await.unwrap(), expected);
    }

    // Leaves in the middle of a stream: the vendor's connection closes.
    test.fetch.answer(Answer::events().event("one").hang());
    let mut stream = client.stream("/relayed", &json!({})).await.unwrap();
    assert_eq!(stream.next_event().await.unwrap().data, "one");
    assert!(!test.fetch.sent()[1].is_closed());
    drop(stream);
    assert_eq!(noted.recv().await.unwrap(), "data: one\n\n");
    assert_eq!(noted.recv().await.unwrap(), "ClientLeft");
    assert!(test.fetch.sent()[1].is_closed());

    // Leaves before the head: the handler is told, and goes on.
    let waiting = client.get("/waits");
    assert!(tokio::time::timeout(Duration::from_millis(200), waiting).await.is_err());
    assert_eq!(noted.recv().await.unwrap(), "left");
}

#[tokio::test]
async fn a_router_in_process_behaves_as_at_an_edge() {
    let test = TestPlatform::new().await.unwrap();
    let (router, mut noted) = router(test.platform.clone());
    check_client(&TestClient::of_router(router), &test, &mut noted).await;
}

#[tokio::test]
async fn a_router_on_loopback_behaves_the_same() {
    let test = TestPlatform::new().await.unwrap();
    let (router, mut noted) = router(test.platform.clone());
    let host = Host::serve(router).await.unwrap();
    check_client(&TestClient::of_url(&host.base()).unwrap(), &test, &mut noted).await;
}

#[tokio::test]
async fn peers_hand_relays_on() {
    let test = TestPlatform::new().await.unwrap();
    let (inner, mut noted) = router(test.platform.clone());
    let peers = Arc::new(RouterPeers::default());
    peers.bind("text", inner);
    let forward = {
        let peers = peers.clone();
        move |request: axum::extract::Request| async move {
            peers.forward("text", request).await.unwrap()
        }
    };
    let client = TestClient::of_router(Router::new().fallback(forward));
    assert_eq!(client.get("/plain").await.unwrap().text(), "plain");
    test.fetch.answer(Answer::events().event("one"));
    let events = client.post("/relayed", &json!({})).await.unwrap().events();
    assert_eq!(events[0].data, "one");
    assert_eq!(noted.recv().await.unwrap(), "data: one\n\n");
    let nobody = http::Request::new(Body::empty());
    assert!(peers.forward("image", nobody).await.is_err());
}

#[tokio::test]
async fn real_fetches_stream_and_close() {
    let vendor = TestPlatform::new().await.unwrap();
    let (router, mut noted) = router(vendor.platform.clone());
    let host = Host::serve(router).await.unwrap();
    let fetch = ReqwestFetch::new(vendor.background.clone()).unwrap();
    vendor.fetch.answer(Answer::events().event("one").hang());
    let url = format!("{}/relayed", host.base()).parse().unwrap();
    let request =
        Outbound { body: Bytes::new(), headers: HeaderMap::new(), method: Method::POST, url };
    let mut answer = fetch.send(request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.chunk().await.unwrap().unwrap(), "data: one\n\n");
    drop(answer);
    assert_eq!(noted.recv().await.unwrap(), "data: one\n\n");
    assert_eq!(noted.recv().await.unwrap(), "ClientLeft");
}

fn ask(index: usize, epochs: Epochs) -> LeaseRequest {
    LeaseRequest {
        deadline_ms: None,
        epochs,
        lease_id: LeaseId::parse(&format!("lease_{index}")).unwrap(),
        extra: Need::default(),
        need: Need { micros: Some(0), requests: 1, slots: 0, tokens: 10 },
        news: Vec::new(),
        scopes: vec![Scope::new(ScopeKind::Instance, "inst_dev")],
    }
}

#[tokio::test]
async fn of_twenty_callers_at_once_five_pass_a_limit_of_five() {
    let test = TestPlatform::new().await.unwrap();
    let tenant = &test.tenant.tenant;
    let limit = limits::NewLimit {
        amount: 5,
        instance: Some(&tenant.instance_id),
        kind: Kind::Requests(Span::Minute),
        organization: &tenant.organization_id,
        scope: &Scope::new(ScopeKind::Instance, "inst_dev"),
        shadow: false,
    };
    test.database.batch(vec![limits::put(&limit, START)]).await.unwrap();
    let epochs = test.limiter.epochs(&tenant.instance_id).await.unwrap();
    let asks = (0..20).map(|index| test.limiter.lease(&tenant.instance_id, ask(index, epochs)));
    let grants = futures_util::future::join_all(asks).await;
    let passed = grants
        .iter()
        .filter(|grant| matches!(grant, Ok(LeaseReply { grant: Grant::Granted(_), .. })))
        .count();
    assert_eq!(passed, 5);

    let settle = SettleRequest {
        is_final: true,
        lease_id: LeaseId::parse("lease_0").unwrap(),
        news: Vec::new(),
        receipts: Vec::new(),
        running: None,
        seq: 1,
        spent: Spent { requests: 1, tokens: 3, ..Spent::default() },
        spent_at_model: None,
    };
    let settled = test.limiter.settle(&tenant.instance_id, settle.clone()).await.unwrap();
    assert_eq!(settled.outcome, Settled::Applied);
    let repeated = test.limiter.settle(&tenant.instance_id, settle).await.unwrap();
    assert_eq!(repeated.outcome, Settled::Repeated);
}

#[tokio::test(start_paused = true)]
async fn an_old_epoch_is_refused_after_a_change() {
    let test = TestPlatform::new().await.unwrap();
    let tenant = &test.tenant.tenant;
    let old = test.limiter.epochs(&tenant.instance_id).await.unwrap();
    let bump = epochs::bump(epochs::EpochScope::Tenant(&tenant.organization_id), START).to_vec();
    test.database.batch(bump).await.unwrap();
    let new = Epochs { tenant: old.tenant + 1, ..old };
    test.limiter.refresh(&tenant.instance_id, new).await.unwrap();
    let refused = test.limiter.lease(&tenant.instance_id, ask(1, old)).await.unwrap();
    assert_eq!(refused.grant, Grant::Stale { epochs: new });
    let granted = test.limiter.lease(&tenant.instance_id, ask(2, new)).await.unwrap();
    assert!(matches!(granted.grant, Grant::Granted(_)));

    test.limiter.set_failing(true);
    assert!(test.limiter.epochs(&tenant.instance_id).await.is_err());
}

#[tokio::test]
async fn nothing_secret_rests_in_the_clear() {
    let test = TestPlatform::new().await.unwrap();
    let dump = test.database.dump().unwrap();
    let tenant = &test.tenant;
    let ours = [&tenant.admin_key, &tenant.client_key, &tenant.revoked_key, &tenant.expired_key];
    for secret in ours.into_iter().chain(tenant.vendor_keys.values()) {
        assert!(!dump.contains(secret.expose()));
    }
}
