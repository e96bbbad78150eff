use super::*;

#[test]
fn pauses_grow_up_to_five_minutes() {
    let pauses: Vec<i64> = (1..=7).map(pause_ms).collect();
    assert_eq!(pauses, [1_000, 4_000, 16_000, 64_000, 256_000, 300_000, 300_000]);
    assert_eq!(pause_ms(u32::MAX), 300_000);
}

#[test]
fn a_fault_is_the_error_that_it_was() {
    let error = ApiError::new(Code::ProviderMalformed, "no picture").with("reason", "not_media");
    let fault = Fault::from(&error);
    assert_eq!(fault.code, "PROVIDER_MALFORMED");
    let again = fault.as_error();
    assert_eq!((again.code(), again.message()), (Code::ProviderMalformed, "no picture"));
    assert_eq!(again.details(), error.details());
}
