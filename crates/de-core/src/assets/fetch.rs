//! Fetches what a vendor left at an address of its own choice: without a key, through the guard, at most so much.
//!
//! Such an address is the vendor's word, or that of whoever could make it say so: each is checked as if a caller
//! had named it, and so is each one that it redirects to.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use super::{Deposit, KeepError, in_time, keep};
use crate::{
    guard::{self, Refusal},
    ports::{Inbound, Outbound, Platform},
    store::assets::AssetRow,
};

/// How many redirects are followed.
const REDIRECTS: usize = 3;

/// Fetches a file and keeps it.
///
/// As [`keep::bytes`], it is safe to repeat under an id that was given: then nothing is fetched.
///
/// # Errors
/// [`KeepError`]; nothing stays of it.
pub async fn result(
    platform: &Platform,
    deposit: Deposit,
    url: &Url,
    within: Duration,
) -> Result<AssetRow, KeepError> {
    if let Some(kept) = keep::before(platform, &deposit).await? {
        return Ok(kept);
    }
    let started = platform.clock.now();
    let opened = in_time(platform, within, open(platform, url, deposit.cap_bytes())).await?;
    let left = keep::left(within, started, platform.clock.now());
    keep::stream(platform, deposit, opened.body, left).await
}

/// Opens a file: its head is here and good, its bytes are still to come and to be checked.
///
/// It waits for ever; whoever does not want to drops the future.
///
/// # Errors
/// [`KeepError::Forbidden`], [`KeepError::Broken`], [`KeepError::Status`], and [`KeepError::TooLarge`] if the
/// vendor announces more than `cap_bytes`.
pub async fn open(platform: &Platform, url: &Url, cap_bytes: u64) -> Result<Inbound, KeepError> {
    let mut url = url.clone();
    let mut redirects = 0;
    loop {
        // Never sent, and no trick of the vendor's.
        url.set_fragment(None);
        guard::check(&url, &platform.settings)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let request =
            Outbound { body: Bytes::new(), headers, method: Method::GET, url: url.clone() };
        let broken = |err: crate::ports::PortError| KeepError::Broken { message: err.to_string() };
        let answer = platform.fetch.send(request).await.map_err(broken)?;
        let header = |name: header::HeaderName| {
            answer.headers.get(name).and_then(|value| value.to_str().ok())
        };
        match answer.status {
            200..=299 => {
                let announced =
                    header(header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
                if announced.is_some_and(|size| size > cap_bytes) {
                    return Err(KeepError::TooLarge { cap_bytes });
                }
                return Ok(answer);
            }
            301 | 302 | 303 | 307 | 308 if redirects < REDIRECTS => {
                let target =
                    header(header::LOCATION).ok_or(KeepError::Status { status: answer.status })?;
                url = url.join(target).map_err(|_| Refusal::NotUrl)?;
                redirects += 1;
            }
            status => return Err(KeepError::Status { status }),
        }
    }
}
