//! Objects in R2 that may go: those of expired assets, and those of nobody.
//!
//! First the objects, then the rows that say where they are: what breaks in between is tried again in a minute.

use de_core::{
    ids::AssetId,
    log::Level,
    ports::{Platform, PortError, Statement, rows},
    store::assets::{self, OVER_AT_ONCE, OverRow},
    time::UnixMillis,
};

use super::note;

/// How many pages of each kind go in one run; the rest in the next.
const PAGES: usize = 5;

/// Removes what is over.
pub(super) async fn remove(platform: &Platform) {
    pages(platform, "assets", assets::expired, |over| {
        let ids: Vec<AssetId> = over.iter().filter_map(|row| row.id.clone()).collect();
        assets::delete(&ids)
    })
    .await;
    pages(platform, "stray_objects", assets::due_strays, |over| {
        assets::forget_stray(&over.iter().map(|row| row.storage_key.clone()).collect::<Vec<_>>())
    })
    .await;
}

async fn pages(
    platform: &Platform,
    table: &'static str,
    over: fn(UnixMillis) -> Statement,
    forget: fn(&[OverRow]) -> Statement,
) {
    let now = platform.clock.now();
    let mut removed = 0;
    for _ in 0..PAGES {
        match page(platform, over(now), forget).await {
            Ok(count) => {
                removed += count;
                if count < OVER_AT_ONCE {
                    break;
                }
            }
            Err(err) => {
                let fields = [("table", table.into()), ("cause", err.to_string().into())];
                let message = "objects that are over could not be removed";
                note(platform, Level::Error, message, fields);
                break;
            }
        }
    }
    if removed > 0 {
        let fields = [("table", table.into()), ("removed", removed.into())];
        note(platform, Level::Info, "objects that are over were removed", fields);
    }
}

async fn page(
    platform: &Platform,
    over: Statement,
    forget: fn(&[OverRow]) -> Statement,
) -> Result<usize, PortError> {
    let found: Vec<OverRow> = rows(&*platform.database, over).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let keys: Vec<String> = found.iter().map(|row| row.storage_key.clone()).collect();
    platform.blobs.delete(&keys).await?;
    platform.database.batch(vec![forget(&found)]).await?;
    Ok(found.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use de_core::ports::{Arg, Database};
    use de_testkit::platform::TestPlatform;

    use super::*;

    /// Rows of `table` in the database.
    fn left(made: &TestPlatform, table: &str) -> usize {
        let start = format!("{table} ");
        made.database.dump().unwrap().lines().filter(|line| line.starts_with(&start)).count()
    }

    /// More assets than a page that have expired, one that has a minute left, one that stays; and as many
    /// objects of nobody.
    async fn gallery() -> TestPlatform {
        let made = TestPlatform::new().await.unwrap();
        let now = made.platform.clock.now();
        let tenant = &made.tenant.tenant;
        let assets =
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 301)
             INSERT INTO assets (id, organization_id, instance_id, storage_key, content_type, kind,
               extension, sha256, size_bytes, created_at, expires_at)
             SELECT 'asset_' || i, ?1, ?2, 'a/' || i, 'image/png', 'image', 'png', '00', 1, 0,
               iif(i = 0, NULL, CAST(?3 AS INTEGER) + iif(i = 1, 60000, -i)) FROM n";
        let strays = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2)
             INSERT INTO stray_objects (storage_key, due_at)
             SELECT 's/' || i, CAST(?1 AS INTEGER) + iif(i = 0, 60000, -i) FROM n";
        let owner = [tenant.organization_id.as_str(), tenant.instance_id.as_str()];
        let mut args: Vec<Arg> = owner.map(Arg::from).into();
        args.push(now.into());
        let batch = vec![
            Statement { args, sql: assets },
            Statement { args: vec![now.into()], sql: strays },
        ];
        made.database.batch(batch).await.unwrap();
        for number in 0..302 {
            made.blobs.put(&format!("a/{number}"), "x".into());
        }
        // One of them was never written.
        made.blobs.put("s/0", "x".into());
        made.blobs.put("s/1", "x".into());
        made
    }

    #[tokio::test]
    async fn what_is_over_goes_with_its_object_and_nothing_else() {
        let made = gallery().await;
        remove(&made.platform).await;
        assert_eq!(made.blobs.keys(), ["a/0", "a/1", "s/0"]);
        assert_eq!((left(&made, "assets"), left(&made, "stray_objects")), (2, 1));
        let log = made.log.text();
        assert!(log.contains("{\"table\":\"assets\",\"removed\":300}"), "{log}");
        assert!(log.contains("{\"table\":\"stray_objects\",\"removed\":2}"), "{log}");
    }

    #[tokio::test]
    async fn objects_that_cannot_be_removed_keep_their_rows() {
        let made = gallery().await;
        made.blobs.set_failing(true);
        remove(&made.platform).await;
        assert_eq!((left(&made, "assets"), left(&made, "stray_objects")), (302, 3));
        assert!(made.log.text().contains("Error objects that are over could not be removed"));
        made.blobs.set_failing(false);
        remove(&made.platform).await;
        assert_eq!((left(&made, "assets"), left(&made, "stray_objects")), (2, 1));
    }
}
