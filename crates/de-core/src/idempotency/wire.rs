//! What a worker and the object of a claim say to each other.
//!
//! Bodies that carry a reply are a line of JSON and then the reply's bytes as they are.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Token;

/// Asks for a claim.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ask {
    /// A digest of all that makes the call the call that it is.
    pub fingerprint: String,
    /// How long the holder may be silent before it says that it sends, in milliseconds.
    pub hold_ms: i64,
    /// Who asks: a token of its own for each request.
    pub holder: Token,
    /// How long the claim counts once it has ended, in milliseconds. Absent: for [`super::KEPT_MS`] from the moment
    /// that it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_ms: Option<i64>,
}

/// What becomes of an [`Ask`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Answer {
    /// The call is this holder's to make.
    Claimed {
        /// Whether another holder had it before, and may have made something under the token.
        repeated: bool,
        /// What ids are made of; the same for all holders of one claim.
        token: Token,
    },
    /// Another request holds it.
    InProgress {
        /// Until the other one counts as gone, in milliseconds.
        left_ms: i64,
    },
    /// The key came with another question.
    Mismatch,
    /// It was answered before; the body follows.
    Replay {
        /// Status and headers.
        head: Head,
    },
    /// It may have been bought, and there is no answer: it is not bought again.
    Unknown {
        /// Why.
        why: Why,
    },
}

/// Why there is no answer to a call that may have been bought.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Whoever sent it was not told what came of it, or told nobody.
    Lost,
    /// It was answered, by more bytes than are kept.
    TooLarge,
}

/// How a holder is done without an answer that is kept.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum End {
    /// It goes, and does not say more: before anything was sent the next one may have the claim at once,
    /// after that nobody.
    Left,
    /// Nothing was bought: the same key may be used anew.
    Released,
    /// It may have been bought.
    Unknown {
        /// Why there is no answer.
        why: Why,
    },
}

/// Status and headers of a reply, as far as they are repeated.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Head {
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// 100 to 599.
    pub status: u16,
}

/// A reply to be kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// All of it.
    pub body: Bytes,
    /// Its head.
    pub head: Head,
}

/// What a claim was found to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// What to do.
    pub answer: Answer,
    /// The body of a [`Answer::Replay`], else empty.
    pub body: Bytes,
}

/// `POST /sent`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sending {
    /// How long the vendor and all that follows may take, in milliseconds.
    pub hold_ms: i64,
    /// Who sends.
    pub holder: Token,
}

/// The line of `POST /finish`; the reply's body follows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Finishing {
    /// The reply's head.
    pub head: Head,
    /// Who was answered.
    pub holder: Token,
}

/// `POST /end`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ending {
    /// How.
    pub end: End,
    /// Who is done.
    pub holder: Token,
}

/// What `/sent` and `/finish` answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Taken {
    /// Whether it was taken: the claim is the holder's.
    pub taken: bool,
}

/// Puts a line of JSON before some bytes.
///
/// # Errors
/// Those of serde: a type whose map has keys that are no text.
pub fn framed(line: &impl Serialize, body: &[u8]) -> Result<Bytes, serde_json::Error> {
    let mut all = BytesMut::new().writer();
    // Compact JSON has no line break: those in texts are escaped.
    serde_json::to_writer(&mut all, line)?;
    let mut all = all.into_inner();
    all.put_u8(b'\n');
    all.extend_from_slice(body);
    Ok(all.freeze())
}

/// Takes the line of JSON off.
///
/// # Errors
/// Those of serde, also where there is no line.
pub fn unframed<T: DeserializeOwned>(mut all: Bytes) -> Result<(T, Bytes), serde_json::Error> {
    let end = all.iter().position(|byte| *byte == b'\n').unwrap_or(all.len());
    let line = all.split_to(end);
    let body = all.slice(all.len().min(1)..);
    Ok((serde_json::from_slice(&line)?, body))
}
