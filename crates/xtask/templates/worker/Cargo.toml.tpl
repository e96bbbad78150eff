[package]
name = "de-{{name}}"
description = "The {{name}} worker"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[features]
# See de-edge.
faults = ["de-edge/faults"]

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
axum.workspace = true
de-core.workspace = true

[target.'cfg(target_family = "wasm")'.dependencies]
de-edge.workspace = true
wasm-bindgen.workspace = true
web-sys.workspace = true
worker.workspace = true

[dev-dependencies]
de-testkit.workspace = true
serde_json.workspace = true
tokio = { workspace = true, features = ["macros", "rt", "test-util"] }

[package.metadata.wasm-pack.profile.release]
wasm-opt = ["-O1"]

[lints]
workspace = true
