//! Assets through the front door, over real connections.
//!
//! How an asset comes about is the matter of those who make it; here one is put there, which only a stack in
//! process lets a test do.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::stack::Stack;
use de_core::{
    assets::{Deposit, Owner, Promise, Provenance, keep, link},
    ids::{InstanceId, OrganizationId, ProjectId},
    media::MediaKind,
    ports::Platform,
    store::assets::AssetRow,
};
use http::Method;
use serde_json::json;

/// Large enough for more than one piece on its way.
fn wav() -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0data\0\0\0\0".to_vec();
    bytes.extend((0..480_000_u32).flat_map(|n| n.to_le_bytes()));
    bytes
}

async fn put(platform: &Platform) -> AssetRow {
    let deposit = Deposit {
        cap_bytes: None,
        id: None,
        owner: Owner {
            api_key_id: None,
            instance_id: InstanceId::parse("inst_dev").unwrap(),
            organization_id: OrganizationId::parse("org_dev").unwrap(),
            project_id: ProjectId::parse("proj_dev").ok(),
            user_id: None,
        },
        promise: Promise::Kind(MediaKind::Audio),
        provenance: Provenance::default(),
    };
    keep::bytes(platform, deposit, wav().into(), Duration::from_secs(5)).await.unwrap()
}

#[tokio::test]
async fn an_asset_goes_out_whole_and_in_parts() {
    let stack = Stack::ready().await;
    let Some(platform) = stack.platform() else { return };
    let row = put(platform).await;
    let path = format!(
        "/assets/{}?{}",
        row.id,
        link::sign(&platform.settings, &row.id, platform.clock.now().plus(60_000)).unwrap()
    );
    let all = wav();
    let whole = stack.front.get(&path).await.unwrap();
    assert_eq!((whole.status, whole.header("content-type")), (200, "audio/wav"));
    assert!(whole.body == all, "{} bytes", whole.body.len());
    assert_eq!(whole.header("content-length"), all.len().to_string());
    let range = stack.front.request(Method::GET, &path).header("range", "bytes=70000-139999");
    let range = range.send().await.unwrap();
    assert_eq!(range.status, 206);
    assert!(range.body == all[70_000..140_000], "{} bytes", range.body.len());
    let known =
        stack.front.request(Method::GET, &path).header("if-none-match", whole.header("etag"));
    assert_eq!(known.send().await.unwrap().status, 304);
    let head = stack.front.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), all.len().to_string());
}

#[tokio::test]
async fn an_asset_is_listed_shown_and_deleted() {
    let stack = Stack::ready().await;
    let Some(platform) = stack.platform() else { return };
    let row = put(platform).await;
    let client = stack.client();
    let listed = client.get("/v1/assets?kind=audio&limit=1").await.unwrap().json();
    assert_eq!(listed["data"][0]["id"], json!(row.id));
    let path = format!("/v1/assets/{}", row.id);
    let shown = client.get(&path).await.unwrap().json();
    assert_eq!((&shown["duration_ms"], &shown["kind"]), (&json!(40_000), &json!("audio")));
    let deleted = client.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status, 204);
    assert_eq!(client.get(&path).await.unwrap().status, 404);
    assert_eq!(platform.blobs.size(&row.storage_key).await.unwrap(), None);
}
