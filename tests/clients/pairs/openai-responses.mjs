// `openai` for Node, responses.
import { OpenAI } from "openai";

/** A response that failed after it had begun: the SDK hands it over like any other, and throws nothing. */
class Failed extends Error {
  constructor({ code, message }) {
    super(`${code}: ${message}`);
  }
}

/** How this SDK is asked. */
export const openaiResponses = {
  isOfClass: (error, name) => error instanceof OpenAI[name] || error instanceof Failed,

  client: (options) => new OpenAI({ ...options, baseURL: `${options.baseURL}/v1` }),

  async plain(client, body, options) {
    return read(await client.responses.create(body, options));
  },

  async stream(client, body, options, onText) {
    const stream = client.responses.stream(body, options);
    stream.on("response.output_text.delta", onText);
    return read(await stream.finalResponse());
  },

  next(body, turn, step) {
    const asked = typeof body.input === "string" ? [{ role: "user", content: body.input }] : body.input;
    const results = turn
      .filter((item) => item.type === "function_call")
      .map((call) => ({ type: "function_call_output", call_id: call.call_id, output: step.results?.[call.name] }));
    const said = step.say ? [{ role: "user", content: step.say }] : results;
    return { ...body, input: [...asked, ...turn, ...said] };
  },
};

function finish(response, calls, refused) {
  if (response.incomplete_details?.reason === "max_output_tokens") return "length";
  if (response.incomplete_details?.reason === "content_filter" || refused) return "refused";
  return calls.length > 0 ? "tools" : "stop";
}

function read(response) {
  if (response.status === "failed") throw new Failed(response.error);
  const of = (type) => response.output.filter((item) => item.type === type);
  const parts = of("message").flatMap((item) => item.content);
  const texts = parts.filter((part) => part.type === "output_text");
  const calls = of("function_call").map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) }));
  const logprobs = texts.flatMap((text) => text.logprobs ?? []).map((token) => token.token);
  return {
    // The helper of streams adds what its user may want, and no vendor takes back.
    turn: response.output.map(({ parsed_arguments: _arguments, ...item }) => ({
      ...item,
      ...(item.type === "message" ? { content: item.content.map(({ parsed: _parsed, ...part }) => part) } : {}),
    })),
    seen: {
      calls,
      citations: texts.flatMap((text) => text.annotations ?? []).map((note) => note.title ?? note.filename ?? ""),
      finish: finish(response, calls, parts.some((part) => part.type === "refusal")),
      logprobs: logprobs.length > 0 ? logprobs.join("") : null,
      text: texts.map((text) => text.text).join(""),
      thinking: of("reasoning").length > 0,
      usage: response.usage
        ? { input: response.usage.input_tokens, output: response.usage.output_tokens }
        : null,
    },
  };
}
