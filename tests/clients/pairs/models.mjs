// The models of a run: each vendor's, made over the control API.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { stack } from "../stack.mjs";

const capabilities = { text: true, tools: true, streaming: true, system_prompt: true, sampling_params: true };

/** The mapping of one of the seeds, which is how an operator would get one. */
function mappingOf(seed) {
  const file = new URL(`../../../seeds/models/${seed}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")).payload_mapping;
}

async function make(protocol, { mapping_of, ...differs }) {
  const config = {
    model_id: `clients-${randomUUID()}`,
    display_name: "A model of the suites of clients",
    protocol,
    context_window: 128_000,
    max_output_tokens: 4_096,
    default_max_output_tokens: 500,
    // Many cells ask for failures, and all of them share these models.
    circuit_breaker: null,
    ...(mapping_of ? { payload_mapping: mappingOf(mapping_of) } : {}),
    ...differs,
    capabilities: { ...capabilities, ...differs.capabilities },
  };
  const answer = await fetch(`${stack.base}/v1/model-configs`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.admin_key}`, "content-type": "application/json" },
    body: JSON.stringify(config),
  });
  assert.equal(answer.status, 201, `${protocol}: ${await answer.text()}`);
  return config.model_id;
}

/** Makes the models of all vendors that are built: `{[vendor]: {[kind]: id}}`. */
export async function models(vendors) {
  const made = {};
  for (const vendor of vendors.filter((vendor) => vendor.built)) {
    made[vendor.id] = {};
    for (const [kind, differs] of Object.entries(vendor.models)) {
      made[vendor.id][kind] = await make(vendor.id, differs);
    }
  }
  return made;
}
