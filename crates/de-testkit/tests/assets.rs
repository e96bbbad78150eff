//! What is kept of paid work, and that nothing is kept of what failed.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use de_core::{
    assets::{Deposit, KeepError, Owner, Promise, Provenance, fetch, keep},
    http::error::ApiError,
    ids::{AssetId, JobId, ModelId},
    media::{MediaError, MediaKind, RawAudio, RawEncoding},
    money::Micros,
    ports::{Arg, Database, Statement, rows},
    store::{
        assets::{self, AssetQuery, AssetRow, OverRow},
        instances,
        pages::PageQuery,
    },
    time::UnixMillis,
};
use de_testkit::{
    fetch::Answer,
    platform::{START, TestPlatform},
};
use serde_json::json;
use url::Url;

const SOON: Duration = Duration::from_secs(20);

/// 1,280 × 720.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\0\0\0\x02\xd0\x08\x02\0\0\0";

async fn platform() -> TestPlatform {
    TestPlatform::builder()
        .public_base("https://gateway.example.com".to_owned())
        .build()
        .await
        .unwrap()
}

fn deposit(made: &TestPlatform, promise: Promise) -> Deposit {
    let tenant = &made.tenant.tenant;
    Deposit {
        cap_bytes: None,
        id: None,
        owner: Owner {
            api_key_id: None,
            instance_id: tenant.instance_id.clone(),
            organization_id: tenant.organization_id.clone(),
            project_id: Some(tenant.project_id.clone()),
            user_id: None,
        },
        promise,
        provenance: Provenance {
            cost_micros: Some(Micros(40_000)),
            model_id: Some(ModelId::parse("dall-e-3").unwrap()),
            source: Some(json!({"licence": "Pexels"})),
            ..Provenance::default()
        },
    }
}

fn image(made: &TestPlatform) -> Deposit {
    deposit(made, Promise::Kind(MediaKind::Image))
}

/// That many milliseconds of MP3, of 24 ms a frame.
fn mp3(duration_ms: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xf3, 0x84, 0xc0];
    frame.resize(192, 0);
    frame.repeat(duration_ms / 24)
}

fn url() -> Url {
    Url::parse("https://files.example.com/out.png?signature=x#part").unwrap()
}

async fn strays(made: &TestPlatform) -> usize {
    let later = assets::due_strays(UnixMillis(i64::MAX >> 12));
    rows::<OverRow>(&*made.database, later).await.unwrap().len()
}

/// Nothing in R2, no row, and nothing left to clear away.
#[track_caller]
fn nothing_stays(made: &TestPlatform) {
    assert_eq!(made.blobs.keys(), Vec::<String>::new());
    let dump = made.database.dump().unwrap();
    let left = |table: &str| dump.lines().filter(|line| line.starts_with(table)).count();
    assert_eq!((left("assets "), left("stray_objects ")), (0, 0), "{dump}");
}

#[tokio::test]
async fn bytes_are_kept_with_all_that_is_known_of_them() {
    let made = platform().await;
    let kept = keep::bytes(&made.platform, image(&made), PNG.into(), SOON).await.unwrap();
    assert_eq!((kept.content_type.as_str(), kept.extension.as_str()), ("image/png", "png"));
    assert_eq!((kept.kind, kept.size_bytes), (MediaKind::Image, PNG.len() as u64));
    assert_eq!((kept.width, kept.height, kept.duration_ms), (Some(1_280), Some(720), None));
    assert_eq!(kept.sha256.len(), 64);
    assert_eq!(kept.cost_micros, Some(Micros(40_000)));
    assert_eq!(kept.model_id.as_ref().map(ModelId::as_str), Some("dall-e-3"));
    assert_eq!(kept.source, Some(json!({"licence": "Pexels"})));
    assert_eq!(kept.project_id, Some(made.tenant.tenant.project_id.clone()));
    assert_eq!(kept.expires_at, None);
    let place = format!("{}/2026/11/", made.tenant.tenant.instance_id);
    assert!(kept.storage_key.starts_with(&place), "{}", kept.storage_key);
    assert_eq!(made.blobs.keys(), [kept.storage_key.as_str()]);
    assert_eq!(made.blobs.content_type(&kept.storage_key).as_deref(), Some("image/png"));
    assert_eq!(strays(&made).await, 0);
    let found: Vec<AssetRow> = rows(&*made.database, assets::find(&kept.id)).await.unwrap();
    assert_eq!(found, [kept]);
}

#[tokio::test]
async fn a_stream_is_measured_by_its_ends() {
    let made = platform().await;
    let bytes = mp3(120_000);
    let answer =
        bytes.chunks(10_000).fold(Answer::ok(), |answer, chunk| answer.chunk(chunk.to_vec()));
    let body = answer.into_body(made.background.clone());
    let sound = deposit(&made, Promise::Kind(MediaKind::Audio));
    let kept = keep::stream(&made.platform, sound, body, SOON).await.unwrap();
    assert_eq!((kept.duration_ms, kept.size_bytes), (Some(120_000), bytes.len() as u64));
    let stored = made.platform.blobs.read(&kept.storage_key, None).await.unwrap().unwrap();
    assert_eq!(stored.body.whole(usize::MAX).await.unwrap().unwrap(), bytes);
}

#[tokio::test]
async fn samples_are_kept_as_what_was_ordered() {
    let made = platform().await;
    let raw = RawAudio { channels: 1, encoding: RawEncoding::Ulaw, rate_hz: 8_000 };
    let speech = deposit(&made, Promise::Raw(raw));
    let kept = keep::bytes(&made.platform, speech, vec![0xff; 4_000].into(), SOON).await.unwrap();
    assert_eq!((kept.content_type.as_str(), kept.duration_ms), ("audio/PCMU", Some(500)));
    let page = b"<html><body>something went wrong</body></html>";
    let refused =
        keep::bytes(&made.platform, deposit(&made, Promise::Raw(raw)), page[..].into(), SOON).await;
    assert!(matches!(refused, Err(KeepError::NotMedia(_))), "{refused:?}");
}

#[tokio::test]
async fn what_is_not_as_promised_leaves_nothing() {
    let made = platform().await;
    let page = "<!doctype html><title>Sorry</title>".repeat(5_000);
    let found = MediaError::NotListed { found: "text/html" };
    let rows = [
        (page.clone().into_bytes(), found.to_string()),
        (page.as_bytes()[..50].to_vec(), found.to_string()),
        (mp3(240), "image was promised, and the bytes are audio/mpeg".to_owned()),
        (Vec::new(), "there are no bytes".to_owned()),
    ];
    for (bytes, expected) in rows {
        let body = Answer::ok().chunk(bytes.clone()).into_body(made.background.clone());
        let streamed = keep::stream(&made.platform, image(&made), body, SOON).await.unwrap_err();
        let whole =
            keep::bytes(&made.platform, image(&made), bytes.into(), SOON).await.unwrap_err();
        assert_eq!((streamed.to_string(), whole.to_string()), (expected.clone(), expected));
        let told = ApiError::from(whole);
        assert_eq!(told.code().as_str(), "PROVIDER_MALFORMED");
        assert_eq!(told.details()["reason"], "not_media");
    }
    nothing_stays(&made);
}

#[tokio::test]
async fn what_breaks_on_its_way_leaves_nothing() {
    let made = platform().await;
    let long = [PNG, &[0; 100_000]].concat();
    let begun = || Answer::ok().chunk(long.clone());
    let fails = async |answer: Answer, cap_bytes: Option<u64>, within: Duration| {
        let body = answer.into_body(made.background.clone());
        let order = Deposit { cap_bytes, ..image(&made) };
        let failed = keep::stream(&made.platform, order, body, within).await.unwrap_err();
        nothing_stays(&made);
        failed
    };
    let broken = fails(begun().break_off(), None, SOON).await;
    assert!(matches!(broken, KeepError::Broken { .. }) && broken.may_pass(), "{broken:?}");
    let large = fails(begun().chunk(long.clone()), Some(150_000), SOON).await;
    assert!(matches!(large, KeepError::TooLarge { cap_bytes: 150_000 }), "{large:?}");
    assert!(!large.may_pass());
    let late = fails(begun().hang(), None, Duration::from_millis(50)).await;
    assert!(matches!(late, KeepError::TimedOut { within_ms: 50 }), "{late:?}");
}

#[tokio::test]
async fn an_object_whose_row_may_be_there_is_left_to_the_cron() {
    let made = platform().await;
    let mut order = image(&made);
    order.owner.instance_id = de_core::ids::InstanceId::parse("inst_gone").unwrap();
    let failed = keep::bytes(&made.platform, order, PNG.into(), SOON).await.unwrap_err();
    assert!(matches!(failed, KeepError::NotStored(_)), "{failed:?}");
    // The database may have written it all the same, and then names the object.
    assert_eq!((made.blobs.keys().len(), strays(&made).await), (1, 1));
    made.blobs.set_failing(true);
    assert!(keep::bytes(&made.platform, image(&made), PNG.into(), SOON).await.is_err());
    assert_eq!(strays(&made).await, 2, "what may have been written is known until it is gone");
}

#[tokio::test]
async fn an_id_is_kept_once() {
    let made = platform().await;
    let order = || Deposit { id: Some(AssetId::parse("asset_of-job-1").unwrap()), ..image(&made) };
    let first = keep::bytes(&made.platform, order(), PNG.into(), SOON).await.unwrap();
    let again = keep::bytes(&made.platform, order(), PNG.into(), SOON).await.unwrap();
    assert_eq!(first, again);
    // Nothing is fetched for it: there is no script.
    assert_eq!(fetch::result(&made.platform, order(), &url(), SOON).await.unwrap(), first);
    // Both at once.
    let order = || Deposit { id: Some(AssetId::parse("asset_of-job-2").unwrap()), ..image(&made) };
    let both = [(); 2].map(|()| keep::bytes(&made.platform, order(), PNG.into(), SOON));
    let both = futures_util::future::join_all(both).await;
    assert_eq!(both[0].as_ref().unwrap(), both[1].as_ref().unwrap());
    assert_eq!((made.blobs.keys().len(), strays(&made).await), (2, 0));
    let mut foreign = order();
    foreign.owner.instance_id = de_core::ids::InstanceId::parse("inst_other").unwrap();
    assert!(keep::bytes(&made.platform, foreign, PNG.into(), SOON).await.is_err());
}

#[tokio::test]
async fn a_result_is_fetched_without_a_key() {
    let made = platform().await;
    made.fetch.answer(Answer::status(302).header("location", "/other?x=1#part"));
    made.fetch.answer(Answer::status(307).header("location", "https://cdn.example.net/o.png"));
    made.fetch.answer(Answer::ok().header("content-type", "text/html").chunk(PNG));
    let kept = fetch::result(&made.platform, image(&made), &url(), SOON).await.unwrap();
    assert_eq!(kept.content_type, "image/png");
    let sent = made.fetch.sent();
    let urls: Vec<&str> = sent.iter().map(|sent| sent.url.as_str()).collect();
    let expected = [
        "https://files.example.com/out.png?signature=x",
        "https://files.example.com/other?x=1",
        "https://cdn.example.net/o.png",
    ];
    assert_eq!(urls, expected);
    assert!(sent.iter().all(|sent| sent.headers.keys().all(|name| name == "accept")));
}

#[tokio::test]
async fn a_result_leads_nowhere_it_must_not() {
    let made = platform().await;
    let refused = [
        "http://files.example.com/a.png",
        "https://127.0.0.1/a.png",
        "https://10.0.0.1/a.png",
        "https://[::1]/a.png",
        "https://localhost/a.png",
        "https://metadata.internal/a.png",
        "https://files.example.com:8443/a.png",
        "https://user:password@files.example.com/a.png",
        "https://gateway.example.com/assets/asset_1",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
    ];
    for target in refused {
        let url = Url::parse(target).unwrap();
        let failed = fetch::result(&made.platform, image(&made), &url, SOON).await.unwrap_err();
        assert!(matches!(failed, KeepError::Forbidden(_)), "{target}: {failed:?}");
        let sent = made.fetch.sent().len();
        made.fetch.answer(Answer::status(302).header("location", target));
        let failed =
            fetch::result(&made.platform, image(&made), &self::url(), SOON).await.unwrap_err();
        assert!(matches!(failed, KeepError::Forbidden(_)), "{target}: {failed:?}");
        assert_eq!(made.fetch.sent().len(), sent + 1, "{target}");
    }
    nothing_stays(&made);
}

#[tokio::test]
async fn a_result_that_does_not_come_says_why() {
    let made = platform().await;
    let fails = async |answer: Answer| {
        made.fetch.answer(answer);
        let order = Deposit { cap_bytes: Some(1_000), ..image(&made) };
        let within = Duration::from_millis(100);
        let failed = fetch::result(&made.platform, order, &url(), within).await.unwrap_err();
        nothing_stays(&made);
        failed
    };
    let missing = fails(Answer::status(404)).await;
    assert!(matches!(missing, KeepError::Status { status: 404 }) && !missing.may_pass());
    assert!(fails(Answer::status(503)).await.may_pass());
    assert!(matches!(fails(Answer::status(302)).await, KeepError::Status { status: 302 }));
    assert!(matches!(fails(Answer::refused()).await, KeepError::Broken { .. }));
    let announced = fails(Answer::ok().header("content-length", "1001").chunk(PNG)).await;
    assert!(matches!(announced, KeepError::TooLarge { .. }));
    let page = fails(Answer::ok().header("content-type", "image/png").chunk("<html>")).await;
    let html = MediaError::NotListed { found: "text/html" };
    assert!(matches!(page, KeepError::NotMedia(found) if found == html));
    assert!(matches!(fails(Answer::ok().hang()).await, KeepError::TimedOut { .. }));
    let slow = fails(Answer::ok().head_after(SOON)).await;
    assert!(matches!(slow, KeepError::TimedOut { .. }));
    for _ in 0..3 {
        made.fetch.answer(Answer::status(302).header("location", "/again"));
    }
    let round = fails(Answer::status(302).header("location", "/again")).await;
    assert!(matches!(round, KeepError::Status { status: 302 }));
    assert_eq!(made.fetch.left(), 0);
}

#[tokio::test]
async fn an_asset_goes_when_its_instance_says_so() {
    let made = platform().await;
    let retention = "UPDATE instances SET retention_days = 30 WHERE id = ?1";
    let instance = &made.tenant.tenant.instance_id;
    let args = vec![Arg::from(instance.as_str())];
    made.database.batch(vec![Statement { args, sql: retention }]).await.unwrap();
    let kept = keep::bytes(&made.platform, image(&made), PNG.into(), SOON).await.unwrap();
    assert_eq!(kept.expires_at, Some(kept.created_at.plus(30 * 86_400_000)));
    let end = kept.expires_at.unwrap();
    let over = async |now| rows::<OverRow>(&*made.database, assets::expired(now)).await.unwrap();
    assert_eq!(over(end.plus(-1)).await.len(), 0);
    assert_eq!(over(end).await[0].id.as_ref(), Some(&kept.id));
    let all = AssetQuery { instance, job: None, kind: None, project: None };
    let listed = async |now| {
        let list = assets::list(all, &PageQuery::default(), now);
        rows::<AssetRow>(&*made.database, list).await.unwrap().len()
    };
    assert_eq!((listed(end.plus(-1)).await, listed(end).await), (1, 0));
    // What goes with its instance leaves its object to be cleared away.
    made.database.batch(instances::delete(instance).into()).await.unwrap();
    let strays: Vec<OverRow> = rows(&*made.database, assets::due_strays(START)).await.unwrap();
    assert_eq!(strays[0].storage_key, kept.storage_key);
}

#[tokio::test]
async fn lists_are_narrowed_and_go_page_by_page() {
    let made = platform().await;
    let job = JobId::parse("job_1").unwrap();
    let sql = "INSERT INTO jobs (id, organization_id, instance_id, modality, status, created_at, updated_at)
               VALUES ('job_1', ?1, ?2, 'image', 'running', 0, 0)";
    let tenant = &made.tenant.tenant;
    let args = vec![tenant.organization_id.as_str().into(), tenant.instance_id.as_str().into()];
    made.database.batch(vec![Statement { args, sql }]).await.unwrap();
    for number in 0..5 {
        let mut order = image(&made);
        order.provenance.job_id = (number < 2).then(|| job.clone());
        order.provenance.job_id.get_or_insert(JobId::parse("job_unknown").unwrap());
        order.owner.project_id = order.owner.project_id.filter(|_| number != 4);
        keep::bytes(&made.platform, order, PNG.into(), SOON).await.unwrap();
    }
    let sound = deposit(&made, Promise::Kind(MediaKind::Audio));
    keep::bytes(&made.platform, sound, mp3(240).into(), SOON).await.unwrap();
    let all = AssetQuery { instance: &tenant.instance_id, job: None, kind: None, project: None };
    let listed = async |query, page: PageQuery| {
        let list = assets::list(query, &page, UnixMillis(1 << 50));
        page.page(rows::<AssetRow>(&*made.database, list).await.unwrap(), |row| row.place.as_str())
    };
    let count = async |query| listed(query, PageQuery::default()).await.data.len();
    assert_eq!(count(all).await, 6);
    assert_eq!(count(AssetQuery { job: Some(&job), ..all }).await, 2);
    assert_eq!(count(AssetQuery { kind: Some(MediaKind::Audio), ..all }).await, 1);
    let project = Some(&tenant.project_id);
    assert_eq!(count(AssetQuery { project, ..all }).await, 5);
    assert_eq!(count(AssetQuery { job: Some(&job), project, ..all }).await, 2);
    let elsewhere = de_core::ids::InstanceId::parse("inst_other").unwrap();
    for query in [all, AssetQuery { job: Some(&job), ..all }, AssetQuery { project, ..all }] {
        assert_eq!(count(AssetQuery { instance: &elsewhere, ..query }).await, 0);
    }
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = PageQuery::parse(Some("4"), cursor.as_deref()).unwrap();
        let page = listed(all, page).await;
        seen.extend(page.data.into_iter().map(|row| (row.created_at, row.id)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "the newest first: {seen:?}");
}
