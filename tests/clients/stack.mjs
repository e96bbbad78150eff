// The stack that `STACK_JSON` describes, and the vendors' own SDKs, pointed at it by base URL and key alone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Anthropic from "@anthropic-ai/sdk";
import { ElevenLabsClient, ElevenLabsError } from "@elevenlabs/elevenlabs-js";
import OpenAI, { toFile } from "openai";

export { Anthropic, ElevenLabsError, OpenAI, toFile };

const file = process.env.STACK_JSON;
assert.ok(file, "STACK_JSON names the file of `cargo xtask dev`");

/** Addresses and keys. */
export const stack = JSON.parse(readFileSync(file, "utf8"));

/** Models of the seeds, by the vendor that serves them. */
export const models = { anthropic: "claude-haiku-4-5", openai: "gpt-4o-mini" };

/** A client of OpenAI's SDK that tries once. */
export function openai(options = {}) {
  return new OpenAI({ apiKey: stack.client_key, baseURL: `${stack.base}/v1`, maxRetries: 0, ...options });
}

/** Likewise of Anthropic's. */
export function anthropic(options = {}) {
  return new Anthropic({ apiKey: stack.client_key, baseURL: stack.base, maxRetries: 0, ...options });
}

/** Likewise of ElevenLabs'. */
export function elevenlabs(options = {}) {
  return new ElevenLabsClient({ apiKey: stack.client_key, baseUrl: stack.base, maxRetries: 0, ...options });
}

/** Makes a model that lets through so many calls a minute, and says its id. */
export async function limitedModel(rpm) {
  const config = {
    model_id: `sdk-${crypto.randomUUID()}`,
    provider_id: "openai",
    display_name: "A model of the SDK suites",
    protocol: "openai-chat",
    upstream_model: models.openai,
    capabilities: { text: true, streaming: true },
    rate_limits: { rpm },
  };
  const answer = await fetch(`${stack.base}/v1/model-configs`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.admin_key}`, "content-type": "application/json" },
    body: JSON.stringify(config),
  });
  assert.equal(answer.status, 201, await answer.text());
  return config.model_id;
}
