//! The shares that this isolate has been granted and may spend without asking: one [`Holder`] for all requests.
//!
//! What is shared between requests is plain data. Each call sends its reports and waits within its own
//! background work, since no runtime lets one request wait for what another one does.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    books::settlement::write,
    circuits,
    ids::{InstanceId, LeaseId},
    limits::{
        Epochs,
        holder::{CallId, Ended, Granted, Holder, Key, Next, Take},
        wire::{Need, SettleRequest},
    },
    log::LogLine,
    ports::Platform,
    time::UnixMillis,
};

/// How often receipts that nobody takes are tried to be written, and the pause between.
const WRITES: u32 = 3;
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// The leases of an isolate.
#[derive(Debug, Default)]
pub struct Shares {
    holder: Mutex<Holder>,
    /// Whether every call asks for itself.
    is_alone: bool,
}

impl Shares {
    /// Shares of which calls take until they are used up.
    #[must_use]
    pub fn pooled() -> Self {
        Self::default()
    }

    /// No call takes of what another one was granted: each asks, and reports for itself.
    #[must_use]
    pub fn alone() -> Self {
        Self { is_alone: true, ..Self::default() }
    }

    /// Lets a call begin if there is a share for it at hand. `None`: it has to ask for itself, and reports
    /// for itself.
    pub(crate) fn take(
        &self,
        now: UnixMillis,
        key: &Key,
        epochs: Epochs,
        need: Need,
        deadline: UnixMillis,
    ) -> Option<Take> {
        (!self.is_alone).then(|| self.holder().take(now, key, epochs, need, deadline))
    }

    /// The same for a call that asked and was refused. `None`: there is still none.
    pub(crate) fn take_refused(
        &self,
        now: UnixMillis,
        key: &Key,
        epochs: Epochs,
        need: Need,
        deadline: UnixMillis,
    ) -> Option<Take> {
        self.holder().take_refused(now, key, epochs, need, deadline)
    }

    /// Takes over a grant that a call was told to ask for.
    pub(crate) fn granted(&self, key: &Key, granted: Granted) -> CallId {
        self.holder().granted(key, granted)
    }

    /// Reports the end of a call, together with those of others, and gives the lease back if nobody else
    /// is left to do so. Says whether the receipt is written.
    pub(crate) async fn end(
        &self,
        platform: &Platform,
        instance: &InstanceId,
        call: &CallId,
        ended: Ended,
    ) -> bool {
        self.holder().end(platform.clock.now(), call, ended);
        let mut writes = 0;
        loop {
            let next = self.holder().next(platform.clock.now(), call);
            match next {
                Next::Done => return true,
                Next::Send(report) => self.send(platform, instance, *report).await,
                Next::Wait(wait_ms) => sleep(platform, wait_ms).await,
                Next::Write(receipts) => {
                    writes += 1;
                    if write(platform, &call.lease_id, &receipts).await {
                        let now = platform.clock.now();
                        self.holder().written(now, &call.lease_id, &receipts);
                    } else if writes >= WRITES {
                        return false;
                    } else {
                        platform.clock.sleep(WRITE_PAUSE).await;
                    }
                }
            }
        }
    }

    /// Gives back what is left of a lease when its life ends, also while its calls run on.
    pub(crate) async fn keep(
        &self,
        platform: &Platform,
        instance: &InstanceId,
        lease_id: &LeaseId,
    ) {
        loop {
            let next = self.holder().keep(platform.clock.now(), lease_id);
            match next {
                Next::Done | Next::Write(_) => return,
                Next::Send(report) => self.send(platform, instance, *report).await,
                Next::Wait(wait_ms) => sleep(platform, wait_ms).await,
            }
        }
    }

    /// Sends a report, and pauses if that was in vain.
    async fn send(&self, platform: &Platform, instance: &InstanceId, report: SettleRequest) {
        let (lease_id, seq) = (report.lease_id.clone(), report.seq);
        let sent = circuits::settle(platform, instance, report).await;
        if let Err(err) = &sent {
            warn(platform, &lease_id, "the Limiter did not take a report", &err.to_string());
        }
        let now = platform.clock.now();
        let pause = self.holder().sent(now, &lease_id, seq, sent.is_ok());
        if let Some(pause_ms) = pause {
            sleep(platform, pause_ms).await;
        }
    }

    fn holder(&self) -> MutexGuard<'_, Holder> {
        // What a panic may have left half done is counts: the Limiter's own are not touched by it.
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sleep(platform: &Platform, wait_ms: i64) {
    let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
    platform.clock.sleep(wait).await;
}

fn warn(platform: &Platform, lease_id: &LeaseId, what: &str, cause: &str) {
    let line = LogLine::error(what).with("lease_id", lease_id.as_str());
    platform.log.write(line.because(&cause));
}
