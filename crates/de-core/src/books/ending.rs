//! What a call comes to when it ends: its counts, its cost, what was spent of its shares.

use super::{
    Outcome, Share,
    cover::{Held, bearer, caller_cover, model_cover},
    entry::Entry,
    settlement::{Closing, SpentShare},
};
use crate::{
    cost::{Cost, Terms, cost_on, percent},
    estimate::Estimate,
    http::error::Code,
    limits::wire::Spent,
    money::Micros,
    receipt::{ReceiptStatus, Usage},
    time::UnixMillis,
};

/// Closes an entry.
pub(super) fn close(
    entry: &mut Entry,
    outcome: Outcome,
    status: u16,
    now: UnixMillis,
    started: UnixMillis,
) -> Closing {
    let (word, code) = match outcome {
        Outcome::Cancelled => (ReceiptStatus::Cancelled, Some(Code::ClientLeft)),
        Outcome::Cut(code) => (ReceiptStatus::Cut, Some(code)),
        Outcome::Failed(code) => (ReceiptStatus::Failed, Some(code)),
        Outcome::Ok => (ReceiptStatus::Ok, None),
    };
    let usage = match entry.usage {
        Some(usage) if word == ReceiptStatus::Ok || entry.finished => usage,
        // Nothing was sent, or all was refused: nothing is billed.
        _ if !entry.billable => Usage::default(),
        known => {
            entry.receipt.estimated = true;
            estimate(entry, known.unwrap_or_default())
        }
    };
    let total = usage.total_tokens();
    let is_billed = entry.billable || word == ReceiptStatus::Ok;
    let vendors = entry.vendor_cost.filter(|_| is_billed);
    entry.receipt.cost_micros = vendors.or_else(|| price(entry, &usage));
    entry.receipt.over_ceiling = is_over(&entry.leases, total, entry.receipt.cost_micros);
    entry.receipt.usage = usage;
    entry.receipt.status = word;
    entry.receipt.http_status = status;
    entry.receipt.error_code = code.map(|code| code.as_str().to_owned());
    entry.receipt.latency_ms = now.since(started);
    entry.receipt.created_at = now;
    let leases = std::mem::take(&mut entry.leases);
    let used = Used {
        at_caller: bearer(&leases, &entry.receipt, caller_cover, |held| held.keeps),
        at_model: bearer(&leases, &entry.receipt, model_cover, |held| held.keeps_at_model),
        micros: entry.receipt.cost_micros.map_or(0, Micros::unsigned),
        tokens: total,
    };
    let places = leases.into_iter().enumerate();
    let leases = places.map(|(place, held)| settled(place, held, &used)).collect();
    Closing { leases, receipt: entry.receipt.clone() }
}

/// What a call used, and which of its shares bears that.
struct Used {
    at_caller: Option<usize>,
    at_model: Option<usize>,
    micros: u64,
    tokens: u64,
}

/// Whether a vendor billed more than the share that bears it holds.
fn is_over(leases: &[Held], tokens: u64, cost: Option<Micros>) -> bool {
    let reserved = leases.iter().map(|held| held.tokens).max().unwrap_or(0);
    let money = leases.iter().filter_map(|held| held.micros).max().unwrap_or(0);
    let cost = cost.map_or(0, Micros::unsigned);
    (reserved > 0 && tokens > reserved) || (money > 0 && cost > money)
}

/// What is reported of a share when its call has ended.
fn settled(place: usize, held: Held, used: &Used) -> SpentShare {
    if !held.granted {
        let (lease_id, number) = (held.lease_id, held.number);
        return SpentShare { lease_id, number, spent: Spent::default(), spent_at_model: None };
    }
    // An admission is of the call in the caller's scopes, and of the try in those of the model.
    let requests = u64::from(held.share != Share::More);
    let part = |bears: bool, keeps: bool| {
        let (tokens, micros) = if bears { (used.tokens, used.micros) } else { (0, 0) };
        let reserved = held.micros.unwrap_or(0);
        Spent {
            micros,
            requests,
            tokens: if keeps { tokens.max(held.tokens) } else { tokens },
            unsettled_micros: if keeps { reserved.saturating_sub(micros) } else { 0 },
        }
    };
    let at_caller = part(used.at_caller == Some(place), held.keeps);
    let at_model = part(used.at_model == Some(place), held.keeps_at_model);
    let (spent, spent_at_model) = match held.share {
        Share::Again | Share::Fallback(_) => (at_model, None),
        Share::Call => (at_caller, Some(at_model).filter(|other| *other != at_caller)),
        Share::More => (at_caller, None),
    };
    SpentShare { lease_id: held.lease_id, number: held.number, spent, spent_at_model }
}

/// Counts that the vendor did not name, by the text that was asked and heard; at least what it did name. Where it
/// has counted all that was heard, that is what counts.
fn estimate(entry: &Entry, known: Usage) -> Usage {
    if let Some(expected) = entry.expected {
        return expected.merge_max(known);
    }
    if known.total_output_tokens() > 0 && !entry.heard_since {
        return Usage { requests: known.requests.max(1), ..known };
    }
    let mut usage = Usage {
        input_tokens: entry.prompt_tokens,
        output_tokens: entry.heard.values().map(Estimate::tokens).sum(),
        requests: 1,
        ..Usage::default()
    };
    let input = known.input_tokens.saturating_add(known.cached_input_tokens);
    if input > 0 {
        usage.input_tokens = 0;
    }
    usage.merge_max(known)
}

pub(super) fn price(entry: &Entry, usage: &Usage) -> Option<Micros> {
    if *usage == Usage::default() {
        return Some(Micros::ZERO);
    }
    let Some(model) = &entry.model else {
        return entry.known_cost.filter(|_| entry.usage.as_ref() == Some(usage));
    };
    let pricing = model.config.pricing.as_ref()?;
    let percent = percent(pricing, entry.service_tier.as_deref());
    let terms = Terms {
        image_quality: entry.picture.quality.as_deref().unwrap_or_default(),
        image_size: entry.picture.size.as_deref().unwrap_or_default(),
        percent,
    };
    match cost_on(terms, pricing, usage) {
        // A count that makes such a sum is no count.
        Cost::Known(micros) => micros.if_plausible(),
        Cost::Unpriced { .. } => None,
    }
}
