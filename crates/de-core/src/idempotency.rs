//! `Idempotency-Key` of calls that buy: a claim on the key, so that the same call is bought once.
//!
//! No transaction holds a call to a vendor, so what may have been bought is written down before it is sent.
//! One object keeps one [`Claim`] and handles one event at a time; this is what it decides. A request that
//! wins the claim holds it until a deadline. If it vanishes before it has said [`Claim::sent`], the next one
//! takes over; after that nobody knows what the vendor did, and nothing is ever sent again under this key.
//!
//! Calls that become jobs never say it: a job's id is made of the claim's [`Token`], which survives a
//! take-over, and making the same job twice is making it once.
//!
//! Where a claim lives, and why, is told in `docs/adr/0009-claims.md`. Serving it is [`crate::http::once`].
//!
//! The response cache claims too, so that of equal calls one asks the vendor ([`crate::response_cache`]). Such a claim
//! counts for a while after its end ([`Ask::kept_ms`]), and [`Claim::sent`] says no more than that its holder is there:
//! to buy twice costs money there, and no promise.

pub mod wire;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::wire::{Answer, Ask, End, Head, Why};
use crate::{auth::api_key::hex, time::UnixMillis};

/// How long a claim counts, from the moment that it was made, unless it says otherwise: a day.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// The longest reply that is kept, in bytes.
pub const REPLY_CAP: usize = 8 * 1024 * 1024;

/// A point in time and 16 random bytes: names who holds a claim, and what is made under it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Token {
    made_at: UnixMillis,
    random: [u8; 16],
}

impl Token {
    /// Makes a token.
    #[must_use]
    pub fn make(now: UnixMillis, random: [u8; 16]) -> Self {
        Self { made_at: UnixMillis(now.0.clamp(0, MOST_MILLIS)), random }
    }

    /// When it was made. With [`Token::random`] it makes an id: `JobId::make(token.made_at(),
    /// token.random())` is always the same.
    #[must_use]
    pub fn made_at(&self) -> UnixMillis {
        self.made_at
    }

    /// The random part of ids that are made of it.
    #[must_use]
    pub fn random(&self) -> [u8; 10] {
        let mut random = [0; 10];
        for (to, from) in random.iter_mut().zip(self.random) {
            *to = from;
        }
        random
    }

    fn parse(text: &str) -> Option<Self> {
        let (millis, random) = text.split_at_checked(MILLIS_DIGITS)?;
        let made_at = UnixMillis(i64::from_str_radix(millis, 16).ok()?);
        let bytes: Option<Vec<u8>> = (0..random.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(random.get(at..at + 2)?, 16).ok())
            .collect();
        Some(Self { made_at, random: bytes?.try_into().ok()? })
    }
}

/// What 12 hexadecimal digits hold.
const MOST_MILLIS: i64 = (1 << 48) - 1;
const MILLIS_DIGITS: usize = 12;

/// 12 hexadecimal digits of milliseconds and 32 of random bytes.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}{}", self.made_at.0, hex(&self.random))
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bad = || serde::de::Error::custom("expected 44 hexadecimal digits");
        Self::parse(&text).ok_or_else(bad)
    }
}

/// What is known of one key of one caller on one route; vacant until someone claims it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Claim(Option<Taken>);

/// A claim that someone has made.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Taken {
    expires_at: UnixMillis,
    /// What was asked, as a digest.
    fingerprint: String,
    /// Who may report on it.
    holder: Token,
    /// How long it counts after its end, in milliseconds, if not for a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept_ms: Option<i64>,
    /// Whether it was taken over: then an earlier holder may still make something under the token.
    repeated: bool,
    state: State,
    token: Token,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
enum State {
    /// It has an answer.
    Done { kept: Kept },
    /// Nothing was sent; after `until` another one may have it.
    Held { until: UnixMillis },
    /// Something was or will be sent; after `until` nobody knows what became of it.
    Sent { until: UnixMillis },
    /// Nobody knows what became of it, or its answer is not there.
    Unknown { why: Why },
}

/// An answer that is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Kept {
    /// The object that holds its body; `None`: it lies beside the claim.
    pub blob: Option<String>,
    /// Status and headers.
    pub head: Head,
}

impl Claim {
    /// Asks for the claim. Asked again by the same holder, it answers the same.
    pub fn claim(&mut self, now: UnixMillis, ask: &Ask) -> Answer {
        self.drop_expired(now);
        let until = now.plus(ask.hold_ms);
        let Some(taken) = &mut self.0 else {
            self.0 = Some(Taken {
                expires_at: ask.kept_ms.map_or(now.plus(KEPT_MS), |kept_ms| until.plus(kept_ms)),
                fingerprint: ask.fingerprint.clone(),
                holder: ask.holder,
                kept_ms: ask.kept_ms,
                repeated: false,
                state: State::Held { until },
                token: ask.holder,
            });
            return Answer::Claimed { repeated: false, token: ask.holder };
        };
        if taken.fingerprint != ask.fingerprint {
            return Answer::Mismatch;
        }
        match &taken.state {
            State::Done { kept } => Answer::Replay { head: kept.head.clone() },
            State::Unknown { why } => Answer::Unknown { why: *why },
            State::Sent { until } if now < *until => {
                Answer::InProgress { left_ms: until.since(now) }
            }
            State::Sent { .. } => Answer::Unknown { why: Why::Lost },
            State::Held { until } if taken.holder != ask.holder && now < *until => {
                Answer::InProgress { left_ms: until.since(now) }
            }
            State::Held { .. } => {
                taken.repeated |= taken.holder != ask.holder;
                taken.holder = ask.holder;
                taken.state = State::Held { until };
                if let Some(kept_ms) = taken.kept_ms {
                    taken.expires_at = until.plus(kept_ms);
                }
                Answer::Claimed { repeated: taken.repeated, token: taken.token }
            }
        }
    }

    /// Notes that something that may be billed is sent next, and how long that may take. `false` if the
    /// claim is not this holder's: then nothing may be sent. Safe to repeat.
    #[must_use]
    pub fn sent(&mut self, now: UnixMillis, holder: &Token, hold_ms: i64) -> bool {
        let Some(taken) = self.of(holder) else { return false };
        match taken.state {
            State::Held { .. } | State::Sent { .. } => {
                taken.state = State::Sent { until: now.plus(hold_ms) };
                true
            }
            State::Done { .. } | State::Unknown { .. } => false,
        }
    }

    /// Whether this holder's answer would be taken, or was.
    #[must_use]
    pub fn awaits(&self, holder: &Token) -> bool {
        self.0.as_ref().is_some_and(|taken| {
            taken.holder == *holder && !matches!(taken.state, State::Unknown { .. })
        })
    }

    /// Keeps the answer. `false` if the claim is not this holder's, or it has given it up. Safe to repeat:
    /// the first answer stays.
    #[must_use]
    pub fn finish(&mut self, now: UnixMillis, holder: &Token, kept: Kept) -> bool {
        let Some(taken) = self.of(holder) else { return false };
        match taken.state {
            // A holder that is late knows what nobody else does.
            State::Held { .. } | State::Sent { .. } => {
                taken.ended(now, State::Done { kept });
                true
            }
            State::Done { .. } => true,
            State::Unknown { .. } => false,
        }
    }

    /// Notes that a holder is done with it, without an answer that is kept. Whoever is not the holder
    /// changes nothing. Safe to repeat.
    pub fn end(&mut self, now: UnixMillis, holder: &Token, end: End) {
        let Some(taken) = self.of(holder) else { return };
        match (end, &taken.state) {
            (_, State::Done { .. } | State::Unknown { .. }) => {}
            (End::Left, State::Sent { .. }) => {
                taken.ended(now, State::Unknown { why: Why::Lost });
            }
            (End::Left, State::Held { .. }) => taken.state = State::Held { until: now },
            (End::Unknown { why }, _) => taken.ended(now, State::Unknown { why }),
            // Whoever held it before may be slow and not gone, and make something under its token: so token
            // and question stay together.
            (End::Released, _) if taken.repeated => taken.state = State::Held { until: now },
            (End::Released, _) => self.0 = None,
        }
    }

    /// The kept answer, if there is one.
    #[must_use]
    pub fn kept(&self) -> Option<&Kept> {
        match &self.0.as_ref()?.state {
            State::Done { kept } => Some(kept),
            State::Held { .. } | State::Sent { .. } | State::Unknown { .. } => None,
        }
    }

    /// When it may be forgotten; `None` if it is vacant.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixMillis> {
        self.0.as_ref().map(|taken| taken.expires_at)
    }

    /// Forgets a claim whose time is over. Returns the answer that was kept, whose body can go.
    pub fn drop_expired(&mut self, now: UnixMillis) -> Option<Kept> {
        if self.expires_at().is_none_or(|at| now < at) {
            return None;
        }
        let kept = self.kept().cloned();
        self.0 = None;
        kept
    }

    fn of(&mut self, holder: &Token) -> Option<&mut Taken> {
        self.0.as_mut().filter(|taken| taken.holder == *holder)
    }
}

impl Taken {
    /// From now on it says how it ended, for as long as it counts.
    fn ended(&mut self, now: UnixMillis, state: State) {
        self.state = state;
        if let Some(kept_ms) = self.kept_ms {
            self.expires_at = now.plus(kept_ms);
        }
    }
}
