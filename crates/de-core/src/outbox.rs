//! What still has to be delivered to the database, in which batches, and when to try again.
//!
//! The object keeps one row a receipt and asks here what to do next; nothing here touches storage.
//! A receipt is delivered at least once, and the database ignores one that it has. A batch that the
//! database refuses twice is halved, so that one bad row holds up no other: alone, it is tried with pauses for
//! hours, and put aside at last, to be tried again now and then. While the database does not answer, or takes
//! nothing, nothing is counted against the rows.

use serde::{Deserialize, Serialize};

use crate::{ids::ReceiptId, time::UnixMillis};

/// The most rows of a batch.
pub const BATCH_ROWS: u32 = 500;
/// The largest batch: D1 takes at most 2 MB in one value.
pub const BATCH_BYTES: u64 = 1_000_000;
/// How long a delivered receipt is remembered, so that a repeated report does not bring it back.
pub const TOMBSTONE_MS: i64 = 48 * 3_600_000;
/// How long to wait for more receipts before a delivery.
pub const GATHER_MS: i64 = 500;
/// How often a batch may be refused before it is halved.
const REFUSALS: u32 = 2;
/// How often a row alone may be refused before it is put aside: with the pauses between, for six hours. A database
/// that fails now and then, and answers when it is asked why, looks like one that refuses the row.
pub const REFUSALS_ALONE: u32 = 80;
/// How long a row that was put aside rests before it is tried again: what refused it may have been mended.
pub const ASIDE_MS: i64 = 3_600_000;
/// The first pause after a failure; it doubles up to the longest one.
const FIRST_PAUSE_MS: i64 = 1_000;
const LONGEST_PAUSE_MS: i64 = 300_000;

/// A receipt that waits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Waiting {
    /// The most rows of a batch that it may be part of: shrinks with refusals.
    pub batch_rows: u32,
    /// Which receipt.
    pub receipt_id: ReceiptId,
    /// How often batches of this size with it were refused.
    pub refusals: u32,
    /// Size of its JSON.
    pub size_bytes: u64,
}

impl Waiting {
    /// A receipt as it enters.
    #[must_use]
    pub fn new(receipt_id: ReceiptId, size_bytes: u64) -> Self {
        Self { batch_rows: BATCH_ROWS, receipt_id, refusals: 0, size_bytes }
    }
}

/// How a delivery went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The database has all of it.
    Delivered,
    /// The database takes other rows, but not this batch: something in it is wrong.
    Refused,
    /// The database does not answer, or takes no row of anybody.
    Unreachable,
}

/// What to do with a row after a delivery.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Replace the row by its id, to be kept until then.
    Bury {
        /// Which receipt.
        receipt_id: ReceiptId,
        /// When even the id may go.
        until: UnixMillis,
    },
    /// Keep the row, in this state, and leave it out of batches for a while.
    Pause {
        /// The row.
        row: Waiting,
        /// When it may be tried again.
        until: UnixMillis,
    },
    /// Move the row to those that are tried seldom, and tell the operator.
    PutAside {
        /// Which receipt.
        receipt_id: ReceiptId,
    },
    /// Keep the row, in this state.
    Retry(Waiting),
}

/// The rows of the next batch: the first ones of `waiting`, as far as they may go together.
///
/// Rows are to be given with the largest `batch_rows` first, then the oldest, so that rows under
/// suspicion come last. A row larger than a batch goes alone. Empty only if nothing waits.
#[must_use]
pub fn next_batch(waiting: &[Waiting]) -> Vec<&Waiting> {
    let Some(first) = waiting.first() else { return Vec::new() };
    let mut bytes = 0_u64;
    waiting
        .iter()
        .take(usize::try_from(first.batch_rows.max(1)).unwrap_or(1))
        .take_while(|row| row.batch_rows == first.batch_rows)
        .enumerate()
        .take_while(|(place, row)| {
            bytes = bytes.saturating_add(row.size_bytes);
            *place == 0 || bytes <= BATCH_BYTES
        })
        .map(|(_, row)| row)
        .collect()
}

/// What a delivery changes, a row of the batch each.
#[must_use]
pub fn after(now: UnixMillis, batch: &[Waiting], outcome: Outcome) -> Vec<Change> {
    let half = u32::try_from(batch.len()).unwrap_or(BATCH_ROWS).div_ceil(2).max(1);
    let change = |row: &Waiting| match outcome {
        Outcome::Delivered => {
            Change::Bury { receipt_id: row.receipt_id.clone(), until: now.plus(TOMBSTONE_MS) }
        }
        Outcome::Refused if row.refusals.saturating_add(1) < REFUSALS => {
            Change::Retry(Waiting { refusals: row.refusals.saturating_add(1), ..row.clone() })
        }
        Outcome::Refused if batch.len() == 1 => alone(now, row),
        Outcome::Refused => Change::Retry(Waiting { batch_rows: half, refusals: 0, ..row.clone() }),
        Outcome::Unreachable => Change::Retry(row.clone()),
    };
    batch.iter().map(change).collect()
}

/// What becomes of a row that was refused alone, and not for the first time.
fn alone(now: UnixMillis, row: &Waiting) -> Change {
    let refusals = row.refusals.saturating_add(1);
    if refusals >= REFUSALS_ALONE {
        return Change::PutAside { receipt_id: row.receipt_id.clone() };
    }
    let row = Waiting { batch_rows: 1, refusals, ..row.clone() };
    Change::Pause { row, until: now.plus(pause_ms(refusals)) }
}

/// How long to wait after `failures` deliveries in a row that did not reach the database: 1 s, doubled
/// up to 5 min.
#[must_use]
pub fn pause_ms(failures: u32) -> i64 {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_PAUSE_MS.saturating_mul(1 << doublings).min(LONGEST_PAUSE_MS)
}

/// What the object has to wake up for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plans {
    /// When the first tombstone may go.
    pub bury_at: Option<UnixMillis>,
    /// When the next delivery is due, if anything waits.
    pub deliver_at: Option<UnixMillis>,
    /// When a row that rests may be tried again.
    pub retry_at: Option<UnixMillis>,
    /// When the limits want to be tidied up, if they hold anything.
    pub tidy_at: Option<UnixMillis>,
}

/// When to wake up: at the first of the plans, never in the past, and not at all without one.
#[must_use]
pub fn next_alarm(now: UnixMillis, plans: Plans) -> Option<UnixMillis> {
    let all = [plans.bury_at, plans.deliver_at, plans.retry_at, plans.tidy_at];
    all.into_iter().flatten().min().map(|at| at.max(now))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000);

    fn row(number: u32) -> Waiting {
        Waiting::new(ReceiptId::parse(&format!("rcpt_{number}")).unwrap(), 1_000)
    }

    fn rows(count: u32) -> Vec<Waiting> {
        (0..count).map(row).collect()
    }

    #[test]
    fn batches_hold_at_most_so_many_rows_and_bytes() {
        assert_eq!(next_batch(&[]).len(), 0);
        assert_eq!(next_batch(&rows(3)).len(), 3);
        assert_eq!(next_batch(&rows(501)).len(), 500);
        let large = |size_bytes| Waiting { size_bytes, ..row(1) };
        assert_eq!(next_batch(&[large(400_000), large(600_000), large(1)]).len(), 2);
        assert_eq!(next_batch(&[large(9_000_000), large(1)]).len(), 1);
    }

    #[test]
    fn rows_under_suspicion_do_not_mix_with_others() {
        let suspect = Waiting { batch_rows: 2, ..row(3) };
        let waiting = [row(1), row(2), suspect.clone(), suspect.clone(), suspect];
        assert_eq!(next_batch(&waiting).len(), 2);
        assert_eq!(next_batch(&waiting[2..]).len(), 2);
    }

    #[test]
    fn a_batch_is_halved_when_it_was_refused_twice() {
        let Some(Change::Retry(once)) = after(NOW, &rows(5), Outcome::Refused).pop() else {
            panic!()
        };
        assert_eq!((once.batch_rows, once.refusals), (500, 1));
        let again = vec![once; 5];
        let Some(Change::Retry(twice)) = after(NOW, &again, Outcome::Refused).pop() else {
            panic!()
        };
        assert_eq!((twice.batch_rows, twice.refusals), (3, 0));
    }

    #[test]
    fn an_outage_puts_nothing_aside() {
        let alone = [Waiting { batch_rows: 1, refusals: REFUSALS_ALONE - 1, ..row(1) }];
        assert_eq!(after(NOW, &alone, Outcome::Unreachable), [Change::Retry(alone[0].clone())]);
        let receipt_id = alone[0].receipt_id.clone();
        assert_eq!(after(NOW, &alone, Outcome::Refused), [Change::PutAside { receipt_id }]);
    }

    #[test]
    fn a_row_is_put_aside_only_after_hours_and_many_tries() {
        let (mut now, mut waiting, mut tries) = (NOW, row(1), 0);
        loop {
            tries += 1;
            match after(now, &[waiting.clone()], Outcome::Refused).pop() {
                Some(Change::Retry(again)) => waiting = again,
                Some(Change::Pause { row, until }) => {
                    assert!(until > now, "it is left out for a while");
                    (waiting, now) = (row, until);
                }
                Some(Change::PutAside { .. }) => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(tries >= 50, "{tries} tries");
        assert!(now.since(NOW) > 4 * 3_600_000, "{} ms", now.since(NOW));
        // It mixes with no other on its way.
        assert_eq!(waiting.batch_rows, 1);
    }

    #[test]
    fn what_was_delivered_is_remembered_for_two_days() {
        let receipt_id = row(1).receipt_id;
        let until = UnixMillis(1_000 + 172_800_000);
        assert_eq!(after(NOW, &[row(1)], Outcome::Delivered), [Change::Bury { receipt_id, until }]);
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let pauses = [0, 1, 2, 5, 9, 10, u32::MAX].map(pause_ms);
        assert_eq!(pauses, [1_000, 1_000, 2_000, 16_000, 256_000, 300_000, 300_000]);
    }

    #[test]
    fn the_alarm_rings_for_the_first_plan() {
        let at = |deliver_at, tidy_at| {
            let plans = Plans { deliver_at, tidy_at, ..Plans::default() };
            next_alarm(NOW, plans).map(|at| at.0)
        };
        assert_eq!(at(None, None), None);
        assert_eq!(at(Some(UnixMillis(9_000)), Some(UnixMillis(3_000))), Some(3_000));
        assert_eq!(at(Some(UnixMillis(5)), None), Some(1_000));
    }

    proptest! {
        /// Whatever rows are bad and whenever the database is away, the bad ones are put aside, all others
        /// delivered, each once.
        #[test]
        fn every_row_ends_delivered_or_aside(
            count in 1_u32..1_200,
            bad in prop::collection::btree_set(0_u32..1_200, 0..4),
            outages in prop::collection::vec(any::<bool>(), 0..20),
        ) {
            let bad: BTreeSet<_> = bad.into_iter().map(|number| row(number).receipt_id).collect();
            let mut waiting = rows(count);
            let (mut delivered, mut aside) = (BTreeSet::new(), BTreeSet::new());
            let mut outages = outages.into_iter();
            for _ in 0..1_000 {
                waiting.sort_by_key(|row| std::cmp::Reverse(row.batch_rows));
                let batch: Vec<_> = next_batch(&waiting).into_iter().cloned().collect();
                let outcome = if outages.next() == Some(true) {
                    Outcome::Unreachable
                } else if batch.iter().any(|row| bad.contains(&row.receipt_id)) {
                    Outcome::Refused
                } else {
                    Outcome::Delivered
                };
                waiting.drain(..batch.len());
                for change in after(NOW, &batch, outcome) {
                    match change {
                        Change::Bury { receipt_id, .. } => prop_assert!(delivered.insert(receipt_id)),
                        Change::PutAside { receipt_id } => prop_assert!(aside.insert(receipt_id)),
                        Change::Pause { row, .. } => waiting.push(row),
                        Change::Retry(row) => waiting.push(row),
                    }
                }
                if waiting.is_empty() {
                    break;
                }
            }
            prop_assert!(waiting.is_empty());
            prop_assert!(aside.iter().all(|id| bad.contains(id)));
            prop_assert_eq!(u32::try_from(delivered.len() + aside.len()).unwrap(), count);
        }
    }
}
