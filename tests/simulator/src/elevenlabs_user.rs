//! ElevenLabs: `GET /v1/user`, which costs nothing and tells whose the key is.
//!
//! Follows <https://elevenlabs.io/docs/api-reference/user/get>.

use serde_json::json;

use crate::elevenlabs_speech;
use crate::endpoint::{Incoming, Plan, Reply};

/// `GET /v1/user`.
pub(crate) fn user(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    elevenlabs_speech::authenticate(incoming)?;
    Ok(Plan::fixed(json!({
        "user_id": "user_sim000001",
        "is_new_user": false,
        "is_onboarding_completed": true,
        "can_use_delayed_payment_methods": false,
        "subscription": {
            "tier": "creator",
            "status": "active",
            "character_count": 1_200,
            "character_limit": 100_000,
            "can_extend_character_limit": true,
            "voice_limit": 30,
        },
    })))
}
