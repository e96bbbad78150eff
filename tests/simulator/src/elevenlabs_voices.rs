//! ElevenLabs: the voices, `GET /v1/voices` and `GET /v2/voices`, and the models, `GET /v1/models`.
//!
//! There are 27 voices, always the same. Faults are words in `search`.
//! Follows <https://elevenlabs.io/docs/api-reference/voices/search> and
//! <https://elevenlabs.io/docs/api-reference/models/list>.

use serde_json::{Value, json};

use crate::config::Vendor;
use crate::elevenlabs_speech::{authenticate, longest};
use crate::endpoint::{Incoming, Plan, Reply};
use crate::faults;
use crate::models::{ModelKind, listed};
use crate::query::{Pairs, Wrong};

/// The voices that the vendor gives everybody; the others are made up.
const PREMADE: [(&str, &str, &str, &str); 3] = [
    ("21m00Tcm4TlvDq8ikWAM", "Rachel", "female", "american"),
    ("EXAVITQu4vr4xnSDxMaL", "Sarah", "female", "american"),
    ("JBFqnCBsd6RMkjVDRZzb", "George", "male", "british"),
];

const NAMES: [&str; 24] = [
    "Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hugo", "Ida", "Jon", "Kim", "Leo", "Mia",
    "Ned", "Ola", "Pia", "Quin", "Ria", "Sam", "Tia", "Uma", "Vic", "Wren", "Yara",
];

const ACCENTS: [&str; 4] = ["american", "british", "australian", "irish"];
const AGES: [&str; 3] = ["young", "middle_aged", "old"];
const CATEGORIES: [&str; 3] = ["cloned", "generated", "professional"];

const V2: &[&str] = &[
    "accent",
    "age",
    "category",
    "gender",
    "include_total_count",
    "language",
    "next_page_token",
    "page_size",
    "search",
    "sort",
    "sort_direction",
    "voice_type",
];

struct Voice {
    accent: &'static str,
    age: &'static str,
    category: &'static str,
    gender: &'static str,
    id: String,
    name: &'static str,
    number: usize,
}

/// `GET /v1/voices`: all of them, without pages.
pub(crate) fn old(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let query = Pairs::of(incoming);
    query.only(&["show_legacy"]).and(query.flag("show_legacy")).map_err(|wrong| unfit(&wrong))?;
    let voices: Vec<Value> = voices().iter().map(|voice| voice.json(incoming)).collect();
    Ok(Plan::fixed(json!({ "voices": voices })))
}

/// `GET /v2/voices`: searched, sorted, in pages.
pub(crate) fn page(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let query = Pairs::of(incoming);
    let body = found(&query, incoming).map_err(|wrong| unfit(&wrong))?;
    let prompt = query.text("search").unwrap_or_default().to_owned();
    Ok(Plan { prompt, stream: false, answer: Box::new(move |_| Reply::json(200, &body)) })
}

/// `GET /v1/models`.
pub(crate) fn models(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let models = listed(Vendor::ElevenLabs).filter(|model| model.kind == ModelKind::Speech);
    let models = models.map(|model| {
        json!({
            "model_id": model.id,
            "name": model.id.replace('_', " "),
            "can_be_finetuned": false,
            "can_do_text_to_speech": true,
            "can_do_voice_conversion": false,
            "can_use_style": true,
            "can_use_speaker_boost": true,
            "serves_pro_voices": false,
            "token_cost_factor": 1.0,
            "description": "Makes silence.",
            "requires_alpha_access": false,
            "max_characters_request_free_user": 2_500,
            "max_characters_request_subscribed_user": longest(model.id),
            "maximum_text_length_per_request": longest(model.id),
            "languages": [{ "language_id": "en", "name": "English" }],
            "model_rates": { "character_cost_multiplier": 1.0 },
            "concurrency_group": "standard",
        })
    });
    Ok(Plan::fixed(models.collect()))
}

/// Whether a voice has this id.
pub(crate) fn exists(id: &str) -> bool {
    voices().iter().any(|voice| voice.id == id)
}

fn found(query: &Pairs, incoming: &Incoming<'_>) -> Result<Value, Wrong> {
    query.only(V2)?;
    let size = query.number("page_size", 1, 100)?.unwrap_or(10);
    let counted = query.choice("include_total_count", &["true", "false"])? != Some("false");
    let sort = query.choice("sort", &["created_at_unix", "name"])?;
    let down = query.choice("sort_direction", &["asc", "desc"])? == Some("desc");
    let kinds = ["personal", "community", "default", "workspace", "non-default", "saved"];
    let kind = query.choice("voice_type", &kinds)?;
    let categories = ["premade", "cloned", "generated", "professional"];
    let category = query.choice("category", &categories)?;
    let start = match query.text("next_page_token") {
        Some(token) => token.strip_prefix("after-").and_then(|after| after.parse().ok()),
        None => Some(0_usize),
    };
    let start = start.ok_or_else(|| Wrong::Invalid { name: "next_page_token".to_owned() })?;
    let words: Vec<String> = query
        .text("search")
        .unwrap_or_default()
        .split_whitespace()
        .filter(|word| !faults::is_fault(word))
        .map(str::to_lowercase)
        .collect();
    let fits = |name: &str, value: &str| query.text(name).is_none_or(|wanted| wanted == value);
    let mut voices = voices();
    voices.retain(|voice| {
        let told = format!("{} {} {}", voice.name, voice.gender, voice.accent).to_lowercase();
        let default = voice.category == "premade";
        words.iter().all(|word| told.contains(word))
            && category.is_none_or(|category| category == voice.category)
            && kind.is_none_or(|kind| (kind == "default") == default)
            && fits("gender", voice.gender)
            && fits("accent", voice.accent)
            && fits("age", voice.age)
            && fits("language", "en")
    });
    match sort {
        Some("name") => voices.sort_by_key(|voice| voice.name),
        Some(_) | None => voices.sort_by_key(|voice| voice.number),
    }
    if down {
        voices.reverse();
    }
    let end = (start + size).min(voices.len());
    let page: Vec<Value> =
        voices.iter().skip(start).take(size).map(|voice| voice.json(incoming)).collect();
    let more = end < voices.len();
    Ok(json!({
        "voices": page,
        "has_more": more,
        "total_count": if counted { voices.len() } else { 0 },
        "next_page_token": more.then(|| format!("after-{end}")),
    }))
}

/// FastAPI's 422, for a member of the query.
fn unfit(wrong: &Wrong) -> Reply {
    let (kind, message) = match wrong {
        Wrong::Invalid { .. } => ("literal_error", "Input is none of those that are allowed"),
        Wrong::OutOfRange { .. } => ("value_error", "Input is out of range"),
        Wrong::Unknown { .. } => ("extra_forbidden", "Extra inputs are not permitted"),
    };
    let place = json!(["query", wrong.name()]);
    Reply::json(422, &json!({ "detail": [{ "type": kind, "loc": place, "msg": message }] }))
}

fn voices() -> Vec<Voice> {
    let premade = PREMADE.into_iter().enumerate().map(|(number, (id, name, gender, accent))| {
        let (age, category) = ("middle_aged", "premade");
        Voice { accent, age, category, gender, id: id.to_owned(), name, number }
    });
    let made = NAMES.into_iter().enumerate().map(|(index, name)| Voice {
        accent: turn(&ACCENTS, index),
        age: turn(&AGES, index),
        category: turn(&CATEGORIES, index / 2),
        gender: if index % 2 == 0 { "female" } else { "male" },
        id: format!("simVoice{index:012}"),
        name,
        number: PREMADE.len() + index,
    });
    premade.chain(made).collect()
}

fn turn(values: &[&'static str], index: usize) -> &'static str {
    values.get(index % values.len()).copied().unwrap_or_default()
}

impl Voice {
    fn json(&self, incoming: &Incoming<'_>) -> Value {
        json!({
            "voice_id": self.id,
            "name": self.name,
            "category": self.category,
            "labels": {
                "accent": self.accent,
                "age": self.age,
                "gender": self.gender,
                "language": "en",
            },
            "description": null,
            "preview_url": format!("{}/files/voice-{}.mp3", incoming.origin(), self.id),
            "available_for_tiers": [],
            "settings": null,
            "high_quality_base_model_ids": ["eleven_multilingual_v2"],
            "is_owner": self.category != "premade",
            "created_at_unix": 1_700_000_000 + self.number,
        })
    }
}
