//! What the object has to tell people, on its way to the database; and what the database tells it of calls
//! that it has not heard of.

use de_core::{
    ids::{InstanceId, OrganizationId},
    limits::wire::{SettleReply, SettleRequest, Spent},
    notices::{self, Failing},
    ports::Whose,
    store::usage::DirectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use worker::console_error;

use super::{
    Failure, Limiter, database, from_json,
    kept::{Kept, Notice},
    reach::{self, now},
    to_json,
};

/// After so many deliveries in a row that failed, people are told: within the first half minute nobody
/// could do anything about it.
const FAILURES: u32 = 5;

/// A report for the organization's object.
#[derive(Deserialize, Serialize)]
struct Above {
    organization: OrganizationId,
    report: SettleRequest,
}

impl Limiter {
    /// Tells what waits to be told. What does not get through waits on.
    pub(super) async fn tell(&self) {
        let told = self.try_to_tell().await;
        let passed_on = self.pass_on().await;
        let failed = told.is_err() || passed_on.is_err();
        self.untold.set(if failed { self.untold.get().saturating_add(1) } else { 0 });
        for err in told.err().into_iter().chain(passed_on.err()) {
            console_error!(
                "{}",
                json!({"message": "limiter: a notice or a report waits on to be told", "error": err.to_string()})
            );
        }
    }

    /// Keeps a report that the organization's object did not take, until it does: it counts once, however
    /// often it arrives.
    pub(super) fn keep_report(
        &self,
        organization: &OrganizationId,
        report: &SettleRequest,
    ) -> Result<(), Failure> {
        let id = format!("above/{}/{}", report.lease_id, report.seq);
        let body = Above { organization: organization.clone(), report: report.clone() };
        let at = now();
        Ok(Kept::of(&self.state).keep_notice(&id, Notice::ABOVE, &body, at, at)?)
    }

    /// Passes on what the organization's object has not taken. What does not get through waits on.
    async fn pass_on(&self) -> Result<(), Failure> {
        let kept = Kept::of(&self.state);
        for Notice { body, id, .. } in kept.reports_above()? {
            let Above { organization, report } = from_json(body.as_bytes())?;
            let body = to_json(&report)?;
            let _: SettleReply = reach::limiter(&self.env, &organization, "/settle", &body).await?;
            kept.told(now(), &[id])?;
        }
        Ok(())
    }

    async fn try_to_tell(&self) -> Result<(), Failure> {
        let kept = Kept::of(&self.state);
        let waiting = kept.notices()?;
        if waiting.is_empty() {
            return Ok(());
        }
        let name = self.state.id().name().ok_or(Failure::Nameless)?;
        let organization = OrganizationId::parse(&name).ok();
        let instance = InstanceId::parse(&name).ok();
        let whose = match (&instance, &organization) {
            (_, Some(id)) => Whose::Organization(id),
            (Some(id), None) => Whose::Instance(id),
            (None, None) => return Err(Failure::Nameless),
        };
        let mut statements = Vec::new();
        let mut told = Vec::new();
        for Notice { at, body, id, kind } in &waiting {
            let body = body.as_bytes();
            let notice = match kind.as_str() {
                Notice::BUDGET => {
                    notices::tell(whose, id, notices::Notice::Budget(&from_json(body)?), *at)
                }
                Notice::DEAD => {
                    notices::tell(whose, id, notices::Notice::Dead(&from_json(body)?), *at)
                }
                Notice::OUTBOX => {
                    notices::tell(whose, id, notices::Notice::Outbox(&from_json(body)?), *at)
                }
                Notice::RELEASE => {
                    notices::tell(whose, id, notices::Notice::Release(&from_json(body)?), *at)
                }
                // Told to another object, by `pass_on`; or of a deploy that knew more, and tells it again.
                _ => continue,
            };
            statements.extend(notice);
            told.push(id.clone());
        }
        if told.is_empty() {
            return Ok(());
        }
        database::tell(&self.env, statements).await?;
        // Told twice is told once: the ids of rows and messages are made of the notice.
        Ok(kept.told(now(), &told)?)
    }

    /// Keeps a notice of an outbox that does not get through, once for each time that it does not.
    pub(super) fn note_failing(&self, error: &str) -> Result<(), Failure> {
        if self.failures.get() != FAILURES {
            return Ok(());
        }
        let kept = Kept::of(&self.state);
        let (at, waiting) = (now(), kept.backlog()?.waiting);
        let since = kept.waiting_since()?.unwrap_or(at);
        let failing = Failing { error: error.to_owned(), since, waiting };
        // What has waited longest tells failures apart: it goes with the first delivery that succeeds.
        let id = format!("outbox/{}", since.0);
        Ok(kept.keep_notice(&id, Notice::OUTBOX, &failing, at, at)?)
    }

    /// Looks in the database for the receipts of calls that were not heard of in time: a worker that could
    /// not reach this object has written them there.
    pub(super) async fn find_lost(&self) -> Result<(), Failure> {
        let lost = self.limits.borrow().lost(now());
        if lost.is_empty() {
            return Ok(());
        }
        for DirectRow { attempts, cost_micros, lease_id, tokens } in
            database::direct_receipts(&self.env, &lost).await?
        {
            // A try without an answer may have been billed beside the one that the receipt is of.
            if attempts.iter().any(|attempt| attempt.status.is_none()) {
                continue;
            }
            let spent = Spent {
                micros: cost_micros.unwrap_or(0),
                requests: 1,
                tokens,
                unsettled_micros: 0,
            };
            // As its holder would have reported it, by way of the organization too.
            self.settle(&SettleRequest::of_one(lease_id, spent)).await?;
        }
        Ok(())
    }
}
