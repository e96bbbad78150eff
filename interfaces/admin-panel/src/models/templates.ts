import type { Config } from "./draft.ts";

/** What a new model can begin with: a whole config that the API takes, once it has a name. */
export interface Template {
  config: Config;
  id: string;
  /** For what it is. */
  lead: string;
  title: string;
}

const shared = { model_id: "", display_name: "" };

const openai: Config = {
  ...shared,
  provider_id: "openai",
  protocol: "openai-chat",
  upstream_model: "gpt-4o-mini",
  status: "active",
  capabilities: { streaming: true, system_prompt: true, text: true },
};

const anthropic: Config = {
  ...shared,
  provider_id: "anthropic",
  protocol: "anthropic-messages",
  upstream_model: "claude-haiku-4-5",
  status: "active",
  capabilities: { streaming: true, system_prompt: true, text: true },
  default_max_output_tokens: 4096,
};

/* A queue: the order is answered with the id of a job, which is asked about until it is done. */
const polled: Config = {
  ...shared,
  provider_id: "fal",
  protocol: "mapped",
  upstream_model: "fal-ai/flux/dev",
  status: "active",
  capabilities: { image: true },
  payload_mapping: {
    endpoint: "/fal-ai/flux/dev",
    method: "POST",
    body: {
      prompt: "{user_prompt}",
      image_size: "{aspect_ratio|map:shapes}",
      num_images: "{num_images}",
      seed: "{seed}",
    },
    variables: {
      aspect_ratio: { type: "string", enum: ["1:1", "4:3", "3:4", "16:9", "9:16"] },
      num_images: { type: "integer", min: 1, max: 4 },
      seed: { type: "integer", min: 0 },
      user_prompt: { type: "string", required: true },
    },
    defaults: { aspect_ratio: "1:1" },
    maps: {
      shapes: {
        "1:1": "square_hd",
        "3:4": "portrait_4_3",
        "4:3": "landscape_4_3",
        "9:16": "portrait_16_9",
        "16:9": "landscape_16_9",
      },
    },
    response_mapping: { job_id: "$.request_id" },
    response: {
      kind: "poll",
      endpoint: "/fal-ai/flux/requests/{job_id}/status",
      every_ms: 1000,
      timeout_ms: 600_000,
      status: "$.status",
      done: ["COMPLETED"],
      failed_if: { path: "$.error_type" },
      error: { message: "$.error", code: "$.error_type" },
      result_request: { endpoint: "/fal-ai/flux/requests/{job_id}" },
      result: { images: { each: "$.images[*]", url: "$.url" } },
      cancel: { endpoint: "/fal-ai/flux/requests/{job_id}/cancel", method: "PUT" },
    },
    error_mapping: { message: ["$.detail[0].msg", "$.detail"], code: "$.detail[0].type" },
    examples: [
      {
        name: "a picture that waits its turn",
        input: { aspect_ratio: "16:9", user_prompt: "A sunset" },
        request: {
          method: "POST",
          url: "/fal-ai/flux/dev",
          body: { prompt: "A sunset", image_size: "landscape_16_9" },
        },
        response: { status: "IN_QUEUE", request_id: "f1" },
        poll: [
          {
            request: { method: "GET", url: "/fal-ai/flux/requests/f1/status" },
            response: { status: "IN_PROGRESS", request_id: "f1" },
          },
          { response: { status: "COMPLETED", request_id: "f1" } },
          {
            request: { method: "GET", url: "/fal-ai/flux/requests/f1" },
            response: { images: [{ url: "https://v3.fal.media/files/a.png" }] },
          },
        ],
        output: { pictures: [{ url: "https://v3.fal.media/files/a.png" }] },
      },
    ],
  },
};

const speech: Config = {
  ...shared,
  provider_id: "openai",
  protocol: "mapped",
  upstream_model: "tts-1",
  status: "active",
  capabilities: { audio: true },
  payload_mapping: {
    endpoint: "/audio/speech",
    method: "POST",
    body: {
      input: "{user_text}",
      model: "{model}",
      response_format: "{response_format}",
      speed: "{speed}",
      voice: "{voice}",
    },
    variables: {
      response_format: { type: "string", enum: ["mp3"] },
      speed: { type: "number", min: 0.25, max: 4 },
      user_text: { type: "string", required: true, max_length: 4096 },
      voice: { type: "string" },
    },
    defaults: { response_format: "mp3", voice: "alloy" },
    response: { kind: "bytes", content_type: "audio/mpeg" },
    error_mapping: { message: "$.error.message", code: "$.error.code" },
    examples: [
      {
        name: "a sentence",
        input: { model: "tts-1", user_text: "Hello", voice: "nova" },
        request: {
          method: "POST",
          url: "/audio/speech",
          body: { input: "Hello", model: "tts-1", response_format: "mp3", voice: "nova" },
        },
      },
    ],
  },
};

/** All templates, the usual one first. */
export const TEMPLATES: readonly Template[] = [
  {
    config: openai,
    id: "openai",
    lead: "Whatever speaks Chat Completions: OpenAI, Groq, Mistral, Together, vLLM, Ollama.",
    title: "OpenAI-compatible",
  },
  {
    config: anthropic,
    id: "anthropic",
    lead: "Whatever speaks Anthropic's Messages.",
    title: "Anthropic-compatible",
  },
  {
    config: polled,
    id: "image-polling",
    lead: "A vendor that takes an order and is asked until the picture is done. A mapping, as for fal.",
    title: "Image with polling",
  },
  {
    config: speech,
    id: "speech",
    lead: "Text in, sound out. A mapping, as for OpenAI's speech.",
    title: "Speech",
  },
];
