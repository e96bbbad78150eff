//! Looks for inputs by libFuzzer: `DE_FUZZ_TARGET=key fuzz [options] folder…`; `cargo xtask fuzz` calls it.
#![no_main]

use std::sync::OnceLock;

use de_fuzz::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("DE_FUZZ_TARGET").unwrap_or_default();
        let Some(target) = de_fuzz::named(&name) else {
            eprintln!("DE_FUZZ_TARGET names none of the targets: {name:?}");
            std::process::exit(2);
        };
        TARGET.get_or_init(|| target);
    },
    |input: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(input);
        }
    }
);
