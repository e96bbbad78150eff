//! What is used of limits and budgets, as the Limiters know it.

use std::collections::BTreeMap;

use de_core::{
    ids::{InstanceId, OrganizationId},
    limits::wire::{LimitUsage, UsageReply},
    log::LogLine,
    ports::{Platform, Whose},
    store::limits::Place,
};
use futures_util::StreamExt;

/// How many Limiters are asked at once.
const AT_ONCE: usize = 20;

/// The Limiter that counts for a place.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Object {
    Instance(InstanceId),
    Organization(OrganizationId),
}

impl Object {
    fn of(place: &Place) -> Self {
        match &place.instance {
            Some(instance) => Self::Instance(instance.clone()),
            None => Self::Organization(place.organization.clone()),
        }
    }
}

/// What the Limiters of some places said.
pub(crate) struct Usages(BTreeMap<Object, Option<UsageReply>>);

impl Usages {
    /// Asks the Limiters of these places, each once. One that does not answer is no failure: what it counts
    /// is not known then.
    pub(crate) async fn of<'a>(
        platform: &Platform,
        places: impl IntoIterator<Item = &'a Place>,
    ) -> Self {
        let objects: BTreeMap<Object, ()> =
            places.into_iter().map(|place| (Object::of(place), ())).collect();
        let replies = futures_util::stream::iter(objects.into_keys()).map(|object| async move {
            let whose = match &object {
                Object::Instance(id) => Whose::Instance(id),
                Object::Organization(id) => Whose::Organization(id),
            };
            let reply = platform.limiter.usage(whose).await;
            let reply = reply.map_err(|err| missing(platform, &object, &err.to_string())).ok();
            (object, reply)
        });
        Self(replies.buffer_unordered(AT_ONCE).collect().await)
    }

    /// What is used in a place, limit by limit; `None` if its Limiter did not answer.
    pub(crate) fn at(&self, place: &Place) -> Option<Vec<&LimitUsage>> {
        let reply = self.0.get(&Object::of(place))?.as_ref()?;
        let here = reply.limits.iter().filter(|used| used.limit.scope == place.scope);
        Some(here.collect())
    }
}

fn missing(platform: &Platform, object: &Object, cause: &str) {
    let mut line =
        LogLine::warn("a Limiter did not say what is used of its limits").because(&cause);
    match object {
        Object::Instance(id) => line.instance_id = Some(id.as_str().to_owned()),
        Object::Organization(id) => line.organization_id = Some(id.as_str().to_owned()),
    }
    platform.log.write(line);
}

/// What a reader is told where the Limiter did not answer.
pub(crate) const SILENT: &str =
    "the Limiter does not answer, so what is used is not known; what is set holds";

/// And where it does not know of all that is set.
pub(crate) const BEHIND: &str =
    "the Limiter has not counted all of this yet; it does from the next call on";
