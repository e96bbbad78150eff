// Our own protocol, which has no SDK: `fetch` alone.

const ENDS = { stop: "stop", length: "length", tool_calls: "tools", content_filter: "refused" };

/** An answer that is no success, or an event that says so. */
class Failed extends Error {
  constructor(status, body) {
    super(JSON.stringify(body));
    this.status = status;
    this.is_typed = typeof body?.error === "string" && /^[A-Z_]+$/.test(body.error_code) && Boolean(body.request_id);
  }
}

/** How it is asked. */
export const native = {
  isOfClass: (error) => error instanceof Failed && error.is_typed,

  client: (options) => options,

  async plain(client, { model, ...body }, options) {
    const answer = await post(client, { ...body, model_id: model }, options);
    const { text, metadata } = await answer.json();
    return read(text, metadata.finish_reason, metadata);
  },

  async stream(client, { model, ...body }, options, onText) {
    const answer = await post(client, { ...body, model_id: model, stream: true }, options);
    let text = "";
    for await (const { name, data } of events(answer.body)) {
      if (name === "error") throw new Failed(null, data);
      if (data.done) return read(text, data.finish_reason, data.usage);
      text += data.text;
      onText();
    }
    throw new Error("the stream has no last event");
  },

  next() {
    throw new Error("our own protocol has no further turns to try");
  },
};

async function post({ apiKey, baseURL, fetch, maxRetries }, body, { headers, signal }) {
  const request = {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal,
  };
  for (let left = maxRetries; ; left -= 1) {
    const answer = await fetch(`${baseURL}/text/generate`, request);
    if (answer.ok) return answer;
    const after = Number(answer.headers.get("retry-after"));
    const told = new Failed(answer.status, await answer.json());
    if (left === 0 || !(after > 0)) throw told;
    await new Promise((resolve) => setTimeout(resolve, after * 1000));
  }
}

/** Server-sent events with JSON in them. */
async function* events(body) {
  let rest = "";
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    rest += piece;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const lines = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      const of = (word) => lines.filter((line) => line.startsWith(word)).map((line) => line.slice(word.length).trim());
      const data = of("data:").join("\n");
      if (data) yield { name: of("event:")[0], data: JSON.parse(data) };
    }
  }
}

function read(text, finish, counts) {
  return {
    turn: null,
    seen: {
      calls: [],
      citations: [],
      finish: ENDS[finish] ?? finish,
      logprobs: null,
      text,
      thinking: false,
      usage: { input: counts?.input_tokens, output: counts?.output_tokens },
    },
  };
}
