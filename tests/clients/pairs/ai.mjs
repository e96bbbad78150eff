// `ai` with the providers of its makers, one for each protocol.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { AISDKError, APICallError, Output, generateText, jsonSchema, streamText, tool } from "ai";

// They go to standard error, and are told in the results too.
globalThis.AI_SDK_LOG_WARNINGS = false;

const ENDS = { stop: "stop", length: "length", "tool-calls": "tools", "content-filter": "refused" };

/** A provider's model by the client's id. */
const PROVIDERS = {
  "ai-anthropic": (settings) => (model) => createAnthropic(settings)(model),
  "ai-compatible": (settings) => (model) => createOpenAICompatible({ ...settings, name: "gateway", supportsStructuredOutputs: true })(model),
  "ai-openai-chat": (settings) => (model) => createOpenAI(settings).chat(model),
  "ai-openai-responses": (settings) => (model) => createOpenAI(settings).responses(model),
};

/** What an SDK has to be told, by the client's id. */
const OPTIONS = {
  // Else it sends back not what was said but the ids under which it was kept: see `ai.test.mjs`.
  "ai-openai-responses": { openai: { store: false } },
};

/** How this SDK is asked. */
export const ai = {
  // One class for an answer that is no success; what fails in the middle of a stream has no class of its own.
  isOfClass: (error) => APICallError.isInstance(error) || (error instanceof Error && AISDKError.isInstance(error)),

  client: ({ baseURL, apiKey, fetch, maxRetries }, id) => ({
    maxRetries,
    providerOptions: OPTIONS[id],
    model: PROVIDERS[id]({ baseURL: `${baseURL}/v1`, apiKey, fetch }),
  }),

  async plain(client, body, options) {
    return read(await generateText(asked(client, body, options)));
  },

  async stream(client, body, options, onText) {
    const result = streamText({ ...asked(client, body, options), onError: () => {} });
    for await (const part of result.fullStream) {
      if (part.type === "text-delta") onText();
      if (part.type === "error") throw part.error;
      if (part.type === "abort") throw new DOMException("aborted", "AbortError");
    }
    const names = ["finishReason", "reasoningText", "responseMessages", "sources", "text", "toolCalls", "usage"];
    const values = await Promise.all(names.map((name) => result[name]));
    return read(Object.fromEntries(names.map((name, index) => [name, values[index]])));
  },

  next(body, turn, step) {
    const results = turn.calls.map((call) => ({
      type: "tool-result",
      toolCallId: call.toolCallId,
      toolName: call.toolName,
      output: { type: "text", value: step.results?.[call.toolName] },
    }));
    const said = step.say ? { role: "user", content: step.say } : { role: "tool", content: results };
    return { ...body, messages: [...body.messages, ...turn.messages, said] };
  },
};

function asked(client, body, { headers, signal }) {
  const { model, tools, output, ...rest } = body;
  const made = Object.entries(tools ?? {}).map(([name, { description, schema }]) => [
    name,
    tool({ description, inputSchema: jsonSchema(schema) }),
  ]);
  return {
    providerOptions: client.providerOptions,
    ...rest,
    ...(tools ? { tools: Object.fromEntries(made) } : {}),
    ...(output ? { output: Output.object({ schema: jsonSchema(output), name: "said" }) } : {}),
    abortSignal: signal,
    headers,
    maxRetries: client.maxRetries,
    model: client.model(model),
  };
}

function read(result) {
  return {
    turn: { calls: result.toolCalls, messages: result.responseMessages },
    seen: {
      calls: result.toolCalls.map((call) => ({ name: call.toolName, arguments: call.input })),
      citations: result.sources.map((source) => source.title ?? ""),
      finish: ENDS[result.finishReason],
      logprobs: null,
      text: result.text,
      thinking: Boolean(result.reasoningText),
      usage: { input: result.usage.inputTokens, output: result.usage.outputTokens },
    },
  };
}
