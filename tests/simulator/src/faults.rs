//! Faults on demand: words in a prompt, or set through the control endpoint, that make the
//! simulator misbehave. Parsing only; what is done about them is in `server` and `stream`.

use std::time::Duration;

use crate::results::ResultFault;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// `big:100000`: the text has that many bytes.
    Big(usize),
    /// `callback:twice`: the call at a job's end is not what it should be.
    Callback(Callback),
    /// `chunks:200`: the text comes in that many deltas.
    Chunks(usize),
    /// `cut:5`: the connection breaks after that many events; a plain body breaks half way.
    Cut(usize),
    /// `error-mid:3`: after that many events the vendor's own error follows; plain: a 500.
    ErrorMid(usize),
    /// `fail:429`, `fail:429:7`, `fail-once:500`, `fail-times:500:2`: the vendor's own error.
    /// `fail:quota`: the vendor's way to say that the money is gone, which no waiting mends. `fail:place`: that it
    /// serves nobody from where the call comes. `fail:too-long`,
    /// `fail:unsupported`, `fail:moderated`: that this model cannot or will not answer this request.
    Fail(Failure),
    /// `garbage`: 200, and a body in no format at all.
    Garbage,
    /// `gap:3s`: headers and the first two events at once, then this pause before each event.
    Gap(Duration),
    /// `hang`: no answer, ever.
    Hang,
    /// `job-fail`: a job is taken, and fails.
    JobFail,
    /// `job-slow:3s`: a job takes at least this long.
    JobSlow(Duration),
    /// `refuse`: the vendor's way to decline for safety.
    Refuse,
    /// `result:size=200MB`, `result:redirect=metadata`, …: the file that the reply links to.
    Result(ResultFault),
    /// `slow:3s`: this long before the first byte, headers included.
    Slow(Duration),
    /// `split-utf8`: a text beyond ASCII, in pieces that end inside characters and events.
    SplitUtf8,
}

/// An error reply that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Failure {
    /// What the error is.
    pub cause: Cause,
    /// The `Retry-After` in seconds, if one is sent; 429 sends 2 unless told otherwise.
    pub retry_after: Option<u32>,
    /// How often the same prompt fails before it succeeds; `None` is always.
    pub times: Option<u32>,
}

/// Which error it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The vendor's safety system declines the request with an error.
    Moderated,
    /// The vendor serves nobody from where the call comes; it decides on the status.
    Place,
    /// The account has no money left; the vendor decides on the status.
    Quota,
    /// The vendor's error with this status, 400 to 599.
    Status(u16),
    /// The request is larger than the model reads.
    TooLong,
    /// The model does not take one of the parameters.
    Unsupported,
}

/// How a job's callback fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Callback {
    /// `early`: it says that the job is done when it is not, and nothing more comes.
    Early,
    /// `lies`: it says that the job failed if it is done, and that it is done if it failed.
    Lies,
    /// `never`: none comes.
    Never,
    /// `twice`: it comes two times.
    Twice,
    /// `unknown`: it names a job that nobody ordered.
    Unknown,
}

/// Why a word is not a fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// The part after the colon is missing, no number, or out of range.
    #[error("`{word}` lacks a proper value after `{name}:`")]
    Value {
        /// The name of the fault.
        name: &'static str,
        /// The word as it stood.
        word: String,
    },
    /// There is no such fault.
    #[error("`{word}` is not a fault")]
    Unknown {
        /// The word as it stood.
        word: String,
    },
}

/// All faults of one request, taken together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Bytes of text.
    pub big: Option<usize>,
    /// What is wrong with the callback.
    pub callback: Option<Callback>,
    /// Number of deltas.
    pub chunks: Option<usize>,
    /// Events before the connection breaks.
    pub cut: Option<usize>,
    /// Events before an error event.
    pub error_mid: Option<usize>,
    /// The error to answer with.
    pub fail: Option<Failure>,
    /// Whether the body is nonsense.
    pub garbage: bool,
    /// Pause between events.
    pub gap: Option<Duration>,
    /// Whether no answer comes.
    pub hang: bool,
    /// Whether a job fails.
    pub job_fail: bool,
    /// How long a job takes at least.
    pub job_slow: Option<Duration>,
    /// Whether the vendor declines.
    pub refuse: bool,
    /// What becomes of the results that the reply links to.
    pub result: Vec<ResultFault>,
    /// Pause before the answer.
    pub slow: Option<Duration>,
    /// Whether text and pieces are awkward.
    pub split_utf8: bool,
}

impl Fault {
    /// Reads one word: a name and, for most, a value after a colon.
    ///
    /// Durations are whole numbers with `ms` or `s`, counts whole numbers, statuses 400 to 599.
    ///
    /// # Errors
    /// `Unknown` if no fault has that name, `Value` if the value does not fit it.
    pub fn parse(word: &str) -> Result<Self, FaultError> {
        let (name, value) = match word.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let bad = |name: &'static str| FaultError::Value { name, word: word.to_owned() };
        let count = |name| value.and_then(|v| v.parse::<usize>().ok()).ok_or_else(|| bad(name));
        let pause = |name| value.and_then(duration).ok_or_else(|| bad(name));
        let fail = |name, parts: fn(&str) -> Option<Failure>| {
            value.and_then(parts).map(Self::Fail).ok_or_else(|| bad(name))
        };
        let bare = |name, fault| if value.is_none() { Ok(fault) } else { Err(bad(name)) };
        match name {
            "big" => count("big").map(Self::Big),
            "callback" => {
                value.and_then(callback).map(Self::Callback).ok_or_else(|| bad("callback"))
            }
            "chunks" => count("chunks").map(Self::Chunks),
            "cut" => count("cut").map(Self::Cut),
            "error-mid" => count("error-mid").map(Self::ErrorMid),
            "fail" => fail("fail", failure),
            "fail-once" => fail("fail-once", |value| {
                failure(value).map(|failure| Failure { times: Some(1), ..failure })
            }),
            "fail-times" => fail("fail-times", |value| {
                let (status, times) = value.split_once(':')?;
                let times = Some(times.parse().ok()?);
                failure(status).map(|failure| Failure { times, ..failure })
            }),
            "gap" => pause("gap").map(Self::Gap),
            "garbage" => bare("garbage", Self::Garbage),
            "hang" => bare("hang", Self::Hang),
            "job-fail" => bare("job-fail", Self::JobFail),
            "job-slow" => pause("job-slow").map(Self::JobSlow),
            "refuse" => bare("refuse", Self::Refuse),
            "result" => {
                let fault = value.and_then(ResultFault::parse);
                fault.map(Self::Result).ok_or_else(|| bad("result"))
            }
            "slow" => pause("slow").map(Self::Slow),
            "split-utf8" => bare("split-utf8", Self::SplitUtf8),
            _ => Err(FaultError::Unknown { word: word.to_owned() }),
        }
    }
}

impl Script {
    /// Finds every fault in a prompt; words that are none are the prompt's own.
    #[must_use]
    pub fn find(prompt: &str) -> Self {
        let mut script = Self::default();
        for word in words(prompt) {
            if let Ok(fault) = Fault::parse(word) {
                script.add(fault);
            }
        }
        script
    }

    /// Reads a text that must consist of faults and white space, at least one of them.
    ///
    /// # Errors
    /// As [`Fault::parse`], for the first word that is none; `Unknown` for an empty text.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        if text.trim().is_empty() {
            return Err(FaultError::Unknown { word: String::new() });
        }
        let mut script = Self::default();
        for word in text.split_whitespace() {
            script.add(Fault::parse(word)?);
        }
        Ok(script)
    }

    /// Adds a fault; of two of a kind the later counts. Those of results are all kept.
    pub fn add(&mut self, fault: Fault) {
        match fault {
            Fault::Big(bytes) => self.big = Some(bytes),
            Fault::Callback(callback) => self.callback = Some(callback),
            Fault::Chunks(count) => self.chunks = Some(count),
            Fault::Cut(events) => self.cut = Some(events),
            Fault::ErrorMid(events) => self.error_mid = Some(events),
            Fault::Fail(failure) => self.fail = Some(failure),
            Fault::Garbage => self.garbage = true,
            Fault::Gap(pause) => self.gap = Some(pause),
            Fault::Hang => self.hang = true,
            Fault::JobFail => self.job_fail = true,
            Fault::JobSlow(pause) => self.job_slow = Some(pause),
            Fault::Refuse => self.refuse = true,
            Fault::Result(fault) => self.result.push(fault),
            Fault::Slow(pause) => self.slow = Some(pause),
            Fault::SplitUtf8 => self.split_utf8 = true,
        }
    }

    /// Lays another script over this one: what it says counts.
    #[must_use]
    pub fn overlaid(self, over: Self) -> Self {
        Self {
            big: over.big.or(self.big),
            callback: over.callback.or(self.callback),
            chunks: over.chunks.or(self.chunks),
            cut: over.cut.or(self.cut),
            error_mid: over.error_mid.or(self.error_mid),
            fail: over.fail.or(self.fail),
            garbage: over.garbage || self.garbage,
            gap: over.gap.or(self.gap),
            hang: over.hang || self.hang,
            job_fail: over.job_fail || self.job_fail,
            job_slow: over.job_slow.or(self.job_slow),
            refuse: over.refuse || self.refuse,
            result: if over.result.is_empty() { self.result } else { over.result },
            slow: over.slow.or(self.slow),
            split_utf8: over.split_utf8 || self.split_utf8,
        }
    }
}

/// The tools that a prompt asks for by `call:<name>`, in order.
pub(crate) fn called_tools(prompt: &str) -> impl Iterator<Item = &str> {
    words(prompt).filter_map(|word| word.strip_prefix("call:"))
}

/// The faults that a prompt means for whoever asks about its job: `poll-fail:503` is `fail:503` there.
pub(crate) fn of_polls(prompt: &str) -> String {
    scoped(prompt, "poll-")
}

/// The faults that a prompt means for one kind of call alone: with the scope `photo-`,
/// `photo-fail:503` is `fail:503` where photos are searched, and nothing where videos are.
pub(crate) fn scoped(prompt: &str, scope: &str) -> String {
    words(prompt).filter_map(|word| word.strip_prefix(scope)).collect::<Vec<_>>().join(" ")
}

/// Whether a word of a prompt is a fault or means one for somebody: it is not what is looked for.
pub(crate) fn is_fault(word: &str) -> bool {
    let scopes = ["", "photo-", "poll-", "video-"].into_iter();
    scopes.filter_map(|scope| word.strip_prefix(scope)).any(|rest| Fault::parse(rest).is_ok())
}

/// Words of letters, digits and `: - _ =`, so that `(fail:429).` holds `fail:429`.
pub(crate) fn words(prompt: &str) -> impl Iterator<Item = &str> {
    prompt
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, ':' | '-' | '_' | '=')))
        .map(|word| word.trim_matches([':', '-', '=']))
}

fn callback(value: &str) -> Option<Callback> {
    Some(match value {
        "early" => Callback::Early,
        "lies" => Callback::Lies,
        "never" => Callback::Never,
        "twice" => Callback::Twice,
        "unknown" => Callback::Unknown,
        _ => return None,
    })
}

fn failure(value: &str) -> Option<Failure> {
    let (status, retry_after) = match value.split_once(':') {
        Some((status, seconds)) => (status, Some(seconds.parse().ok()?)),
        None => (value, None),
    };
    let named = match status {
        "moderated" => Some(Cause::Moderated),
        "place" => Some(Cause::Place),
        "quota" => Some(Cause::Quota),
        "too-long" => Some(Cause::TooLong),
        "unsupported" => Some(Cause::Unsupported),
        _ => None,
    };
    if let Some(cause) = named {
        return Some(Failure { cause, retry_after, times: None });
    }
    let status = status.parse().ok().filter(|status| (400..600).contains(status))?;
    let retry_after = retry_after.or((status == 429).then_some(2));
    Some(Failure { cause: Cause::Status(status), retry_after, times: None })
}

/// Reads a whole number with `ms` or `s`.
pub(crate) fn duration(value: &str) -> Option<Duration> {
    if let Some(millis) = value.strip_suffix("ms") {
        return millis.parse().ok().map(Duration::from_millis);
    }
    value.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::{
        Callback, Cause, Duration, Failure, Fault, FaultError, ResultFault, Script, called_tools,
        is_fault, of_polls, scoped,
    };

    fn fail(status: u16, retry_after: Option<u32>, times: Option<u32>) -> Fault {
        Fault::Fail(Failure { cause: Cause::Status(status), retry_after, times })
    }

    #[test]
    fn every_fault_is_read() {
        for (word, fault) in [
            ("big:100000", Fault::Big(100_000)),
            ("callback:twice", Fault::Callback(Callback::Twice)),
            ("chunks:200", Fault::Chunks(200)),
            ("cut:5", Fault::Cut(5)),
            ("error-mid:3", Fault::ErrorMid(3)),
            ("fail:429", fail(429, Some(2), None)),
            ("fail:429:7", fail(429, Some(7), None)),
            ("fail:500", fail(500, None, None)),
            (
                "fail:quota",
                Fault::Fail(Failure { cause: Cause::Quota, retry_after: None, times: None }),
            ),
            (
                "fail:place",
                Fault::Fail(Failure { cause: Cause::Place, retry_after: None, times: None }),
            ),
            ("fail:503:1", fail(503, Some(1), None)),
            ("fail-once:500", fail(500, None, Some(1))),
            ("fail-times:429:3", fail(429, Some(2), Some(3))),
            ("gap:3s", Fault::Gap(Duration::from_secs(3))),
            ("garbage", Fault::Garbage),
            ("hang", Fault::Hang),
            ("job-fail", Fault::JobFail),
            ("job-slow:2s", Fault::JobSlow(Duration::from_secs(2))),
            ("refuse", Fault::Refuse),
            ("result:size=1kB", Fault::Result(ResultFault::Size(1_000))),
            ("slow:250ms", Fault::Slow(Duration::from_millis(250))),
            ("split-utf8", Fault::SplitUtf8),
        ] {
            assert_eq!(Fault::parse(word), Ok(fault), "{word}");
        }
    }

    #[test]
    fn what_is_no_fault_is_an_error() {
        for word in [
            "fail",
            "fail:200",
            "fail:600",
            "fail:x",
            "slow:3",
            "slow:-1s",
            "cut:",
            "hang:1",
            "result",
            "result:size",
        ] {
            assert!(matches!(Fault::parse(word), Err(FaultError::Value { .. })), "{word}");
        }
        for word in ["", "Hello", "FAIL:429"] {
            assert!(matches!(Fault::parse(word), Err(FaultError::Unknown { .. })), "{word}");
        }
    }

    #[test]
    fn faults_are_found_anywhere_in_a_prompt() {
        let found = Script::find("Please (slow:1s), then fail:503. Not failing:500 or refuses!");
        let expected = Script::parse("slow:1s fail:503").unwrap();
        assert_eq!(found, expected);
        assert_eq!(Script::find("Hello world"), Script::default());
        let found = Script::find("A kite, result:size=2MB result:cut. The result: good.");
        assert_eq!(found.result, [ResultFault::Size(2_000_000), ResultFault::Cut(None)]);
    }

    #[test]
    fn a_list_of_faults_may_hold_nothing_else() {
        assert!(Script::parse("fail:500 please").is_err());
        assert!(Script::parse(" ").is_err());
    }

    #[test]
    fn faults_of_polls_are_apart() {
        let prompt = "slow:1s (poll-fail-once:503), poll-slow:2s.";
        assert_eq!(Script::find(prompt), Script::parse("slow:1s").unwrap());
        assert_eq!(of_polls(prompt), "fail-once:503 slow:2s");
    }

    #[test]
    fn faults_of_photos_and_videos_are_apart() {
        let query = "sea photo-fail:503 video-slow:2s";
        assert_eq!(Script::find(query), Script::default());
        assert_eq!(scoped(query, "photo-"), "fail:503");
        assert_eq!(scoped(query, "video-"), "slow:2s");
        assert_eq!(["sea", "photo-fail:503", "hang"].map(is_fault), [false, true, true]);
    }

    #[test]
    fn tools_are_called_by_name() {
        assert_eq!(
            called_tools("call:add, then call:look_up.").collect::<Vec<_>>(),
            ["add", "look_up"]
        );
    }
}
