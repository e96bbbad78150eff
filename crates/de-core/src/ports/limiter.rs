//! The objects that grant shares of the limits.

use async_trait::async_trait;

use super::PortError;
use crate::{
    ids::{InstanceId, OrganizationId},
    limits::{
        Epochs,
        wire::{LeaseReply, LeaseRequest, SettleReply, SettleRequest, UsageReply},
    },
};

/// The Limiter objects: one an instance. Every call has a deadline of its own.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// The epochs that the instance's object knows. One round trip.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer.
    async fn epochs(&self, instance: &InstanceId) -> Result<Epochs, PortError>;

    /// Asks for a share. Repeating a call with the same lease id changes nothing.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: whether the share was debited is not known.
    async fn lease(
        &self,
        instance: &InstanceId,
        ask: LeaseRequest,
    ) -> Result<LeaseReply, PortError>;

    /// Makes the object forget its policy and read it anew, not older than `epochs`. Safe to repeat.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer.
    async fn refresh(&self, instance: &InstanceId, epochs: Epochs) -> Result<(), PortError>;

    /// Every limit of an object, and what is used of it. One round trip.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer.
    async fn usage(&self, whose: Whose<'_>) -> Result<UsageReply, PortError>;

    /// Reports what was spent, with receipts. Safe to repeat.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn settle(
        &self,
        instance: &InstanceId,
        report: SettleRequest,
    ) -> Result<SettleReply, PortError>;
}

/// Whose Limiter object.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// That of an instance.
    Instance(&'a InstanceId),
    /// That of an organization, above those of its instances.
    Organization(&'a OrganizationId),
}
