//! The faults that outlive one request: those set from outside, and counts of those that end.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::config::Vendor;
use crate::faults::{Script, scoped};

/// Prompts whose failures, and links whose fetches, are counted; beyond it the counts start anew, to bound the memory.
const MOST_PROMPTS: usize = 10_000;

/// A fault set through `POST /control/faults`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Order {
    /// The vendor's id; absent for all vendors.
    pub(crate) vendor: Option<&'static str>,
    /// The faults as they were written.
    pub(crate) fault: String,
    /// How many requests it will still meet.
    pub(crate) times: u32,
    #[serde(skip)]
    pub(crate) script: Script,
}

/// All that is remembered about faults.
#[derive(Default)]
pub(crate) struct FaultBook {
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    failed: HashMap<(Vendor, String), u32>,
    fetched: HashMap<String, u32>,
    orders: Vec<Order>,
}

impl FaultBook {
    /// Adds a fault for the next requests; orders are met in the order they were given.
    pub(crate) fn order(&self, order: Order) {
        self.pages().orders.push(order);
    }

    /// What is still to be met.
    pub(crate) fn orders(&self) -> Vec<Order> {
        self.pages().orders.clone()
    }

    /// Forgets all orders and counts.
    pub(crate) fn clear(&self) {
        *self.pages() = Pages::default();
    }

    /// What happens to this request: the oldest order for its vendor over the prompt's own faults.
    ///
    /// Uses up one of the order's times, and counts a failure of `fail-once` and `fail-times`.
    pub(crate) fn script(&self, vendor: Vendor, prompt: &str) -> Script {
        let mut pages = self.pages();
        let own = scoped(prompt, &format!("{}-", vendor.id()));
        let mut script = Script::find(prompt).overlaid(Script::find(&own));
        let met = |order: &Order| order.vendor.is_none_or(|id| id == vendor.id());
        if let Some(order) = pages.orders.iter_mut().find(|order| met(order)) {
            order.times = order.times.saturating_sub(1);
            script = script.overlaid(order.script.clone());
        }
        pages.orders.retain(|order| order.times > 0);
        if let Some(times) = script.fail.and_then(|failure| failure.times) {
            if pages.failed.len() >= MOST_PROMPTS {
                pages.failed.clear();
            }
            let failed = pages.failed.entry((vendor, prompt.to_owned())).or_default();
            if *failed >= times {
                script.fail = None;
            } else {
                *failed += 1;
            }
        }
        script
    }

    /// Counts a fetch of a link: 1 for the first one.
    pub(crate) fn fetched(&self, link: &str) -> u32 {
        let mut pages = self.pages();
        if pages.fetched.len() >= MOST_PROMPTS {
            pages.fetched.clear();
        }
        let count = pages.fetched.entry(link.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// A panic elsewhere leaves nothing half written here, so a poisoned lock is still good.
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{FaultBook, Order, Script, Vendor};

    #[test]
    fn an_order_meets_its_vendor_so_many_times() {
        let book = FaultBook::default();
        book.order(Order {
            fault: "fail:500".to_owned(),
            script: Script::parse("fail:500").unwrap(),
            times: 2,
            vendor: Some("openai"),
        });
        let failed = |vendor| book.script(vendor, "Hello").fail.is_some();
        assert!(!failed(Vendor::Anthropic));
        assert!(failed(Vendor::OpenAi));
        assert!(failed(Vendor::OpenAi));
        assert!(!failed(Vendor::OpenAi));
    }

    #[test]
    fn counted_failures_end_for_each_prompt() {
        let book = FaultBook::default();
        let failed = |prompt| book.script(Vendor::OpenAi, prompt).fail.is_some();
        assert_eq!([(); 3].map(|()| failed("fail-times:500:2 a")), [true, true, false]);
        assert_eq!([(); 2].map(|()| failed("fail-once:500 b")), [true, false]);
        book.clear();
        assert!(failed("fail-once:500 b"));
    }
}
