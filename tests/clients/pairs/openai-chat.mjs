// `openai` for Node, chat completions.
import { OpenAI } from "openai";

const ENDS = { stop: "stop", length: "length", tool_calls: "tools", content_filter: "refused" };

/** How this SDK is asked. */
export const openaiChat = {
  isOfClass: (error, name) => error instanceof OpenAI[name],

  client: (options) => new OpenAI({ ...options, baseURL: `${options.baseURL}/v1` }),

  async plain(client, body, options) {
    return read(await client.chat.completions.create(body, options));
  },

  async stream(client, body, options, onText) {
    const stream = client.chat.completions.stream(body, options);
    stream.on("content.delta", onText);
    return read(await stream.finalChatCompletion());
  },

  next(body, turn, step) {
    const results = (turn.tool_calls ?? []).map((call) => ({
      role: "tool",
      tool_call_id: call.id,
      content: step.results[call.function.name],
    }));
    const said = step.say ? [{ role: "user", content: step.say }] : results;
    return { ...body, messages: [...body.messages, turn, ...said] };
  },
};

function read(completion) {
  const { message, finish_reason, logprobs } = completion.choices[0];
  // The helper of streams adds what its user may want, and no vendor takes back.
  const { parsed: _parsed, ...turn } = message;
  return {
    turn,
    seen: {
      calls: (message.tool_calls ?? []).map((call) => ({
        name: call.function.name,
        arguments: JSON.parse(call.function.arguments),
      })),
      citations: (message.annotations ?? []).map((note) => note.url_citation?.title ?? ""),
      finish: message.refusal ? "refused" : ENDS[finish_reason],
      logprobs: logprobs?.content ? logprobs.content.map((token) => token.token).join("") : null,
      text: message.content ?? "",
      thinking: Boolean(message.reasoning_content),
      usage: completion.usage
        ? { input: completion.usage.prompt_tokens, output: completion.usage.completion_tokens }
        : null,
    },
  };
}
