//! Reports for the organization's object, which stands above this one.

use de_core::{
    ids::OrganizationId,
    limits::wire::{SettleReply, SettleRequest},
    log::LogLine,
    outbox,
};
use de_edge::{clock::now, log::say};

use super::{Failure, Limiter, kept::Kept, reach, to_json};

impl Limiter {
    /// Tells the organization's object what was spent, without the receipts, which are kept here. What it does
    /// not take waits until it does: till then too much is counted there, never too little.
    pub(super) async fn report_above(
        &self,
        organization: &OrganizationId,
        report: &SettleRequest,
    ) -> Result<(), Failure> {
        let body =
            to_json(&SettleRequest { news: Vec::new(), receipts: Vec::new(), ..report.clone() })?;
        let tell = || reach::limiter::<SettleReply>(&self.env, organization, "/settle", &body);
        let mut told = tell().await;
        if told.is_err() {
            // A report counts once, however often it arrives.
            told = tell().await;
        }
        let Err(err) = told else { return Ok(()) };
        say(LogLine::error("limiter: the organization's limiter was not told of a settled call")
            .because(&err));
        let id = format!("{}/{}", report.lease_id, report.seq);
        Kept::of(&self.state).keep_report(&id, organization, &body, now())?;
        Ok(self.wake_by(now().plus(outbox::pause_ms(1))).await?)
    }

    /// Passes on what the organization's object has not taken.
    pub(super) async fn pass_on(&self) -> Result<(), Failure> {
        let kept = Kept::of(&self.state);
        for report in kept.reports_above()? {
            let _: SettleReply =
                reach::limiter(&self.env, &report.organization, "/settle", &report.body).await?;
            kept.drop_report(&report.id)?;
        }
        Ok(())
    }
}
