//! What operations bring along that ask vendors, and what their answers tell.

use super::operation::{Answer, Operation};
use crate::http::error::Code;

impl Operation {
    /// Asks a vendor with the instance's key.
    #[must_use]
    pub fn asks_vendor(self) -> Self {
        self.fails(&[
            Code::LimiterUnavailable,
            Code::MissingApiKey,
            Code::ProviderAuth,
            Code::ProviderError,
            Code::ProviderMalformed,
            Code::ProviderRateLimit,
            Code::ProviderTimeout,
            Code::ProviderUnavailable,
        ])
    }

    /// Asks a vendor for one of the models that there are rows for.
    #[must_use]
    pub fn asks_model(self) -> Self {
        self.asks_vendor().fails(&[
            Code::ModelCapability,
            Code::ModelNotAllowed,
            Code::ModelNotFound,
            Code::RateLimitExceeded,
        ])
    }

    /// Buys what a model makes, of others too where the first fails.
    #[must_use]
    pub fn buys_of_model(self) -> Self {
        self.asks_model().fails(&[
            Code::AllProvidersFailed,
            Code::BudgetExceeded,
            Code::ContentRefused,
            Code::NotImplemented,
        ])
    }
}

impl Answer {
    /// The same with the headers of every call to a model: its receipt, who served it at what cost, how limits stand.
    #[must_use]
    pub fn of_call(self) -> Self {
        self.headers(&[
            "x-de-receipt",
            "x-de-model",
            "x-de-provider",
            "x-de-attempts",
            "x-de-cost-micros",
            "Deprecation",
            "Sunset",
        ])
        .limits()
    }
}
