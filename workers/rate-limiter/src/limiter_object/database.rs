//! D1, as the object needs it: the policy in, receipts out.

use de_core::{
    ids::{InstanceId, LeaseId, OrganizationId},
    limits::Policy,
    ports::{Row, Statement, row},
    store::{epochs, policies, usage},
    time::UnixMillis,
};
use de_edge::database::batch;
use worker::Env;

use super::{Failure, reach::within};

/// How long the database may take for a policy: a call waits for it.
const POLICY_MS: u64 = 1_500;
/// How long it may take for a batch of receipts.
const DELIVERY_MS: u64 = 10_000;

/// Reads the policy of the object of that name from the primary, in one round trip. Nobody's object,
/// as readiness asks for one, has no limits.
pub(super) async fn policy(env: &Env, name: &str, now: UnixMillis) -> Result<Policy, Failure> {
    let found = if let Ok(organization) = OrganizationId::parse(name) {
        let answers = run(env, POLICY_MS, policies::load_organization(&organization)).await?;
        policies::organization_policy(answers)?
    } else {
        let instance = InstanceId::parse(name).map_err(|_| Failure::Nameless)?;
        policies::policy(run(env, POLICY_MS, policies::load(&instance, now)).await?)?
    };
    Ok(found.unwrap_or_default())
}

/// Writes a JSON list of receipts, in one transaction, and that the instance is in use.
pub(super) async fn deliver(
    env: &Env,
    name: Option<&str>,
    now: UnixMillis,
    receipts: &str,
) -> Result<(), Failure> {
    let mut statements = Vec::from(usage::deliver(receipts));
    if let Some(Ok(instance)) = name.map(InstanceId::parse) {
        statements.push(epochs::touch(&instance, now));
    }
    run(env, DELIVERY_MS, statements).await.map(|_| ())
}

/// Whether the database takes rows at all: as much as `receipts` is written and taken back, and an empty list
/// asks for the tables.
pub(super) async fn probe(env: &Env, receipts: &str) -> Result<(), Failure> {
    let size_bytes = u64::try_from(receipts.len()).unwrap_or(u64::MAX);
    let mut statements = Vec::from(usage::probe(size_bytes));
    statements.extend(usage::deliver("[]"));
    run(env, DELIVERY_MS, statements).await.map(|_| ())
}

/// Tells what an object has to tell, in one transaction.
pub(super) async fn tell(env: &Env, statements: Vec<Statement>) -> Result<(), Failure> {
    run(env, DELIVERY_MS, statements).await.map(|_| ())
}

/// The receipts of some leases that went past their Limiter.
pub(super) async fn direct_receipts(
    env: &Env,
    leases: &[LeaseId],
) -> Result<Vec<usage::DirectRow>, Failure> {
    let answers = run(env, DELIVERY_MS, vec![usage::of_leases(leases)]).await?;
    let found = answers.into_iter().next().unwrap_or_default();
    Ok(found.into_iter().map(row).collect::<Result<_, _>>()?)
}

/// Runs statements in one transaction. Without a session, all of it goes to the primary.
async fn run(
    env: &Env,
    after_ms: u64,
    statements: Vec<Statement>,
) -> Result<Vec<Vec<Row>>, Failure> {
    let batch = async { Ok(batch(env, statements).await?) };
    within(after_ms, "the database", batch).await
}
