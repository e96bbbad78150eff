import { ApiError, api, events, isApiError, post, take } from "@de/api";
import { shortened } from "@de/ui/shortened";
import { bodyOf, headersOf } from "./body.ts";
import { change, changeAnswer, conversation, findAnswer, leaving, setAnswers } from "./conversation.ts";
import type { Model, Options } from "./models.ts";
import { fold, hasBegun, keepEvent, parse } from "./stream.ts";
import type { Answer, Picture, Told } from "./types.ts";

const PATH = "/v1/chat/completions";

/** What is drawn and kept at once while an answer comes, in milliseconds. */
const BEAT = 50;

/** When a receipt is looked for after the end of a call, in milliseconds: the books may be seconds behind. */
const LOOKS = [1_000, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** What is known of the models, for what is sent to whom. */
export interface Known {
  models: readonly Model[];
  options: Options;
}

const running = new Map<string, AbortController>();

/** Sends a prompt to all models of the conversation. */
export function send(text: string, pictures: Picture[], known: Known): void {
  const now = conversation.peek();
  if (!now) return;
  const turn = { answers: {}, id: crypto.randomUUID(), pictures, text };
  change({ turns: [...now.turns, turn] });
  for (const model of now.models) void ask(turn.id, model, [], known);
}

/** Asks a model once more, in place of its last answer. */
export function again(turnId: string, model: string, known: Known): void {
  const list = answers(turnId, model);
  void ask(turnId, model, list.slice(0, -1), known);
}

/** Goes on after the tools have given their results. */
export function goOn(turnId: string, model: string, known: Known): void {
  void ask(turnId, model, answers(turnId, model), known);
}

/** Stops one answer, or all: the call is cut, and so is the vendor's work. What has come stays. */
export function stop(id?: string): void {
  for (const [one, control] of running) if (id === undefined || id === one) control.abort();
}

/** Looks for the receipts of answers whose page was left before they came. */
export function settleAll(): void {
  for (const turn of conversation.peek()?.turns ?? [])
    for (const list of Object.values(turn.answers))
      for (const answer of list)
        if (answer.cost.state === "waiting" && answer.state !== "streaming") void settle(answer);
}

leaving.push(() => {
  for (const id of running.keys()) changeAnswer(id, { state: "stopped" });
  stop();
});

function answers(turnId: string, model: string): Answer[] {
  return conversation.peek()?.turns.find(({ id }) => id === turnId)?.answers[model] ?? [];
}

async function ask(turnId: string, model: string, before: Answer[], known: Known): Promise<void> {
  const now = conversation.peek();
  const turn = now?.turns.find(({ id }) => id === turnId);
  if (!now || !turn) return;
  const about = known.models.find(({ model_id }) => model_id === model);
  const headers = headersOf(now.settings);
  let answer = blank(model, headers);
  const control = new AbortController();
  running.set(answer.id, control);
  setAnswers(turnId, model, [...before, answer]);
  let beat: ReturnType<typeof setTimeout> | undefined;
  const show = () => {
    beat = undefined;
    if (findAnswer(answer.id)?.state === "streaming") changeAnswer(answer.id, answer);
  };
  let begun = performance.now();
  try {
    const asked = { ...turn, answers: { ...turn.answers, [model]: before } };
    const body = await bodyOf(now, asked, model, about, known.options);
    answer = { ...answer, at: Date.now(), request: shortened(body) };
    begun = performance.now();
    const response = await post(PATH, body, { headers, signal: control.signal });
    answer = { ...answer, headers: Object.fromEntries(response.headers) };
    let ended = false;
    for await (const data of pieces(response, control.signal)) {
      answer = keepEvent(answer, data);
      if (data === "[DONE]") ended = true;
      const read = parse(data);
      if (!read) continue;
      if (read.error) throw told(read.error, response);
      answer = fold(answer, read);
      if (answer.firstMs === null && hasBegun(answer))
        answer = { ...answer, firstMs: performance.now() - begun };
      beat ??= setTimeout(show, BEAT);
    }
    answer = { ...answer, state: ended || !isStream(response) ? "done" : "cut" };
  } catch (thrown) {
    answer = { ...answer, ...failed(answer, thrown, control.signal.aborted) };
  }
  clearTimeout(beat);
  running.delete(answer.id);
  answer = { ...answer, cost: costOf(answer), totalMs: performance.now() - begun };
  if (findAnswer(answer.id)?.state === "streaming") changeAnswer(answer.id, answer);
  if (answer.cost.state === "waiting") void settle(answer);
}

function isStream(response: Response): boolean {
  return response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

/** The events of a stream, or a whole answer as one. */
async function* pieces(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  if (!isStream(response)) yield await response.text();
  else for await (const { data } of events(response, signal)) yield data;
}

function blank(model: string, requestHeaders: Record<string, string>): Answer {
  return {
    at: Date.now(),
    calls: [],
    cost: { state: "unread" },
    details: [],
    estimated: false,
    events: [],
    eventsLeftOut: 0,
    fault: null,
    finish: null,
    firstMs: null,
    headers: {},
    id: crypto.randomUUID(),
    model,
    refusal: "",
    request: {},
    requestHeaders,
    results: {},
    state: "streaming",
    text: "",
    thoughts: "",
    totalMs: null,
    usage: null,
  };
}

/** A failure inside a stream, which has no status of its own. */
function told(error: unknown, response: Response): ApiError {
  const { code, details, message, type } = error as Partial<Record<string, unknown>>;
  return new ApiError({
    code: String(code ?? type ?? "error").toUpperCase(),
    details: (details ?? {}) as Record<string, unknown>,
    message: String(message ?? "the stream ended with an error"),
    requestId: response.headers.get("x-request-id") ?? undefined,
    status: response.status,
  });
}

function failed(answer: Answer, thrown: unknown, isStopped: boolean): Partial<Answer> {
  if (isStopped) return { state: "stopped" };
  if (!isApiError(thrown)) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return { fault: { ...NOTHING, code: "PAGE", message }, state: "failed" };
  }
  const { code, details, message, requestId, retryAfter, status } = thrown;
  const fault: Told = { code, details, message, requestId, retryAfter, status };
  return { fault, state: code === "OFFLINE" && hasBegun(answer) ? "cut" : "failed" };
}

const NOTHING = { details: {}, requestId: undefined, retryAfter: undefined, status: 0 };

/** Whole answers say what they cost; of streams the receipt does. */
function costOf({ cost, headers }: Answer): Answer["cost"] {
  const micros = headers["x-de-cost-micros"];
  if (micros !== undefined) return { micros: Number(micros), state: "known" };
  return headers["x-de-receipt"] === undefined ? cost : { state: "waiting" };
}

/** Looks for the receipt of a call until it is there, and takes from it what the answer itself does not tell. */
async function settle({ headers, id, usage }: Answer): Promise<void> {
  const path = { receipt_id: headers["x-de-receipt"] ?? "" };
  for (const pause of LOOKS) {
    await new Promise((done) => setTimeout(done, pause));
    if (!findAnswer(id)) return;
    try {
      const receipt = await take(api.GET("/v1/receipts/{receipt_id}", { params: { path } }));
      const micros = receipt.cost_micros;
      const { cached_input_tokens, input_tokens, output_tokens, reasoning_tokens } = receipt.usage;
      changeAnswer(id, {
        cost: typeof micros === "number" ? { micros, state: "known" } : { state: "unpriced" },
        estimated: receipt.estimated,
        usage: usage ?? {
          cached: cached_input_tokens,
          input: input_tokens,
          output: output_tokens,
          reasoning: reasoning_tokens,
        },
      });
      return;
    } catch (thrown) {
      // Not yet in the books, or no way there just now: it is looked for again. Else it is not to be seen.
      if (isApiError(thrown) && ![0, 401, 404, 429, 500, 503].includes(thrown.status)) break;
    }
  }
  changeAnswer(id, { cost: { state: "unread" } });
}
