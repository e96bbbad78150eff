//! The runtime's random bytes.

use de_core::ports::Entropy;
use wasm_bindgen::JsCast;
use web_sys::Crypto;

pub(crate) struct EdgeEntropy;

impl Entropy for EdgeEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let crypto = js_sys::Reflect::get(&js_sys::global(), &"crypto".into());
        let filled = crypto.and_then(|crypto| {
            crypto.unchecked_into::<Crypto>().get_random_values_with_u8_array(bytes)
        });
        // Without randomness every key would be guessable: there is nothing to go on with.
        assert!(filled.is_ok(), "the runtime gave no random bytes");
    }
}
