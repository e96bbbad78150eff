//! What a job that is paid for lives through.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use de_core::{
    calls::ImageCall,
    http::error::Code,
    ids::JobId,
    jobs::{LARGEST_RECORD, Record, Stage, Work},
    ports::{Database, Jobs, PortError, Statement},
    seeds,
    store::instances,
    time::UnixMillis,
};
use de_testkit::{fetch::Answer, platform::START};
use serde_json::{Value, json};

use crate::scene::{DRAWN, PNG, POLLED, Scene, drawn, ordered, ordered_as, png, polled};

fn data_url() -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(PNG))
}

#[tokio::test(start_paused = true)]
async fn odd_answers_to_polls_are_survived() {
    let scene = Scene::new().await;
    let page = || Answer::ok().chunk("<!doctype html><p>one moment");
    let no = |status| Answer::json(status, &json!({"detail": "no"}));
    scene.vendor([
        ordered_as("processing"),
        no(404),
        no(400),
        page(),
        page(),
        // A good one in between: it is counted anew.
        ordered_as("processing"),
        no(404),
        page(),
        no(404),
        page(),
        ordered("https://files.example.com/2.png"),
        png(),
    ]);
    let view = scene.buy(POLLED).await.unwrap();
    assert_eq!((view.status.as_str(), scene.orders()), ("succeeded", 1));
}

/// The last try at a message comes after a day, and it is told again by hand for longer: its links have to be good
/// then, but not beyond what they lead to.
#[tokio::test(start_paused = true)]
async fn links_in_messages_are_good_for_a_week_or_as_long_as_the_asset() {
    for (retention, days) in [("NULL", 7), ("1", 1), ("30", 7)] {
        let scene = Scene::new().await;
        let sql = match retention {
            "1" => "UPDATE instances SET retention_days = 1",
            "30" => "UPDATE instances SET retention_days = 30",
            _ => "UPDATE instances SET retention_days = NULL",
        };
        let hook = "INSERT INTO webhooks (id, organization_id, instance_id, url, sealed, created_at, updated_at)
             VALUES ('whk_1', 'org_dev', 'inst_dev', 'https://shop.example.com/hooks', 'v1.a.b', 1, 1)";
        let event =
            "INSERT INTO webhook_events (webhook_id, event_type) VALUES ('whk_1', 'job.succeeded')";
        for sql in [sql, hook, event] {
            let args = Vec::new();
            scene.made.database.batch(vec![Statement { args, sql }]).await.unwrap();
        }
        scene.vendor([ordered_as("processing"), ordered(&data_url())]);
        let view = scene.buy(POLLED).await.unwrap();
        scene.settled(&view).await;
        let message = scene.only("webhook_deliveries");
        let payload: Value = serde_json::from_str(message["payload"].as_str().unwrap()).unwrap();
        let output = &payload["data"]["job"]["outputs"][0];
        let ends = output["url_expires_at"].as_str().unwrap();
        let ends = UnixMillis::parse_rfc3339(ends).unwrap();
        let good_for = ends.since(view.finished_at.unwrap().0);
        let expected = days * 86_400_000;
        assert!((expected - 10_000..=expected).contains(&good_for), "{retention}: {output}");
        assert_eq!(output["expires_at"].is_null(), retention == "NULL", "{output}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_at_hand_outlives_a_database_that_is_down() {
    let scene = Scene::new().await;
    scene.vendor([ordered_as("processing"), ordered(&data_url())]);
    let begun = scene.begin(POLLED).await.unwrap();
    scene.until(&begun, |stage| matches!(stage, Stage::Running { .. })).await;
    for _ in 0..4 {
        let message = "it is down".to_owned();
        scene.made.database.fail_next(PortError::Failed { port: "database", message });
    }
    let view = scene.ended(&begun).await;
    assert_eq!((view.status.as_str(), view.outputs.len()), ("succeeded", 1));
    scene.only("assets");
    // The link itself is nowhere: the picture was in the answer.
    assert_eq!(scene.made.fetch.sent().len(), 2);
}

/// An MP3 of so many frames, in pieces.
fn spoken(frames: usize) -> Answer {
    let mut frame = vec![0; 417];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x64]);
    let whole = frame.repeat(frames);
    let answer = Answer::ok().header("content-type", "audio/mpeg");
    whole.chunks(30_000).fold(answer, |answer, piece| answer.chunk(piece.to_vec()))
}

/// It was paid for, and is in the answer alone.
#[tokio::test(start_paused = true)]
async fn a_sound_outlives_a_store_that_takes_nothing_for_a_while() {
    // Short ones are written at their end, long ones on their way.
    for frames in [100, 1_000] {
        for failures in [1, 5] {
            let scene = Scene::new().await;
            scene.vendor([spoken(frames)]);
            scene.made.blobs.fail_writes(failures);
            let view = scene.say("tts-1", "Hello").await.unwrap();
            let what = format!("{frames} frames, {failures} failures");
            assert_eq!((view.status.as_str(), view.outputs.len()), ("succeeded", 1), "{what}");
            assert_eq!(view.outputs[0].size_bytes, 417 * frames as u64, "{what}");
            assert_eq!(scene.made.blobs.writes_to_fail(), 0, "{what}");
            assert_eq!(scene.made.fetch.sent().len(), 1, "it is bought once");
            scene.only("assets");
            assert_eq!(scene.made.blobs.keys().len(), 1, "{what}");
            scene.quiet().await;
            let receipt = scene.receipt();
            assert_eq!(receipt["status"], "ok", "{what}");
            assert!(receipt["cost_micros"].as_i64().unwrap() > 0, "{receipt}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sound_that_is_never_taken_is_given_up_and_billed() {
    let scene = Scene::new().await;
    scene.vendor([spoken(100)]);
    scene.made.blobs.fail_writes(100);
    let error = scene.say("tts-1", "Hello").await.unwrap_err();
    assert_eq!(error.code(), Code::InternalError);
    assert_eq!(scene.made.blobs.writes_to_fail(), 94, "six tries");
    assert_eq!(scene.made.fetch.sent().len(), 1, "it is bought once");
    scene.quiet().await;
    let receipt = scene.receipt();
    assert!(receipt["cost_micros"].as_i64().unwrap() > 0, "the vendor has made it: {receipt}");
}

/// What is too long to be held while it comes has one try.
#[tokio::test(start_paused = true)]
async fn a_sound_that_is_too_long_to_hold_is_given_up_at_once() {
    let scene = Scene::new().await;
    scene.vendor([spoken(45_000)]);
    scene.made.blobs.fail_writes(1);
    let error = scene.say("tts-1", "Hello").await.unwrap_err();
    assert_eq!(error.code(), Code::InternalError);
    assert!(scene.rows("assets").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_too_long_is_none() {
    let scene = Scene::new().await;
    let link = format!("https://files.example.com/{}", "a".repeat(9_000));
    scene.vendor([ordered(&link)]);
    let error = scene.buy(POLLED).await.unwrap_err();
    assert_eq!(error.details()["reason"], "unreadable");
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_instance_goes_comes_to_its_end() {
    let scene = Scene::new().await;
    let slow = png().head_after(Duration::from_secs(5));
    scene.vendor([ordered("https://files.example.com/2.png"), slow]);
    let begun = scene.begin(POLLED).await.unwrap();
    scene.until(&begun, |stage| matches!(stage, Stage::Copying { .. })).await;
    let delete = instances::delete(&scene.made.tenant.tenant.instance_id);
    scene.made.database.batch(delete.into()).await.unwrap();
    scene.ended(&begun).await;
    assert_eq!(scene.rows("jobs").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_could_not_be_stored_has_a_receipt_and_holds_nothing() {
    let scene = Scene::new().await;
    scene.made.jobs.set_deaf(true);
    scene.begin(POLLED).await.unwrap_err();
    scene.made.jobs.set_deaf(false);
    // Looked for later, in the background.
    assert_eq!(scene.made.background.join_all().await, 0);
    let receipt = scene.receipt();
    assert_eq!(
        (receipt["status"].as_str(), receipt["cost_micros"].as_i64()),
        (Some("failed"), Some(0))
    );
    scene.nothing_is_held(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_purchase_whose_object_does_not_answer_at_all_has_a_receipt() {
    let scene = Scene::new().await;
    scene.made.jobs.set_failing(true);
    scene.begin(POLLED).await.unwrap_err();
    assert_eq!(scene.made.background.join_all().await, 0);
    assert_eq!(scene.receipt()["status"], "failed");
}

/// The alarm that a job's call runs in is ended by the platform after 15 minutes: an answer that comes later would be
/// paid for, and lost.
#[tokio::test(start_paused = true)]
async fn a_call_of_a_job_ends_in_time_whatever_its_models_row_allows() {
    let scene = Scene::new().await;
    let mut patient = polled();
    patient["model_id"] = json!("patient-pictures");
    patient["timeouts"] = json!({"first_byte_ms": 3_600_000, "total_ms": 3_600_000});
    let models = seeds::read_models(&patient.to_string()).unwrap();
    scene.made.database.batch(seeds::catalogue(&[], &models, START)).await.unwrap();
    let late = ordered("https://files.example.com/1.png").head_after(Duration::from_secs(1_200));
    scene.vendor([late]);
    let begun = scene.begin("patient-pictures").await.unwrap();
    let ended = scene.ended(&begun).await;
    assert_eq!(ended.error.as_ref().map(|fault| &*fault.code), Some("PROVIDER_TIMEOUT"));
    let took = ended.finished_at.unwrap().0.since(ended.created_at.0);
    assert!((12 * 60_000..14 * 60_000).contains(&took), "{took} ms");
}

/// As one that an older version took, which held nothing back.
#[tokio::test(start_paused = true)]
async fn a_record_that_grows_too_large_loses_what_was_asked_and_nothing_that_was_made() {
    let scene = Scene::new().await;
    scene.made.jobs.set_holding(true);
    let held = scene.begin(DRAWN).await.unwrap();
    scene.made.jobs.set_holding(false);
    let mut order = scene.made.jobs.record(&held.id).unwrap().order;
    let id = JobId::make(START, [9; 10]);
    let size = Record::new(id.clone(), order.clone(), START).to_json().unwrap().len();
    let Work::Image(call) = &mut order.work else { panic!("pictures were ordered") };
    // With what says that it is there.
    call.user = Some("x".repeat(LARGEST_RECORD - size - 200));
    scene.vendor([drawn("https://files.example.com/1.png"), png()]);
    let begun = scene.made.jobs.begin(&id, &order).await.unwrap();
    let ended = scene.ended(&begun).await;
    assert_eq!((ended.status.as_str(), ended.outputs.len()), ("succeeded", 1), "{ended:?}");
    let kept = scene.made.jobs.record(&id).unwrap();
    assert_eq!(kept.order.work, order.work.done());
    assert_eq!(scene.receipt()["status"], "ok");
    // What is still to be done needs what was asked.
    let waits = Record::new(id, order, START);
    let Work::Image(call) = &waits.order.work else { panic!("pictures were ordered") };
    let mut too_large = waits.clone();
    too_large.order.work =
        Work::Image(ImageCall { user: Some("x".repeat(LARGEST_RECORD)), ..call.clone() });
    assert!(too_large.to_json().is_err());
}
