//! What went wrong with one try, in our words, and what may follow it.

use std::time::Duration;

use super::job::Job;
use crate::{
    http::error::{ApiError, Code},
    ids::ProviderId,
    model::ErrorClass,
    ports::PortError,
    protocols::VendorError,
    registry::{Model, Provider},
    retry,
    secret::looks_like_key,
    time::UnixMillis,
};

/// The longest piece of a vendor's message that a caller sees.
const MESSAGE_CAP: usize = 500;

/// One try that failed.
pub(super) struct Failure {
    /// How long the vendor wants us to wait.
    pub(super) asked: Option<Duration>,
    /// What the caller is told, if nothing else helps.
    pub(super) error: ApiError,
    /// What kind of failure it is, for the fallbacks that serve after some; absent: no other model is tried.
    pub(super) class: Option<ErrorClass>,
    /// Whether the same request may be sent to the same vendor again.
    pub(super) repeatable: bool,
    /// Whether it counts for the model's circuit: the vendor does not serve, whatever it is asked.
    pub(super) trips: bool,
}

impl Failure {
    /// Nothing helps: the request itself is wrong, or nobody waits for it.
    pub(super) fn final_one(error: ApiError) -> Self {
        Self { asked: None, class: None, error, repeatable: false, trips: false }
    }

    /// Another model may do better.
    pub(super) fn passing_on(error: ApiError) -> Self {
        let class = Some(class_of(error.code()));
        Self { asked: None, class, error, repeatable: false, trips: false }
    }

    /// Another model may do better, and this one's vendor is failing.
    pub(super) fn tripping(error: ApiError) -> Self {
        Self { trips: true, ..Self::passing_on(error) }
    }

    /// The vendor may have made what was ordered, and bill it: neither we nor the client's SDK send it again.
    pub(super) fn perhaps_made(self) -> Self {
        Self { error: self.error.for_good(), repeatable: false, ..self }
    }
}

/// The class of what another model may do better.
pub(super) fn class_of(code: Code) -> ErrorClass {
    match code {
        Code::ContentRefused => ErrorClass::ContentRefused,
        Code::MissingApiKey | Code::ProviderAuth => ErrorClass::Auth,
        Code::ProviderRateLimit | Code::RateLimitExceeded | Code::BudgetExceeded => {
            ErrorClass::RateLimit
        }
        Code::ProviderTimeout => ErrorClass::Timeout,
        Code::ProviderUnavailable | Code::LimiterUnavailable => ErrorClass::Unavailable,
        _ => ErrorClass::Error,
    }
}

/// The vendor answered with a status that is not 2xx.
pub(super) fn refused(
    model: &Model,
    status: u16,
    told: VendorError,
    asked: Option<Duration>,
) -> Failure {
    refused_by(&model.config.provider_id, &model.config.upstream_model, status, told, asked)
}

/// The same of a vendor that was asked for something that is no model.
pub(super) fn refused_by(
    name: &ProviderId,
    what: &str,
    status: u16,
    told: VendorError,
    asked: Option<Duration>,
) -> Failure {
    meant(name, what, Meant { answered: status, status }, told, asked)
}

/// The vendor's answer has a good status and begins with a failure: what the status would have said, the
/// vendor's own word says.
pub(super) fn told_at_once(
    model: &Model,
    answered: u16,
    told: VendorError,
    asked: Option<Duration>,
) -> Failure {
    let meaning = Meant { answered, status: status_of(&told) };
    let (name, what) = (&model.config.provider_id, &model.config.upstream_model);
    meant(name, what, meaning, told, asked)
}

/// The status that belongs to a vendor's word for a failure: of Anthropic
/// (<https://docs.anthropic.com/en/api/errors>), Google (<https://cloud.google.com/apis/design/errors>), OpenAI
/// (<https://platform.openai.com/docs/guides/error-codes>), and of hosts that write the number itself.
fn status_of(told: &VendorError) -> u16 {
    if told.out_of_money {
        return 402;
    }
    if told.is_of_the_request() {
        return 400;
    }
    match told.code.as_deref().unwrap_or_default() {
        "authentication_error" | "invalid_api_key" | "UNAUTHENTICATED" => 401,
        "permission_error" | "PERMISSION_DENIED" => 403,
        "model_not_found" | "not_found_error" | "NOT_FOUND" => 404,
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => 429,
        "engine_overloaded" | "server_overloaded" | "service_unavailable" | "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" | "timeout" | "timeout_error" => 504,
        "overloaded_error" => 529,
        word => word.parse().ok().filter(|status| (400..600).contains(status)).unwrap_or(500),
    }
}

/// A status, and what it stands for.
#[derive(Clone, Copy)]
struct Meant {
    /// What the vendor answered.
    answered: u16,
    /// What it means by that.
    status: u16,
}

fn meant(
    name: &ProviderId,
    what: &str,
    Meant { answered, status }: Meant,
    told: VendorError,
    asked: Option<Duration>,
) -> Failure {
    let passing = retry::is_passing(status) || told.retry;
    let repeatable = passing && !told.out_of_money && !told.refused;
    let (code, message) = match status {
        _ if told.refused => {
            (Code::ContentRefused, format!("{name} refused the request for safety"))
        }
        _ if told.key_refused => (Code::ProviderAuth, format!("{name} refused this service's key")),
        // It is the caller who names a voice.
        404 if told.code.as_deref() == Some("voice_not_found") => {
            (Code::InvalidRequest, format!("{name} has no such voice"))
        }
        // What the caller wrote, the vendor cannot read: with the vendor's reason in the details.
        400 | 413 | 422 => (Code::InvalidRequest, format!("{name} refused the request as invalid")),
        401 | 402 | 403 | 429 if told.out_of_money => {
            (Code::ProviderError, format!("this service's account at {name} is used up"))
        }
        401 | 403 => (Code::ProviderAuth, format!("{name} refused this service's key")),
        404 => (Code::ProviderError, format!("{name} does not serve {what}")),
        408 | 504 => (Code::ProviderTimeout, format!("{name} took too long")),
        429 => (Code::ProviderRateLimit, format!("{name} asks to slow down")),
        503 | 529 => (Code::ProviderUnavailable, format!("{name} is overloaded")),
        _ if answered != status => (Code::ProviderError, format!("{name} failed")),
        _ => (Code::ProviderError, format!("{name} failed with status {status}")),
    };
    let VendorError { out_of_money, too_long, unsupported, .. } = told;
    let error = ApiError::new(code, message)
        .with("provider", name.as_str())
        .with("provider_status", answered)
        .because(format!("{name} answered {answered} {}", word(&told)));
    let mut error = in_its_words(error, told);
    if out_of_money || (status == 404 && code == Code::ProviderError) {
        // Only an operator can help.
        error = error.for_good();
    }
    if matches!(code, Code::ProviderRateLimit | Code::ProviderUnavailable) {
        // Without the vendor's word, a second: what one may try next, not a promise.
        error = error.retry_after(asked.unwrap_or(Duration::from_secs(1)));
    }
    let class = match code {
        Code::InvalidRequest if too_long || status == 413 => Some(ErrorClass::ContextLength),
        Code::InvalidRequest => unsupported.then_some(ErrorClass::Unsupported),
        Code::ProviderError if out_of_money => Some(ErrorClass::Auth),
        code => Some(class_of(code)),
    };
    let trips = match class {
        Some(ErrorClass::RateLimit | ErrorClass::Timeout | ErrorClass::Unavailable) => true,
        Some(ErrorClass::Error) => status >= 500,
        Some(
            ErrorClass::Auth
            | ErrorClass::ContentRefused
            | ErrorClass::ContextLength
            | ErrorClass::Unsupported,
        )
        | None => false,
    };
    Failure { asked, class, error, repeatable, trips }
}

/// The vendor took the order, and then said that it could not do it.
pub(super) fn undone(model: &Model, told: VendorError) -> Failure {
    let name = &model.config.provider_id;
    let (code, message) = match told.refused {
        true => (Code::ContentRefused, format!("{name} refused the request for safety")),
        false => (Code::ProviderError, format!("{name} could not finish the job")),
    };
    let retry = told.retry;
    let cause = format!("the job at {name} failed {}", word(&told));
    let error = ApiError::new(code, message).with("provider", name.as_str()).because(cause);
    let error = in_its_words(error, told);
    // It ran, and may be billed.
    let error = if retry { error } else { error.for_good() };
    Failure::passing_on(error)
}

/// The vendor does not tell how its job goes, and asking again would not help.
pub(super) fn untold(model: &Model, status: u16, told: VendorError) -> Failure {
    let name = &model.config.provider_id;
    let (code, message) = match status {
        // Some tell only whoever fetches the result.
        _ if told.refused => {
            (Code::ContentRefused, format!("{name} refused the request for safety"))
        }
        401 | 403 => (Code::ProviderAuth, format!("{name} refused this service's key")),
        _ => (Code::ProviderError, format!("{name} answered {status} when asked about its job")),
    };
    let cause = format!("{name} answered {status} to a poll");
    let error = ApiError::new(code, message)
        .with("provider", name.as_str())
        .with("provider_status", status)
        .because(cause)
        .for_good();
    Failure::passing_on(in_its_words(error, told))
}

/// The refusal of a vendor's answer that is not what its pages, or its model config, say.
#[must_use]
pub fn unreadable(model: &Model, reason: String) -> ApiError {
    let message = format!("{} sent an answer that cannot be read", model.config.provider_id);
    ApiError::new(Code::ProviderMalformed, message).because(reason)
}

/// Adds the vendor's own code and message, masked and cut.
fn in_its_words(mut error: ApiError, told: VendorError) -> ApiError {
    if told.code.is_some() {
        error = error.with("provider_code", word(&told));
    }
    if let Some(message) = told.message {
        error = error.with("provider_message", cut(&mask(&message)));
    }
    error
}

/// The vendor's own code, masked and cut: nothing binds a vendor to keep it short, or to keep keys out of it.
fn word(told: &VendorError) -> String {
    cut(&mask(told.code.as_deref().unwrap_or_default()))
}

/// No answer came. It may have been served and billed, so it is not repeated at this vendor.
pub(super) fn unreachable(model: &Model, err: &PortError) -> Failure {
    let message = format!("{} could not be reached", model.config.provider_id);
    let error = ApiError::new(Code::ProviderUnavailable, message)
        .retry_after(Duration::from_secs(1))
        .because(without_queries(&err.to_string()))
        .for_good();
    Failure::tripping(error)
}

/// A cause for the log. It may quote an address, in whose query some vendors want their key or put a signature.
pub(crate) fn without_queries(cause: &str) -> String {
    let words = cause.split(' ').map(|word| match word.split_once('?') {
        Some((address, _)) if address.contains("://") => address,
        Some(_) | None => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The vendor did not begin its answer, since `sent_at`.
pub(super) fn late(job: &Job<'_>, model: &Model, sent_at: UnixMillis) -> Failure {
    let error = timed_out(model, "begin its answer");
    // A whole answer is not late because its fallback is waiting.
    let deadlines = model.deadlines();
    let due = if job.streamed { deadlines.first_byte_ms } else { deadlines.total_ms };
    let is_due = had_its_time(job.platform.clock.now(), sent_at, due);
    if is_due { Failure::tripping(error) } else { Failure::passing_on(error) }
}

/// Whether a vendor that was asked at `since` has had nearly all of the time that its model's row gives it: others may
/// have used some up before, and that is no failure of its own.
pub(crate) fn had_its_time(now: UnixMillis, since: UnixMillis, due_ms: u64) -> bool {
    let had = u64::try_from(now.since(since)).unwrap_or(0);
    had.saturating_mul(10) >= due_ms.saturating_mul(9)
}

pub(super) fn timed_out(model: &Model, what: &str) -> ApiError {
    let message = format!("{} did not {what} in time", model.config.provider_id);
    ApiError::new(Code::ProviderTimeout, message)
}

/// The call's time was over before the vendor was asked.
pub(super) fn not_sent(model: &Model) -> ApiError {
    let message = format!("the call's time was over before {} was asked", model.config.provider_id);
    ApiError::new(Code::ProviderTimeout, message)
}

/// Nobody reads this; the receipt says `cancelled`.
pub(super) fn client_left() -> ApiError {
    ApiError::new(Code::ClientLeft, "the client went away")
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_CAP).collect()
}

/// Hides whatever looks like a key: a vendor may quote ours, whole or in part.
pub(super) fn mask(text: &str) -> String {
    let masked = text.split(' ').map(|word| if looks_like_key(word) { "***" } else { word });
    masked.collect::<Vec<_>>().join(" ")
}

/// The provider's row keeps anything from being sent.
pub(super) fn misconfigured(provider: &Provider, reason: String) -> Failure {
    let message = format!("the provider {} is configured wrongly", provider.id);
    let error = ApiError::new(Code::ProviderUnavailable, message).because(reason);
    // Only an operator can help.
    Failure::passing_on(error.for_good())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn s14_keys_in_a_vendors_words_are_masked() {
        assert_eq!(
            mask("Incorrect API key provided: sk-abc***."),
            "Incorrect API key provided: ***"
        );
        assert_eq!(mask("the model is busy"), "the model is busy");
        let harmless = "a risk-free task-queue for claude-sonnet-4-20250514";
        assert_eq!(mask(harmless), harmless);
        assert_eq!(mask("token 0123456789abcdef0123456789abcdef"), "token ***");
        assert_eq!(cut(&"é".repeat(600)).chars().count(), 500);
    }

    #[test]
    fn s14_a_vendors_code_is_masked_and_cut_like_its_words() {
        let provider = ProviderId::parse("acme").unwrap();
        let of = |code: &str| {
            let told = VendorError { code: Some(code.to_owned()), ..VendorError::default() };
            let told = told.without(&Secret::new("a-key-of-acme".to_owned()));
            refused_by(&provider, "voices", 500, told, None).error
        };
        for code in ["a-key-of-acme", "sk-abc***"] {
            let error = of(code);
            assert_eq!(error.details()["provider_code"], "***");
            assert!(!format!("{error:?}").contains("sk-abc"), "{error:?}");
        }
        let long = of(&"é".repeat(600)).details()["provider_code"].as_str().unwrap().to_owned();
        assert_eq!(long.chars().count(), 500);
    }
}
