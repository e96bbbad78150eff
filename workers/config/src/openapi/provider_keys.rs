//! `/v1/provider-keys`, described.

use de_core::{
    http::error::Code,
    ids::{InstanceId, ProviderId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use crate::provider_keys::{KeyTested, ProviderKey, Resealed};

pub(super) const TAG: Tag = Tag {
    about: "The vendors' keys of an instance; none ever comes out again.",
    name: "provider-keys",
};

/// A vendor's key.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct VendorKey {
    /// The key: 1 to 4,096 visible characters of ASCII. No answer shows it.
    #[schema(min_length = 1, max_length = 4_096, pattern = "^[!-~]+$")]
    secret: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<ProviderKey>;
    let one = "/v1/provider-keys/{instance_id}/{provider_id}";
    let of_both = |operation: Operation| {
        operation
            .id::<InstanceId>("instance_id", "The instance.")
            .id::<ProviderId>("provider_id", "The provider.")
    };
    let list = Operation::new(
        Method::GET,
        "/v1/provider-keys",
        "listProviderKeys",
        "Lists vendors' keys, without the keys",
    )
    .notes("By instance and provider. Who operates the service must name the instance.")
    .query("instance_id", Shape::of::<InstanceId>(), "Only those of this instance.")
    .query("provider_id", Shape::of::<ProviderId>(), "Only those for this provider.")
    .paged()
    .answers(Answer::json(200, "A page.", row().page("ProviderKeyList")));
    let read =
        Operation::new(Method::GET, one, "getProviderKey", "Shows a vendor's key, without the key")
            .answers(Answer::json(200, "As it is.", row()).headers(&["ETag"]));
    let put = Operation::new(Method::PUT, one, "putProviderKey", "Saves a vendor's key")
        .notes("In place of the one that was there.")
        .guarded()
        .changes()
        .body(Shape::of::<VendorKey>(), json!({"secret": "the-key-that-the-vendor-gave-you"}))
        .answers(Answer::json(200, "It is replaced.", row()).headers(&["ETag"]))
        .answers(Answer::json(201, "It is saved.", row()).headers(&["ETag", "Location"]));
    let delete = Operation::new(Method::DELETE, one, "deleteProviderKey", "Forgets a vendor's key")
        .notes("No call is made with it once this has answered.")
        .guarded()
        .changes()
        .answers(Answer::empty(204, "It is gone."));
    let test = Operation::new(
        Method::POST,
        "/v1/provider-keys/{instance_id}/{provider_id}/test",
        "testProviderKey",
        "Tries a vendor's key",
    )
    .notes(
        "One cheap real call to the vendor. That it refuses is an answer, whose `ok` is false. `Idempotency-Key` is \
         refused.",
    )
    .without_body()
    .fails(&[Code::Conflict])
    .answers(Answer::json(200, "It was tried.", Shape::shown::<KeyTested>()));
    let reseal = Operation::new(
        Method::POST,
        "/v1/provider-keys/reseal",
        "resealProviderKeys",
        "Seals vendors' keys with the newest master key",
    )
    .notes("The next 50, until nothing is left. `Idempotency-Key` is refused.")
    .without_body()
    .changes()
    .answers(Answer::json(200, "How far it is.", Shape::shown::<Resealed>()));
    vec![list, of_both(read), of_both(put), of_both(delete), of_both(test), reseal]
}
