// Runs cells of the table by Node's SDKs.
import { stack } from "../stack.mjs";
import { ai } from "./ai.mjs";
import { anthropicMessages } from "./anthropic-messages.mjs";
import { native } from "./native.mjs";
import { openaiChat } from "./openai-chat.mjs";
import { openaiResponses } from "./openai-responses.mjs";
import { noted, noting } from "./wire.mjs";

const adapters = {
  ai,
  "anthropic-messages": anthropicMessages,
  native,
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
};

/** How many calls run at once. */
const AT_ONCE = 16;

/** The class that an SDK has for a status. */
const CLASSES = {
  400: "BadRequestError",
  401: "AuthenticationError",
  403: "PermissionDeniedError",
  404: "NotFoundError",
  409: "ConflictError",
  422: "UnprocessableEntityError",
  429: "RateLimitError",
};

/** Runs cells, and says of each what its SDK saw. */
export async function run(cells) {
  const results = [];
  const waiting = [...cells];
  const worker = async () => {
    for (let cell = waiting.shift(); cell; cell = waiting.shift()) results.push(await runCell(cell));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function runCell(cell) {
  const attempts = [];
  for (const attempt of cell.attempts) attempts.push(await noted((call) => runAttempt(cell, attempt, call)));
  return { id: cell.id, attempts };
}

/** Asks, and goes on as long as there are answers: each is `seen`. */
async function runAttempt(cell, attempt, call) {
  const adapter = adapters[cell.adapter];
  const client = adapter.client(
    { apiKey: stack.client_key, baseURL: stack.base, fetch: noting, maxRetries: cell.retries },
    cell.client,
  );
  const seen = [];
  let turn;
  let body = { ...attempt.body, model: cell.model };
  for (const step of [undefined, ...attempt.steps]) {
    if (step) body = adapter.next(body, turn, step);
    const leaving = new AbortController();
    let deltas = 0;
    const onText = () => {
      deltas += 1;
      if (cell.leave) leaving.abort();
    };
    const options = { headers: attempt.headers ?? {}, signal: leaving.signal };
    try {
      const reply = await adapter[cell.mode](client, body, options, onText);
      turn = reply.turn;
      seen.push({ ...reply.seen, ...(cell.mode === "stream" ? { deltas } : {}), dropped: dropped(call.headers) });
    } catch (error) {
      const left = cell.leave && leaving.signal.aborted;
      seen.push(left ? { left } : { error: told(error, adapter, call.headers) });
      break;
    }
  }
  return { seen, sent: call.sent };
}

const dropped = (headers) => (headers["x-de-dropped"] ?? "").split(", ").filter(Boolean);

/** An error in the words that all SDKs share; one that is not of the SDK's own classes is a fault of ours. */
function told(error, adapter, headers) {
  const status = error?.status ?? error?.statusCode ?? null;
  const name = CLASSES[status] ?? (status >= 500 ? "InternalServerError" : "APIError");
  return {
    is_of_class: adapter.isOfClass(error, name),
    retry_after: headers["retry-after"] ?? null,
    status,
    text: `${error?.name}: ${error?.message} ${JSON.stringify(error?.error ?? error?.responseBody ?? null)}`,
  };
}
