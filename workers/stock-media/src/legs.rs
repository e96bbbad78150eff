//! One search of one kind at one library: from KV, else from the vendor.

use std::sync::Arc;

use de_core::{
    admission::Admitted,
    calls::stock::{StockCall, StockPage},
    exchange::{self, Job},
    http::{
        error::{ApiError, Code},
        turn::Turn,
    },
    json,
    model::OnUnsupported,
    protocols::{Draft, FieldIssue, Malformed, Target},
    registry::Model,
};
use serde_json::Value;

use crate::{
    admit::library,
    kept::{self, Place},
};

/// What all searches of one call have in common.
pub(crate) struct Search<'a> {
    pub(crate) admitted: &'a Admitted,
    /// What the caller wants done with what a library cannot be told, instead of what the model's row says.
    pub(crate) on_unsupported: Option<OnUnsupported>,
    pub(crate) turn: &'a Turn<'a>,
}

/// What one of them found.
pub(crate) struct Found {
    /// What of the call the library has no word for, and was left out.
    pub(crate) dropped: Vec<FieldIssue>,
    pub(crate) is_kept: bool,
    pub(crate) model: Arc<Model>,
    pub(crate) page: StockPage,
}

impl Search<'_> {
    /// What is wrong with a call for the model that was asked for, before anybody is asked.
    pub(crate) fn issues(&self, model: &Model, call: &StockCall) -> Vec<FieldIssue> {
        self.written(model, call).err().unwrap_or_default()
    }

    /// What an earlier search found, if it was the same and is kept.
    pub(crate) async fn kept(&self, call: &StockCall) -> Option<Found> {
        let model = self.admitted.models.first()?;
        let place = Place::of(self.admitted.caller.instance_id(), model, call);
        let page = kept::page(self.turn.platform, &place).await?;
        let dropped = self.left_out(model, call);
        Some(Found { dropped, is_kept: true, model: model.clone(), page })
    }

    /// Asks the vendor. A call is let in with one request: `is_another` says that this is one more.
    pub(crate) async fn asked(
        &self,
        call: &StockCall,
        is_another: bool,
    ) -> Result<Found, ApiError> {
        let draft = |model: &Model| {
            library(model)?;
            self.written(model, call).map_err(|issues| ApiError::fields(&issues))
        };
        let job = self.job(&draft);
        if is_another {
            exchange::reserve_another(&job).await?;
        }
        let (model, body) = match self.answer(&job).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.with_known_end(error).await),
        };
        let mut page = library(&model)?.page(call, &body).map_err(|err| malformed(&model, &err))?;
        let dropped = self.left_out(&model, call);
        page.notices.extend(dropped.iter().map(notice));
        if self.admitted.models.first().is_some_and(|first| Arc::ptr_eq(first, &model)) {
            let place = Place::of(self.admitted.caller.instance_id(), &model, call);
            kept::keep(self.turn.platform, place, &page);
        }
        Ok(Found { dropped, is_kept: false, model, page })
    }

    /// The work for the exchange.
    pub(crate) fn job<'j>(
        &'j self,
        draft: &'j (dyn Fn(&Model) -> Result<Draft, ApiError> + Send + Sync),
    ) -> Job<'j> {
        // Searching twice is no harm.
        Job { before_send: None, ..self.turn.job(self.admitted, draft) }
    }

    /// A vendor's whole answer, and who gave it. If it was the last that is allowed for now, that is kept.
    pub(crate) async fn answer(&self, job: &Job<'_>) -> Result<(Arc<Model>, Value), ApiError> {
        let opened = exchange::open_at_once(job).await?;
        let model = opened.model.clone();
        let now = self.turn.platform.clock.now();
        let rates = library(&model)?.rates(&opened.inbound.headers, now);
        if let Some(until) = rates.used_up_until() {
            let instance = self.admitted.caller.instance_id();
            kept::keep_used_up(self.turn.platform, instance, &model.config.provider_id, until);
        }
        let bytes = exchange::whole(job, opened).await?;
        let body = json::parse(&bytes).map_err(|err| {
            let pointer = String::new();
            malformed(&model, &Malformed { pointer, reason: err.to_string() })
        })?;
        Ok((model, body))
    }

    fn written(&self, model: &Model, call: &StockCall) -> Result<Draft, Vec<FieldIssue>> {
        match model.vendor.stock() {
            Some(library) => library.request(call, &self.target(model)),
            None => Err(Vec::new()),
        }
    }

    /// What of a call its library has no word for, where that is to be left out. It is told of all searches of a
    /// call together, and of what is kept: so drafts do not tell it.
    fn left_out(&self, model: &Model, call: &StockCall) -> Vec<FieldIssue> {
        match (self.target(model).on_unsupported, model.vendor.stock()) {
            (OnUnsupported::Drop | OnUnsupported::Warn, Some(library)) => library.lacks(call),
            _ => Vec::new(),
        }
    }

    /// What a library needs to know of its model, by the caller's own word.
    pub(crate) fn target(&self, model: &Model) -> Target {
        model.target(0).asked(self.on_unsupported)
    }

    /// The same refusal, with the vendor's own word on when to come back, if it gave one before.
    pub(crate) async fn with_known_end(&self, error: ApiError) -> ApiError {
        let model =
            self.admitted.models.first().filter(|_| error.code() == Code::ProviderRateLimit);
        let Some(model) = model else { return error };
        let instance = self.admitted.caller.instance_id();
        let platform = self.turn.platform;
        let now = platform.clock.now();
        let until = kept::used_up_until(platform, instance, &model.config.provider_id).await;
        match until.and_then(|until| u64::try_from(until.since(now)).ok()).filter(|left| *left > 0)
        {
            Some(left) => error.retry_after(std::time::Duration::from_millis(left)),
            None => error,
        }
    }
}

/// What is told of a member that was left out, beside the items.
fn notice(left_out: &FieldIssue) -> String {
    let name = left_out.pointer.trim_start_matches('/').replace('/', ".");
    format!("{name} was left out: {}", left_out.reason)
}

/// The vendor's answer is not what its pages say.
pub(crate) fn malformed(model: &Model, err: &Malformed) -> ApiError {
    exchange::unreadable(model, err.to_string())
}
