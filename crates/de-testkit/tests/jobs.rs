//! What becomes of jobs: on their way, when they are cut off, and when their vendors fail.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "jobs/interleavings.rs"]
mod interleavings;
#[path = "jobs/scene.rs"]
mod scene;
#[path = "jobs/troubles.rs"]
mod troubles;

use std::time::Duration;

use de_core::{
    http::error::Code,
    jobs::{Stage, View},
    limits::Epochs,
    ports::{Arg, Clock, Database, Jobs, PortError, Statement},
    store::epochs::{EpochScope, bump},
};
use de_testkit::fetch::Answer;
use http::{HeaderValue, Method};
use serde_json::json;

use crate::scene::{DRAWN, PNG, POLLED, Scene, drawn, ordered, ordered_as, png};

#[tokio::test(start_paused = true)]
async fn a_picture_is_bought_kept_and_billed() {
    let scene = Scene::new().await;
    scene.vendor([drawn("https://files.example.com/1.png"), png()]);
    let view = scene.buy(DRAWN).await.unwrap();
    assert_eq!((view.status.as_str(), view.progress), ("succeeded", Some(100)));
    assert_eq!(view.outputs.len(), 1);
    let output = &view.outputs[0];
    assert_eq!((output.content_type.as_str(), output.width), ("image/png", Some(1_280)));
    assert_eq!(view.cost_micros.map(|cost| cost.0), Some(80_000));
    scene.settled(&view).await;
    let receipt = scene.receipt();
    assert_eq!(
        (receipt["status"].as_str(), receipt["cost_micros"].as_i64()),
        (Some("ok"), Some(80_000))
    );
    assert_eq!(receipt["estimated"], 0);
    assert_eq!(receipt["receipt_id"], view.receipt_id.as_str());
    let row = scene.row(&view);
    assert_eq!(
        (row["status"].as_str(), row["modality"].as_str()),
        (Some("succeeded"), Some("image"))
    );
    let asset = scene.only("assets");
    assert_eq!(
        (asset["job_id"].as_str(), asset["cost_micros"].as_i64()),
        (Some(view.id.as_str()), Some(80_000))
    );
    assert_eq!(scene.made.blobs.keys(), [asset["storage_key"].as_str().unwrap()]);
    // Without the vendor's key, and through nobody else.
    let fetched = &scene.made.fetch.sent()[1];
    assert_eq!((fetched.method.clone(), fetched.header("api-key")), (Method::GET, ""));
}

#[tokio::test(start_paused = true)]
async fn an_order_is_asked_about_until_it_is_done() {
    let scene = Scene::new().await;
    let link = "https://files.example.com/2.png";
    let slow = png().head_after(Duration::from_secs(1));
    scene.vendor([ordered_as("starting"), ordered_as("processing"), ordered(link), slow]);
    let begun = scene.begin(POLLED).await.unwrap();
    assert_eq!(begun.status, "queued");
    let mut seen = vec![begun.status.clone()];
    let mut view = begun;
    while !view.is_over() {
        let newer = scene.made.jobs.watch(&view.id, view.revision, Duration::from_secs(30)).await;
        view = newer.unwrap().unwrap();
        seen.push(view.status.clone());
        if view.status == "running" {
            assert_eq!(view.provider_job_id.as_deref(), Some("p1"));
        }
    }
    seen.dedup();
    assert!(
        seen.ends_with(&["running".to_owned(), "copying".to_owned(), "succeeded".to_owned()]),
        "{seen:?}"
    );
    assert_eq!(scene.orders(), 1);
    assert_eq!(scene.made.fetch.sent()[1].url.path(), "/v1/predictions/p1");
    scene.settled(&view).await;
    assert_eq!(scene.receipt()["cost_micros"], 50_000);
}

#[tokio::test(start_paused = true)]
async fn what_an_order_leaves_out_stays_with_its_job_by_the_callers_word() {
    for (word, is_told_why) in [("drop", false), ("warn", true)] {
        let mut scene = Scene::new().await;
        scene.headers.insert("x-de-on-unsupported", HeaderValue::from_static(word));
        scene.options.insert("odd".to_owned(), json!(1));
        scene.vendor([ordered_as("starting"), ordered("https://files.example.com/1.png"), png()]);
        let begun = scene.begin(POLLED).await.unwrap();
        assert!(begun.dropped.is_empty(), "nobody serves it yet");
        let view = scene.ended(&begun).await;
        assert_eq!(
            (view.status.as_str(), view.dropped.as_slice()),
            ("succeeded", &["options/odd".to_owned()][..])
        );
        let why = "options/odd: this model's mapping does not use it".to_owned();
        assert_eq!(view.warnings, if is_told_why { vec![why] } else { Vec::new() });
        let lines = scene.made.log.lines();
        let line = lines.iter().find(|line| line.message.starts_with("the job of")).unwrap();
        assert_eq!(line.dropped, is_told_why.then_some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_leaves_out_nothing_is_refused_by_the_place_of_what_is_odd() {
    for word in ["reject", "refuse"] {
        let mut scene = Scene::new().await;
        scene.headers.insert("x-de-on-unsupported", HeaderValue::from_static(word));
        scene.options.insert("odd".to_owned(), json!(1));
        let error = scene.begin(POLLED).await.unwrap_err();
        let expected = if word == "reject" { Code::ValidationError } else { Code::InvalidRequest };
        assert_eq!(error.code(), expected);
        assert_eq!(scene.orders(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_purchase_is_made_once_however_often_it_is_asked_for() {
    let scene = Scene::new().await;
    scene.vendor([ordered("https://files.example.com/1.png"), png()]);
    let first = scene.buy(POLLED).await.unwrap();
    let again = scene.buy(POLLED).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(scene.orders(), 1);
    scene.settled(&again).await;
    scene.receipt();
    scene.nothing_is_held(1).await;
}

#[tokio::test(start_paused = true)]
async fn fifty_at_once_are_one() {
    let scene = Scene::new().await;
    scene.vendor([ordered("https://files.example.com/1.png"), png()]);
    let all = futures_util::future::join_all((0..50).map(|_| scene.buy(POLLED))).await;
    let all: Vec<View> = all.into_iter().map(Result::unwrap).collect();
    assert!(all.iter().all(|view| view.receipt_id == all[0].receipt_id));
    assert_eq!(scene.orders(), 1);
    scene.settled(&all[0]).await;
    scene.receipt();
    scene.nothing_is_held(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_of_another_instance_is_none() {
    let scene = Scene::new().await;
    scene.vendor([drawn("https://files.example.com/1.png"), png()]);
    scene.buy(DRAWN).await.unwrap();
    let stranger = scene.stranger().await;
    let refused = scene.purchase(stranger, DRAWN).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_job_cut_off_while_its_order_is_on_its_way_is_not_sent_again() {
    let scene = Scene::new().await;
    scene.vendor([Answer::ok().head_after(Duration::from_secs(5)), drawn("https://never")]);
    let begun = scene.begin(DRAWN).await.unwrap();
    scene.until(&begun, |stage| matches!(stage, Stage::Submitting)).await;
    // The request is on its way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.orders(), 1);
    scene.made.jobs.crash(&begun.id);
    let view = scene.ended(&begun).await;
    let fault = view.error.clone().unwrap();
    assert_eq!((view.status.as_str(), fault.code.as_str()), ("failed", "OUTCOME_UNKNOWN"));
    assert_eq!(scene.orders(), 1);
    let receipt = scene.receipt();
    assert_eq!(
        (receipt["estimated"].as_i64(), receipt["cost_micros"].as_i64()),
        (Some(1), Some(80_000))
    );
    assert_eq!(receipt["error_code"], "OUTCOME_UNKNOWN");
    // Asked for again, it is the same job with the same end.
    assert_eq!(scene.buy(DRAWN).await.unwrap_err().code(), Code::OutcomeUnknown);
    assert_eq!(scene.orders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_cut_off_later_goes_on() {
    let link = "https://files.example.com/2.png";
    // While it runs.
    let scene = Scene::new().await;
    scene.vendor([ordered_as("starting"), ordered(link), png()]);
    let begun = scene.begin(POLLED).await.unwrap();
    scene.until(&begun, |stage| matches!(stage, Stage::Running { .. })).await;
    scene.made.jobs.crash(&begun.id);
    let view = scene.ended(&begun).await;
    assert_eq!((view.status.as_str(), scene.orders()), ("succeeded", 1));
    scene.receipt();
    scene.only("assets");
    // While its result is on its way home.
    let scene = Scene::new().await;
    let half = Answer::ok().chunk(&PNG[..10]).pause(Duration::from_secs(9)).chunk(&PNG[10..]);
    scene.vendor([ordered_as("starting"), ordered(link), half, png()]);
    let begun = scene.begin(POLLED).await.unwrap();
    scene.until(&begun, |stage| matches!(stage, Stage::Copying { .. })).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.made.jobs.crash(&begun.id);
    let view = scene.ended(&begun).await;
    assert_eq!((view.status.as_str(), scene.orders()), ("succeeded", 1));
    scene.receipt();
    scene.only("assets");
    assert_eq!(scene.made.blobs.keys().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_cancelled_stops_at_its_vendor_too() {
    let scene = Scene::new().await;
    scene.vendor([ordered_as("starting"), ordered_as("canceled")]);
    let begun = scene.begin(POLLED).await.unwrap();
    scene.until(&begun, |stage| matches!(stage, Stage::Running { .. })).await;
    scene.made.jobs.cancel(&begun.id).await.unwrap().unwrap();
    let view = scene.ended(&begun).await;
    assert_eq!((view.status.as_str(), view.error.clone()), ("cancelled", None));
    let last = scene.made.fetch.sent().pop().unwrap();
    assert_eq!((last.method, last.url.path()), (Method::POST, "/v1/predictions/p1/cancel"));
    assert_eq!(scene.receipt()["status"], "cancelled");
    // What is over stays as it is.
    scene.made.jobs.cancel(&begun.id).await.unwrap();
    scene.made.jobs.crash(&begun.id);
    assert_eq!(scene.ended(&begun).await, view);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_cancelled_before_its_order_is_sent_costs_nothing() {
    let scene = Scene::new().await;
    // Its object is asleep until it is started.
    scene.made.jobs.set_holding(true);
    let begun = scene.begin(POLLED).await.unwrap();
    scene.made.jobs.cancel(&begun.id).await.unwrap().unwrap();
    scene.made.jobs.crash(&begun.id);
    let view = scene.ended(&begun).await;
    assert_eq!((view.status.as_str(), scene.orders()), ("cancelled", 0));
    let receipt = scene.receipt();
    assert_eq!(
        (receipt["cost_micros"].as_i64(), receipt["estimated"].as_i64()),
        (Some(0), Some(0))
    );
    // A request it was all the same.
    scene.nothing_is_held(1).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_could_not_do_costs_nothing() {
    let scene = Scene::new().await;
    let failed = json!({"id": "p1", "status": "failed", "error": "CUDA out of memory"});
    scene.vendor([ordered_as("starting"), Answer::json(200, &failed)]);
    let error = scene.buy(POLLED).await.unwrap_err();
    assert_eq!(error.code(), Code::ProviderError);
    assert_eq!(error.details()["provider_message"], "CUDA out of memory");
    assert!(error.details().contains_key("job_id"));
    scene.quiet().await;
    let receipt = scene.receipt();
    assert_eq!(
        (receipt["cost_micros"].as_i64(), receipt["estimated"].as_i64()),
        (Some(0), Some(0))
    );
}

/// Who stands before the vendor has given up waiting: the picture may be made, and billed.
#[tokio::test(start_paused = true)]
async fn an_order_of_which_nobody_knows_is_estimated_and_not_sent_again() {
    for (status, cost) in [(524, 80_000), (504, 80_000), (502, 80_000), (500, 0), (503, 0)] {
        let scene = Scene::new().await;
        // Where it is sent again, there are answers enough.
        scene.vendor((0..3).map(|_| Answer::status(status)));
        let error = scene.buy(DRAWN).await.unwrap_err();
        scene.quiet().await;
        let orders = if status == 503 { 3 } else { 1 };
        assert_eq!(scene.orders(), orders, "{status}: {error:?}");
        assert_eq!(scene.receipt()["cost_micros"], cost, "{status}");
        assert_eq!(scene.receipt()["estimated"], i64::from(cost > 0), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_be_followed_is_estimated() {
    let scene = Scene::new().await;
    let gone = || Answer::json(404, &json!({"detail": "gone"}));
    scene.vendor([ordered_as("starting"), gone(), gone(), gone(), gone(), gone(), Answer::ok()]);
    let error = scene.buy(POLLED).await.unwrap_err();
    assert_eq!(error.code(), Code::ProviderError);
    scene.quiet().await;
    let receipt = scene.receipt();
    assert_eq!(
        (receipt["cost_micros"].as_i64(), receipt["estimated"].as_i64()),
        (Some(50_000), Some(1))
    );
    // Nobody would fetch what it makes.
    let last = scene.made.fetch.sent().pop().unwrap();
    assert_eq!(last.url.path(), "/v1/predictions/p1/cancel");
}

#[tokio::test(start_paused = true)]
async fn polls_without_an_answer_and_a_key_that_is_changed_are_survived() {
    let scene = Scene::new().await;
    let refused = Answer::json(401, &json!({"detail": "Invalid token"}));
    let link = "https://files.example.com/2.png";
    scene.vendor([
        ordered_as("processing"),
        Answer::refused(),
        Answer::status(503),
        refused,
        ordered(link),
        png(),
    ]);
    let view = scene.buy(POLLED).await.unwrap();
    assert_eq!((view.status.as_str(), scene.orders()), ("succeeded", 1));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_takes_too_long_is_stopped_and_estimated() {
    let scene = Scene::new().await;
    let polls = (0..2_000).map(|_| ordered_as("processing"));
    scene.vendor(polls);
    let error = scene.buy(POLLED).await.unwrap_err();
    assert_eq!(error.code(), Code::ProviderTimeout);
    scene.quiet().await;
    let receipt = scene.receipt();
    assert_eq!(
        (receipt["cost_micros"].as_i64(), receipt["estimated"].as_i64()),
        (Some(50_000), Some(1))
    );
    let last = scene.made.fetch.sent().pop().unwrap();
    assert_eq!(last.url.path(), "/v1/predictions/p1/cancel");
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_not_what_it_should_be_is_not_kept() {
    let page = || {
        Answer::ok().header("content-type", "image/png").chunk("<!doctype html><title>No</title>")
    };
    let inward =
        || Answer::status(302).header("location", "https://169.254.169.254/latest/meta-data/");
    let large = || Answer::ok().header("content-length", "999999999999").chunk(PNG);
    let rows = [("not_media", page()), ("forbidden_address", inward()), ("too_large", large())];
    for (reason, answer) in rows {
        let scene = Scene::new().await;
        scene.vendor([drawn("https://files.example.com/1.png"), answer]);
        let error = scene.buy(DRAWN).await.unwrap_err();
        assert_eq!(error.code(), Code::ProviderMalformed, "{reason}");
        assert_eq!(error.details()["reason"], reason);
        scene.quiet().await;
        assert_eq!(scene.made.blobs.keys(), Vec::<String>::new(), "{reason}");
        assert_eq!(scene.rows("assets").len(), 0, "{reason}");
        // The vendor made it, and bills it.
        assert_eq!(scene.receipt()["cost_micros"], 80_000, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_breaks_off_is_fetched_again() {
    let scene = Scene::new().await;
    let broken = || Answer::ok().chunk(&PNG[..9]).break_off();
    scene.vendor([drawn("https://files.example.com/1.png"), broken(), Answer::status(503), png()]);
    let view = scene.buy(DRAWN).await.unwrap();
    assert_eq!(view.outputs.len(), 1);
    scene.settled(&view).await;
    scene.only("assets");
    assert_eq!(scene.made.fetch.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_deleted_while_its_picture_comes_home_has_its_price_all_the_same() {
    let scene = Scene::new().await;
    let slow = Answer::ok().chunk(&PNG[..10]).pause(Duration::from_secs(9)).chunk(&PNG[10..]);
    scene.vendor([drawn("https://files.example.com/1.png"), slow, png()]);
    let begun = scene.begin(DRAWN).await.unwrap();
    scene.until(&begun, |stage| matches!(stage, Stage::Copying { .. })).await;
    let sql = "DELETE FROM model_configs WHERE model_id = ?1";
    let mut batch = vec![Statement { args: vec![Arg::Text(DRAWN.to_owned())], sql }];
    let now = scene.made.clock.now();
    batch.extend(bump(EpochScope::of(None), now));
    scene.made.database.batch(batch).await.unwrap();
    let instance = &scene.made.tenant.tenant.instance_id;
    scene.made.platform.limiter.refresh(instance, Epochs::default()).await.unwrap();
    // What goes on is another isolate, which has not read the model.
    scene.made.jobs.crash(&begun.id);
    let view = scene.ended(&begun).await;
    assert_eq!(view.status.as_str(), "succeeded");
    assert_eq!(view.cost_micros.map(|cost| cost.0), Some(80_000));
    scene.settled(&view).await;
    assert_eq!(scene.receipt()["cost_micros"], 80_000);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_never_comes_is_given_up() {
    let scene = Scene::new().await;
    let broken = |_| Answer::ok().chunk(&PNG[..9]).break_off();
    scene.vendor(
        std::iter::once(drawn("https://files.example.com/1.png")).chain((0..20).map(broken)),
    );
    let error = scene.buy(DRAWN).await.unwrap_err();
    assert_eq!((error.code(), &error.details()["reason"]), (Code::ProviderError, &json!("broken")));
    scene.quiet().await;
    assert_eq!(scene.rows("assets").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_written_is_written_later() {
    let scene = Scene::new().await;
    let link = "https://files.example.com/2.png";
    scene.vendor([ordered_as("starting"), ordered(link), png().head_after(Duration::from_secs(2))]);
    let begun = scene.begin(POLLED).await.unwrap();
    scene.until(&begun, |stage| matches!(stage, Stage::Copying { .. })).await;
    // The row of a job that copies is written when it begins to; then the asset's three.
    scene.down_from_the_end(&begun).await;
    let view = scene.ended(&begun).await;
    assert_eq!(view.status, "succeeded");
    assert_eq!(scene.row(&view)["status"], "succeeded");
    scene.receipt();
}

#[tokio::test(start_paused = true)]
async fn a_fallback_serves_where_the_first_fails() {
    let mut scene = Scene::new().await;
    scene.headers.insert("x-de-fallback", HeaderValue::from_static(POLLED));
    let link = "https://files.example.com/2.png";
    scene.vendor([Answer::json(403, &json!({"error": "no"})), ordered(link), png()]);
    let view = scene.buy(DRAWN).await.unwrap();
    assert_eq!(view.model_id.as_ref().map(|id| id.as_str()), Some(POLLED));
    assert_eq!((view.attempts, view.cost_micros.map(|cost| cost.0)), (2, Some(50_000)));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_answer_buys_nothing_unseen() {
    let scene = Scene::new().await;
    scene.made.jobs.set_failing(true);
    let error = scene.begin(DRAWN).await.unwrap_err();
    assert_eq!(error.code(), Code::InternalError);
    assert_eq!(scene.orders(), 0);
    let gone = PortError::TimedOut { port: "jobs", after_ms: 5_000 };
    assert_eq!(
        scene.made.jobs.watch(&scene.job_id, 0, Duration::ZERO).await.unwrap_err().to_string(),
        gone.to_string()
    );
}
