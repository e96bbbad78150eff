//! What every route does first: a place in the books, the scope of the key, a model and a share of its limits.

use de_core::{
    admission::{Admitted, Wanted, admit},
    auth::Scope,
    books::{Asked, Books},
    caller::Caller,
    http::{
        context::Context,
        error::{ApiError, Code},
    },
    limits::wire::Need,
    model::Modality,
    ports::Platform,
    protocols::{FieldIssue, StockVendor, native::stock::StockAsker},
    registry::Model,
    split::Splitting,
};

/// The model that serves where a call names neither model nor provider.
const USUAL: &str = "pexels";

/// What kind of work this is in the books: not that of models that make pictures, as it costs nothing.
pub(crate) const MODALITY: &str = "stock";

/// Opens a call in the books.
pub(crate) fn opened(
    platform: &Platform,
    context: &Context,
    caller: &Caller,
    operation: &str,
    size_bytes: usize,
) -> Books {
    let what = Asked { modality: MODALITY, operation, size_bytes };
    Books::open(platform, context, caller, what)
}

/// Closes it, if it failed: what succeeded has been closed with its answer.
pub(crate) fn closed<T>(books: &Books, answered: &Result<T, ApiError>) {
    if let Err(error) = answered {
        books.fail(error);
    }
}

/// Finds the library that a call means, and reserves one request to it.
pub(crate) async fn admitted(
    platform: &Platform,
    context: &Context,
    books: &Books,
    caller: Caller,
    asker: &StockAsker,
    fallbacks: Option<&str>,
    modality: Modality,
) -> Result<Admitted, ApiError> {
    let name = asker.model_id.as_deref().or(asker.provider.as_deref());
    books.asked(name, false, 0);
    let wanted = Wanted {
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
        splitting: Splitting::none(),
    };
    let admitted = admit(platform, context, books, caller, &wanted).await?;
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
    model.vendor.stock().ok_or_else(|| {
        let id = &model.config.model_id;
        ApiError::new(Code::ModelCapability, format!("{id} is no library of stock media"))
            .with("model", id.as_str())
    })
}
