// `@anthropic-ai/sdk` for Node.
import Anthropic from "@anthropic-ai/sdk";

const ENDS = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  tool_use: "tools",
  refusal: "refused",
};

/** How this SDK is asked. */
export const anthropicMessages = {
  isOfClass: (error, name) => error instanceof Anthropic[name],

  client: (options) => new Anthropic(options),

  async plain(client, body, options) {
    return read(await client.messages.create(body, options));
  },

  async stream(client, body, options, onText) {
    const stream = client.messages.stream(body, options);
    stream.on("text", onText);
    return read(await stream.finalMessage());
  },

  next(body, turn, step) {
    const results = turn
      .filter((block) => block.type === "tool_use")
      .map((call) => ({ type: "tool_result", tool_use_id: call.id, content: step.results?.[call.name] }));
    const said = step.say ?? results;
    return {
      ...body,
      messages: [...body.messages, { role: "assistant", content: turn }, { role: "user", content: said }],
    };
  },
};

function read(message) {
  const of = (type) => message.content.filter((block) => block.type === type);
  return {
    turn: message.content,
    seen: {
      calls: of("tool_use").map((call) => ({ name: call.name, arguments: call.input })),
      citations: of("text").flatMap((block) => block.citations ?? []).map((citation) => citation.cited_text),
      finish: ENDS[message.stop_reason],
      logprobs: null,
      text: of("text").map((block) => block.text).join(""),
      thinking: of("thinking").length > 0,
      usage: { input: message.usage.input_tokens, output: message.usage.output_tokens },
    },
  };
}
