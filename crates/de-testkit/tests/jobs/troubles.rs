//! What a job that is paid for lives through.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use de_core::{
    jobs::Stage,
    ports::{Database, PortError},
    store::instances,
};
use de_testkit::fetch::Answer;
use serde_json::json;

use crate::scene::{PNG, POLLED, Scene, ordered, ordered_as, png};

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
