//! The rows that a fresh stack starts with: providers, models, and a tenant whose keys are made here.

use crate::dev::vendor_keys::VendorKeys;
use crate::failure::Failure;
use crate::stack::input::{Secrets, Statement};

/// The providers that the simulator can play, by id; the first segment of its paths.
pub(crate) const SIMULATED: [&str; 8] =
    ["anthropic", "deepseek", "elevenlabs", "groq", "ideogram", "mistral", "openai", "together"];

/// What the rows depend on.
pub(crate) struct Wishes<'a> {
    /// The front door's address.
    pub(crate) base: &'a str,
    /// The simulator's address: `{simulator}/<provider>` is the base URL of each provider without a real key.
    pub(crate) simulator: &'a str,
    pub(crate) secrets: &'a Secrets,
    pub(crate) vendor_keys: &'a VendorKeys,
}

/// The rows, and the keys that open what they describe.
pub(crate) struct Tenant {
    pub(crate) statements: Vec<Statement>,
    /// A user key of the operator.
    pub(crate) admin_key: Option<String>,
    /// A project key of the dev tenant.
    pub(crate) client_key: Option<String>,
}

/// Makes the rows of one fresh stack.
pub(crate) fn tenant(wishes: &Wishes<'_>) -> Result<Tenant, Failure> {
    Ok(Tenant { statements: statements(wishes), admin_key: None, client_key: None })
}

fn statements(_wishes: &Wishes<'_>) -> Vec<Statement> {
    Vec::new()
}
