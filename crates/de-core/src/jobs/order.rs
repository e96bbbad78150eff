//! What a job has to do, and for whom.

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    books::Kept,
    calls::{File, ImageCall, RenderCall, SpeechCall},
    ceiling::{self, Most},
    exchange::{Holder, routes::Routes},
    http::error::{ApiError, Code},
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, RequestId, UserId},
    limits::wire::Need,
    model::{Modality, OnUnsupported},
    protocols::{Draft, FieldIssue},
    receipt::Usage,
    registry::Model,
    render, spoken,
    webhooks::Callback,
};

/// The longest work that is ordered, in bytes of its JSON. What becomes of it stands beside it in one row of its
/// object, which takes 2 MB.
pub const LARGEST_WORK: usize = 1024 * 1024;
/// The longest prompt of pictures, in bytes. The longest that a vendor reads has some 65,000 tokens.
pub const LONGEST_PROMPT: usize = 256 * 1024;
/// The longest name of a caller's user, in bytes.
pub const LONGEST_USER: usize = 4 * 1024;

/// What a job is made from. JSON, little more than [`LARGEST_WORK`]: files rest in the store.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Order {
    /// The key that ordered it.
    pub api_key_id: Option<ApiKeyId>,
    /// Its place in the books.
    pub books: Kept,
    /// Whether the instance's calls go on when the Limiter does not answer.
    pub goes_on_without_limiter: bool,
    /// Whose instance.
    pub instance_id: InstanceId,
    /// The model that was asked for, then its fallbacks.
    pub models: Vec<ModelId>,
    /// What a try at a fallback has to reserve.
    pub need: Need,
    /// Who wants to hear of its end, beside the webhooks of the tenant: one address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Callback>,
    /// What the caller wants done with what a vendor cannot be told; absent: what the model's row says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_unsupported: Option<OnUnsupported>,
    /// The route that ordered it: `POST /render`.
    pub operation: String,
    /// Whose organization.
    pub organization_id: OrganizationId,
    /// The project of the key.
    pub project_id: Option<ProjectId>,
    /// The request that ordered it.
    pub request_id: RequestId,
    /// After which failures the fallbacks serve.
    #[serde(default)]
    pub routes: Routes,
    /// Its place in the trace of that request, as a `traceparent`; absent in orders of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The person who ordered it.
    pub user_id: Option<UserId>,
    /// What is to be done.
    pub work: Work,
}

/// What is to be done.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Pictures.
    Image(ImageCall),
    /// A film.
    Render(RenderCall),
    /// Speech, as a file.
    Speech(SpeechCall),
}

impl Work {
    /// What a model has to work in.
    #[must_use]
    pub fn modality(&self) -> Modality {
        match self {
            Self::Image(_) => Modality::Image,
            Self::Render(_) => Modality::Video,
            Self::Speech(_) => Modality::Audio,
        }
    }

    /// Refuses what is too long to be kept until it is done.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` for a text that is too long by itself; `BODY_TOO_LARGE` with `limit_bytes`, and the longest
    /// `field`, for all of it.
    pub fn fits(&self) -> Result<(), ApiError> {
        if let Self::Image(call) = self {
            let user = call.user.as_deref().unwrap_or_default();
            let texts = [("/prompt", &*call.prompt, LONGEST_PROMPT), ("/user", user, LONGEST_USER)];
            let too_long = texts.into_iter().filter(|(_, text, most)| text.len() > *most);
            let issues: Vec<FieldIssue> = too_long
                .map(|(pointer, _, most)| FieldIssue {
                    pointer: pointer.to_owned(),
                    reason: format!("at most {most} bytes"),
                })
                .collect();
            if !issues.is_empty() {
                return Err(ApiError::fields(&issues));
            }
        }
        if json_bytes(self) <= LARGEST_WORK {
            return Ok(());
        }
        let message = format!("what is to be done is larger than {LARGEST_WORK} bytes");
        let error = ApiError::new(Code::BodyTooLarge, message).with("limit_bytes", LARGEST_WORK);
        Err(error.with("field", self.longest_field()))
    }

    /// Where most of it stands.
    fn longest_field(&self) -> String {
        let members = |place: &str, members: &Map<String, Value>| {
            let sizes =
                members.iter().map(|(name, value)| (json_bytes(value), format!("{place}/{name}")));
            sizes.max().unwrap_or_default()
        };
        let text = |place: &str, text: &str| (json_bytes(text), place.to_owned());
        let fields = match self {
            Self::Image(call) => {
                let files = self.files().into_iter().map(json_bytes).sum();
                let options = members("/options", &call.options);
                vec![options, (files, "/image".to_owned()), text("/prompt", &call.prompt)]
            }
            Self::Render(call) => vec![members("", &call.edit)],
            Self::Speech(call) => {
                let voice = text("/voice", call.voice.as_deref().unwrap_or_default());
                vec![members("/options", &call.options), text("/text", &call.text), voice]
            }
        };
        fields.into_iter().max().map(|(_, field)| field).unwrap_or_default()
    }

    /// The same without its texts, which nobody reads once it was done. Its files are still named: they have to go.
    #[must_use]
    pub fn done(&self) -> Self {
        match self {
            Self::Image(call) => Self::Image(ImageCall {
                images: call.images.iter().map(File::nameless).collect(),
                mask: call.mask.as_ref().map(File::nameless),
                n: call.n,
                ..ImageCall::default()
            }),
            // What it makes is read from its `output`, and an order for it is small.
            Self::Render(_) => self.clone(),
            Self::Speech(call) => {
                Self::Speech(SpeechCall { streamed: call.streamed, ..SpeechCall::default() })
            }
        }
    }

    /// Refuses a model whose vendor does not do this.
    ///
    /// # Errors
    /// `MODEL_CAPABILITY`.
    pub fn served_by(&self, model: &Model) -> Result<(), ApiError> {
        let vendor = &model.vendor;
        let (is_able, what) = match self {
            Self::Image(_) => (vendor.images().is_some(), "make pictures"),
            Self::Render(_) => (vendor.renders().is_some(), "render films"),
            Self::Speech(_) => (vendor.speech().is_some(), "speak"),
        };
        if is_able {
            return Ok(());
        }
        Err(model.cannot_serve(&format!("cannot {what}")))
    }

    /// Writes the request for a model; `callback` is where the vendor may say that it is done, `on_unsupported` the
    /// caller's word, if they have one.
    ///
    /// # Errors
    /// `MODEL_CAPABILITY`, `VALIDATION_ERROR` with what the vendor cannot do.
    pub fn draft(
        &self,
        model: &Model,
        callback: Option<&url::Url>,
        on_unsupported: Option<OnUnsupported>,
    ) -> Result<Draft, ApiError> {
        self.served_by(model)?;
        let target = model.target(0).asked(on_unsupported);
        let vendor = &model.vendor;
        let drafted = match self {
            Self::Image(call) => vendor.images().map(|vendor| vendor.request(call, &target)),
            Self::Render(call) => {
                vendor.renders().map(|vendor| vendor.request(call, callback, &target))
            }
            Self::Speech(call) => vendor.speech().map(|vendor| vendor.request(call, &target)),
        };
        let drafted = drafted.ok_or_else(|| ApiError::internal("a vendor lost an ability"))?;
        let draft = drafted.map_err(|issues| ApiError::fields(&issues))?;
        Ok(Draft { warns: target.warns_of_options(), ..draft })
    }

    /// What it uses at a model if the vendor names no counts: in the units that the model's prices are of, as a class
    /// without a price would leave the call without a cost.
    #[must_use]
    pub fn expected(&self, model: &Model) -> Usage {
        match self {
            Self::Image(call) => expected_pictures(model, call),
            Self::Render(call) => render::length::usage(&call.edit),
            Self::Speech(call) => spoken::bill(model, call, &HeaderMap::new(), None).usage,
        }
    }

    /// What one try at a model is reserved for.
    #[must_use]
    pub fn need(&self, model: &Model) -> Need {
        let (most, tokens) = match self {
            Self::Image(call) => {
                let tokens = model.vendor.images().map_or(0, |vendor| vendor.ceiling(call));
                let word = |name| call.options.get(name).and_then(Value::as_str);
                let most = Most {
                    images: call.n.into(),
                    quality: word("quality"),
                    size: word("size"),
                    tokens,
                    ..Most::default()
                };
                (most, tokens)
            }
            Self::Render(call) => (Most::from(render::length::usage(&call.edit)), 0),
            Self::Speech(call) => (spoken::most(model, call), spoken::ceiling(model, call)),
        };
        ceiling::need(model, most, tokens)
    }

    /// The files that came with it.
    #[must_use]
    pub fn files(&self) -> Vec<&File> {
        match self {
            Self::Image(call) => call.images.iter().chain(&call.mask).collect(),
            Self::Render(_) | Self::Speech(_) => Vec::new(),
        }
    }

    /// The files that came with it, to be filled.
    pub fn files_mut(&mut self) -> Vec<&mut File> {
        match self {
            Self::Image(call) => call.images.iter_mut().chain(&mut call.mask).collect(),
            Self::Render(_) | Self::Speech(_) => Vec::new(),
        }
    }
}

/// What pictures use: of a model that is billed in tokens alone the most that they may come to, as nobody knows what
/// its vendor has counted.
fn expected_pictures(model: &Model, call: &ImageCall) -> Usage {
    let pieces = Usage { images: call.n.into(), requests: 1, ..Usage::default() };
    let pricing = model.config.pricing.as_ref();
    let is_in_tokens = pricing.is_some_and(|pricing| {
        pricing.image_micros.is_none() && pricing.image_output_micros_per_million_tokens.is_some()
    });
    if !is_in_tokens {
        return pieces;
    }
    let tokens = model.vendor.images().map_or(0, |vendor| vendor.ceiling(call));
    Usage { image_output_tokens: tokens, ..pieces }
}

/// How long something is as JSON, in bytes.
fn json_bytes(value: &(impl Serialize + ?Sized)) -> usize {
    struct Counted(usize);
    impl std::io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    match serde_json::to_writer(&mut counted, value) {
        Ok(()) => counted.0,
        // What cannot be written cannot be kept.
        Err(_) => usize::MAX,
    }
}

impl Order {
    /// Whose keys and limits it goes by.
    #[must_use]
    pub fn holder(&self) -> Holder<'_> {
        let goes_on_without_limiter = self.goes_on_without_limiter;
        Holder { goes_on_without_limiter, instance: &self.instance_id }
    }
}
