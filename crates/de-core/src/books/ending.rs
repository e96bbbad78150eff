//! What a call comes to when it ends: its counts, its cost, what was spent of its shares.

use super::{Entry, Held, Outcome, Share, settlement::Closing};
use crate::{
    cost::{Cost, Terms, cost_on, percent},
    http::error::Code,
    ids::LeaseId,
    limits::wire::Spent,
    money::Micros,
    ports::{Level, LogLine},
    receipt::{Receipt, ReceiptStatus, Usage},
    time::UnixMillis,
};

/// The line of a stream that broke off: the line of its request has said 200 when it began.
pub(super) fn broken_off(outcome: Outcome, receipt: &Receipt) -> Option<LogLine> {
    let (level, what) = match outcome {
        Outcome::Cancelled if receipt.first_byte_ms.is_some() => (Level::Info, "its client left"),
        Outcome::Cut(_) => (Level::Warn, "its vendor broke off"),
        Outcome::Cancelled | Outcome::Failed(_) | Outcome::Ok => return None,
    };
    let text = |text: Option<&str>| text.map_or(serde_json::Value::Null, Into::into);
    let fields = [
        ("error_code", text(receipt.error_code.as_deref())),
        ("estimated", receipt.estimated.into()),
        ("input_tokens", receipt.usage.input_tokens.into()),
        ("model", text(receipt.model_id.as_ref().map(|id| id.as_str()))),
        ("output_tokens", receipt.usage.output_tokens.into()),
        ("provider", text(receipt.provider_id.as_ref().map(|id| id.as_str()))),
        ("receipt_id", receipt.receipt_id.as_str().into()),
        ("request_id", receipt.request_id.as_str().into()),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let message = format!("{} ended early: {what}", receipt.operation);
    Some(LogLine { fields, level, message })
}

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
    let reserved = entry.leases.iter().map(|held| held.tokens).max().unwrap_or(0);
    let is_billed = entry.billable || word == ReceiptStatus::Ok;
    let vendors = entry.vendor_cost.filter(|_| is_billed);
    entry.receipt.cost_micros = vendors.or_else(|| price(entry, &usage));
    entry.receipt.over_ceiling = reserved > 0 && total > reserved;
    entry.receipt.usage = usage;
    entry.receipt.status = word;
    entry.receipt.http_status = status;
    entry.receipt.error_code = code.map(|code| code.as_str().to_owned());
    entry.receipt.latency_ms = now.since(started);
    entry.receipt.created_at = now;
    let served = entry.receipt.model_id.clone();
    let leases = std::mem::take(&mut entry.leases).into_iter();
    let leases = leases.map(|held| spent(held, served.as_ref(), total)).collect();
    Closing { leases, receipt: entry.receipt.clone() }
}

/// What was spent of a share, when its call used `total` tokens at the model `served`.
///
/// The first share holds for the caller and for the first model: where a fallback served, that model's
/// window counts its tokens too, which errs on the safe side.
fn spent(held: Held, served: Option<&crate::ids::ModelId>, total: u64) -> (LeaseId, Spent) {
    if !held.granted {
        return (held.lease_id, Spent::default());
    }
    let used = match &held.share {
        Share::Again => 0,
        Share::Call => total,
        Share::Fallback(model) if Some(model) == served => total,
        Share::Fallback(_) => 0,
    };
    let tokens = if held.keeps { used.max(held.tokens) } else { used };
    (held.lease_id, Spent { requests: 1, tokens })
}

/// Counts that the vendor did not name: a token for each four bytes of text, at least what it did name.
fn estimate(entry: &Entry, known: Usage) -> Usage {
    if let Some(expected) = entry.expected {
        return expected.merge_max(known);
    }
    let mut usage = Usage {
        input_tokens: entry.prompt_bytes.div_ceil(4),
        output_tokens: entry.answer_bytes.div_ceil(4),
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
    let pricing = entry.model.as_ref()?.config.pricing.as_ref()?;
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
