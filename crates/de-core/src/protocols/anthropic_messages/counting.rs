//! `POST /v1/messages/count_tokens`: what a prompt has, without an answer. It costs nothing, and has a limit of
//! requests of its own.
//!
//! Follows <https://platform.claude.com/docs/en/api/messages-count-tokens>.

use http::HeaderMap;
use serde_json::Value;

use super::{
    super::{CountingVendor, Draft, Malformed, Place, Target, Vendor, answer::Answer},
    AnthropicMessagesVendor,
};
use crate::json::verbatim::Verbatim;

const PATH: &str = "/v1/messages/count_tokens";

impl CountingVendor for AnthropicMessagesVendor {
    fn relay(&self, body: Verbatim, caller: &HeaderMap, target: &Target) -> Draft {
        let draft = Vendor::relay(self, body, caller, target);
        Draft { place: Place::Path(PATH.to_owned()), ..draft }
    }

    fn reply(&self, body: &Value) -> Result<u64, Malformed> {
        let answer = Answer::whole(body)?;
        let count = answer.count("input_tokens");
        count.ok_or_else(|| answer.fault("input_tokens", "expected a count"))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;
    use crate::model::OnUnsupported;

    const VENDOR: &dyn CountingVendor = &AnthropicMessagesVendor;

    #[test]
    fn a_question_is_relayed_with_the_callers_version() {
        let body = json!({"model": "mine", "messages": [], "odd": 1});
        let Value::Object(body) = body else { panic!("an object") };
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static("2026-10-21"));
        let target = super::super::super::test_target("theirs", OnUnsupported::Drop);
        let draft = VENDOR.relay(body.into(), &headers, &target);
        assert_eq!(draft.body, r#"{"model":"theirs","messages":[],"odd":1}"#);
        assert_eq!(draft.place, Place::Path("/v1/messages/count_tokens".to_owned()));
        assert_eq!(draft.headers["anthropic-version"], "2026-10-21");
    }

    #[test]
    fn an_answer_is_a_count() {
        assert_eq!(VENDOR.reply(&json!({"input_tokens": 9})), Ok(9));
        for bad in [json!([]), json!({}), json!({"input_tokens": "9"})] {
            assert!(VENDOR.reply(&bad).is_err(), "{bad}");
        }
    }
}
