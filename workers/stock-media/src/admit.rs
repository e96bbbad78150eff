//! What every route does first: it finds a library, and reserves a share of its limits.

use de_core::{
    admission::{Admitted, Wanted, anyone},
    auth::Scope,
    caller::Caller,
    http::{error::ApiError, turn::Turn},
    limits::wire::Need,
    model::Modality,
    protocols::{FieldIssue, StockVendor, native::stock::StockAsker},
    registry::Model,
    split::Splitting,
};

/// The model that serves where a call names neither model nor provider.
const USUAL: &str = "pexels";

/// What kind of work this is in the books: not that of models that make pictures, as it costs nothing.
pub(crate) const MODALITY: &str = "stock";

/// Finds the library that a call means, and reserves one request to it.
pub(crate) async fn admitted(
    turn: &Turn<'_>,
    caller: Caller,
    asker: &StockAsker,
    fallbacks: Option<&str>,
    modality: Modality,
) -> Result<Admitted, ApiError> {
    let name = asker.model_id.as_deref().or(asker.provider.as_deref());
    turn.books.asked(name, false, 0);
    let wanted = Wanted {
        apart: false,
        at_hand: None,
        deadline_ms: &|model| model.deadlines().total_ms,
        fallbacks,
        modality,
        model: Some(name.unwrap_or(USUAL)),
        // A search costs nothing, whatever its library asks for its files.
        need: &|_, _| Need { micros: Some(0), requests: 1, slots: 1, tokens: 0 },
        pooled: true,
        scope: Scope::Stock,
        serves: &|model| library(model).map(drop),
        // The pages of a search are of one library.
        stands_in: anyone,
        splitting: Splitting::none(),
    };
    let admitted = turn.admit(caller, &wanted).await?;
    let asked = admitted.asked.config.provider_id.as_str();
    match asker.provider.as_deref() {
        Some(provider) if asked != provider => {
            let reason = "is not the provider of this model".to_owned();
            Err(ApiError::fields(&[FieldIssue { pointer: "/provider".to_owned(), reason }]))
        }
        Some(_) | None => Ok(admitted),
    }
}

/// The vendor's side of a model that is a library of stock media.
pub(crate) fn library(model: &Model) -> Result<&dyn StockVendor, ApiError> {
    model.vendor.stock().ok_or_else(|| model.cannot_serve("is no library of stock media"))
}
