//! Every binding's name, once. `wrangler/*.jsonc` must name them so.

/// Variable: the `aud` tags of the pages' applications at Cloudflare Access, with commas between.
pub const ACCESS_AUD: &str = "DE_ACCESS_AUD";
/// Variable: the domain of the Cloudflare Access team.
pub const ACCESS_TEAM_DOMAIN: &str = "DE_ACCESS_TEAM_DOMAIN";
/// R2: generated images, audio and renders.
pub const ASSETS: &str = "ASSETS";
/// Secret: what makes the first superadmin, once.
pub const BOOTSTRAP_TOKEN: &str = "DE_BOOTSTRAP_TOKEN";
/// Rate limit: failed log-ins an address and minute, one count for all workers.
pub const BRAKE: &str = "BRAKE";
/// KV: snapshots of keys and models.
pub const CACHE: &str = "CACHE";
/// Durable Objects: one claim on an `Idempotency-Key` an object.
pub const CLAIMS: &str = "CLAIMS";
/// D1: configuration, usage, audit.
pub const DB: &str = "DB";
/// Variable: the origins of our own pages, with commas between.
pub const INTERFACE_ORIGINS: &str = "DE_INTERFACE_ORIGINS";
/// Durable Objects: one a job.
pub const JOBS: &str = "JOBS";
/// Durable Objects: one Limiter an instance.
pub const LIMITER: &str = "LIMITER";
/// Variable: ports on 127.0.0.1 where a provider may live, with commas between.
pub const LOOPBACK_PORTS: &str = "DE_LOOPBACK_PORTS";
/// Secrets: `DE_MASTER_KEY_V1`, `DE_MASTER_KEY_V2`, …
pub const MASTER_KEY: &str = "DE_MASTER_KEY_V";
/// Variable: where spans are told, the base address of a collector.
pub const OTLP_ENDPOINT: &str = "DE_OTLP_ENDPOINT";
/// Secret: what is sent to the collector along with them: `name=value`, with commas between.
pub const OTLP_HEADERS: &str = "DE_OTLP_HEADERS";
/// Variable: of which share of the requests, between 0 and 1.
pub const OTLP_SAMPLING: &str = "DE_OTLP_SAMPLING";
/// Variable: how many refused calls of a key and a reason leave a receipt of their own each minute.
pub const OWN_REFUSALS: &str = "DE_OWN_REFUSALS";
/// Variable: the front door's origin.
pub const PUBLIC_BASE: &str = "DE_PUBLIC_BASE";

/// What the platform knows of the version that runs.
pub const VERSION: &str = "CF_VERSION_METADATA";

/// The service binding of a worker by its name: `stock-media` is bound as `STOCK_MEDIA`.
pub use de_services::binding as service;
