//! Whatever happens between two steps, and in the middle of one, an order is sent once at most and ends once.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use de_core::{
    jobs::{
        Record,
        run::{Keeper, step},
    },
    ports::{Background, Fetch, Inbound, Outbound, PortError},
};
use de_testkit::{background::TokioBackground, fetch::Answer, platform::TestPlatform};
use futures_util::future::{Either, select};
use http::Method;
use proptest::prelude::*;
use serde_json::json;

use crate::scene::{PNG, POLLED, Scene, ordered, ordered_as, png};

/// What happens to a job.
#[derive(Clone, Copy, Debug)]
enum Event {
    Cancel,
    /// A step is cut off after so many of its waits.
    Crash(u8),
    /// The database does not answer once.
    Fault,
    Nudge,
    /// Time passes, in seconds, and a step is taken.
    Step(u8),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => Just(Event::Cancel),
        4 => (0..40_u8).prop_map(Event::Crash),
        1 => Just(Event::Fault),
        2 => Just(Event::Nudge),
        8 => (0..30_u8).prop_map(Event::Step),
    ]
}

/// A vendor that behaves as the bytes say, one for each question.
struct Moody {
    background: Arc<dyn Background>,
    moods: Mutex<Vec<u8>>,
    orders: AtomicUsize,
}

#[async_trait]
impl Fetch for Moody {
    async fn send(&self, request: Outbound) -> Result<Inbound, PortError> {
        let mood = self.moods.lock().unwrap().pop().unwrap_or(0);
        let is_order = request.method == Method::POST && !request.url.path().ends_with("/cancel");
        if is_order {
            self.orders.fetch_add(1, Ordering::SeqCst);
        }
        for _ in 0..mood % 4 {
            tokio::task::yield_now().await;
        }
        let link = "https://files.example.com/2.png";
        let is_file = request.url.host_str() == Some("files.example.com");
        let answer = match (is_file, mood / 4 % 8) {
            (true, 0..=3) => png(),
            (true, 4) => Answer::ok().chunk(&PNG[..9]).break_off(),
            (true, 5) => Answer::ok().chunk("<!doctype html><p>no</p>"),
            (true, _) => Answer::status(503),
            // A refusal of the order in good order is repeated, and was no order.
            (false, 0..=2) => ordered(link),
            (false, 3 | 4) => ordered_as("processing"),
            (false, 5) => {
                Answer::json(200, &json!({"id": "p1", "status": "failed", "error": "no"}))
            }
            (false, 6) => Answer::ok().chunk("not json"),
            (false, _) => Answer::refused(),
        };
        let scripted = de_testkit::fetch::ScriptedFetch::new(self.background.clone());
        scripted.answer(answer);
        scripted.send(request).await
    }
}

/// Keeps a job as an object does: as JSON.
struct Desk {
    cancelled: AtomicBool,
    /// The ends that were ever on paper.
    closings: Mutex<BTreeSet<String>>,
    /// All that was ever on paper.
    stages: Mutex<Vec<&'static str>>,
    written: Mutex<String>,
}

impl Desk {
    fn record(&self) -> Record {
        serde_json::from_str(&self.written.lock().unwrap()).unwrap()
    }
}

#[async_trait]
impl Keeper for Desk {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    async fn save(&self, record: &Record) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if let Some(closing) = &record.closing {
            self.closings.lock().unwrap().insert(serde_json::to_string(closing).unwrap());
        }
        self.stages.lock().unwrap().push(record.stage.as_str());
        *self.written.lock().unwrap() = serde_json::to_string(record).unwrap();
        tokio::task::yield_now().await;
        Ok(())
    }
}

async fn plays(moods: Vec<u8>, events: Vec<Event>) {
    let moody = Arc::new(Mutex::new(None));
    let made = {
        let moody = moody.clone();
        let fetch = move |background: Arc<TokioBackground>| {
            let vendor = Arc::new(Moody {
                background,
                moods: Mutex::new(moods),
                orders: AtomicUsize::new(0),
            });
            *moody.lock().unwrap() = Some(vendor.clone());
            let fetch: Arc<dyn Fetch> = vendor;
            fetch
        };
        TestPlatform::builder().fetch(fetch).build().await.unwrap()
    };
    let vendor = moody.lock().unwrap().take().unwrap();
    let scene = Scene::of(made).await;
    // The order is real; this test keeps the job in place of the double.
    scene.made.jobs.set_holding(true);
    let begun = scene.begin(POLLED).await.unwrap();
    let record = scene.made.jobs.record(&begun.id).unwrap();
    let desk = Desk {
        cancelled: AtomicBool::new(false),
        closings: Mutex::default(),
        stages: Mutex::default(),
        written: Mutex::new(serde_json::to_string(&record).unwrap()),
    };
    let platform = &scene.made.platform;
    for event in events {
        let mut record = desk.record();
        match event {
            Event::Cancel => desk.cancelled.store(true, Ordering::SeqCst),
            Event::Crash(waits) => {
                let stepping = pin!(step(platform, &desk, &mut record));
                let crash = pin!(async {
                    for _ in 0..waits {
                        tokio::task::yield_now().await;
                    }
                });
                if let Either::Left((done, _)) = select(stepping, crash).await {
                    done.unwrap();
                }
            }
            Event::Fault => {
                let message = "it is down".to_owned();
                scene.made.database.fail_next(PortError::Failed { port: "database", message });
            }
            Event::Nudge => {
                if record.nudge(platform.clock.now()) {
                    desk.save(&record).await.unwrap();
                }
            }
            Event::Step(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                // An object that is alive takes no step out of a stage that only a crash leaves.
                step(platform, &desk, &mut record).await.unwrap();
            }
        }
    }
    // It comes to its end by itself.
    for _ in 0..1_000 {
        let mut record = desk.record();
        if record.is_closed() {
            break;
        }
        let due = record.due(platform.clock.now()).unwrap();
        let wait = u64::try_from(due.since(platform.clock.now())).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        step(platform, &desk, &mut record).await.unwrap();
    }
    let record = desk.record();
    assert!(record.is_closed(), "{record:?}");
    assert!(vendor.orders.load(Ordering::SeqCst) <= 1);
    let closings = desk.closings.lock().unwrap().clone();
    assert_eq!(closings.len(), 1, "{closings:#?}");
    let finals = ["cancelled", "failed", "succeeded"];
    let stages = desk.stages.lock().unwrap().clone();
    let after: Vec<_> = stages.iter().skip_while(|stage| !finals.contains(stage)).collect();
    assert!(after.iter().all(|stage| *stage == after[0]), "{stages:?}");
    assert_eq!(scene.made.background.join_all().await, 0);
    let receipt = scene.receipt();
    let row = scene.only("jobs");
    assert_eq!(row["status"], record.stage.as_str());
    let assets = scene.rows("assets").len();
    assert_eq!(assets, usize::from(record.stage.as_str() == "succeeded"), "{record:?}");
    // What a database that was down has left there is known to the cron.
    let strays = scene.rows("stray_objects");
    let is_stray = |key: &&String| strays.iter().any(|row| row["storage_key"] == **key);
    let kept = scene.made.blobs.keys();
    assert_eq!(kept.iter().filter(|key| !is_stray(key)).count(), assets);
    // One that was cut off just before it was sent is not known to be unsent.
    if vendor.orders.load(Ordering::SeqCst) == 0 && receipt["estimated"] == 0 {
        assert_eq!(receipt["cost_micros"], 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_order_is_sent_once_and_ends_once(
        moods in prop::collection::vec(any::<u8>(), 0..24),
        events in prop::collection::vec(any_event(), 0..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(plays(moods, events));
    }
}
