//! Where a request stands in a trace that is larger than it: its caller's, ours, and what it asks of others.
//!
//! Follows <https://www.w3.org/TR/trace-context/> and, for the flag that says that an id is random,
//! <https://www.w3.org/TR/trace-context-2/>.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::ids::JobId;

/// Who asks: the trace, and the span that the request comes from.
pub const PARENT: HeaderName = HeaderName::from_static("traceparent");
/// What the systems on the way add for themselves.
pub const STATE: HeaderName = HeaderName::from_static("tracestate");
/// The answer's: which trace it belongs to.
pub const TRACE_ID: HeaderName = HeaderName::from_static("x-de-trace-id");

/// A state that is longer is not passed on; shorter ones have to be.
const STATE_CAP: usize = 512;
/// The most members of a state.
const MEMBERS: usize = 32;

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// A trace, by its id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceId([u8; 16]);

/// A part of a trace, by its id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpanId([u8; 8]);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl SpanId {
    /// A span within this one, by what it is of and a number: the same whenever it is asked for, so that nobody has to
    /// keep what was sent until it is told.
    #[must_use]
    pub fn part(self, of: &str, number: i64) -> Self {
        // FNV-1a, 64 bits: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
        let bytes = self.0.into_iter().chain(number.to_be_bytes()).chain(of.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash.max(1).to_be_bytes())
    }
}

/// The place of one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace {
    flags: u8,
    /// The request's own span.
    pub span: SpanId,
    /// The span of whoever called, if they named one.
    pub parent: Option<SpanId>,
    /// The trace.
    pub id: TraceId,
    state: Option<HeaderValue>,
}

impl Trace {
    /// The place of a request with these headers. A caller's trace goes on; one that is not well-formed is none.
    ///
    /// `fresh` are random bytes.
    #[must_use]
    pub fn of(headers: &HeaderMap, fresh: [u8; 24]) -> Self {
        // A second one makes the first a guess.
        let mut parents = headers.get_all(PARENT).iter();
        let only = parents.next().filter(|_| parents.next().is_none());
        match only.and_then(|parent| read(parent.to_str().ok()?)) {
            Some((id, parent, flags)) => Self {
                flags: flags & (SAMPLED | RANDOM),
                id,
                parent: Some(parent),
                span: span(fresh),
                state: state(headers),
            },
            None => Self::root(fresh),
        }
    }

    /// A trace that begins here.
    #[must_use]
    pub fn root(fresh: [u8; 24]) -> Self {
        let [.., a, b, c, d, e, f, g, h] = fresh;
        let low = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let (high, _) = fresh.split_at(8);
        let mut id = [0; 16];
        for (place, byte) in id.iter_mut().zip(high.iter().chain(&low.max(1).to_be_bytes())) {
            *place = *byte;
        }
        Self { flags: RANDOM, id: TraceId(id), parent: None, span: span(fresh), state: None }
    }

    /// The place of a job in the trace of the request that ordered it: [`Trace::header`] has written `ordered`, and
    /// each step of the job finds the same place again. `None` if it is not that.
    #[must_use]
    pub fn of_job(ordered: &str, job: &JobId) -> Option<Self> {
        let (id, parent, flags) = read(ordered)?;
        let span = parent.part(job.as_str(), 0);
        Some(Self { flags, id, parent: Some(parent), span, state: None })
    }

    /// Whether whoever began the trace wants it recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Whether the trace begins here.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    /// Has the trace recorded, with a part of all traces that begin here: `share` of a million.
    ///
    /// By its id, which is random: every worker that looks comes to the same.
    pub fn sample(&mut self, share: u32) {
        let [.., a, b, c, d] = self.id.0;
        let drawn = (u64::from(u32::from_be_bytes([a, b, c, d])) * 1_000_000) >> 32;
        if drawn < u64::from(share) {
            self.flags |= SAMPLED;
        }
    }

    /// `traceparent`, as those who are asked within this request get it.
    #[must_use]
    pub fn header(&self) -> String {
        self.header_of(self.span)
    }

    /// The same for a part of the request.
    #[must_use]
    pub fn header_of(&self, span: SpanId) -> String {
        format!("00-{}-{span}-{:02x}", self.id, self.flags)
    }

    /// Puts the place into the headers of a request to another part of ours, in place of what the caller sent.
    pub fn hand_on(&self, headers: &mut HeaderMap) {
        headers.remove(STATE);
        headers.remove(PARENT);
        if let Ok(parent) = HeaderValue::from_str(&self.header()) {
            headers.insert(PARENT, parent);
        }
        if let Some(state) = &self.state {
            headers.insert(STATE, state.clone());
        }
    }
}

/// The bytes from the ninth to the sixteenth: those before them and after them are the trace's.
fn span(fresh: [u8; 24]) -> SpanId {
    let (_, rest) = fresh.split_at(8);
    let mut bytes = [0; 8];
    for (place, byte) in bytes.iter_mut().zip(rest) {
        *place = *byte;
    }
    SpanId(u64::from_be_bytes(bytes).max(1).to_be_bytes())
}

/// `00-<32 hex>-<16 hex>-<2 hex>`; of a version that is not known yet, what begins so.
fn read(text: &str) -> Option<(TraceId, SpanId, u8)> {
    let text = text.trim_matches([' ', '\t']);
    let mut parts = text.splitn(5, '-');
    let [version, id, span, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let version = hex(version, 2)?;
    if version == 0xff || (version == 0 && parts.next().is_some()) {
        return None;
    }
    let id = hex(id, 32).filter(|id| *id != 0)?;
    let span = hex(span, 16).filter(|span| *span != 0)?;
    let flags = hex(flags, 2)?;
    let span = u64::try_from(span).ok()?;
    let flags = u8::try_from(flags).ok()?;
    Some((TraceId(id.to_be_bytes()), SpanId(span.to_be_bytes()), flags))
}

/// So many lower-case digits.
fn hex(text: &str, length: usize) -> Option<u128> {
    let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if text.len() != length || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

/// The state as it came, if all of it is well-formed; several headers are one list.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lists = headers.get_all(STATE).iter();
    let first = lists.next()?;
    let mut all = first.to_str().ok()?.to_owned();
    let mut is_one = true;
    for list in lists {
        is_one = false;
        all.push(',');
        all.push_str(list.to_str().ok()?);
    }
    let members: Vec<&str> =
        all.split(',').map(|member| member.trim_matches([' ', '\t'])).collect();
    let named: Vec<&&str> = members.iter().filter(|member| !member.is_empty()).collect();
    let is_well_formed = named.iter().all(|member| is_member(member));
    if named.is_empty() || named.len() > MEMBERS || all.len() > STATE_CAP || !is_well_formed {
        return None;
    }
    if is_one { Some(first.clone()) } else { HeaderValue::from_str(&all).ok() }
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let is_letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let begins = key.bytes().next().is_some_and(is_letter);
    let is_key = |c: u8| is_letter(c) || b"_-*/@".contains(&c);
    let is_value = |c: u8| (0x20..=0x7e).contains(&c) && c != b',' && c != b'=';
    begins
        && key.len() <= 256
        && key.bytes().all(is_key)
        && !value.is_empty()
        && value.len() <= 256
        && value.bytes().all(is_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAME: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(rows: &[(HeaderName, &'static str)]) -> Trace {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(name, HeaderValue::from_static(value));
        }
        Trace::of(&headers, [7; 24])
    }

    fn handed_on(trace: &Trace) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(PARENT, HeaderValue::from_static("their own"));
        trace.hand_on(&mut headers);
        headers
    }

    #[test]
    fn a_callers_trace_goes_on_under_a_span_of_its_own() {
        let trace = of(&[(PARENT, CAME), (STATE, "congo=t61rcWkgMzE, rojo=00f067aa0ba902b7")]);
        assert_eq!(trace.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace.parent.unwrap().to_string(), "00f067aa0ba902b7");
        assert!(trace.is_sampled());
        let on = handed_on(&trace);
        assert_eq!(on[PARENT], "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01");
        assert_eq!(on[STATE], "congo=t61rcWkgMzE, rojo=00f067aa0ba902b7");
    }

    #[test]
    fn what_is_not_well_formed_begins_anew() {
        let bad = [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        for parent in bad {
            let trace = of(&[(PARENT, parent), (STATE, "a=1")]);
            assert!(trace.is_root(), "{parent}");
            assert!(!trace.is_sampled(), "{parent}");
            let on = handed_on(&trace);
            // Without its trace a state is about nothing.
            assert!(!on.contains_key(STATE), "{parent}");
            assert_eq!(on[PARENT].to_str().unwrap(), trace.header(), "{parent}");
        }
        assert!(of(&[(PARENT, CAME), (PARENT, CAME)]).is_root());
    }

    #[test]
    fn a_version_to_come_is_read_as_far_as_it_is_known() {
        for parent in [
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
        ] {
            let trace = of(&[(PARENT, parent)]);
            assert_eq!(
                trace.header(),
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-03",
                "{parent}"
            );
        }
    }

    #[test]
    fn a_state_that_is_not_well_formed_is_left_out() {
        let long = "a=".to_owned() + &"x".repeat(257);
        let many = (0..33).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
        let long: &'static str = long.leak();
        let many: &'static str = many.leak();
        for state in ["", "a", "=1", "A=1", "a=", "a=1=2", "a b=1", long, many] {
            let on = handed_on(&of(&[(PARENT, CAME), (STATE, state)]));
            assert!(!on.contains_key(STATE), "{state}");
        }
        let on = handed_on(&of(&[(PARENT, CAME), (STATE, "a=1"), (STATE, "tenant@sys=b/c")]));
        assert_eq!(on[STATE], "a=1,tenant@sys=b/c");
    }

    #[test]
    fn a_trace_that_begins_here_is_random_and_its_tries_are_told_apart() {
        let trace = of(&[]);
        assert_eq!(trace.header(), "00-07070707070707070707070707070707-0707070707070707-02");
        let spans = [("gpt-4o-mini", 3), ("gpt-4o-mini", 4), ("gpt-4o", 3)];
        let spans = spans.map(|(model, at)| trace.span.part(model, at).to_string());
        assert_eq!(spans[0], trace.span.part("gpt-4o-mini", 3).to_string());
        assert!(spans[0] != spans[1] && spans[1] != spans[2] && spans[0] != spans[2]);
    }

    #[test]
    fn each_step_of_a_job_stands_at_the_same_place() {
        let ordering = of(&[(PARENT, CAME)]);
        let job = JobId::parse("job_1").unwrap();
        let [first, second] = [(); 2].map(|()| Trace::of_job(&ordering.header(), &job).unwrap());
        assert_eq!(first, second);
        assert_eq!((first.id, first.parent), (ordering.id, Some(ordering.span)));
        assert!(first.is_sampled() && first.span != ordering.span);
    }

    #[test]
    fn a_share_of_the_traces_is_recorded() {
        let sampled = |share: u32| {
            let draw = |n: u32| {
                let mut fresh = [1; 24];
                let bytes = (n * 4_294_967).to_be_bytes();
                fresh[20..].copy_from_slice(&bytes);
                let mut trace = Trace::root(fresh);
                trace.sample(share);
                trace.is_sampled()
            };
            (0..1_000).filter(|n| draw(*n)).count()
        };
        assert_eq!([sampled(0), sampled(100_000), sampled(1_000_000)], [0, 101, 1_000]);
    }
}
