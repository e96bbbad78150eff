//! A job as answers and messages have it: with links to what it made.

use std::time::Duration;

use serde_json::Value;

use super::View;
use crate::{assets::link, auth::vault::VaultError, ports::Settings, time::UnixMillis};

/// All of a job, and for each of its outputs `url`, a signed link that is good for `life` and not beyond its asset,
/// and `url_expires_at`. See [`link::make`].
///
/// # Errors
/// [`VaultError::NoMasterKey`].
pub fn job(
    settings: &Settings,
    view: &View,
    now: UnixMillis,
    life: Duration,
) -> Result<Value, VaultError> {
    let mut outputs = Vec::new();
    for output in &view.outputs {
        let ends_at = output.expires_at.map(|at| at.0);
        let made = link::make(settings, &output.asset_id, now, life, ends_at)?;
        let mut shown = serde_json::to_value(output).unwrap_or_default();
        if let Some(members) = shown.as_object_mut() {
            for may_lack in ["expires_at", "revised_prompt", "seed"] {
                members.entry(may_lack).or_insert(Value::Null);
            }
            members.insert("url".to_owned(), made.url.into());
            members.insert("url_expires_at".to_owned(), made.expires_at.rfc3339().into());
        }
        outputs.push(shown);
    }
    // Plain members: it cannot fail.
    let mut shown = serde_json::to_value(view).unwrap_or_default();
    if let Some(members) = shown.as_object_mut() {
        members.insert("outputs".to_owned(), outputs.into());
    }
    Ok(shown)
}
