//! What is done every minute without anybody asking.
//!
//! Each piece goes on where another fails, and what is left waits for the next minute. Nobody hears of a
//! failure but the log.

mod objects;
mod rollups;

use de_core::{
    log::{Ending, Event, Level, LogLine},
    ports::{Platform, Statement, rows},
    store::{
        epochs::{PENDING_AT_ONCE, PendingBump, pending},
        upkeep,
    },
    time::UnixMillis,
    webhooks::delivery::{Tally, deliver_due},
};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all},
    stream,
};

use crate::epochs;

/// How many tenants are told at once. Each has many Limiters, of which one that hangs holds up all.
const SCOPES_AT_ONCE: usize = 4;

/// How many batches of what is over go in one run; the rest in the next.
const BATCHES: usize = 10;

/// How many messages one round sends, and how many rounds there are in one run: with every receiver at its
/// slowest, a run takes less than eight minutes, and the next one begins beside it.
const MESSAGES: u32 = 50;
const ROUNDS: usize = 4;

/// Tells the Limiters what they could not be told, sends the messages that are due, sums the books, and removes
/// what is over.
pub async fn run(platform: Platform) {
    let began = platform.clock.now();
    let duties: [BoxFuture<'_, ()>; 8] = [
        tell_again(&platform).boxed(),
        objects::remove(&platform).boxed(),
        rollups::keep(&platform).boxed(),
        deliver(&platform).boxed(),
        remove(&platform, "sessions", upkeep::expired_sessions).boxed(),
        remove(&platform, "idempotency", upkeep::expired_replies).boxed(),
        remove(&platform, "responses", upkeep::expired_turns).boxed(),
        remove(&platform, "webhook_deliveries", upkeep::old_deliveries).boxed(),
    ];
    join_all(duties).await;
    // Also of a minute without anything to do: one that leaves no line did not happen.
    let took = platform.clock.now().since(began);
    platform.log.write(LogLine {
        duration_ms: Some(took),
        event: Event::Cron,
        outcome: Some(Ending::Ok),
        ..LogLine::info(format!("the work of the minute was done in {took} ms"))
    });
}

/// Sends the messages of webhooks that are due.
async fn deliver(platform: &Platform) {
    let mut all = Tally::default();
    for _ in 0..ROUNDS {
        let round = match deliver_due(platform, MESSAGES).await {
            Ok(round) => round,
            Err(err) => {
                let message = "the messages of webhooks that are due could not be taken";
                note(platform, Level::Error, message, [("cause", err.to_string().into())]);
                break;
            }
        };
        all.delivered += round.delivered;
        all.failed += round.failed;
        all.postponed += round.postponed;
        if round.all() < MESSAGES as usize {
            break;
        }
    }
    if all.all() > 0 {
        let fields = [
            ("delivered", all.delivered.into()),
            ("failed", all.failed.into()),
            ("postponed", all.postponed.into()),
        ];
        note(platform, Level::Info, "messages of webhooks were sent", fields);
    }
}

/// Repeats every change of the configuration that some Limiter may not know. One that is being told
/// right now is told twice, which does no harm.
async fn tell_again(platform: &Platform) {
    let mut failures = Vec::new();
    let mut found = 0;
    let mut after: Option<String> = None;
    loop {
        let read = rows(&*platform.database, pending(after.as_deref())).await;
        let page: Vec<PendingBump> = match read {
            Ok(page) => page,
            Err(err) => {
                let message = "the changes that wait to be told could not be read";
                return note(platform, Level::Error, message, [("cause", err.to_string().into())]);
            }
        };
        let is_last = page.len() < PENDING_AT_ONCE;
        found += page.len();
        after = page.last().map(|bump| bump.scope.clone());
        let told = stream::iter(page)
            .map(|bump| tell(platform, bump))
            .buffer_unordered(SCOPES_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        failures.extend(told.into_iter().filter_map(Result::err));
        if is_last {
            break;
        }
    }
    let told = found - failures.len();
    if let Some(cause) = failures.first() {
        let message = "some changes of the configuration wait on to be told to the Limiters";
        let fields = [
            ("told", told.into()),
            ("waiting", failures.len().into()),
            ("cause", cause.as_str().into()),
        ];
        note(platform, Level::Warn, message, fields);
    } else if told > 0 {
        let message = "changes of the configuration that had waited are told to the Limiters";
        note(platform, Level::Info, message, [("told", told.into())]);
    }
}

async fn tell(platform: &Platform, bump: PendingBump) -> Result<(), String> {
    let organization = bump.organization().map_err(|err| format!("{}: {err}", bump.scope))?;
    let told = epochs::tell(platform, organization.as_ref(), bump.epoch).await;
    told.map_err(|err| {
        let why = err.cause().unwrap_or_else(|| err.message());
        format!("{}: {why}", bump.scope)
    })
}

/// Removes rows of a table that are over, batch by batch.
async fn remove(platform: &Platform, table: &'static str, over: fn(UnixMillis) -> Statement) {
    let now = platform.clock.now();
    let mut removed = 0;
    for _ in 0..BATCHES {
        let batch = match platform.database.batch(vec![over(now)]).await {
            Ok(answers) => answers.first().map_or(0, Vec::len),
            Err(err) => {
                let fields = [("table", table.into()), ("cause", err.to_string().into())];
                note(platform, Level::Error, "rows that are over could not be removed", fields);
                break;
            }
        };
        removed += batch;
        if batch < upkeep::AT_ONCE {
            break;
        }
    }
    if removed > 0 {
        let fields = [("table", table.into()), ("removed", removed.into())];
        note(platform, Level::Info, "rows that are over were removed", fields);
    }
}

fn note<const N: usize>(
    platform: &Platform,
    level: Level,
    message: &str,
    fields: [(&str, serde_json::Value); N],
) {
    let mut line = LogLine { level, message: message.to_owned(), ..LogLine::default() };
    for (name, value) in fields {
        match (name, value) {
            ("cause", serde_json::Value::String(cause)) => line.cause = Some(cause),
            (name, value) => drop(line.details.insert(name.to_owned(), value)),
        }
    }
    platform.log.write(line);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use async_trait::async_trait;
    use de_core::{
        ids::{InstanceId, OrganizationId},
        limits::{
            Epochs,
            wire::{LeaseReply, LeaseRequest, SettleReply, SettleRequest, UsageReply},
        },
        ports::{Arg, Database, Limiter, PortError, Whose},
        store::{
            epochs::{EpochScope, bump},
            tenants,
        },
    };
    use de_testkit::{
        limiter::LocalLimiter,
        platform::{START, TestPlatform},
    };

    use super::*;

    /// Limiters of which one does not hear.
    struct Deaf {
        instance: InstanceId,
        others: Arc<LocalLimiter>,
    }

    #[async_trait]
    impl Limiter for Deaf {
        async fn epochs(&self, instance: &InstanceId) -> Result<Epochs, PortError> {
            self.others.epochs(instance).await
        }

        async fn lease(
            &self,
            instance: &InstanceId,
            ask: LeaseRequest,
        ) -> Result<LeaseReply, PortError> {
            self.others.lease(instance, ask).await
        }

        async fn refresh(&self, instance: &InstanceId, epochs: Epochs) -> Result<(), PortError> {
            if *instance == self.instance {
                return Err(PortError::TimedOut { port: "limiter", after_ms: 5_000 });
            }
            self.others.refresh(instance, epochs).await
        }

        async fn usage(&self, whose: Whose<'_>) -> Result<UsageReply, PortError> {
            self.others.usage(whose).await
        }

        async fn settle(
            &self,
            instance: &InstanceId,
            report: SettleRequest,
        ) -> Result<SettleReply, PortError> {
            self.others.settle(instance, report).await
        }
    }

    async fn run_sql(database: &dyn Database, sql: &'static str, args: Vec<Arg>) {
        database.batch(vec![Statement { args, sql }]).await.unwrap();
    }

    /// A second organization with one instance.
    async fn neighbour(database: &dyn Database) -> (OrganizationId, InstanceId) {
        let organization = OrganizationId::parse("org_next").unwrap();
        let id = InstanceId::parse("inst_next").unwrap();
        let instance = tenants::NewInstance {
            allowed_origins: &[],
            default_models: &serde_json::json!({}),
            id: &id,
            is_production: false,
            name: "Next",
            organization_id: &organization,
        };
        let batch = vec![
            tenants::put_organization(&organization, "Next", START),
            tenants::put_instance(&instance, START),
        ];
        database.batch(batch).await.unwrap();
        (organization, id)
    }

    async fn waiting(database: &dyn Database) -> Vec<String> {
        let waiting: Vec<PendingBump> = rows(database, pending(None)).await.unwrap();
        waiting.into_iter().map(|bump| bump.scope).collect()
    }

    /// A platform on which nothing waits.
    async fn quiet() -> TestPlatform {
        let made = TestPlatform::new().await.unwrap();
        run_sql(&*made.database, "DELETE FROM pending_bumps WHERE scope > ''", Vec::new()).await;
        made
    }

    #[tokio::test]
    async fn what_a_limiter_did_not_hear_is_told_in_the_next_run() {
        let made = quiet().await;
        let tenant = &made.tenant.tenant;
        let before = made.limiter.epochs(&tenant.instance_id).await.unwrap();
        let change = bump(EpochScope::Tenant(&tenant.organization_id), START).to_vec();
        made.database.batch(change).await.unwrap();
        made.limiter.set_failing(true);
        run(made.platform.clone()).await;
        assert_eq!(waiting(&*made.database).await, [tenant.organization_id.as_str()]);
        assert!(made.log.text().contains("Warn some changes of the configuration wait on"));
        made.limiter.set_failing(false);
        run(made.platform.clone()).await;
        assert_eq!(waiting(&*made.database).await, Vec::<String>::new());
        let after = made.limiter.epochs(&tenant.instance_id).await.unwrap();
        assert_eq!(after.tenant, before.tenant + 1);
        assert!(made.log.text().contains("\"details\":{\"told\":1}"));
        let lines = made.log.lines().len();
        run(made.platform.clone()).await;
        let quiet = made.log.lines().split_off(lines);
        assert_eq!(quiet.len(), 1, "a minute in which nothing happens has its own line alone");
        assert_eq!((quiet[0].event, quiet[0].outcome), (Event::Cron, Some(Ending::Ok)));
    }

    #[tokio::test]
    async fn a_tenant_whose_limiter_does_not_hear_holds_up_no_other() {
        let made = quiet().await;
        let tenant = &made.tenant.tenant;
        let (next, next_instance) = neighbour(&*made.database).await;
        let pairs = [(&tenant.instance_id, &tenant.organization_id), (&next_instance, &next)];
        // Whichever comes first.
        for (deaf, left) in pairs {
            for (_, organization) in pairs {
                let change = bump(EpochScope::Tenant(organization), START).to_vec();
                made.database.batch(change).await.unwrap();
            }
            let deaf = Deaf { instance: deaf.clone(), others: made.limiter.clone() };
            run(Platform { limiter: Arc::new(deaf), ..made.platform.clone() }).await;
            assert_eq!(waiting(&*made.database).await, [left.as_str()]);
        }
    }

    #[tokio::test]
    async fn a_scope_that_is_none_is_named_and_holds_up_no_other() {
        let made = quiet().await;
        let stray = "INSERT INTO pending_bumps (scope, epoch, created_at) VALUES ('a b', 1, 0)";
        run_sql(&*made.database, stray, Vec::new()).await;
        made.database.batch(bump(EpochScope::Catalogue, START).to_vec()).await.unwrap();
        run(made.platform.clone()).await;
        assert_eq!(waiting(&*made.database).await, ["a b"]);
        assert!(made.log.text().contains("a b: "), "{}", made.log.text());
    }

    #[tokio::test]
    async fn what_is_over_goes_and_nothing_else() {
        let made = quiet().await;
        let now = made.platform.clock.now();
        // More than a batch, and one that has still a minute.
        let sessions =
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
             INSERT INTO sessions (digest, id, user_id, created_at, last_seen_at, expires_at)
             SELECT 'd' || i, 's' || i, (SELECT min(id) FROM users), 0, 0,
               CAST(?1 AS INTEGER) + iif(i = 0, 60000, -i) FROM n";
        run_sql(&*made.database, sessions, vec![now.into()]).await;
        let replies = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
             INSERT INTO idempotency (holder, route, key_digest, body_digest, reply, created_at,
               expires_at)
             SELECT 'user_1', 'POST /v1/projects', 'k' || i, 'b', 'sealed', 0,
               CAST(?1 AS INTEGER) + iif(i = 0, 60000, -i) FROM n";
        run_sql(&*made.database, replies, vec![now.into()]).await;
        // Told long ago, with a try each, and one of an hour later.
        let day = 24 * 60 * 60 * 1_000;
        let deliveries = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
             INSERT INTO webhook_deliveries (id, organization_id, url, event_type, payload, state, created_at)
             SELECT 'msg_' || i, (SELECT min(id) FROM organizations), 'https://a.example.com/', 'job.failed',
               '{}', 'failed', CAST(?1 AS INTEGER) + iif(i = 0, 3600000, -i) FROM n";
        run_sql(&*made.database, deliveries, vec![now.plus(-30 * day).into()]).await;
        let turns = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
             INSERT INTO responses (project_id, id, content, created_at, expires_at)
             SELECT (SELECT min(id) FROM projects), 'resp_' || i, 'sealed', 0,
               CAST(?1 AS INTEGER) + iif(i = 0, 60000, -i) FROM n";
        run_sql(&*made.database, turns, vec![now.into()]).await;
        let tries = "INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms)
             SELECT id, 1, 0, 0 FROM webhook_deliveries";
        run_sql(&*made.database, tries, Vec::new()).await;
        run(made.platform.clone()).await;
        let dump = made.database.dump().unwrap();
        let left = |table: &str| {
            dump.lines().filter(|line| line.starts_with(&format!("{table} "))).collect::<Vec<_>>()
        };
        assert_eq!(left("sessions").len(), 1);
        assert!(left("sessions")[0].contains("\"d0\""));
        assert_eq!(left("idempotency").len(), 1);
        assert!(left("idempotency")[0].contains("\"k0\""));
        assert_eq!(left("responses").len(), 1);
        assert!(left("responses")[0].contains("\"resp_0\""));
        assert_eq!(left("webhook_deliveries").len(), 1);
        assert!(left("webhook_deliveries")[0].contains("\"msg_0\""));
        assert_eq!(left("webhook_attempts").len(), 1);
        let log = made.log.text();
        assert!(log.contains("{\"table\":\"webhook_deliveries\",\"removed\":3}"), "{log}");
        assert!(log.contains("{\"table\":\"sessions\",\"removed\":600}"), "{log}");
        assert!(log.contains("{\"table\":\"idempotency\",\"removed\":3}"), "{log}");
        assert!(log.contains("{\"table\":\"responses\",\"removed\":3}"), "{log}");
    }
}
