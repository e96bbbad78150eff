//! What the object keeps in its SQLite. Every method is synchronous: no other event runs inside.

use de_core::{
    circuit::{self, Circuit, Key},
    ids::{LeaseId, OrganizationId, ReceiptId},
    limits::{Alert, Bucket, Lease, Limiter, Release},
    log::LogLine,
    notices::DeadReceipt,
    outbox::{BATCH_ROWS, Change, REFUSALS_ALONE, Waiting},
    receipt::Receipt,
    time::UnixMillis,
};
use de_edge::log::say;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use worker::{Error, Result, SqlStorage, SqlStorageValue as Value, State};

use crate::kept_sql as sql;

pub(super) struct Kept(SqlStorage);

/// For how long one notice of a receipt that was put aside stands for all of its later tries.
const DEAD_EACH_MS: i64 = 30 * 24 * 3_600_000;

/// What there is to wake up for.
#[derive(Deserialize)]
pub(super) struct Next {
    /// Since when the receipt is aside that is so longest.
    pub(super) aside_since: Option<UnixMillis>,
    /// When the first tombstone may go.
    pub(super) first_until: Option<UnixMillis>,
    /// When the first receipt that rests may be tried again.
    pub(super) rest_until: Option<UnixMillis>,
    /// 1 if a notice waits to be told, else 0.
    pub(super) tells: u8,
    /// 1 if a receipt waits that does not rest, else 0.
    pub(super) waits: u8,
}

/// What has not reached the database.
#[derive(Deserialize)]
pub(super) struct Backlog {
    pub(super) dead: u64,
    pub(super) waiting: u64,
}

/// A report that the organization's object has not taken.
#[derive(Deserialize)]
pub(super) struct ReportAbove {
    pub(super) body: String,
    pub(super) id: String,
    pub(super) organization: OrganizationId,
}

/// Something that someone has to be told.
#[derive(Deserialize)]
pub(super) struct Notice {
    pub(super) at: UnixMillis,
    pub(super) body: String,
    pub(super) id: String,
    pub(super) kind: String,
}

impl Notice {
    /// A budget has passed a percent: an [`Alert`].
    pub(super) const BUDGET: &'static str = "budget";
    /// The database would not take a receipt: a [`DeadReceipt`].
    pub(super) const DEAD: &'static str = "dead";
    /// Receipts do not reach the database: a [`Failing`](de_core::notices::Failing).
    pub(super) const OUTBOX: &'static str = "outbox";
    /// A call cost more than was held for it: an [`OverCeiling`](de_core::notices::OverCeiling).
    pub(super) const OVER: &'static str = "over";
    /// Money went back to its budget: a [`Release`].
    pub(super) const RELEASE: &'static str = "release";
}

#[derive(Deserialize)]
struct Since {
    since: Option<UnixMillis>,
}

#[derive(Deserialize)]
struct Tombstones {
    tombstones: u64,
}

#[derive(Deserialize)]
struct Body {
    body: String,
}

#[derive(Deserialize)]
struct Bodies {
    bodies: String,
}

impl Kept {
    pub(super) fn of(state: &State) -> Self {
        Self(state.storage().sql())
    }

    /// The limits as they were kept. Makes the tables, if this is the object's first life.
    pub(super) fn load(&self, now: UnixMillis) -> Result<Limiter> {
        for table in sql::TABLES {
            self.0.exec(table, Vec::new())?;
        }
        let leases = self
            .rows::<Body>(sql::LEASES, Vec::new())?
            .iter()
            .map(|row| serde_json::from_str(&row.body).map_err(malformed))
            .collect::<Result<_>>()?;
        let buckets: Vec<Bucket> = self.rows(sql::BUCKETS, vec![int(now.0)])?;
        let alerts = self
            .rows::<Body>(sql::NOTICES_OF, vec![text(Notice::BUDGET), int(now.0)])?
            .iter()
            .map(|row| serde_json::from_str(&row.body).map_err(malformed))
            .collect::<Result<Vec<Alert>>>()?;
        // Advice, unlike the others: one that another version wrote must not keep the Limiter from its work.
        let circuits = self.rows::<Body>(sql::CIRCUITS, Vec::new())?;
        let circuits: Vec<Circuit> =
            circuits.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
        let mut limiter = Limiter::restore(leases, &buckets, &alerts);
        limiter.circuits().restore(circuits);
        Ok(limiter)
    }

    /// Keeps circuits as they stand now. There is seldom any change: one that serves is not kept.
    pub(super) fn keep_circuits(&self, changed: &[circuit::Change]) -> Result<()> {
        for change in changed {
            match change {
                circuit::Change::Drop(key) => {
                    let values = vec![text(key.provider_id.as_str()), text(key.model_id.as_str())];
                    self.run(sql::DROP_CIRCUIT, values)?;
                }
                circuit::Change::Keep(circuit) => {
                    let Key { model_id, provider_id } = circuit.key();
                    let body = json_text(circuit)?;
                    let values = vec![text(provider_id.as_str()), text(model_id.as_str()), body];
                    self.run(sql::KEEP_CIRCUIT, values)?;
                }
            }
        }
        Ok(())
    }

    /// Keeps alerts until they are told, and their ids to the end of their period.
    pub(super) fn keep_alerts(&self, alerts: &[Alert]) -> Result<()> {
        for alert in alerts {
            self.keep_notice(&alert.id(), Notice::BUDGET, alert, alert.at, alert.ends_at)?;
        }
        Ok(())
    }

    /// Keeps that money went back to its budget, until it stands in the trail of changes.
    pub(super) fn keep_releases(&self, now: UnixMillis, releases: &[Release]) -> Result<()> {
        for release in releases {
            let Release { kind, lease_id, scope, .. } = release;
            let id = format!("{scope}/{}/{lease_id}", kind.name());
            self.keep_notice(&id, Notice::RELEASE, release, now, now)?;
        }
        Ok(())
    }

    pub(super) fn keep_notice(
        &self,
        id: &str,
        kind: &str,
        body: &impl Serialize,
        at: UnixMillis,
        keep_until: UnixMillis,
    ) -> Result<()> {
        let values = vec![text(id), text(kind), json_text(body)?, int(at.0), int(keep_until.0)];
        self.run(sql::KEEP_NOTICE, values)
    }

    pub(super) fn keep_lease(&self, lease: &Lease) -> Result<()> {
        let id = text(lease.lease_id().as_str());
        self.run(sql::KEEP_LEASE, vec![id, json_text(lease)?])
    }

    pub(super) fn drop_leases(&self, leases: &[LeaseId]) -> Result<()> {
        if leases.is_empty() {
            return Ok(());
        }
        self.run(sql::DROP_LEASES, vec![json_text(leases)?])
    }

    pub(super) fn add_buckets(&self, buckets: &[Bucket]) -> Result<()> {
        if buckets.is_empty() {
            return Ok(());
        }
        self.run(sql::ADD_BUCKETS, vec![json_text(buckets)?])
    }

    /// Deletes buckets and tombstones whose time is over. Both are found by index: where nothing is
    /// due, nothing is read.
    pub(super) fn drop_old(&self, now: UnixMillis) -> Result<()> {
        self.run(sql::DROP_BUCKETS, vec![int(now.0)])?;
        self.run(sql::DROP_NOTICES, vec![int(now.0)])?;
        self.run(sql::DROP_TOMBSTONES, vec![int(now.0)])
    }

    pub(super) fn keep_receipt(&self, now: UnixMillis, receipt: &Receipt) -> Result<()> {
        let body = serde_json::to_string(receipt).map_err(malformed)?;
        let size = i64::try_from(body.len()).unwrap_or(i64::MAX);
        let cost = receipt.cost_micros.map_or(Value::Null, |micros| int(micros.0));
        let id = text(receipt.receipt_id.as_str());
        let batch = int(i64::from(BATCH_ROWS));
        self.run(
            sql::KEEP_RECEIPT,
            vec![id, Value::String(body), int(size), cost, batch, int(now.0)],
        )
    }

    /// What waits to be told.
    pub(super) fn notices(&self) -> Result<Vec<Notice>> {
        self.rows(sql::NOTICES, Vec::new())
    }

    /// Keeps a report that the organization's object did not take.
    pub(super) fn keep_report(
        &self,
        id: &str,
        organization: &OrganizationId,
        body: &str,
        at: UnixMillis,
    ) -> Result<()> {
        let values = vec![text(id), text(organization.as_str()), text(body), int(at.0)];
        self.run(sql::KEEP_REPORT, values)
    }

    pub(super) fn reports_above(&self) -> Result<Vec<ReportAbove>> {
        self.rows(sql::REPORTS_ABOVE, Vec::new())
    }

    pub(super) fn drop_report(&self, id: &str) -> Result<()> {
        self.run(sql::DROP_REPORT, vec![text(id)])
    }

    pub(super) fn notices_told(&self, now: UnixMillis, ids: &[String]) -> Result<()> {
        self.run(sql::NOTICES_TOLD, vec![json_text(ids)?, int(now.0)])
    }

    /// Has those tried again whose rest is over, and those put aside that are so since then at the latest. Each
    /// of these goes alone, and back at its first refusal.
    pub(super) fn end_rests(&self, now: UnixMillis, aside_since: UnixMillis) -> Result<()> {
        self.run(sql::END_PAUSES, vec![int(now.0)])?;
        let refusals = int(i64::from(REFUSALS_ALONE.saturating_sub(1)));
        self.run(sql::TAKE_UP, vec![int(aside_since.0), refusals])?;
        self.run(sql::TAKEN_UP, vec![int(aside_since.0)])
    }

    /// What waits to be delivered and does not rest.
    pub(super) fn waiting(&self) -> Result<Vec<Waiting>> {
        self.rows(sql::WAITING, Vec::new())
    }

    /// Since when the receipt waits that has waited longest.
    pub(super) fn waiting_since(&self) -> Result<Option<UnixMillis>> {
        self.only::<Since>(sql::WAITING_SINCE).map(|row| row.since)
    }

    /// The JSON list of some receipts that wait.
    pub(super) fn bodies(&self, batch: &[Waiting]) -> Result<String> {
        let ids: Vec<_> = batch.iter().map(|row| &row.receipt_id).collect();
        let rows: Vec<Bodies> = self.rows(sql::BODIES, vec![json_text(&ids)?])?;
        Ok(rows.into_iter().next().map_or_else(|| "[]".to_owned(), |row| row.bodies))
    }

    /// Does what a delivery decided. Ids are remembered, and dead rows kept, before the rows go.
    pub(super) fn apply(&self, now: UnixMillis, changes: Vec<Change>, error: &str) -> Result<()> {
        let (mut buried, mut aside, mut again) = (Vec::new(), Vec::new(), Vec::new());
        let mut rests = Vec::new();
        let mut until = now;
        for change in changes {
            match change {
                Change::Bury { receipt_id, until: end } => {
                    until = end;
                    buried.push(receipt_id);
                }
                Change::Pause { row, until } => {
                    rests.push(serde_json::json!({"receipt_id": row.receipt_id, "until": until.0}));
                    again.push(row);
                }
                Change::PutAside { receipt_id } => aside.push(receipt_id),
                Change::Retry(row) => again.push(row),
            }
        }
        if !buried.is_empty() {
            self.run(sql::BURY, vec![json_text(&buried)?, int(until.0)])?;
            self.drop_receipts(&buried)?;
        }
        if !aside.is_empty() {
            say(LogLine::error("limiter: the database refuses a receipt, it is put aside")
                .because(&error)
                .with("receipt_ids", serde_json::json!(aside)));
            self.run(sql::PUT_ASIDE, vec![json_text(&aside)?, text(error), int(now.0)])?;
            for receipt_id in &aside {
                let (id, error) = (format!("dead/{receipt_id}"), error.to_owned());
                let dead = DeadReceipt { error, receipt_id: receipt_id.clone() };
                self.keep_notice(&id, Notice::DEAD, &dead, now, now.plus(DEAD_EACH_MS))?;
            }
            self.drop_receipts(&aside)?;
        }
        if !again.is_empty() {
            self.run(sql::RETRY, vec![json_text(&again)?])?;
        }
        if !rests.is_empty() {
            self.run(sql::PAUSE, vec![json_text(&rests)?])?;
        }
        Ok(())
    }

    pub(super) fn next(&self) -> Result<Next> {
        self.only(sql::NEXT)
    }

    pub(super) fn backlog(&self) -> Result<Backlog> {
        self.only(sql::BACKLOG)
    }

    /// Counts the tombstones by reading them all: not for the object's own work.
    pub(super) fn tombstones(&self) -> Result<u64> {
        self.only::<Tombstones>(sql::TOMBSTONES).map(|row| row.tombstones)
    }

    fn drop_receipts(&self, ids: &[ReceiptId]) -> Result<()> {
        self.run(sql::DROP_RECEIPTS, vec![json_text(ids)?])
    }

    /// Writes.
    fn run(&self, sql: &str, values: Vec<Value>) -> Result<()> {
        #[cfg(feature = "faults")]
        de_edge::faults::storage().map_err(|err| Error::from(err.to_string()))?;
        self.0.exec(sql, values).map(|_| ())
    }

    fn only<T: DeserializeOwned>(&self, sql: &str) -> Result<T> {
        let rows = self.rows(sql, Vec::new())?;
        rows.into_iter().next().ok_or_else(|| Error::from("no row of a query that always has one"))
    }

    /// The cursor's `one` throws through Rust when there is no row, and its caller waits for ever.
    fn rows<T: DeserializeOwned>(&self, sql: &str, values: Vec<Value>) -> Result<Vec<T>> {
        self.0.exec(sql, values)?.to_array()
    }
}

fn int(number: i64) -> Value {
    // Numbers travel as doubles: beyond 2^53 they would be another number, and from there on they come
    // back as floating point, which is no integer to whoever reads them.
    const SAFE: i64 = (1 << 53) - 1;
    Value::Integer(number.clamp(-SAFE, SAFE))
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn json_text(value: &(impl Serialize + ?Sized)) -> Result<Value> {
    serde_json::to_string(value).map(Value::String).map_err(malformed)
}

fn malformed(err: serde_json::Error) -> Error {
    Error::RustError(format!("not the JSON that was kept: {err}"))
}
