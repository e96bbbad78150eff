//! Calls that the object has not heard of in time.

use de_core::{
    limits::wire::{SettleRequest, Spent},
    store::usage::DirectRow,
};
use de_edge::clock::now;

use super::{Failure, Limiter, database};

impl Limiter {
    /// Looks in the database for their receipts: a worker that could not reach this object has written them
    /// there.
    pub(super) async fn find_lost(&self) -> Result<(), Failure> {
        let lost = self.limits.borrow().lost(now());
        if lost.is_empty() {
            return Ok(());
        }
        let found = database::direct_receipts(&self.env, &lost).await?;
        for DirectRow { attempts, cost_micros, lease_id, tokens } in found {
            // A try without an answer may have been billed beside the one that the receipt is of.
            if attempts.iter().any(|attempt| attempt.status.is_none()) {
                continue;
            }
            let micros = cost_micros.unwrap_or(0);
            let spent = Spent { micros, requests: 1, tokens, unsettled_micros: 0 };
            // As its holder would have reported it, by way of the organization too.
            self.settle(&SettleRequest::of_one(lease_id, spent)).await?;
        }
        Ok(())
    }
}
