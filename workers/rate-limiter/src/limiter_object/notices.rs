//! What the object has to tell people, on its way to the database.

use de_core::{
    ids::{InstanceId, OrganizationId},
    log::LogLine,
    notices::{self, Failing},
    ports::{Statement, Whose},
};
use de_edge::{clock::now, log::say};

use super::{
    Failure, Limiter, database, from_json,
    kept::{Kept, Notice},
};

/// After so many deliveries in a row that failed, people are told: within the first half minute nobody
/// could do anything about it.
const FAILURES: u32 = 5;

impl Limiter {
    /// Tells what waits to be told. What does not get through waits on.
    pub(super) async fn tell(&self) -> Result<(), Failure> {
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
        for notice in waiting {
            // What this deploy cannot read waits for one that can, and holds up no other.
            match statements_of(whose, &notice) {
                Ok(Some(its)) => {
                    statements.extend(its);
                    told.push(notice.id);
                }
                Ok(None) => {}
                Err(err) => say(LogLine::error("limiter: a notice cannot be read")
                    .because(&err)
                    .with("notice", notice.id.as_str())),
            }
        }
        if told.is_empty() {
            return Ok(());
        }
        database::tell(&self.env, statements).await?;
        // Told twice is told once: the ids of rows and messages are made of the notice.
        Ok(kept.notices_told(now(), &told)?)
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
}

/// What tells a notice; `None` for one of a kind that is not known here.
fn statements_of(whose: Whose<'_>, notice: &Notice) -> Result<Option<Vec<Statement>>, Failure> {
    let Notice { at, body, id, kind } = notice;
    let body = body.as_bytes();
    Ok(Some(match kind.as_str() {
        Notice::BUDGET => notices::tell(whose, id, notices::Notice::Budget(&from_json(body)?), *at),
        Notice::DEAD => notices::tell(whose, id, notices::Notice::Dead(&from_json(body)?), *at),
        Notice::OUTBOX => notices::tell(whose, id, notices::Notice::Outbox(&from_json(body)?), *at),
        Notice::OVER => notices::tell(whose, id, notices::Notice::Over(&from_json(body)?), *at),
        Notice::RELEASE => {
            notices::tell(whose, id, notices::Notice::Release(&from_json(body)?), *at)
        }
        _ => return Ok(None),
    }))
}
