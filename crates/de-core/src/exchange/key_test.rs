//! Whether a vendor takes a key: one cheap real call, where the provider names one.
//!
//! It changes nothing at the vendor and costs nothing, so it has no receipt.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, Method};
use serde_json::Value;

use super::{answer::ERROR_CAP, failure, outbound};
use crate::{
    guard,
    ports::{Inbound, Outbound, Platform},
    protocols::Place,
    registry::Provider,
    secret::Secret,
    store::providers::{KeyTest, KeyTestMethod},
    time::UnixMillis,
};

/// How long the whole of it may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// When it was asked.
    pub at: UnixMillis,
    /// From sending to the last byte that was read, in milliseconds.
    pub duration_ms: i64,
    /// What the vendor said, masked and cut, or why there is no answer; absent if all is well.
    pub message: Option<String>,
    /// Whether the vendor takes the key.
    pub ok: bool,
    /// The vendor's status; absent if there was no answer.
    pub status: Option<u16>,
}

/// Asks the vendor. That it refuses, or cannot be reached, is a verdict; redirects are not followed.
///
/// # Errors
/// Nothing was sent, because the provider is configured wrongly: how, for an operator.
pub async fn ask(
    platform: &Platform,
    provider: &Provider,
    test: &KeyTest,
    key: &Secret,
) -> Result<Verdict, String> {
    let url = guard::path(&provider.base_url, &test.path).map_err(|err| err.to_string())?;
    let url = outbound::address(provider, Place::Url(url), &platform.settings)?;
    let method = match test.method {
        KeyTestMethod::Get => Method::GET,
        KeyTestMethod::Head => Method::HEAD,
    };
    let mut request = Outbound { body: Bytes::new(), headers: HeaderMap::new(), method, url };
    outbound::attach(&mut request, provider, Vec::new(), key)?;
    let at = platform.clock.now();
    let name = &provider.id;
    let asked = pin!(heard(platform, request, key));
    let (status, message) = match select(asked, platform.clock.sleep(DEADLINE)).await {
        Either::Left((Ok((status, message)), _)) => (Some(status), message),
        Either::Left((Err(()), _)) => (None, Some(format!("{name} could not be reached"))),
        Either::Right(_) => {
            let seconds = DEADLINE.as_secs();
            (None, Some(format!("{name} did not answer within {seconds} seconds")))
        }
    };
    Ok(Verdict {
        at,
        duration_ms: platform.clock.now().since(at),
        ok: status.is_some_and(|status| (200..300).contains(&status)),
        message,
        status,
    })
}

/// The vendor's status, and what it says if that is no good one.
async fn heard(
    platform: &Platform,
    request: Outbound,
    key: &Secret,
) -> Result<(u16, Option<String>), ()> {
    // The cause may quote the address, and with it the key.
    let Inbound { body, status, .. } = platform.fetch.send(request).await.map_err(|_| ())?;
    if (200..300).contains(&status) {
        return Ok((status, None));
    }
    if (300..400).contains(&status) {
        let message = format!("answered {status}: redirects are not followed");
        return Ok((status, Some(message)));
    }
    // The status alone says enough.
    let body = body.whole(ERROR_CAP).await.ok().flatten().unwrap_or_default();
    let message = words(&body).map(|words| hidden(&words, key));
    Ok((status, Some(message.unwrap_or_else(|| format!("answered {status}")))))
}

/// What a vendor says for a person, in any of the forms that error bodies have.
fn words(body: &[u8]) -> Option<String> {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(said) => message(&said)?.to_owned(),
        Err(_) => {
            let text = String::from_utf8_lossy(body).into_owned();
            // A page is for nobody here.
            Some(text).filter(|text| !text.trim_start().starts_with('<'))?
        }
    };
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(said).filter(|said| !said.is_empty())
}

/// `{"error": {"message"}}`, `{"error": "…"}`, `{"message"}`, `{"detail": …}`, `{"title"}`, or one of
/// these in a list.
fn message(said: &Value) -> Option<&str> {
    match said {
        Value::Array(list) => list.first().and_then(message),
        Value::Object(members) => ["error", "message", "detail", "msg", "title"]
            .iter()
            .filter_map(|name| members.get(*name))
            .find_map(|member| member.as_str().or_else(|| message(member))),
        _ => None,
    }
}

/// The same without the key and what looks like one, cut.
fn hidden(words: &str, key: &Secret) -> String {
    // Too short a key to be looked for everywhere is looked for as a word.
    let is_key = |word: &str| {
        word.trim_matches(|c: char| c.is_ascii_punctuation()) == key.expose()
            || word == key.expose()
    };
    let words = key.mask(words);
    let words = words.split(' ').map(|word| if is_key(word) { "***" } else { word });
    failure::cut(&failure::mask(&words.collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f04_the_vendors_own_words_are_found_in_every_form() {
        for body in [
            r#"{"error": {"message": "No.", "code": "invalid_api_key"}}"#,
            r#"{"type": "error", "error": {"type": "authentication_error", "message": "No."}}"#,
            r#"[{"error": {"code": 400, "message": "No."}}]"#,
            r#"{"error": "No."}"#,
            r#"{"message": "No."}"#,
            r#"{"detail": "No."}"#,
            r#"{"detail": {"status": "invalid_api_key", "message": "No."}}"#,
            r#"{"detail": [{"loc": ["body"], "msg": "No.", "type": "missing"}]}"#,
            r#"{"title": "No.", "status": 401}"#,
            "No.\n",
        ] {
            assert_eq!(words(body.as_bytes()).as_deref(), Some("No."), "{body}");
        }
        for nothing in
            ["", "{}", "[]", "null", "7", "<html>No.</html>", r#"{"error": {"code": 1}}"#]
        {
            assert_eq!(words(nothing.as_bytes()), None, "{nothing}");
        }
    }

    #[test]
    fn s14_no_key_stands_in_what_a_vendor_says() {
        let long = Secret::new("abcdefgh-canary-0001".to_owned());
        assert_eq!(hidden("bad key abcdefgh-canary-0001.", &long), "bad key ***.");
        assert_eq!(hidden("bad key (sk-other)", &long), "bad key ***");
        assert_eq!(hidden("bad key abcd****0001", &long), "bad key ***");
        let short = Secret::new("s3cr".to_owned());
        assert_eq!(
            hidden("bad key \"s3cr\", s3crets are fine", &short),
            "bad key *** s3crets are fine"
        );
        assert_eq!(hidden(&"é".repeat(600), &short).chars().count(), 500);
    }
}
